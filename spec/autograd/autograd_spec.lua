-- Recording, backward, grad, hooks, in-place rules, scopes: what autograd promises beyond single ops.
local scion = require "scion"

local function leaf(v) return scion.tensor(v, { dtype = "f64", requires_grad = true }) end

describe("backward", function()
  it("adds to .grad of every leaf", function()
    local x, w = leaf { 1, 2, 3 }, leaf { 4, 5, 6 }
    local loss = (x * w):sum()
    loss:backward()
    assert.same({ 4, 5, 6 }, x.grad:tolist())
    assert.same({ 1, 2, 3 }, w.grad:tolist())
    ;(x * x):sum():backward()
    assert.same({ 6, 9, 12 }, x.grad:tolist())
  end)
  it("sums over several uses in a deterministic order", function()
    local x = leaf { 2 }
    local y = x * x + x * 3 + x
    y:sum():backward()
    assert.equal(8, x.grad:item())
  end)
  it("does not alias the gradients of two leaves", function()
    local a, b = leaf { 1, 1 }, leaf { 2, 2 }
    ;(a + b):sum():backward()
    a.grad:mul_(10)
    assert.same({ 1, 1 }, b.grad:tolist())
  end)
  it("refuses a second walk over a released graph", function()
    local x = leaf { 1, 2 }
    local y = (x * x):sum()
    y:backward()
    assert.error_matches(function() y:backward() end, "released by an earlier backward")
    local z = (x * x):sum()
    z:backward { retain_graph = true }
    z:backward()
  end)
  it("explains a missing scalar and a missing history", function()
    assert.error_matches(function() (leaf { 1, 2 } * 2):backward() end, "only a single number has an implicit gradient")
    assert.error_matches(function() scion.tensor { 1 }:sum():backward() end, "does not depend on anything that requires a gradient")
    assert.error_matches(function() leaf { 1 }:sum():backward { grph = true } end, "unknown option 'grph'")
  end)
  it("survives a chain of 200,000 ops", function()
    local x = leaf { 1 }
    local y = x
    for _ = 1, 200000 do y = y + 0 end
    y:sum():backward()
    assert.equal(1, x.grad:item())
    y = x
    for _ = 1, 200000 do y = y + 0 end
    y = nil
    collectgarbage()
  end)
end)

describe("grad", function()
  it("gives derivatives of any order", function()
    local x = leaf { 2 }
    local y = x:pow(5):sum()
    for _, expected in ipairs { 80, 160, 240, 240, 120 } do
      local g = scion.grad(y, x, { create_graph = true })
      assert.is_true(math.abs(g:item() - expected) < 1e-9)
      y = g:sum()
    end
  end)
  it("reaches inner tensors and leaves the rest alone", function()
    local x, w = leaf { 1, 2 }, leaf { 3, 4 }
    local h = x * w
    local g = scion.grad((h * h):sum(), h)
    assert.same({ 6, 16 }, g:tolist())
    assert.is_nil(x.grad)
  end)
  it("names an input that does not matter", function()
    local x, z = leaf { 1 }, leaf { 2 }
    assert.error_matches(function() scion.grad((x * 2):sum(), { x, z }) end, "do not depend on input 2")
    local gs = scion.grad((x * 2):sum(), { x, z }, { allow_unused = true })
    assert.is_false(gs[2])
  end)
end)

describe("no_grad and detach", function()
  it("stop recording", function()
    local x = leaf { 1 }
    assert.is_false(scion.no_grad(function() return x * 2 end).requires_grad)
    do
      local _ <close> = scion.no_grad()
      assert.is_false((x * 2).requires_grad)
    end
    assert.is_true((x * 2).requires_grad)
    assert.is_false((x * 2):detach().requires_grad)
  end)
  it("restore the mode after an error", function()
    pcall(scion.no_grad, function() error("x") end)
    assert.is_true(scion.grad_enabled())
  end)
end)

