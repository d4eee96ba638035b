-- Operations so small that only the way to them counts.

local scion = require "scion"

return { title = "small operations", rows = {
  { name = "4x4 add", unit = "us", setup = function()
    local a, b = scion.randn(4, 4), scion.randn(4, 4)
    return function() return a + b end
  end },
  { name = "16x16 matmul + sum + backward", unit = "us", setup = function()
    local a, b = scion.randn(16, 16):requires_grad_(), scion.randn(16, 16):requires_grad_()
    return function()
      a:matmul(b):sum():backward()
      a.grad, b.grad = nil, nil
    end
  end },
  { name = "relu(a b + c) 32x32", unit = "us", setup = function()
    local a, b, c = scion.randn(32, 32), scion.randn(32, 32), scion.randn(32)
    return function() return (a:matmul(b) + c):relu() end
  end },
} }
