local helper = require "spec.helper"
local golden = require "spec.golden.meta"
local scion = require "scion"
local nn, meta = scion.nn, scion.meta

local function small_net(seed)
  scion.seed(seed or 1)
  return nn.Sequential { nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 1) }:to("f64")
end
local function sine_task(seed)
  scion.seed(seed or 7)
  local function points(n)
    local x = scion.rand({ n, 1 }, { dtype = "f64" }):mul(4):sub(2)
    return x, x:sin()
  end
  local task = {}
  task.support_x, task.support_y = points(6)
  task.query_x, task.query_y = points(5)
  return task
end

-- The meta gradient of an algorithm against finite differences of the loss of the queries after adapting.
local function check_meta_gradient(opts, tolerance)
  local net, task = small_net(), sine_task()
  opts.model = net
  local maml = meta.MAML(opts)
  maml:meta_step { task }
  local exact = {}
  for name, p in net:named_parameters() do exact[name] = p.grad:clone() end
  for name, p in net:named_parameters() do
    local numeric = helper.numeric_grad(function(value)
      local copy = net:clone()
      scion.no_grad(function() copy[name]:copy_(value) end)
      return scion.enable_grad(function()
        local learner = meta.MAML((function()
          local o = {}
          for k, v in pairs(opts) do o[k] = v end
          o.model = copy
          return o
        end)()):clone { cut = true }
        for _ = 1, opts.inner_steps do learner:adapt(nn.mse_loss(learner(task.support_x), task.support_y)) end
        return nn.mse_loss(learner(task.query_x), task.query_y):detach()
      end)
    end, p:detach(), 1e-5)
    assert.allclose(exact[name], numeric, tolerance or { rtol = 1e-5, atol = 1e-8 })
  end
end

describe("MAML's meta gradient", function()
  it("agrees with finite differences through 1 inner step", function() check_meta_gradient { inner_steps = 1, lr = 0.3 } end)
  it("agrees with finite differences through 3 inner steps", function() check_meta_gradient { inner_steps = 3, lr = 0.3 } end)
  it("agrees with finite differences through inner momentum", function()
    check_meta_gradient { inner_steps = 3, lr = 0.1, inner_optimizer = { kind = "sgd", momentum = 0.9, nesterov = true } }
  end)
  it("agrees with finite differences through inner Adam", function()
    check_meta_gradient({ inner_steps = 3, lr = 0.05, inner_optimizer = "adam" }, { rtol = 1e-4, atol = 1e-7 })
  end)
  it("agrees with finite differences through inner RMSprop", function()
    check_meta_gradient({ inner_steps = 3, lr = 0.02, inner_optimizer = { kind = "rmsprop", momentum = 0.5 } }, { rtol = 1e-4, atol = 1e-7 })
  end)
  it("agrees with finite differences through clipped gradients", function() check_meta_gradient { inner_steps = 2, lr = 0.3, clip = 0.2 } end)

  it("is PyTorch's, for MAML and FOMAML", function()
    for _, case in ipairs(golden) do
      local net = nn.Sequential { nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2) }:to("f64")
      net:load_state_dict {
        ["linear.weight"] = scion.tensor(case.w1, { dtype = "f64" }), ["linear.bias"] = scion.tensor(case.b1, { dtype = "f64" }),
        ["linear_2.weight"] = scion.tensor(case.w2, { dtype = "f64" }), ["linear_2.bias"] = scion.tensor(case.b2, { dtype = "f64" }) }
      local tasks = {}
      for t, given in ipairs(case.tasks) do
        tasks[t] = { support_x = scion.tensor(given.support_x, { dtype = "f64" }), query_x = scion.tensor(given.query_x, { dtype = "f64" }),
          support_y = scion.tensor(given.support_y, { dtype = "i64" }), query_y = scion.tensor(given.query_y, { dtype = "i64" }) }
      end
      local opts = { model = net, lr = case.lr, inner_steps = case.steps, first_order = case.first_order, batched = false }
      local maml = meta.MAML(opts)
      local info = maml:meta_step(tasks)
      assert.allclose(info.loss, case.loss, { rtol = 1e-9 })
      local function compare()
        for key, name in pairs { w1 = "linear.weight", b1 = "linear.bias", w2 = "linear_2.weight", b2 = "linear_2.bias" } do
          assert.allclose(net[name].grad, scion.tensor(case.grads[key], { dtype = "f64" }), { rtol = 1e-8, atol = 1e-12 })
        end
      end
      compare()
      net:zero_grad() -- and as one call for all tasks
      maml:stacked_step(meta.tasks.stack(tasks))
      compare()
    end
  end)

  it("is the one that clone, adapt and backward give by hand", function()
    local net, loss = small_net(), nn.mse_loss
    local batch = { sine_task(), sine_task() }
    local maml = scion.meta.MAML { model = net, lr = 0.01, inner_steps = 1, first_order = false }
    local total = 0
    for _, task in ipairs(batch) do
      local learner = maml:clone()
      learner:adapt(loss(learner(task.support_x), task.support_y))
      total = total + loss(learner(task.query_x), task.query_y)
    end
    total:backward()
    local by_hand = {}
    for name, p in net:named_parameters() do by_hand[name], p.grad = p.grad, nil end
    maml:meta_step(batch) -- the mean over tasks
    for name, p in net:named_parameters() do assert.allclose(by_hand[name], p.grad * 2, { rtol = 1e-12, atol = 1e-14 }) end
  end)

  it("of first order is the gradient at the adapted parameters", function()
    local net, task = small_net(), sine_task()
    local maml = meta.FOMAML { model = net, inner_steps = 3, lr = 0.2 }
    maml:meta_step { task }
    local learner = maml:clone { cut = true }
    for _ = 1, 3 do learner:adapt(nn.mse_loss(learner(task.support_x), task.support_y)) end
    local adapted = learner:net()
    nn.mse_loss(adapted(task.query_x), task.query_y):backward()
    for name, p in net:named_parameters() do assert.allclose(p.grad, adapted[name].grad, { rtol = 1e-12, atol = 1e-14 }) end
  end)