describe("in-place changes", function()
  it("of a tensor that a gradient keeps raise in backward", function()
    local x = leaf { 1, 2 }
    local h = x * 1
    local y = (h * h):sum()
    scion.no_grad(function() h:add_(1) end)
    assert.error_matches(function() y:backward() end, "changed in place after it was used")
  end)
  it("take part in the history", function()
    local x = leaf { 1, 2 }
    local h = x * 3
    h:mul_(h)
    h:sum():backward()
    assert.same({ 18, 36 }, x.grad:tolist())
  end)
  it("of leaves, expanded views and shared recorded storage are refused", function()
    local x = leaf { 1, 2 }
    assert.error_matches(function() x:add_(1) end, "leaf that requires a gradient")
    assert.error_matches(function() scion.tensor { 1 }:expand(3):add_(1) end, "repeats elements")
    local h = x * 1
    local v = h:reshape(2, 1)
    assert.error_matches(function() h:add_(1) end, "shares storage")
    assert.is_truthy(v)
    local buffer = scion.zeros({ 3, 2 }, { dtype = "f64" })
    assert.error_matches(function() buffer[1] = x end, "shares storage")
  end)
end)

describe("hooks", function()
  it("see and may replace gradients of leaves and inner tensors", function()
    local x = leaf { 1, 2 }
    local seen
    local id = x:register_hook(function(g) seen = g:tolist() end)
    local h = x * 2
    h:register_hook(function(g) return g * 10 end)
    h:sum():backward()
    assert.same({ 20, 20 }, seen)
    assert.same({ 20, 20 }, x.grad:tolist())
    x:remove_hook(id)
    seen = nil
    ;(x * 1):sum():backward()
    assert.is_nil(seen)
  end)
  it("pass their errors on unchanged and leave the engine usable", function()
    local x = leaf { 1 }
    local y = x * 2
    local problem = setmetatable({}, { __tostring = function() return "mine" end })
    y:register_hook(function() error(problem) end)
    local ok, err = pcall(function() y:sum():backward() end)
    assert.is_false(ok)
    assert.equal(problem, err)
    assert.is_true(scion.grad_enabled())
    ;(x * 2):sum():backward()
  end)
end)

describe("record_custom", function()
  it("gives a Lua function its own gradient", function()
    local x = leaf { 1, 2 }
    local y = scion.no_grad(function() return x * x end)
    scion.record_custom("square", function(g) return g * x * 2 end, { x }, { y })
    y:sum():backward()
    assert.same({ 2, 4 }, x.grad:tolist())
  end)
  it("checks what backward returns", function()
    local x = leaf { 1, 2 }
    local y = scion.no_grad(function() return x * x end)
    scion.record_custom("square", function(g) return g:sum() end, { x }, { y })
    assert.error_matches(function() y:sum():backward() end, "gave a gradient")
  end)
end)

describe("scope", function()
  it("frees temporaries and keeps what is asked for", function()
    local kept, lost
    do
      local s <close> = scion.scope()
      lost = scion.ones(4)
      kept = s:keep(scion.ones(4) * 2)
    end
    assert.equal(8, kept:sum():item())
    assert.error_matches(function() return lost + 1 end, "closed")
  end)
end)

describe("memory", function()
  it("stays flat over many recorded steps", function()
    local w = scion.randn(64, 64, { requires_grad = true })
    local x = scion.randn(32, 64)
    local function step()
      w.grad = nil
      local y = x:matmul(w):tanh():sum()
      y:backward()
      scion.no_grad(function() w:sub_(w.grad * 1e-4) end)
    end
    for _ = 1, 50 do step() end
    collectgarbage()
    collectgarbage()
    local before = scion.memory().live
    for _ = 1, 2000 do step() end
    collectgarbage()
    collectgarbage()
    assert.is_true(scion.memory().live <= before + 4096)
  end)
end)

