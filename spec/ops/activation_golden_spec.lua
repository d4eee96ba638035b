-- Activation functions and their derivatives against PyTorch.
local scion = require "scion"

local dir = debug.getinfo(1, "S").source:match("^@(.*)ops/[^/]*$")
local golden = dofile(dir .. "golden/activation.lua")

-- PyTorch keeps these constants (1 / 6, 1 / alpha) in f32.
local ROUNDED <const> = { hardsigmoid = true, celu = true }

describe("activations follow PyTorch", function()
  local weights = {}
  for i = 1, #golden.x do weights[i] = i end
  for _, case in ipairs(golden.cases) do
    for _, dtype in ipairs { "f64", "f32" } do
      local tolerance = dtype == "f64" and 1e-12 or 2e-6
      local text = {}
      for name, value in pairs(case.options) do text[#text + 1] = name .. "=" .. tostring(value) end
      it(("%s(%s) in %s"):format(case.op, table.concat(text, ", "), dtype), function()
        if ROUNDED[case.op] then tolerance = 2e-6 end
        local x = scion.tensor(golden.x, { dtype = dtype }):requires_grad_(true)
        local y = next(case.options) and scion[case.op](x, case.options) or scion[case.op](x)
        local loss = (y * scion.tensor(weights, { dtype = dtype })):sum()
        loss:backward()
        assert.allclose(y:detach(), case.y, { rtol = tolerance, atol = tolerance })
        assert.allclose(x.grad, case.dx, { rtol = 4 * tolerance, atol = 20 * tolerance })
      end)
    end
  end
end)
