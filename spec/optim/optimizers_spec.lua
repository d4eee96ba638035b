-- Optimisers: against PyTorch's numbers, and what a user can do wrong.
local scion = require "scion"
local optim = scion.optim

local function load_golden(name)
  local dir = debug.getinfo(1, "S").source:match("^@(.*)optim/[^/]*$")
  return dofile(dir .. "golden/" .. name)
end

local function leaf(list, shape, dtype)
  local t = scion.tensor(list, { dtype = dtype or "f64" })
  if shape then t = t:reshape(shape):clone() end
  return t:detach():requires_grad_(true)
end

local function assert_close(got, expected, tolerance, what)
  local list = got:reshape({ -1 }):tolist()
  assert.are.equal(#expected, #list)
  for i, e in ipairs(expected) do
    local err = math.abs(list[i] - e)
    if not (err <= tolerance * (1 + math.abs(e))) then
      error(("%s: element %d is %.17g, expected %.17g"):format(what, i, list[i], e), 2)
    end
  end
end

local function copy_options(options)
  local out = {}
  for k, v in pairs(options) do out[k] = v end
  return out
end

describe("optimisers follow PyTorch", function()
  local golden = load_golden("optim.lua")
  local function run(case, dtype, tolerance)
    local a, b = leaf(golden.a, { 3, 4 }, dtype), leaf(golden.b, nil, dtype)
    local opt = optim[case.name]({ { params = { a } }, { params = { b }, lr = 0.03 } }, copy_options(case.options))
    local at = 1
    for t, g in ipairs(golden.gradients) do
      a.grad = scion.tensor(g.a, { dtype = dtype }):reshape({ 3, 4 })
      b.grad = g.b and scion.tensor(g.b, { dtype = dtype }) or nil
      opt:step()
      local expected = case.after[at]
      if expected and expected.step == t then
        assert_close(a, expected.a, tolerance, "a after step " .. t)
        assert_close(b, expected.b, tolerance, "b after step " .. t)
        at = at + 1
      end
    end
    assert.are.equal(#case.after + 1, at)
  end
  for i, case in ipairs(golden.cases) do
    it(("%s, case %d, f64"):format(case.name, i), function() run(case, "f64", 1e-12) end)
    it(("%s, case %d, f32"):format(case.name, i), function() run(case, "f32", 5e-5) end)
  end
end)

describe("L-BFGS", function()
  local functions = {
    bowl = function(x)
      local w = scion.tensor({ 1, 10, 3, 0.5 }, { dtype = "f64" })
      return (w * (x - 1):square()):sum() + (x:square():square()):sum() * 0.1
    end,
    rosenbrock = function(x)
      local n = x.shape[1]
      local head, tail = x[{ { 1, n - 1 } }], x[{ { 2, n } }]
      return ((tail - head:square()):square() * 100 + (head * -1 + 1):square()):sum()
    end,
  }
  for i, case in ipairs(load_golden("lbfgs.lua")) do
    it(("follows PyTorch on %s, case %d"):format(case.f, i), function()
      local x = leaf(case.x0)
      local opt = optim.LBFGS({ x }, copy_options(case.options))
      local function closure()
        opt:zero_grad()
        local loss = functions[case.f](x)
        loss:backward()
        return loss
      end
      for _, expected in ipairs(case.after) do
        local loss = opt:step(closure)
        assert.is_true(math.abs(loss:item() - expected.loss) <= 1e-6 * (1 + math.abs(expected.loss)))
        assert_close(x, expected.x, 1e-6, "x")
        local state = opt:state_dict().state[1]
        assert.are.equal(expected.iters, state.n_iter)
        assert.are.equal(expected.evals, state.func_evals)
      end
    end)
  end

  it("continues from a saved state exactly", function()
    local function build(x0)
      local x = leaf(x0)
      local opt = optim.LBFGS({ x }, { max_iter = 3, history_size = 4, line_search_fn = "strong_wolfe" })
      return x, opt, function()
        opt:zero_grad()
        local loss = functions.rosenbrock(x)
        loss:backward()
        return loss
      end
    end
    local x, opt, closure = build { -1.2, 1, 0.7 }
    opt:step(closure)
    opt:step(closure)
    local saved, at = opt:state_dict(), x:tolist()
    opt:step(closure)
    local y, opt2, closure2 = build(at)
    opt2:load_state_dict(saved)
    opt2:step(closure2)
    assert.are.same({ table.unpack(x:tolist()) }, { table.unpack(y:tolist()) })
  end)

  it("refuses a step without closure and a loss that is no number", function()
    local x = leaf { 1, 2 }
    local opt = optim.LBFGS({ x })
    assert.error_matches(function() opt:step() end, "needs a closure")
    assert.error_matches(function() opt:step(function() return "no" end) end, "must return the loss")
    assert.error_matches(function() opt:step(function() return 0 / 0 end) end, "loss is %-?nan")
    assert.error_matches(function() opt:step(function() error("mine") end) end, "mine")
    assert.error_matches(function() opt:step(3) end, "takes a function")
    assert.error_matches(function() opt:step(function() opt:step(function() return 0 end) end) end, "must not step")
    assert.error_matches(function() opt:step(function() opt:add_param_group { params = leaf { 1 } } end) end, "must not add")
    assert.error_matches(function() optim.LBFGS({ x }, { line_search_fn = "golden" }) end, "strong_wolfe")
    assert.error_matches(function() optim.LBFGS({ { params = x }, { params = leaf { 1 } } }) end, "one group")
  end)

  it("survives a function that is infinite on the way", function()
    local x = leaf { 3 }
    local opt = optim.LBFGS({ x }, { lr = 10, line_search_fn = "strong_wolfe", max_iter = 50 })
    local function closure()
      opt:zero_grad()
      local loss = (x - x:log()):sum()
      loss:backward()
      return loss
    end
    for _ = 1, 3 do opt:step(closure) end
    assert.is_true(math.abs(x:item() - 1) < 1e-4)
  end)
end)

describe("state of an optimiser", function()
  local golden = load_golden("optim.lua")
  local function gradients_of(t, a, b)
    local g = golden.gradients[t]
    a.grad = scion.tensor(g.a, { dtype = "f32" }):reshape({ 3, 4 })
    b.grad = scion.tensor(g.b or golden.gradients[1].b, { dtype = "f32" })
  end
  for _, spec in ipairs {
    { "SGD", { momentum = 0.9, nesterov = true } }, { "Adam", { amsgrad = true } }, { "AdamW", {} }, { "NAdam", {} }, { "RAdam", {} }, { "Adamax", {} },
    { "RMSprop", { centered = true, momentum = 0.5 } }, { "Adagrad", { lr_decay = 0.1, initial_accumulator_value = 0.5 } }, { "Adadelta", {} },
  } do
    it(spec[1] .. " restored continues bit for bit", function()
      local a, b = leaf(golden.a, { 3, 4 }, "f32"), leaf(golden.b, nil, "f32")
      local opt = optim[spec[1]]({ a, b }, copy_options(spec[2]))
      for t = 1, 4 do
        gradients_of(t, a, b)
        opt:step()
      end
      opt.param_groups[1].lr = 0.0123
      local saved = opt:state_dict()
      local a2, b2 = a:detach():clone():requires_grad_(true), b:detach():clone():requires_grad_(true)
      local opt2 = optim[spec[1]]({ a2, b2 })
      opt2:load_state_dict(saved)
      assert.are.equal(0.0123, opt2.param_groups[1].lr)
      for t = 5, 10 do
        gradients_of(t, a, b)
        opt:step()
        gradients_of(t, a2, b2)
        opt2:step()
      end
      assert.are.equal(a:detach():bytes(), a2:detach():bytes())
      assert.are.equal(b:detach():bytes(), b2:detach():bytes())
    end)
  end

  it("does not change with later steps once taken", function()
    local a, b = leaf(golden.a, { 3, 4 }, "f32"), leaf(golden.b, nil, "f32")
    local opt = optim.Adam({ a, b })
    gradients_of(1, a, b)
    opt:step()
    local saved = opt:state_dict()
    local before = saved.state[1].exp_avg:bytes()
    gradients_of(2, a, b)
    opt:step()
    assert.are.equal(before, saved.state[1].exp_avg:bytes())
    assert.are.equal(1, saved.state[1].step)
  end)

  it("that does not fit is refused and changes nothing", function()
    local a, b = leaf(golden.a, { 3, 4 }, "f32"), leaf(golden.b, nil, "f32")
    local opt = optim.Adam({ a, b })
    gradients_of(1, a, b)
    opt:step()
    local good = opt:state_dict()
    assert.error_matches(function() optim.SGD({ a, b }):load_state_dict(good) end, "kind 'adam', this optimiser is 'sgd'")
    assert.error_matches(function() optim.Adam({ a }):load_state_dict(good) end, "2 parameters, here it has 1")
    assert.error_matches(function() optim.Adam({ { params = a }, { params = b } }):load_state_dict(good) end, "1 parameter groups, this optimiser 2")
    assert.error_matches(function() opt:load_state_dict(3) end, "made by state_dict")
    assert.error_matches(function() optim.Adam({ b, a }):load_state_dict(good) end, "'exp_avg' is f32 %(3, 4%).*nothing was changed")
    local bad = opt:state_dict()
    bad.state[2].exp_avg_sq = nil
    bad.state[2].unknown = 3
    assert.error_matches(function() opt:load_state_dict(bad) end, "no state called 'unknown'")
    bad = opt:state_dict()
    bad.groups[1].lr = -1
    assert.error_matches(function() opt:load_state_dict(bad) end, "'lr' must be a finite number of at least 0")
    local now = opt:state_dict()
    assert.are.equal(good.state[2].exp_avg:bytes(), now.state[2].exp_avg:bytes())
    assert.are.equal(1, now.state[1].step)
    assert.are.equal(1e-3, now.groups[1].lr)
  end)
end)

describe("parameters and options", function()
  local x
  before_each(function() x = leaf { 1, 2, 3 } end)

  it("wrong options name the optimiser, the option and what is known", function()
    assert.error_matches(function() optim.SGD({ x }, { lr = -1 }) end, "'lr' must be a finite number of at least 0 %(got %-1%)")
    assert.error_matches(function() optim.SGD({ x }, { lr = 0 / 0 }) end, "'lr' must be")
    assert.error_matches(function() optim.SGD({ x }, { lr = "fast" }) end, "'lr' must be a number, got string")
    assert.error_matches(function() optim.SGD({ x }, { momentun = 1 }) end, "SGD: unknown option 'momentun' %(known: lr, momentum")
    assert.error_matches(function() optim.SGD({ x }, { nesterov = true }) end, "nesterov needs momentum")
    assert.error_matches(function() optim.SGD({ x }, { nesterov = 1 }) end, "'nesterov' must be a boolean")
    assert.error_matches(function() optim.Adam({ x }, { betas = { 0.9, 1 } }) end, "'beta2' must be 0 <= beta2 < 1 %(got 1%)")
    assert.error_matches(function() optim.Adam({ x }, { betas = 0.9 }) end, "pair of numbers")
    assert.error_matches(function() optim.Adam({ x }, 0.1) end, "options must be a table")
    assert.error_matches(function() optim.Adam({ { params = { x }, learning = 1 } }) end, "unknown option 'learning'")
  end)

  it("errors point at the caller", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local _, message = pcall(function() optim.SGD({ x }, { lr = -1 }) end)
    assert.is_truthy(message:find("optimizers_spec.lua:" .. line .. ":", 1, true), message)
  end)

  it("wrong parameters are refused", function()
    assert.error_matches(function() optim.SGD() end, "expected a list of parameters, got nil")
    assert.error_matches(function() optim.SGD({}) end, "at least one parameter")
    assert.error_matches(function() optim.SGD({ 3 }) end, "element 1 of the parameters is a number")
    assert.error_matches(function() optim.SGD({ x, x }) end, "parameter 2, f64 %(3,%), is given twice")
    assert.error_matches(function() optim.SGD({ { params = x }, { params = x } }) end, "given twice")
    assert.error_matches(function() optim.SGD({ x * 2 }) end, "computed by 'mul'")
    assert.error_matches(function() optim.SGD({ scion.tensor { 1, 2 } }) end, "requires a gradient")
    assert.error_matches(function() optim.SGD({ scion.tensor({ 1, 2 }, { dtype = "i64" }) }) end, "only f32 and f64")
    assert.error_matches(function() optim.SGD({ { lr = 1 } }) end, "element 1")
  end)

  it("a frozen parameter and one without gradient stay as they are", function()
    local frozen, idle = scion.tensor({ 5, 6 }, { dtype = "f64" }), leaf { 7 }
    local opt = optim.SGD({ x, frozen, idle }, { lr = 1 })
    x.grad = scion.tensor({ 1, 1, 1 }, { dtype = "f64" })
    opt:step()
    assert.are.same({ 0, 1, 2 }, { table.unpack(x:tolist()) })
    assert.are.same({ 5, 6 }, { table.unpack(frozen:tolist()) })
    assert.are.same({ 7 }, { table.unpack(idle:tolist()) })
    opt:zero_grad()
    assert.is_nil(x.grad)
  end)

  it("groups read and write their options", function()
    local y = leaf { 1 }
    local opt = optim.SGD({ { params = x, lr = 0.5 } }, { lr = 0.1, momentum = 0.9 })
    opt:add_param_group { params = { y }, weight_decay = 0.25 }
    assert.are.equal(2, #opt.param_groups)
    assert.are.equal(0.5, opt.param_groups[1].lr)
    assert.are.equal(0.1, opt.param_groups[2].lr)
    assert.are.equal(0.25, opt.param_groups[2].weight_decay)
    assert.are.equal(0, opt.param_groups[1].weight_decay)
    opt.param_groups[2].lr = 0.7
    assert.are.equal(0.7, opt.param_groups[2].lr)
    assert.are.equal(1, #opt.param_groups[2].params)
    assert.is_true(opt.param_groups[1].params[1]:is_same(x))
    assert.error_matches(function() opt.param_groups[2].lr = -1 end, "at least 0")
    assert.error_matches(function() opt:add_param_group { params = { x } } end, "given twice")
    assert.error_matches(function() opt:add_param_group { params = { leaf { 1 } }, lr = -2 } end, "at least 0")
    assert.are.equal(2, #opt.param_groups)
    assert.are.equal(2, #opt:parameters())
    local seen = 0
    for key in pairs(opt.param_groups[1]) do seen = seen + (key == "momentum" and 1 or 0) end
    assert.are.equal(1, seen)
    assert.is_truthy(tostring(opt):find("lr = 0.7", 1, true))
  end)

  it("updates strided parameters, empty ones and gradients that are views", function()
    local base = scion.tensor({ { 1, 2 }, { 3, 4 } }, { dtype = "f64" })
    local column = base:transpose(1, 2):detach():requires_grad_(true)
    local opt = optim.SGD({ column }, { lr = 1 })
    local loss = (column * scion.tensor({ { 1, 2 }, { 3, 4 } }, { dtype = "f64" })):sum()
    loss:backward()
    opt:step()
    assert_close(column, { 0, 1, -1, 0 }, 0, "column")
    assert_close(base, { 0, -1, 1, 0 }, 0, "base")
    local y = leaf { 1, 2, 3 }
    y:sum():backward() -- its gradient is an expanded one
    optim.Adam({ y }, { lr = 0.5 }):step()
    assert_close(y, { 0.5, 1.5, 2.5 }, 1e-7, "y")
  end)

  it("calls a closure once and returns its loss", function()
    local opt, calls = optim.Adam({ x }), 0
    local loss = opt:step(function()
      calls = calls + 1
      return 3.5
    end)
    assert.are.equal(1, calls)
    assert.are.equal(3.5, loss)
  end)

  it("gives the same bits for any number of threads", function()
    local results = {}
    for k, threads in ipairs { 1, 2, 3 } do
      local old = scion.threads(threads)
      local list, rest = {}, 1
      for i, n in ipairs { 100003, 17, 40000 } do
        local t = scion.tensor({ 1 }):expand({ n }):clone()
        list[i] = (t * (rest + i)):detach():requires_grad_(true)
      end
      local opt = optim.Adam(list, { lr = 0.01 })
      for step = 1, 3 do
        for _, p in ipairs(list) do p.grad = (p:detach() * (0.37 * step)):sin() end
        optim.clip_grad_norm(list, 0.5)
        opt:step()
      end
      local all = {}
      for i, p in ipairs(list) do all[i] = p:detach():bytes() end
      results[k] = table.concat(all)
      scion.threads(old)
    end
    assert.is_true(results[1] == results[2] and results[2] == results[3])
  end)
end)

describe("clipping", function()
  local function with_gradients(...)
    local list = {}
    for i, g in ipairs { ... } do
      list[i] = leaf(g)
      list[i].grad = scion.tensor(g, { dtype = "f64" })
    end
    return list
  end

  it("by norm scales all gradients together", function()
    local p = with_gradients({ 3, 0 }, { 0, 4 })
    assert.are.equal(5, optim.clip_grad_norm(p, 1))
    assert_close(p[1].grad, { 0.6, 0 }, 1e-6, "first")
    assert_close(p[2].grad, { 0, 0.8 }, 1e-6, "second")
    assert.are.equal(7, optim.clip_grad_norm_(with_gradients({ 3, 0 }, { 0, -4 }), 1, { norm_type = 1 }))
    assert.are.equal(4, optim.clip_grad_norm(with_gradients({ 3, 0 }, { 0, -4 }), 1, { norm_type = math.huge }))
    assert.is_true(math.abs((27 + 64) ^ (1 / 3) - optim.clip_grad_norm(with_gradients({ 3, 0 }, { 0, -4 }), 1, { norm_type = 3 })) < 1e-12)
    local small = with_gradients({ 0.1 })
    optim.clip_grad_norm(small, 1)
    assert_close(small[1].grad, { 0.1 }, 0, "left alone")
    assert.are.equal(0, optim.clip_grad_norm({ leaf { 1 } }, 1))
  end)

  it("by value limits each element", function()
    local p = with_gradients({ 3, -0.5, -7 })
    optim.clip_grad_value(p, 2)
    assert_close(p[1].grad, { 2, -0.5, -2 }, 0, "clamped")
  end)

  it("refuses nonsense", function()
    local p = with_gradients({ 1 })
    assert.error_matches(function() optim.clip_grad_norm(p, -1) end, "max_norm must be at least 0")
    assert.error_matches(function() optim.clip_grad_norm(p) end, "max_norm must be a number")
    assert.error_matches(function() optim.clip_grad_norm(p, 1, { norm_type = 0 }) end, "norm_type must be above 0")
    assert.error_matches(function() optim.clip_grad_norm(p, 1, { kind = 2 }) end, "unknown option 'kind'")
    assert.error_matches(function() optim.clip_grad_value(p, -1) end, "at least 0")
    assert.error_matches(function() optim.clip_grad_value(3, 1) end, "list of parameters")
    p[1].grad = scion.tensor({ 0 / 0 }, { dtype = "f64" })
    assert.error_matches(function() optim.clip_grad_norm(p, 1, { error_if_nonfinite = true }) end, "nothing was scaled")
  end)
end)

describe("averaged weights", function()
  it("EMA follows decay * average + (1 - decay) * value", function()
    local p = leaf { 1, 2 }
    local ema = optim.EMA({ p }, { decay = 0.75 })
    p:detach():copy_(scion.tensor({ 5, 10 }, { dtype = "f64" }))
    ema:update()
    assert_close(ema.averages[1], { 2, 4 }, 1e-15, "average")
    assert.are.same({ 2, 4 }, ema:apply(function() return { table.unpack(p:tolist()) } end))
    assert.are.same({ 5, 10 }, { table.unpack(p:tolist()) })
    assert.error_matches(function() ema:apply(function() error("inside") end) end, "inside")
    assert.are.same({ 5, 10 }, { table.unpack(p:tolist()) })
    local saved = ema:state_dict()
    local other = optim.EMA({ p }, { decay = 0.75 })
    other:load_state_dict(saved)
    ema:update()
    other:update()
    assert.are.equal(ema.averages[1]:bytes(), other.averages[1]:bytes())
    assert.are.equal(2, other.n_updates)
    ema:copy_to()
    assert.are.equal(ema.averages[1]:bytes(), p:detach():bytes())
  end)

  it("SWA is the plain mean", function()
    local p = leaf { 0 }
    local swa = optim.SWA({ p })
    for _, v in ipairs { 1, 2, 6 } do
      p:detach():copy_(scion.tensor({ v }, { dtype = "f64" }))
      swa:update()
    end
    assert_close(swa.averages[1], { 3 }, 1e-15, "mean")
  end)

  it("refuses nonsense", function()
    local p = leaf { 1, 2 }
    assert.error_matches(function() optim.EMA({}) end, "empty")
    assert.error_matches(function() optim.EMA({ p }, { decay = 2 }) end, "within 0 .. 1")
    assert.error_matches(function() optim.EMA({ p }, { rate = 2 }) end, "unknown option 'rate'")
    assert.error_matches(function() optim.EMA({ p }):load_state_dict({}) end, "made by state_dict")
    assert.error_matches(function() optim.EMA({ p }):load_state_dict({ n_updates = 1, averages = { leaf { 1 } } }) end, "average 1 is f64")
  end)
end)
