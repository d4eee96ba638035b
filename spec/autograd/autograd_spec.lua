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
    assert.error_matches(function() scion.grad((x * 2):sum(), { x, z }) end, "do not depend on input 1")
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
