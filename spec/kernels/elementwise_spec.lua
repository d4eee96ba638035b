-- Elementwise kernels under each instruction set: against f64 and integer references on many lengths and layouts, and
-- the sets against each other. The work is done by elementwise_worker.lua in processes of their own.
local helper = require "spec.helper"

local dir = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

describe("elementwise kernels", function()
  local results = {}
  local tmp
  setup(function() tmp = helper.tmpdir() end)

  for _, isa in ipairs { "scalar", "avx2", "avx512" } do
    it("are right on " .. isa, function()
      local path = tmp .. "/" .. isa
      local run = helper.run({ "scion", dir .. "/elementwise_worker.lua", path }, { env = { SCION_ISA = isa } })
      assert(run.code == 0, run.out .. run.err)
      local got = run.out:match("checked %d+ on (%w+)")
      if got ~= isa then return pending("this processor has no " .. isa) end
      results[isa] = path
    end)
  end

  it("agree across instruction sets within NMSE 1e-7", function()
    local reference
    for _, isa in ipairs { "scalar", "avx2", "avx512" } do
      if results[isa] then
        local list = {}
        for line in io.lines(results[isa]) do list[#list + 1] = tonumber(line) or 0 end
        if reference then
          local err, size = 0, 0
          assert.are.equal(#reference, #list)
          for i, v in ipairs(list) do
            local r = reference[i]
            if r == r and math.abs(r) < 1e30 then err, size = err + (v - r) ^ 2 / (1 + r * r), size + r * r / (1 + r * r) end
          end
          assert.is_true(err / size < 1e-7)
        end
        reference = reference or list
      end
    end
  end)
end)
