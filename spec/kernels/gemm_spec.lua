-- Small matrix products against sums written out, around every width of a vector and a panel, with either side as it lies or transposed.
local scion = require "scion"

describe("small matrix products", function()
  local function operand(rows, cols, transposed, dtype)
    local t = transposed and scion.randn(cols, rows):t() or scion.randn(rows, cols)
    return dtype == "f64" and (transposed and t:t():to("f64"):t() or t:to("f64")) or t
  end

  for _, dtype in ipairs { "f32", "f64" } do
    it("are sums of products: " .. dtype, function()
      local scope <close> = scion.scope()
      scion.seed(11)
      local worst, where = 0, ""
      for _, n in ipairs { 1, 2, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 63, 65 } do
        for _, k in ipairs { 1, 3, 8, 17, 40 } do
          for _, m in ipairs { 1, 2, 3, 4, 7, 8, 9, 14 } do
            for turned = 0, 3 do
              local inner <close> = scion.scope()
              local a, b = operand(m, k, turned & 1 == 1, dtype), operand(k, n, turned & 2 == 2, dtype)
              local expected = a:to("f64"):unsqueeze(3):mul(b:to("f64"):unsqueeze(1)):sum(2)
              local off = a:matmul(b):to("f64"):sub(expected):abs():max():item()
              if not (off <= worst) then worst, where = off, ("%d x %d x %d, turned %d"):format(m, k, n, turned) end
            end
          end
        end
      end
      assert(worst < (dtype == "f32" and 2e-5 or 1e-13), ("%g at %s"):format(worst, where))
    end)
  end

  it("a column of a wider matrix, and a view with a gap between rows", function()
    local wide = scion.randn(20, 50)
    local a, b = wide:narrow(2, 3, 12), scion.randn(12, 30):narrow(2, 7, 1)
    assert.allclose(a:matmul(b), a:clone():matmul(b:clone()), { rtol = 1e-5, atol = 1e-5 })
    local c = scion.randn(12, 64):narrow(2, 5, 21)
    assert.allclose(a:matmul(c), a:unsqueeze(3):mul(c:unsqueeze(1)):sum(2), { rtol = 1e-5, atol = 1e-5 })
    -- what lies beside the last columns is not looked at
    local beside = scion.zeros(12, 64)
    beside:narrow(2, 5, 21):copy_(c)
    beside:narrow(2, 26, 39):fill_(0 / 0)
    assert.allclose(a:matmul(beside:narrow(2, 5, 21)), a:matmul(c), { rtol = 1e-6 })
  end)

  it("one weight for all tasks is the same as a copy for each", function()
    local x, w, bias = scion.randn(24, 5), scion.randn(1, 7, 5), scion.randn(1, 7)
    local shared = scion.linear(x, w:expand(4, 7, 5), bias:expand(4, 7))
    assert.allclose(shared, scion.linear(x, w:expand(4, 7, 5):clone(), bias:expand(4, 7):clone()), { rtol = 1e-5, atol = 1e-6 })
    assert.allclose(scion.linear(x, w:expand(4, 7, 5)), scion.linear(x, w:reshape(7, 5)), { rtol = 1e-5, atol = 1e-6 })
    local own = scion.randn(4, 7)
    assert.allclose(scion.linear(x, w:expand(4, 7, 5), own), scion.linear(x, w:expand(4, 7, 5):clone(), own), { rtol = 1e-5, atol = 1e-6 })
  end)
end)