end)

describe("A learner", function()
  it("leaves the original untouched", function()
    local net, task = small_net(), sine_task()
    local before = {}
    for name, p in net:named_parameters() do before[name] = p:detach():clone() end
    local maml = meta.MAML { model = net, lr = 0.5 }
    local learner = maml:clone()
    assert.allclose(learner(task.query_x), net(task.query_x), { rtol = 1e-12 })
    local first = nn.mse_loss(learner(task.support_x), task.support_y):item()
    for _ = 1, 5 do learner:adapt(nn.mse_loss(learner(task.support_x), task.support_y)) end
    assert.is_true(nn.mse_loss(learner(task.support_x), task.support_y):item() < first)
    maml:adapt(task, { steps = 4 })
    for name, p in net:named_parameters() do
      assert.allclose(p, before[name], { rtol = 0, atol = 0 })
      assert.is_nil(p.grad)
    end
  end)

  it("adapts inside no_grad, too", function()
    local task = sine_task()
    for _, name in ipairs { "MAML", "CAVIA", "Leap" } do
      local net = name == "CAVIA" and nn.Sequential { nn.Linear(6, 1) }:to("f64") or small_net()
      local algorithm = meta[name] { model = net, inner_steps = 2 }
      assert.equal(2, scion.no_grad(function() return algorithm:adapt(task) end).steps)
    end
  end)

  it("connects every parameter with the outer loss", function()
    local net, task = small_net(), sine_task()
    local learner = meta.MAML { model = net, lr = 0.1 }:clone()
    learner:adapt(nn.mse_loss(learner(task.support_x), task.support_y))
    nn.mse_loss(learner(task.query_x), task.query_y):backward()
    for name, p in net:named_parameters() do assert.is_true(p.grad:abs():sum():item() > 0, name) end
  end)

  it("has buffers of its own", function()
    scion.seed(3)
    local net = nn.Sequential { nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1) }
    local before = net:buffers()[1]:clone()
    local learner = meta.MAML { model = net }:clone()
    learner(scion.randn(6, 2) + 5)
    assert.allclose(net:buffers()[1], before)
    assert.is_false((helper.compare(learner.buffers["batchnorm1d.running_mean"], before)))
  end)

  it("adapts recurrent nets and leaves parameters without a gradient alone", function()
    scion.seed(4)
    local x = nn.input "x"
    local h = nn.LSTM(2, 3, { batch_first = true })(x)
    local last = h:select(2, -1)
    local both = nn.Graph(x, { nn.Linear(3, 1)(last), nn.Linear(3, 1, { name = "spare" })(last) })
    local learner = meta.MAML { model = both, lr = 0.1 }:clone()
    local y = learner(scion.randn(4, 5, 2))
    learner:adapt(y:square():mean())
    local moved, same = 0, 0
    for name, p in both:named_parameters() do
      local changed = learner.params[name]:sub(p):abs():sum():item() > 0
      assert.equal(name:match("^spare") == nil, changed, name)
      if changed then moved = moved + 1 else same = same + 1 end
    end
    assert.is_true(moved >= 5)
    assert.equal(2, same)
  end)

  it("becomes a network that predicts the same", function()
    local net, task = small_net(), sine_task()
    local learner = meta.MAML { model = net, lr = 0.1 }:adapt(task, { steps = 3 })
    assert.allclose(learner:net()(task.query_x), learner(task.query_x), { rtol = 1e-12 })
  end)

  it("names task, step and parameter when the numbers explode", function()
    local net, task = small_net(), sine_task()
    task.label = "task 42"
    local maml = meta.MAML { model = net, lr = 1e200, inner_steps = 4 }
    local ok, message = pcall(maml.adapt, maml, task)
    assert.is_false(ok)
    assert.truthy(message:match("inner loop diverged: task 42, step %d"), message)
    assert.truthy(message:find("linear", 1, true), message)
  end)
