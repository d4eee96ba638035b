-- The specs of operations, layers and losses under every instruction set that the processor has, and with OpenBLAS told to
-- take another processor's kernels; and their results against each other. The work is done in processes of their own.
local helper = require "spec.helper"

local dir = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$")

local function isa_of(env) return helper.lua("print(scion.info().isa)", { env = env }):match("%w+") end

-- Those that the machine cannot run are left out; the specs need not run again under what is the default anyway.
local settings, default = {}, isa_of {}
for _, isa in ipairs { "scalar", "avx2", "avx512" } do
  if isa_of { SCION_ISA = isa } == isa then settings[#settings + 1] = { name = isa, env = { SCION_ISA = isa }, specs = isa ~= default } end
end
-- kernels of an older processor: SSE2 only, or AVX without fused multiply-add
for _, core in ipairs { "Nehalem", "Sandybridge" } do
  settings[#settings + 1] = { name = "OpenBLAS for " .. core, env = { OPENBLAS_CORETYPE = core }, specs = core == "Sandybridge" }
end

describe("with another instruction set", function()
  local tmp = helper.tmpdir()

  for _, setting in ipairs(settings) do
    if setting.specs then
      it("the specs of operations and layers hold: " .. setting.name .. " #slow", function()
        local run = helper.run({ "scion", "test", "spec/ops/gradcheck_spec.lua", "spec/ops/conv_spec.lua", "spec/nn/layer_golden_spec.lua" },
          { env = setting.env })
        assert(run.code == 0, setting.name .. ":\n" .. run.out:sub(-3000) .. run.err)
      end)
    end
  end

  it("results agree within NMSE 1e-7 #slow", function()
    local reference
    for _, setting in ipairs(settings) do
      local path = tmp .. "/" .. setting.name:gsub("%s", "_")
      local run = helper.run({ "scion", dir .. "/isa_worker.lua", path }, { env = setting.env })
      assert(run.code == 0, setting.name .. ": " .. run.out .. run.err)
      local got = {}
      for line in io.lines(path) do
        local name, kind, numbers = line:match("^(%S+)\t(%S+)\t(.*)$")
        local list = {}
        for v in numbers:gmatch("%S+") do list[#list + 1] = tonumber(v) or 0 / 0 end
        got[#got + 1] = { name = name, kind = kind, list = list }
      end
      assert.is_true(#got > 300)
      reference = reference or got
      assert.equal(#reference, #got)
      for i, item in ipairs(got) do
        local expected, wrong, size = reference[i], 0, 1e-12
        assert.equal(expected.name, item.name)
        assert.equal(#expected.list, #item.list)
        for k, v in ipairs(item.list) do
          local r = expected.list[k]
          if r == r and math.abs(r) < 1e30 then
            wrong, size = wrong + (v - r) ^ 2, size + r * r
          end
        end
        assert(wrong / size <= 1e-7, ("%s (%s) differs on %s: NMSE %g"):format(item.name, item.kind, setting.name, wrong / size))
      end
    end
  end)
end)
