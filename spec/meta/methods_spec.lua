-- The methods beyond MAML and Leap: each against its own formula, finite differences, or what it must be able to learn.
local helper = require "spec.helper"
local scion = require "scion"
local nn, meta = scion.nn, scion.meta

local function sine_task(n)
  local x, q = scion.rand({ n or 8, 1 }, { dtype = "f64" }):mul(4):sub(2), scion.rand({ 6, 1 }, { dtype = "f64" }):mul(4):sub(2)
  return { support_x = x, support_y = x:sin(), query_x = q, query_y = q:sin() }
end
local function tanh_net(inside)
  return nn.Sequential { nn.Linear(inside or 1, 5), nn.Tanh(), nn.Linear(5, 1) }:to("f64")
end

-- Four classes of points around corners, K items a class.
local function corners(per_class, d)
  scion.seed(8)
  local x, labels = {}, {}
  for k = 0, 7 do
    local centre = scion.tensor { k % 2, k // 2 % 2, k // 4 }:mul(4):sub(2)
    x[#x + 1] = scion.randn(per_class, d or 3):mul(0.4) + centre
    for _ = 1, per_class do labels[#labels + 1] = "corner " .. k end
  end
  return scion.data.tensors { x = scion.cat(x, 1), labels = labels }
end

describe("iMAML", function()
  it("solves (I + H / lambda) x = b", function()
    local a = scion.tensor({ { 4, 1, 0 }, { 1, 3, 0.5 }, { 0, 0.5, 2 } }, { dtype = "f64" })
    local b = { scion.tensor({ 1, 2, 3 }, { dtype = "f64" }) }
    local x = meta.IMAML.solve(function(v) return { a:matmul(v[1]) } end, b, 2, 3)
    assert.allclose(x[1]:add(a:matmul(x[1]):mul(0.5)), b[1], { rtol = 1e-9 })
  end)

  it("has the gradient of the solved inner problem", function()
    scion.seed(3)
    local net, task = tanh_net(), sine_task()
    local opts = { model = net, lr = 0.1, inner_steps = 1500, regularizer = 1.5, cg_steps = 40 }
    meta.IMAML(opts):meta_step { task }
    local p = net["linear_2.weight"]
    local numeric = helper.numeric_grad(function(v)
      local copy = net:clone()
      copy["linear_2.weight"]:detach():copy_(v)
      return scion.enable_grad(function()
        opts.model = copy
        local learner = meta.IMAML(opts):adapt(task)
        return nn.mse_loss(learner(task.query_x), task.query_y):detach()
      end)
    end, p:detach():narrow(2, 1, 5), 1e-4)
    assert.allclose(p.grad, numeric, { rtol = 1e-4, atol = 1e-7 })
  end)
end)

describe("CAVIA", function()
  it("has the gradient of its outer loss", function()
    scion.seed(4)
    local net, task = tanh_net(3), sine_task()
    meta.CAVIA { model = net, context = 2, lr = 0.5, inner_steps = 2, batched = false }:meta_step { task }
    local name = "linear.weight"
    local numeric = helper.numeric_grad(function(v)
      local copy = net:clone()
      copy[name]:detach():copy_(v)
      return scion.enable_grad(function()
        local learner = meta.CAVIA { model = copy, context = 2, lr = 0.5, inner_steps = 2 }:adapt(task)
        return nn.mse_loss(learner(task.query_x), task.query_y):detach()
      end)
    end, net[name]:detach(), 1e-5)
    assert.allclose(net[name].grad, numeric, { rtol = 1e-5, atol = 1e-9 })
  end)

  it("is the same for one call and one task after the other, and conditions images too", function()
    local source = meta.tasks.sinusoid { shots = 4, queries = 4 }
    scion.seed(5)
    local a = nn.Sequential { nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 1) }
    local b = a:clone()
    meta.CAVIA { model = a, context = 3 }:meta_step(source:tasks(1, 3))
    meta.CAVIA { model = b, context = 3 }:stacked_step(source:batch(1, 3))
    for name, p in a:named_parameters() do assert.allclose(p.grad, b[name].grad, { rtol = 1e-4, atol = 1e-6 }) end
    local conv = nn.Sequential { nn.Conv2d(3, 4, 3), nn.ReLU(), nn.GlobalAvgPool2d(), nn.Linear(4, 2) }
    local cavia = meta.CAVIA { model = conv, context = 2 }
    local learner = cavia:adapt { support_x = scion.randn(4, 1, 6, 6), support_y = scion.tensor({ 1, 2, 1, 2 }, { dtype = "i64" }) }
    assert.same({ 4, 2 }, { table.unpack(learner(scion.randn(4, 1, 6, 6)).shape) })
  end)
end)

describe("MAML++", function()
  it("keeps norms for every step, learns rates for every step, and weighs the steps", function()
    scion.seed(6)
    local net = nn.Sequential { nn.Linear(3, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4) }
    local source = meta.tasks.episodes { data = corners(12), ways = 4, shots = 2, queries = 3 }
    local pp = meta.MAMLPlusPlus { model = net, lr = 0.1, inner_steps = 3, msl_steps = 5, second_order_from = 2, meta_lr = 5e-3 }
    pp:fit(source, { meta_steps = 12, meta_batch_size = 2, progress = false })
    local rate = pp.rates[1]
    assert.same({ 3 }, { table.unpack(rate.shape) })
    assert.is_true(rate:sub(0.1):abs():amin():item() > 0)
    assert.is_false((helper.compare(pp.norm_params[1]["batchnorm1d.weight"], pp.norm_params[2]["batchnorm1d.weight"])))
    assert.is_false((helper.compare(pp.norm_buffers[1]["batchnorm1d.running_mean"], scion.zeros(6))))
    local before = pp.norm_buffers[1]["batchnorm1d.running_mean"]:clone()
    pp:evaluate(source, { n = 2 })
    assert.allclose(pp.norm_buffers[1]["batchnorm1d.running_mean"], before, { rtol = 0, atol = 0 })
  end)
end)

describe("Warp-Leap", function()
  it("moves warps by the outer loop alone", function()
    scion.seed(7)
    local net = nn.Sequential { { "a", nn.Linear(2, 4) }, { "warp", nn.Linear(4, 4) }, { "act", nn.Tanh() }, { "b", nn.Linear(4, 1) } }
    local list = {}
    for t = 1, 2 do
      local x = scion.randn(10, 2)
      list[t] = { support_x = x, support_y = x:sum(2, true):mul(t):sin(), query_x = x, query_y = x:sum(2, true):mul(t):sin() }
    end
    local warp = meta.WarpLeap { model = net, warp = "warp", lr = 0.05, inner_steps = 6, meta_lr = 0.05, warp_lr = 0.02 }
    local before = net["warp.weight"]:detach():clone()
    local learner = warp:adapt(list[1])
    assert.allclose(learner.params["warp.weight"], before)
    local first = warp:meta_step(list).loss
    warp:fit(list, { meta_steps = 25, meta_batch_size = 2, progress = false })
    assert.is_false((helper.compare(net["warp.weight"], before)))
    assert.is_true(warp:meta_step(list).loss < first)
  end)
end)

describe("Metric methods", function()
  it("compare by the formulas of their papers", function()
    local z, q = scion.tensor { { 0, 0 }, { 2, 0 }, { 0, 4 } }, scion.tensor { { 1, 1 } }
    local ids = scion.tensor({ 1, 1, 2 }, { dtype = "i64" })
    local means = meta.PrototypicalNet.class_means(z, ids, 2)
    assert.allclose(means, scion.tensor { { 1, 0 }, { 0, 4 } })
    assert.allclose(meta.PrototypicalNet.square_distance(q, means), scion.tensor { { 1, 10 } })
    local matching = meta.MatchingNet { model = nn.Linear(2, 2), temperature = 1 }
    local s = scion.tensor { { 1, 0 }, { 0, 1 } }
    local scores = matching:scores(s, scion.tensor { { 1, 0 } }, { support_y = scion.tensor({ 1, 2 }, { dtype = "i64" }), n_classes = 2 })
    local e = math.exp(1)
    assert.allclose(scores, scion.tensor { { math.log(e / (e + 1)), math.log(1 / (e + 1)) } }, { rtol = 1e-5 })
  end)

  for _, name in ipairs { "PrototypicalNet", "MatchingNet", "RelationNet" } do
    it(name .. " learns to tell unseen classes apart", function()
      local data = corners(20)
      local seen, unseen = {}, {}
      for k = 0, 7 do table.insert(k < 4 and seen or unseen, "corner " .. k) end
      scion.seed(11)
      local opts = { model = nn.Sequential { nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 8) }, meta_lr = 0.01 }
      if name == "RelationNet" then opts.relation = nn.Sequential { nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid() } end
      local algorithm = meta[name](opts)
      local train = meta.tasks.episodes { data = data, classes = seen, ways = 4, shots = 2, queries = 4 }
      local test = meta.tasks.episodes { data = data, classes = unseen, ways = 4, shots = 2, queries = 4, seed = 5 }
      algorithm:fit(train, { meta_steps = 120, meta_batch_size = 1, progress = false })
      local r = algorithm:evaluate(test, { n = 30 })
      assert.is_true(r.accuracy > 0.7, r.accuracy)
    end)
  end
end)

describe("Every algorithm", function()
  local METHODS <const> = { MAML = {}, FOMAML = {}, Reptile = {}, ANIL = {}, MetaSGD = {}, MAMLPlusPlus = {}, IMAML = { inner_steps = 2 }, Leap = { inner_steps = 3 },
    WarpLeap = { warp = "linear", inner_steps = 3 }, CAVIA = { context = 2 }, PrototypicalNet = {}, MatchingNet = {}, RelationNet = { relation = true },
    MultiTask = { inner_steps = 2 } }
  local source = meta.tasks.episodes { data = corners(8), ways = 3, shots = 2, queries = 3, seed = 2 }

  for name, more in pairs(METHODS) do
    for _, bn in ipairs { "batch", "running" } do
      it(("%s with batch norm, dropout and bn = %s leaves its model alone and predicts the same twice"):format(name, bn), function()
        scion.seed(3)
        local net = nn.Sequential { nn.Linear(name == "CAVIA" and 5 or 3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3) }
        local opts = { model = net, bn = bn, seed = 1 }
        for key, value in pairs(more) do opts[key] = value end
        if opts.relation then opts.relation = nn.Sequential { nn.Linear(6, 4), nn.Dropout(0.5), nn.Linear(4, 1), nn.Sigmoid() } end
        local algorithm = meta[name](opts)
        algorithm:fit(name == "MultiTask" and source:tasks(1, 3) or source, { meta_steps = 3, meta_batch_size = 2, progress = false })
        local before = {}
        for _, e in ipairs(net:entries()) do before[e.name] = e.tensor:clone() end
        local task = source:task(50)
        local learner = algorithm:adapt(task)
        local y = learner(task.query_x)
        assert.allclose(learner(task.query_x), y, { rtol = 0, atol = 0 })
        local result = algorithm:evaluate(source, { n = 2 })
        assert.equal(result.loss, result[bn == "batch" and "transductive" or "inductive"].loss)
        for _, e in ipairs(net:entries()) do assert.allclose(e.tensor, before[e.name], { rtol = 0, atol = 0 }, e.name) end
        -- what a learner says of one query by the support's statistics does not depend on the others
        local one = learner:forward(task.query_x, { mode = "eval" }):narrow(1, 1, 1)
        assert.allclose(learner:forward(task.query_x:narrow(1, 1, 1), { mode = "eval" }), one, { atol = 1e-5 })
      end)
    end
  end

  for name, more in pairs(METHODS) do
    it(name .. " goes on from a checkpoint bit for bit, under a schedule of the meta learning rate", function()
      local path = helper.tmpdir() .. "/run.st"
      local function make()
        scion.seed(7)
        local net = nn.Sequential { nn.Linear(name == "CAVIA" and 5 or 3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3) }
        local opts = { model = net, seed = 2, meta_optimizer = { kind = "adam", lr = 0.01 } }
        for key, value in pairs(more) do opts[key] = value end
        if opts.relation then opts.relation = nn.Sequential { nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1) } end
        if name == "Reptile" then opts.inner_optimizer, opts.keep_state, opts.batch_size = "adam", true, 3 end
        return meta[name](opts)
      end
      local tasks = name == "MultiTask" and source:tasks(1, 3) or source
      local function run(opts)
        local algorithm = make()
        opts.meta_steps, opts.meta_batch_size, opts.progress, opts.meta_lr_schedule = 7, 2, false, function(t) return 1 - t / 2 end
        algorithm:fit(tasks, opts)
        return algorithm
      end
      local whole = run {}
      run { checkpoint = path, checkpoint_every = 2, on_step = function(_, step) return step < 5 end } -- the last one kept is of step 4
      local rest = run { checkpoint = path, resume = true }
      for _, e in ipairs(whole.model:entries()) do assert.allclose(rest.model[e.name], e.tensor, { rtol = 0, atol = 0 }, e.name) end
      local extras = rest.extras and rest:extras()
      for key, t in pairs(whole.extras and whole:extras() or {}) do assert.allclose(extras[key], t, { rtol = 0, atol = 0 }, key) end
    end)
  end

  it("takes nets of several inputs and tasks whose x is a list", function()
    local a, b = nn.input "a", nn.input "b"
    local function make()
      scion.seed(4)
      return nn.Graph({ a, b }, nn.Linear(4, 2)(nn.cat({ a, b }, 2)))
    end
    local tasks = {}
    for t = 1, 3 do
      local x, q = { scion.randn(6, 2), scion.randn(6, 2) }, { scion.randn(4, 2), scion.randn(4, 2) }
      tasks[t] = { support_x = x, support_y = scion.cat(x, 2):narrow(2, 1, 2), query_x = q, query_y = scion.cat(q, 2):narrow(2, 1, 2) }
    end
    for _, name in ipairs { "MAML", "Reptile", "Leap", "IMAML", "MultiTask" } do
      local algorithm = meta[name] { model = make(), lr = 0.05 }
      algorithm:fit(tasks, { meta_steps = 2, meta_batch_size = 3, progress = false })
      assert.is_true(algorithm:evaluate(tasks).loss < math.huge, name)
    end
    local learner = meta.MAML { model = make(), lr = 0.05 }:clone()
    local first = learner:adapt(nn.mse_loss(learner(table.unpack(tasks[1].support_x)), tasks[1].support_y))
    assert.is_true(nn.mse_loss(learner(tasks[1].support_x), tasks[1].support_y):item() < first)
    local uneven = { support_x = { scion.randn(3, 2), scion.randn(2, 2) }, support_y = scion.randn(3, 2) }
    assert.error_matches(function() meta.MAML { model = make() }:adapt(uneven) end, "MAML:adapt: expected a task")
  end)

  it("learns rates for whatever inner optimiser is asked for", function()
    for _, name in ipairs { "MetaSGD", "MAMLPlusPlus" } do
      local steps = {}
      for _, kind in ipairs { "sgd", "adam" } do
        scion.seed(4)
        local net = tanh_net()
        meta[name] { model = net, lr = 0.01, inner_optimizer = kind }:fit({ sine_task() }, { meta_steps = 2, progress = false })
        steps[kind] = net["linear.weight"]:sum():item()
      end
      assert.is_true(steps.sgd ~= steps.adam, name)
    end
  end)

  it("names tasks that are held out, and says when targets are no classes", function()
    local curves = meta.tasks.sinusoid {}
    local net = nn.Sequential { nn.Linear(1, 4), nn.Linear(4, 1) }
    assert.error_matches(function() meta.MAML { model = net, lr = 1e30, inner_steps = 3 }:evaluate(curves, { n = 2 }) end, "diverged: held%-out task 1, step 2")
    assert.error_matches(function() meta.CAVIA { model = nn.Linear(6, 1), lr = 1e30, inner_steps = 3 }:adapt(curves:task(7)) end, "diverged: task 7, step 2")
    for _, name in ipairs { "PrototypicalNet", "MatchingNet" } do
      assert.error_matches(function() meta[name] { model = net }:adapt(curves:task(1)) end, "support_y must hold class ids %(i64%), got f32")
    end
    assert.error_matches(function() meta.CAVIA { model = net }:adapt() end, "CAVIA:adapt: expected a task .* got nil")
    assert.error_matches(function() meta.MAML { model = net }:fit() end, "got nil")
  end)
end)