describe("orders above the second", function()
  it("agree with the derivatives known by hand", function()
    local x = leaf { 0.3, 0.7 }
    local d, expected = x:sin() * x:exp(), nil
    for _ = 1, 3 do d = scion.grad(d:sum(), x, { create_graph = true }) end
    -- (e^x sin x)''' = 2 e^x (cos x - sin x)
    expected = x:detach():exp() * (x:detach():cos() - x:detach():sin()) * 2
    assert.allclose(d, expected, { rtol = 1e-10 })
    local t = x:tanh()
    for _ = 1, 3 do t = scion.grad(t:sum(), x, { create_graph = true }) end
    local y = x:detach():tanh()
    assert.allclose(t, (y * y * 3 - 1) * (1 - y * y) * 2, { rtol = 1e-10 })
  end)
  it("agree with differences through a network, its loss and its normalisation", function()
    scion.seed(2)
    local nn = scion.nn
    local net = nn.Sequential { nn.Conv2d(1, 2, 3, { dtype = "f64" }), nn.BatchNorm2d(2, { dtype = "f64" }), nn.Softplus(), nn.Flatten(), nn.Linear(18, 3, { dtype = "f64" }) }
    local ids = scion.tensor({ 1, 3 }, { dtype = "i64" })
    local w0 = net:state_dict()["conv2d.weight"]:detach():clone()
    local u, v, z = scion.randn(w0.shape, { dtype = "f64" }), scion.randn(w0.shape, { dtype = "f64" }), scion.randn(w0.shape, { dtype = "f64" })
    local x = scion.randn(2, 1, 5, 5, { dtype = "f64" })
    local function second(w)
      local loss = nn.cross_entropy(net:call(x, { params = { ["conv2d.weight"] = w } }), ids)
      local g = scion.grad(loss, w, { create_graph = true })
      return (scion.grad((g * u):sum(), w, { create_graph = true }) * v):sum()
    end
    local w = w0:clone():requires_grad_(true)
    local third = (scion.grad(second(w), w) * z):sum():item()
    local function at(h) return second((w0 + z * h):requires_grad_(true)):item() end
    assert.allclose(third, (at(1e-5) - at(-1e-5)) / 2e-5, { rtol = 1e-5, atol = 1e-7 })
  end)
  it("of a matrix product keep mixed terms", function()
    local a, b = leaf { { 1, 2 }, { 3, 4 } }, leaf { { 1, 0 }, { 2, 1 } }
    local y = (a:matmul(b)):pow(3):sum()
    local ga = scion.grad(y, a, { create_graph = true })
    local gab = scion.grad(ga:sum(), b)
    local h, step = 1e-6, nil
    local function at(k, l, d)
      local moved = b:detach():clone()
      moved:put(moved:at(k, l) + d, k, l)
      return scion.grad(a:matmul(moved):pow(3):sum(), a):sum():item()
    end
    for k = 1, 2 do
      for l = 1, 2 do
        step = (at(k, l, h) - at(k, l, -h)) / (2 * h)
        assert.allclose(gab:at(k, l), step, { rtol = 1e-6 })
      end
    end
  end)
end)

describe("gradients at special points", function()
  it("are finite where PyTorch's are", function()
    local function slope(f, v)
      local x = leaf(v)
      return scion.grad(f(x):sum(), x):tolist()
    end
    assert.same({ 0, 0 }, { table.unpack(slope(function(x) return x:norm() end, { 0, 0 })) })
    assert.same({ 0, 0 }, { table.unpack(slope(function(x) return x:std() end, { 2, 2 })) })
    assert.same({ 0 }, { table.unpack(slope(function(x) return x:abs() end, { 0 })) })
    assert.same({ 0, 1 }, { table.unpack(slope(function(x) return x:relu() end, { 0, 1 })) })
    assert.same({ 0, 6, 0 }, { table.unpack(slope(function(x) return x:prod() end, { 2, 0, 3 })) })
    assert.same({ 0, 0, 0 }, { table.unpack(slope(function(x) return x:prod() end, { 0, 0, 3 })) })
    assert.same({ 0, 6, 0 }, { table.unpack(slope(function(x) return x:cumprod(1):narrow(1, 3, 1) end, { 2, 0, 3 })) })
    assert.same({ 0.5, 0.5, 0 }, { table.unpack(slope(function(x) return x:amax() end, { 4, 4, 1 })) })
    assert.same({ 0, 1, 1 }, { table.unpack(slope(function(x) return x:clamp(0, 1) end, { -1, 0, 1 })) })
    assert.same({ 0, 2 }, { table.unpack(slope(function(x) return x:pow(2) end, { 0, 1 })) })
    assert.same({ 0 }, { table.unpack(slope(function(x) return x:pow(0) end, { 0 })) })
    assert.same({ 0, 1 }, { table.unpack(slope(function(x) return scion.where(x:gt(0), x, x * 0) end, { -1, 1 })) })
  end)
  it("do not leak NaN out of masked elements", function()
    local x = leaf { 0, 4 }
    local y = scion.where(x:gt(0), x, scion.ones(2, { dtype = "f64" })):sqrt()
    assert.allclose(scion.grad(y:sum(), x), { 0, 0.25 })
    local logits = leaf { { -1 / 0, 0, 1 } }
    assert.allclose(scion.grad(logits:softmax(2):select(2, 3):sum(), logits):at(1, 1), 0)
  end)
end)

describe("backward", function()
  it("takes a gradient for outputs that are no single number", function()
    local x = leaf { { 1, 2 }, { 3, 4 } }
    local y = x * x
    y:backward(scion.tensor({ { 1, 0 }, { 0, 2 } }, { dtype = "f64" }))
    assert.same({ { 2, 0 }, { 0, 16 } }, x.grad:tolist())
    assert.error_matches(function() (x * x):backward(scion.ones(3, { dtype = "f64" })) end, "grad_outputs")
    local g = scion.grad({ x:sum(), (x * x):sum() }, x)
    assert.same({ { 3, 5 }, { 7, 9 } }, g:tolist())
    g = scion.grad({ x * 1, x * 2 }, x, { grad_outputs = { scion.ones_like(x), scion.full({ 2, 2 }, 10, { dtype = "f64" }) } })
    assert.same({ { 21, 21 }, { 21, 21 } }, g:tolist())
  end)
  it("frees the graph, and keeps it with retain_graph or create_graph", function()
    local x = leaf { 2 }
    local function graph() return (x * x * x):sum() end
    local y = graph()
    y:backward { create_graph = true }
    assert.is_true(x.grad.requires_grad)
    y:backward()
    assert.error_matches(function() y:backward() end, "released by an earlier backward")
    x.grad = nil
    collectgarbage() collectgarbage()
    local before = scion.memory().live
    for _ = 1, 20 do
      local h = scion.randn(1000, { dtype = "f64" }):requires_grad_(true)
      local z = h
      for _ = 1, 10 do z = z:sin() end
      z:sum():backward() -- what the gradients kept goes here, though h and z live on
    end
    collectgarbage() collectgarbage()
    assert.is_true(scion.memory().live <= before + 4096)
  end)
  it("with create_graph leaves no cycle behind", function()
    collectgarbage() collectgarbage()
    local before = scion.memory().live
    for _ = 1, 50 do
      local w = scion.randn(500, { dtype = "f64" }):requires_grad_(true)
      local g = scion.grad((w * w * w):sum(), w, { create_graph = true })
      ;(g * g):sum():backward()
      w:register_hook(function(d) return d * 2 end)
    end
    collectgarbage() collectgarbage()
    assert.is_true(scion.memory().live <= before + 8192)
  end)
end)

describe("a leaf", function()
  it("asks for gradients only where it may", function()
    assert.error_matches(function() scion.tensor({ 1 }, { dtype = "i64", requires_grad = true }) end, "f32 and f64")
    local y = leaf { 1 } * 2
    assert.error_matches(function() y:requires_grad_(false) end, "")
    assert.is_false(y.is_leaf)
    assert.equal("mul", y.grad_fn)
    assert.is_true(y:detach().is_leaf)
    assert.is_false(leaf({ 1 }).data.requires_grad)
  end)
  it("may be changed under no_grad, and its views share what is written", function()
    local x = leaf { 1, 2, 3 }
    scion.no_grad(function() x:mul_(2) x[1] = 7 end)
    assert.same({ 7, 4, 6 }, { table.unpack(x:tolist()) })
    assert.is_true(x.requires_grad)
    assert.error_matches(function() x[1] = 1 end, "no_grad")
    assert.error_matches(function() x:zero_() end, "leaf that requires a gradient")
  end)
end)

describe("memory", function()
  it("stays flat over ten thousand steps of training #slow", function()
    local nn = scion.nn
    scion.seed(1)
    local net = nn.Sequential { nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.1), nn.Linear(36, 5) }
    local adam = scion.optim.Adam(net:parameters(), { lr = 1e-3 })
    local x, ids = scion.randn(8, 1, 8, 8), scion.randint(1, 6, { 8 }):long()
    local function step()
      local loss = nn.cross_entropy(net(x), ids)
      adam:zero_grad()
      loss:backward()
      scion.optim.clip_grad_norm(net:parameters(), 1)
      adam:step()
    end
    for _ = 1, 200 do step() end
    collectgarbage() collectgarbage()
    scion.memory_reset_peak()
    local before = scion.memory()
    for _ = 1, 10000 do step() end
    local peak = scion.memory().peak
    collectgarbage() collectgarbage()
    local after = scion.memory()
    assert(after.live <= before.live + 4096, ("live bytes went from %d to %d"):format(before.live, after.live))
    assert(after.blocks <= before.blocks + 8, ("blocks went from %d to %d"):format(before.blocks, after.blocks))
    assert(peak <= math.max(2 * before.limit, before.live + (256 << 20)), ("the peak was %d bytes"):format(peak))
  end)
  it("of small temporaries is taken back early, however they are made", function()
    local x = scion.randn(4, 4)
    local makers = { function() return x + x end, function() return x[2] end, function() return x[{ 1, { 2, 3 } }] end,
      function() return x:reshape(2, 8) end, function() return x:sum() end }
    for i, make in ipairs(makers) do
      collectgarbage() collectgarbage()
      scion.memory_reset_peak()
      local before, share = scion.memory().blocks, collectgarbage("count") * 1024 / 256
      local most = 0
      for k = 1, 200000 do
        make()
        if k % 100 == 0 then most = math.max(most, scion.memory().blocks - before) end
      end
      -- one box for 256 bytes of Lua's heap, or 1,024; two blocks each
      assert(most <= 2.5 * math.max(1024, 2 * share), ("maker %d left %d blocks"):format(i, most))
    end
  end)
  it("is left to whoever stops the collector, up to the limit", function()
    local x, kept = scion.randn(4, 4), setmetatable({}, { __mode = "k" })
    collectgarbage("stop")
    kept[{}] = true -- goes with any collection
    for _ = 1, 3000 do local _ = x + x end
    local still = next(kept) ~= nil
    collectgarbage("restart")
    assert.is_true(still)
  end)
end)

describe("Function", function()
  local cube = function()
    return scion.Function {
      name = "cube",
      forward = function(ctx, x, scale)
        ctx.x = x
        ctx.scale = scale
        return x * x * x * scale, x:sum()
      end,
      backward = function(ctx, dy, ds) return dy * ctx.x * ctx.x * 3 * ctx.scale + ds, nil end,
    }
  end
  it("has the gradient that it is given, and gradients of that", function()
    local x = leaf { 1, 2 }
    local y, s = cube()(x, 2)
    assert.same({ 2, 16 }, { table.unpack(y:tolist()) })
    assert.equal("cube", y.grad_fn)
    local g = scion.grad({ y:sum(), s * 10 }, x, { create_graph = true })
    assert.same({ 16, 34 }, { table.unpack(g:tolist()) })
    assert.same({ 12, 24 }, { table.unpack(scion.grad(g:sum(), x):tolist()) })
    assert.is_false(cube()(x:detach(), 1).requires_grad)
    assert.is_false(scion.no_grad(cube(), x, 1).requires_grad)
  end)
  it("with nil for a tensor gives it no gradient", function()
    local stop = scion.Function { forward = function(_, a, b) return a * b end, backward = function(ctx, dy)
      assert.same({ true, true }, ctx.needs_input_grad)
      return dy, nil
    end }
    local a, b = leaf { 2 }, leaf { 3 }
    stop(a, b):sum():backward()
    assert.equal(1, a.grad:item())
    assert.is_nil(b.grad)
  end)
  it("says what is wrong with it", function()
    assert.error_matches(function() scion.Function { forward = print } end, "option 'backward' is required")
    assert.error_matches(function() scion.Function { forward = 1, backward = print } end, "option 'forward' must be")
    local bad = scion.Function { name = "bad", forward = function() return 3 end, backward = print }
    assert.error_matches(function() bad(leaf { 1 }) end, "bad: forward must return tensors, value 1 is 3")
  end)
end)