end)

describe("MAML with tasks of its own", function()
  it("moves the head alone as ANIL", function()
    local net, task = small_net(), sine_task()
    local learner = meta.ANIL { model = net, lr = 0.5 }:adapt(task)
    assert.allclose(learner.params["linear.weight"], net["linear.weight"])
    assert.is_false((helper.compare(learner.params["linear_2.weight"], net["linear_2.weight"])))
  end)

  it("learns its rates as Meta-SGD: their gradient is -g times the outer gradient", function()
    local net, task = small_net(), sine_task()
    local sgd = meta.MetaSGD { model = net, lr = 0.1, batched = false }
    sgd:meta_step { task }
    local name, rate = sgd.rates[1][1], sgd.rates[1][2]
    local eps = 1e-6
    local flat = rate:detach():reshape(-1)
    local function outer(v)
      local old = flat[1]
      flat[1] = v
      local learner = sgd:adapt(task)
      local loss = nn.mse_loss(learner(task.query_x), task.query_y):item()
      flat[1] = old
      return loss
    end
    local numeric = (outer(flat[1] + eps) - outer(flat[1] - eps)) / (2 * eps)
    assert.allclose(rate.grad:reshape(-1)[1], numeric, { rtol = 1e-5, atol = 1e-9 })
    assert.equal("linear.weight", name)
  end)

  it("gives the same for a list of tasks and for one call, for every method that has both", function()
    for _, name in ipairs { "MAML", "FOMAML", "ANIL", "MetaSGD", "Reptile" } do
      local source = meta.tasks.sinusoid { shots = 5, queries = 5, seed = 3 }
      scion.seed(9)
      local a = nn.Sequential { nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1) }
      local b = a:clone()
      meta[name] { model = a, lr = 0.05, inner_steps = 2, batched = false }:meta_step(source:tasks(1, 4))
      meta[name] { model = b, lr = 0.05, inner_steps = 2, batched = true }:stacked_step(source:batch(1, 4))
      for key, p in a:named_parameters() do assert.allclose(p.grad, b[key].grad, { rtol = 1e-4, atol = 1e-6 }) end
    end
  end)

  it("reports transductive and inductive results apart where there are batch norms", function()
    scion.seed(2)
    local net = nn.Sequential { nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3) }
    local data = scion.data.tensors { x = scion.randn(60, 3), labels = (function()
      local l = {}
      for i = 1, 60 do l[i] = (i - 1) % 3 end
      return l
    end)() }
    local source = meta.tasks.episodes { data = data, ways = 3, shots = 2, queries = 3 }
    local r = meta.MAML { model = net, lr = 0.1 }:evaluate(source, { n = 5 })
    assert.equal(r.accuracy, r.transductive.accuracy)
    assert.is_number(r.inductive.accuracy)
    assert.is_number(r.ci95)
    assert.equal(meta.MAML { model = net, bn = "running" }:evaluate(source, { n = 2 }).accuracy ~= nil, true)
    -- frozen norms keep their statistics, whatever the items are
    scion.no_grad(function() net["batchnorm1d.running_mean"]:fill_(0.5) end)
    net:freeze "batchnorm1d"
    r = meta.MAML { model = net, lr = 0.1 }:evaluate(source, { n = 2 })
    assert.equal(r.transductive.loss, r.inductive.loss)
  end)

  it("keeps memory flat", function()
    local source = meta.tasks.sinusoid { shots = 5, queries = 5 }
    local maml = meta.MAML { model = small_net():to("f32"), lr = 0.01 }
    maml:fit(source, { meta_steps = 30, meta_batch_size = 5, progress = false })
    collectgarbage()
    local before = scion.memory().live
    maml:fit(source, { meta_steps = 230, meta_batch_size = 5, progress = false })
    collectgarbage()
    assert.equal(before, scion.memory().live)
  end)

  it("goes on from a checkpoint bit for bit", function()
    local path = helper.tmpdir() .. "/run.st"
    local source = meta.tasks.sinusoid { shots = 5, queries = 5, seed = 4 }
    local function make() return meta.MetaSGD { model = small_net(11):to("f32"), lr = 0.01 } end
    local whole = make()
    whole:fit(source, { meta_steps = 20, progress = false })
    local part = make()
    part:fit(source, { meta_steps = 12, checkpoint = path, progress = false })
    local rest = make()
    scion.seed(999)
    rest:fit(source, { meta_steps = 20, checkpoint = path, resume = true, progress = false })
    for name, p in whole.model:named_parameters() do assert.allclose(rest.model[name], p, { rtol = 0, atol = 0 }) end
    for i, rate in ipairs(whole.rates) do assert.allclose(rest.rates[i][2], rate[2], { rtol = 0, atol = 0 }) end
  end)

  it("refuses a checkpoint of another algorithm or net, and stays as it was", function()
    local path = helper.tmpdir() .. "/run.st"
    meta.MetaSGD { model = nn.Linear(1, 1) }:save_checkpoint(path)
    local wide = meta.MetaSGD { model = nn.Linear(2, 1) }
    local before = wide.model.weight:clone()
    assert.error_matches(function() wide:load_checkpoint(path) end, "MetaSGD: the state is of another net: 'weight' is %(1, 1%) there and %(1, 2%) here")
    assert.allclose(wide.model.weight, before, { rtol = 0, atol = 0 })
    assert.error_matches(function() meta.MetaSGD { model = nn.Sequential { nn.Linear(1, 1) } }:load_checkpoint(path) end, "it has no 'linear.weight'")
    assert.error_matches(function() meta.MAML { model = nn.Linear(1, 1) }:load_checkpoint(path) end, "MAML: the state is of MetaSGD")
  end)

  it("ends at Ctrl-C after the last whole meta-step, with what was learned", function()
    local dir = helper.tmpdir()
    local worker = helper.write_file(dir .. "/worker.lua", [[
      local scion = require "scion"
      local nn, meta = scion.nn, scion.meta
      local maml = meta.MAML { model = nn.Sequential { nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1) } }
      local history = maml:fit(meta.tasks.sinusoid {}, { meta_steps = 1000, progress = false, log_every = 1, meta_lr_schedule = function(t) return 1 - t end,
        on_step = function(_, step)
          if step == 3 then io.open(arg[1], "w"):close() while true do end end
        end })
      print(history.stopped, #history, maml.meta_steps_done, maml.outer.param_groups[1].lr) ]])
    local q = helper.quote
    local result = helper.run(("%s %s %s & pid=$!; while [ ! -e %s ]; do sleep 0.02; done; kill -INT $pid; wait $pid"):format(q(helper.program), q(worker),
      q(dir .. "/now"), q(dir .. "/now")))
    assert.matches("interrupted%s+3%s+3%s+0.001", result.out, 1, false, result.err)
  end)

  it("learns sinusoids", function() -- #slow
    scion.seed(1)
    local net = nn.Sequential { nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1) }
    local maml = meta.MAML { model = net, lr = 0.01 }
    local log = helper.tmpdir() .. "/log.jsonl"
    maml:fit(meta.tasks.sinusoid { seed = 1 }, { meta_steps = 1200, meta_batch_size = 25, progress = false, log = log, log_every = 100 })
    local held_out = meta.tasks.sinusoid { grid = 50, seed = 50 }
    local before, after = maml:evaluate(held_out, { n = 60, steps = 0 }).loss, maml:evaluate(held_out, { n = 60, steps = 5 }).loss
    assert.is_true(after < 0.4 * before, ("%g, %g"):format(before, after))
    local lines = {}
    for line in helper.read_file(log):gmatch("[^\n]+") do lines[#lines + 1] = scion.json.decode(line) end
    assert.equal(12, #lines)
    assert.equal(1200, lines[12].step)
  end)

  it("takes any table with a method `task` for a source", function()
    local curves = meta.tasks.sinusoid { seed = 1 }
    local maml = meta.MAML { model = small_net():to("f32") }
    maml:fit({ task = function(_, i) return curves:task(i) end }, { meta_steps = 2, progress = false })
    assert.equal(2, maml.meta_steps_done)
    assert.matches("Sinusoid: tasks of 10 support points and 10 queries", tostring(curves))
  end)

  it("tells what is wrong with tasks and options", function()
    local function says(text, fn, ...)
      local ok, message = pcall(fn, ...)
      assert.is_false(ok)
      assert.truthy(tostring(message):find(text, 1, true), message)
    end
    local net = small_net()
    says("option 'model' is required", meta.MAML, {})
    says("unknown option 'inner_step'", meta.MAML, { model = net, inner_step = 1 })
    says("unknown inner optimiser 'magic'", meta.MAML, { model = net, inner_optimizer = "magic" })
    says("MAML: sgd: option 'lr' must be a number or a function or a tensor, got 'fast'", meta.MAML, { model = net, lr = "fast" })
    says("option 'lr' must be", meta.MAML, { model = net, lr = -1 })
    local lost = meta.MAML { model = small_net(), loss = function() end }
    says("MAML: the loss function must return a tensor of one number, got nil", lost.adapt, lost, sine_task())
    local outer = meta.MAML { model = small_net(), meta_optimizer = "magic" }
    says("MAML: meta_optimizer: optim.make: unknown optimiser 'magic'", outer.fit, outer, { sine_task() }, { progress = false })
    local maml = meta.MAML { model = net }
    says("MAML:fit: tasks must be a source of tasks or a list", maml.fit, maml, 3)
    local done = meta.MAML { model = small_net() }
    done:fit({ sine_task() }, { meta_steps = 2, progress = false })
    says("2 meta-steps are done already and meta_steps, which counts all, is 2", done.fit, done, { sine_task() }, { meta_steps = 2, progress = false })
    says("MAML:adapt: expected a task", maml.adapt, maml, {})
    local task = sine_task()
    task.query_y = task.query_y:narrow(1, 1, 2)
    says("MAML:fit: task 1: 5 items in query_x but 2 in query_y", maml.fit, maml, { task }, { progress = false, meta_steps = 1, meta_batch_size = 1 })
    -- tasks of a list are named by their place in it; heads, shapes and classes that do not fit
    local function ids(list) return scion.tensor(list, { dtype = "i64" }) end
    local function task_of(x, y, qx, qy) return { support_x = x, support_y = ids(y), query_x = qx, query_y = ids(qy) } end
    local three = task_of(scion.randn(3, 4), { 1, 2, 3 }, scion.randn(3, 4), { 1, 2, 3 })
    local once = { meta_steps = 1, meta_batch_size = 1, progress = false }
    for _, name in ipairs { "MAML", "Reptile", "Leap", "ANIL", "MAMLPlusPlus", "IMAML" } do
      local two = meta[name] { model = nn.Sequential { nn.Linear(4, 4), nn.Linear(4, 2) } }
      says("a task has 3 classes, the network has 2 outputs", two.fit, two, { three }, once)
    end
    local narrow = { support_x = scion.randn(3, 2), support_y = three.support_y, query_x = scion.randn(3, 2), query_y = three.query_y }
    local mixed = meta.MAML { model = nn.Sequential { nn.Linear(4, 3) } }
    says("task 2: layer 'linear' (Linear): linear: x has 2 features but weight expects 4", mixed.fit, mixed, { three, narrow },
      { meta_steps = 1, meta_batch_size = 2, progress = false })
    local wild = meta.Leap { model = nn.Sequential { nn.Linear(4, 4), nn.Linear(4, 3) }, lr = 1e30 }
    says("inner loop diverged: task 1, step 2: ", wild.fit, wild, { three }, once)
    local uneven = task_of(scion.randn(3, 4), { 1, 2, 3 }, scion.randn(3, 5), { 1, 2, 3 })
    local reptile, proto = meta.Reptile { model = nn.Linear(4, 3) }, meta.PrototypicalNet { model = nn.Linear(4, 3) }
    says("support items are (4), queries (5)", reptile.fit, reptile, { uneven }, once)
    says("support items are (4), queries (5)", proto.fit, proto, { uneven }, once)
    says("a query is of class 4, the support items are of classes 1..3", proto.fit, proto,
      { task_of(scion.randn(3, 4), { 1, 2, 3 }, scion.randn(1, 4), { 4 }) }, once)
    local classifier = meta.MAML { model = nn.Linear(3, 2) }
    says("a task has 4 classes, the network has 2 outputs", classifier.adapt, classifier,
      { support_x = scion.randn(4, 3), support_y = scion.tensor({ 1, 2, 3, 4 }, { dtype = "i64" }) })
  end)
end)