describe("Multi-task training", function()
  it("trains a head for every task and a trunk for all, with learned weights", function()
    scion.seed(12)
    local tasks = {}
    for t = 1, 3 do
      local x = scion.randn(40, 3)
      tasks[t] = { support_x = x, support_y = x:sum(2, true):mul(t), query_x = x, query_y = x:sum(2, true):mul(t) }
    end
    local net = nn.Sequential { nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1, { name = "head" }) }
    local joint = meta.MultiTask { model = net, head = "head", lr = 0.02, optimizer = "adam", uncertainty = true }
    local history = joint:fit(tasks, { meta_steps = 300, meta_batch_size = 3, progress = false, log_every = 1 })
    assert.is_true(history[300].loss < 0.3 * history[1].loss)
    local variances = joint.log_variances:tolist()
    assert.is_true(variances[1] < variances[3]) -- the task with larger errors weighs less
    assert.is_true(joint:evaluate_heads(tasks)[1].loss < 0.3)
    assert.error_matches(function() joint:fit(tasks, { meta_step = 1 }) end, "MultiTask:fit: unknown option 'meta_step'")
    local learner = joint:adapt(tasks[2], { steps = 20 })
    assert.allclose(joint.model["linear.weight"], net["linear.weight"])
    assert.is_number(nn.mse_loss(learner(tasks[2].query_x), tasks[2].query_y):item())
  end)

  it("logs, and goes on from a checkpoint bit for bit, heads included", function()
    local path, log = helper.tmpdir() .. "/joint.st", helper.tmpdir() .. "/joint.log"
    scion.seed(12)
    local tasks = {}
    for t = 1, 3 do tasks[t] = { support_x = scion.randn(9, 3), support_y = scion.randn(9, 1), query_x = scion.randn(4, 3), query_y = scion.randn(4, 1) } end
    local function make()
      scion.seed(5)
      local net = nn.Sequential { nn.Linear(3, 8), nn.Dropout(0.3), nn.Linear(8, 1) }
      return meta.MultiTask { model = net, lr = 0.02, optimizer = "adam", batch_size = 4, uncertainty = true }
    end
    local whole, part, rest = make(), nil, nil
    whole:fit(tasks, { meta_steps = 10, meta_batch_size = 2, progress = false })
    part = make()
    part:fit(tasks, { meta_steps = 6, meta_batch_size = 2, checkpoint = path, log = log, log_every = 2, progress = false })
    rest = make()
    local more = assert(io.open(log, "a")) -- as if killed later than the checkpoint, in the middle of a line
    more:write('{"step":8,"loss":1}\n{"ste'):close()
    rest:fit(tasks, { meta_steps = 10, meta_batch_size = 2, checkpoint = path, resume = true, log = log, log_every = 2, progress = false })
    for name, p in whole.model:named_parameters() do assert.allclose(rest.model[name], p, { rtol = 0, atol = 0 }, name) end
    local mine, theirs = rest:extras(), whole:extras()
    for name, t in pairs(theirs) do assert.allclose(mine[name], t, { rtol = 0, atol = 0 }, name) end
    local steps = {}
    for line in io.lines(log) do steps[#steps + 1] = scion.json.decode(line).step end
    assert.same({ 2, 4, 6, 8, 10 }, steps)
  end)
end)

