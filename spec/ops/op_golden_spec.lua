-- Tensor operations against PyTorch: what they mean, where derivative checks only tell that they are consistent.
local scion = require "scion"

local dir = debug.getinfo(1, "S").source:match("^@(.*)ops/[^/]*$")
local golden = dofile(dir .. "nn/golden.lua")

-- Not under this name here.
local OTHER <const> = { svdvals = function(x) return (select(2, scion.svd(x))) end, unfold = scion.Tensor.methods.unfold }

describe("operations give PyTorch's values:", function()
  for number, case in ipairs(golden.load("op.lua")) do
    it(("%s, case %d"):format(case.op, number), function()
      local inputs, args = {}, {}
      for i, input in ipairs(case.inputs) do
        inputs[i] = golden.fill(input.shape, i, (input.kind:gsub("!nan", "")))
        if input.kind:find("!nan", 1, true) then inputs[i]:reshape(-1)[2] = 0 / 0 end
      end
      for i, a in ipairs(case.args) do args[i] = type(a) == "string" and a:match("^x%d$") and inputs[tonumber(a:sub(2))] or a end
      local out = { (OTHER[case.op] or scion[case.op])(inputs[1], table.unpack(args)) }
      for i, expected in ipairs(case.y) do
        assert.same(case.shapes[i], { table.unpack(out[i].shape) })
        local y = out[i]:to("f64"):nan_to_num(77, 99, -99)
        golden.check(("result %d"):format(i), y, expected, 1e-9)
      end
    end)
  end
end)
