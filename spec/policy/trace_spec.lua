local scion = require "scion"
local nn = scion.nn

describe("scion.trace", function()
  it("turns a function of tensors into a net that computes the same for other inputs", function()
    local w = scion.randn { 4, 3 }:requires_grad_()
    local net = scion.trace(function(x)
      local h = (x:matmul(w) + 1):relu()
      return scion.cat({ h, h * 2 - 0.5 }, 2):mean(2)
    end, scion.randn { 2, 4 })
    local x = scion.randn { 7, 4 }
    local h = (x:matmul(w) + 1):relu()
    assert.allclose(net(x), scion.cat({ h, h * 2 - 0.5 }, 2):mean(2), { rtol = 1e-5, atol = 1e-6 })
    assert.equal(1, #net:parameters())
    net(x):sum():backward()
    assert.is_truthy(w.grad)
    assert.is_truthy(net:has_layer "relu")
  end)
  it("takes in nets with their layers and parameters, several inputs and outputs, and sizes", function()
    local body = nn.Sequential({ nn.Linear(3, 5), nn.Tanh() }, { name = "body" })
    local net = scion.trace(function(a, b)
      local y = body(a)
      return y + scion.exp(b), y:reshape(-1, y.shape[2])
    end, { scion.randn { 2, 3 }, scion.randn { 2, 5 } }, { names = { "left", "right" } })
    assert.same({ "left", "right" }, { net:inputs()[1].name, net:inputs()[2].name })
    assert.equal(2, #net:parameters())
    local a, b = scion.randn { 4, 3 }, scion.randn { 4, 5 }
    assert.allclose((net(a, b)), body(a) + b:exp(), { rtol = 1e-5 })
  end)
  it("refuses what depends on values, with the line", function()
    local x = scion.randn { 2, 3 }
    local function refused(fn, pattern)
      local ok, message = pcall(scion.trace, fn, x)
      assert.is_false(ok)
      assert.is_truthy(message:find("trace_spec.lua:%d+: scion.trace: " .. pattern), message)
    end
    refused(function(t) if t:sum():item() > 0 then return t end return -t end, "item%(%)")
    refused(function(t) return t:tolist() end, "tolist%(%)")
    refused(function(t) if t < 3 then return t end return -t end, "a comparison")
    refused(function(t) return t:add_(1) end, "add_ changes its receiver")
    assert.error_matches(function() scion.trace(function() return scion.ones { 2 } end, x) end, "does not depend on its arguments")
    assert.error_matches(function() scion.trace(3, x) end, "expected a function of tensors, a net or a matrix, got 3")
    refused(function(t)
      local y = t * 2
      y[1] = 0
      return y
    end, "assigning to elements changes")
    refused(function(t) return t[t:gt(0):any(2)] or t[{ t:gt(0):any(2) }] end, "indexing by a mask")
    assert.error_matches(function() scion.trace(function(t) return { y = t } end, x) end, "it returned a table with names")
    assert.error_matches(function() scion.trace(function(t) return t end, x, { name = "x" }) end, "unknown option 'name'")
  end)
  it("takes index lists, methods that are written in Lua, all operators, and examples one after the other", function()
    local function same(fn, ...)
      local net = scion.trace(fn, ...)
      local a, b = { fn(...) }, { net(...) }
      for i, y in ipairs(a) do assert.allclose(b[i]:to("f64"), y:to("f64"), { rtol = 1e-5, atol = 1e-6 }) end
      return net
    end
    local x, y = scion.randn { 3, 6, 4 }, scion.randn { 3, 6, 4 }
    same(function(t) return t[{ 2, { 2, -1 }, {} }] end, x)
    same(function(t) return t[{ {}, { 1, 6, 2 }, 1 }], t[{ {}, scion.tensor({ 3, 1 }, { dtype = "i64" }) }] end, x)
    same(function(t)
      local a, b = table.unpack(t:split({ 2, 4 }, 2))
      return scion.cat({ b, a }, 2):chunk(2, 3)[1]:unbind(1)[2]
    end, x)
    same(function(a, b) return a // 0.5 % 2 + a:fmax(b):clip(-1, 1):ravel():sum(), scion.einsum("bij,bkj->bik", a, b), scion.hstack { a, b } end, x, y)
    same(function(t) return t:gather(3, t:argmax(3, true)), t:index_select(2, scion.tensor({ 3, 1 }, { dtype = "i64" })), t:masked_fill(t:gt(0), 1) end, x)
    same(function(t) return (t:gt(0) & t:lt(1)):to("f32"):view(3, -1) end, x)
  end)
  it("leaves the batch free where the function reads it, and warns where it cannot", function()
    local w = scion.randn { 4, 4 }
    local function attention(t)
      local b, n, d = table.unpack(t.shape)
      local q = t:reshape(b * n, d):matmul(w):reshape(b, n, 2, d // 2):transpose(2, 3)
      return q:matmul(q:transpose(3, 4)):softmax(-1):matmul(q):transpose(2, 3):reshape(b, n, d), t:unsqueeze(2):expand(b, 3, n, d), t:view(#t, -1)
    end
    local heard, emit = {}, scion.emit
    scion.emit = function(_, text) heard[#heard + 1] = text end
    for _, batch in ipairs { 1, 2, 5 } do
      local net = scion.trace(attention, scion.randn { batch, 3, 4 })
      local t = scion.randn { 4, 3, 4 }
      for i, want in ipairs { attention(t) } do assert.allclose(select(i, net(t)), want, { rtol = 1e-5, atol = 1e-6 }) end
    end
    assert.same({}, heard)
    local ok = pcall(scion.trace, function(t) return t:sum(1) / t:size(1) end, scion.randn { 2, 3 })
    scion.emit = emit
    assert.is_true(ok)
    assert.equal(1, #heard)
    assert.is_truthy(heard[1]:find("holds for batches of 2 items only", 1, true))
  end)
end)