describe("Episodes", function()
  it("are reproducible, have the shapes asked for and no item twice", function()
    local x = scion.arange(0, 80):reshape(80, 1)
    local labels = {}
    for i = 1, 80 do labels[i] = ("class %d"):format((i - 1) // 10) end
    local source = meta.tasks.episodes { data = scion.data.tensors { x = x, labels = labels }, ways = 5, shots = 2, queries = 3, seed = 3 }
    local a, b = source:task(17), source:task(17)
    assert.allclose(a.support_x, b.support_x)
    assert.allclose(a.query_x, b.query_x)
    assert.is_false((helper.compare(a.support_x, source:task(18).support_x)))
    assert.same({ 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 }, a.support_y:tolist())
    local seen = {}
    for part, size in pairs { support = 2, query = 3 } do
      for i, v in ipairs(a[part .. "_x"]:reshape(-1):tolist()) do
        assert.is_nil(seen[v])
        seen[v] = true
        local id = (i - 1) // size + 1
        assert.equal(a.classes[id], ("class %d"):format(v // 10))
      end
    end
  end)

  it("turn images: each quarter turn is a class of its own", function()
    local x = scion.zeros(8, 1, 2, 2)
    x:select(3, 1):select(3, 2):fill_(1) -- a dot at the upper right
    local data = scion.data.tensors { x = x, labels = { "a", "a", "a", "a", "b", "b", "b", "b" } }
    local source = meta.tasks.episodes { data = data, ways = 8, shots = 1, queries = 1, rotations = "classes" }
    assert.equal(8, source.n_classes)
    local sums = source:task(1).support_x:sum(1)
    assert.allclose(sums:reshape(-1), scion.full(4, 2)) -- every corner twice
  end)

  it("say what does not fit", function()
    local data = scion.data.tensors { x = scion.randn(6, 2), labels = { 1, 1, 1, 2, 2, 2 } }
    local function says(text, opts)
      opts.data = opts.data or data
      local ok, message = pcall(meta.tasks.episodes, opts)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end
    says("class 1 has 3 items, 2 shots and 2 queries need 4", { ways = 2, shots = 2, queries = 2 })
    says("5 ways are asked for, there are 2 classes", { ways = 5, shots = 1, queries = 1 })
    says("9 is not among the classes", { ways = 2, shots = 1, queries = 1, classes = { 9 } })
    says("must be a data set or iterator with classes", { data = 3 })
  end)
end)

describe("A folder of folders", function()
  it("is a list of tasks, one a folder", function()
    local dir = helper.tmpdir()
    local function picture(path, value) helper.write_file(path, "P5 6 6 255\n" .. string.char(value):rep(36)) end
    for t, task in ipairs { "birds", "boats" } do
      for c = 1, 3 do
        local folder = ("%s/%s/kind%d"):format(dir, task, c)
        os.execute(("mkdir -p '%s'"):format(folder))
        for i = 1, 4 do picture(("%s/%d.pgm"):format(folder, i), 100 * t - 50 + 10 * c + i) end
      end
    end
    local list = meta.tasks.folder { dir = dir, ways = 3, shots = 3, held_out = 1, size = 6, channels = "grey" }
    assert.equal(2, #list)
    for _, task in ipairs(list) do
      local base = task.label == "birds" and 50 or 150
      assert.same({ 9, 1, 6, 6 }, { table.unpack(task.support_x.shape) })
      assert.same({ 3, 1, 6, 6 }, { table.unpack(task.query_x.shape) })
      for w, class in ipairs(task.classes) do -- the first picture of a class is held out
        local kind = tonumber(class:match("^" .. task.label .. "/kind(%d)$"))
        assert.near((base + 10 * kind + 1) / 255, task.query_x:at(w, 1, 1, 1), 1e-3)
      end
    end
    local ok, message = pcall(meta.tasks.folder, { dir = dir .. "/birds/kind1" })
    assert.is_false(ok)
    assert.truthy(message:find("has no folders of folders", 1, true), message)
  end)
end)

describe("datasets/omniglot.lua", function()
  it("reads unpacked folders", function()
    local dir = helper.tmpdir()
    for c = 1, 2 do
      local folder = ("%s/images_background/Latin/character%02d"):format(dir, c)
      os.execute(("mkdir -p '%s'"):format(folder))
      for i = 1, 3 do
        helper.write_file(("%s/%04d_%02d.png"):format(folder, c, i), "P5 4 4 255\n" .. string.char(i == 2 and 0 or 255):rep(16))
      end
    end
    local omniglot = dofile "datasets/omniglot.lua"
    local set = omniglot.read { dir = dir, size = 4 }
    assert.same({ "Latin/character01", "Latin/character02" }, { table.unpack(set.classes) })
    assert.equal(6, #set)
    local x = set:get { 1, 2, 3 }
    assert.same({ 3, 1, 4, 4 }, { table.unpack(x.shape) })
    assert.same({ 0, 1, 0 }, x:amax({ 2, 3, 4 }):tolist()) -- ink is 1
  end)
end)
