-- Initialisers: mean, spread and bounds as PyTorch's, within sampling error.
local scion = require "scion"

local dir = debug.getinfo(1, "S").source:match("^@(.*)nn/[^/]*$")
local golden = dofile(dir .. "golden/init.lua")
local init = scion.nn.init

-- Arguments that go by position.
local ARGUMENTS <const> = {
  xavier_uniform_ = { "gain" }, xavier_normal_ = { "gain" }, uniform_ = { "a", "b" }, normal_ = { "mean", "std" }, trunc_normal_ = { "mean", "std",
      "a", "b" }, sparse_ = { "sparsity", "std" } }

describe("initialisers have PyTorch's statistics", function()
  for i, case in ipairs(golden.cases) do
    it(("%s, case %d"):format(case.name, i), function()
      scion.seed(7)
      local t = scion.zeros(case.shape)
      local names, args = ARGUMENTS[case.name], {}
      for k, name in ipairs(names or {}) do args[k] = case.options[name] end
      if names then init[case.name](t, table.unpack(args, 1, #names))
      else init[case.name](t, next(case.options) and case.options or nil) end
      local n = t:numel()
      local mean = t:mean():item()
      local std = math.sqrt((t - mean):square():sum():item() / (n - 1))
      assert.is_true(math.abs(mean - case.mean) < 6 * case.std / math.sqrt(n))
      assert.is_true(math.abs(std - case.std) < 0.02 * case.std)
      -- hard bounds, where there are any, are the same; extremes of unbounded ones are only similar
      local spread = case.max - case.min
      assert.is_true(math.abs(t:amax():item() - case.max) < 0.15 * spread)
      assert.is_true(math.abs(t:amin():item() - case.min) < 0.15 * spread)
    end)
  end
  it("calculate_gain", function()
    for name, gain in pairs(golden.gains) do
      assert.is_true(math.abs(init.calculate_gain(name) - gain) < 1e-12, name)
    end
  end)
end)
