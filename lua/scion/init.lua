-- Completes the module table that the C binding has made: the parts written in Lua are found here by
-- name and loaded when first touched, so that starting costs nothing for what is not used.
--
--   scion.nn, scion.data, scion.LrRepurposer, scion.help, ...
--
-- A new public module or name is one line in PARTS.

local scion = require "scion"

-- name -> module, or module and the field that holds it
local PARTS <const> = {
  -- modules
  nn = "scion.nn",
  optim = "scion.optim",
  data = "scion.data",
  metrics = "scion.metrics",
  plot = "scion.plot",
  progress = "scion.progress",
  check = "scion.check",
  json = "scion.json",
  show = "scion.show",
  cli = "scion.cli",
  repurpose = "scion.repurpose",
  trainer = "scion.trainer",
  logistic = "scion.logistic",
  models = "scion.models",
  meta = "scion.meta",
  parallel = "scion.parallel",
  mpi = "scion.mpi",
  features = "scion.features",
  minimise = "scion.minimise",
  hpo = "scion.hpo",
  -- names
  GaussianProcess = "scion.gaussian_process",
  distributions = "scion.distributions",
  Function = { "scion.autograd", "Function" },
  class = { "scion.class", "class" },
  is_a = { "scion.class", "is_a" },
  help = { "scion.help", "help" },
  load = { "scion.repurpose.file", "load" },
  ModelHandler = "scion.model_handler",
  Repurposer = { "scion.repurpose", "Repurposer" },
  MetaModelRepurposer = { "scion.repurpose", "MetaModelRepurposer" },
  LrRepurposer = { "scion.repurpose", "LrRepurposer" },
  SvmRepurposer = { "scion.repurpose", "SvmRepurposer" },
  GpRepurposer = { "scion.repurpose", "GpRepurposer" },
  BnnRepurposer = { "scion.repurpose", "BnnRepurposer" },
  KnnRepurposer = { "scion.repurpose", "KnnRepurposer" },
  NearestPrototypeRepurposer = { "scion.repurpose", "NearestPrototypeRepurposer" },
  VotingRepurposer = { "scion.repurpose", "VotingRepurposer" },
  RidgeRepurposer = { "scion.repurpose", "RidgeRepurposer" },
  LinearRegressionRepurposer = { "scion.repurpose", "LinearRegressionRepurposer" },
  NeuralNetworkRepurposer = { "scion.repurpose", "NeuralNetworkRepurposer" },
  NeuralNetworkFineTuneRepurposer = { "scion.repurpose", "NeuralNetworkFineTuneRepurposer" },
  NeuralNetworkRandomFreezeRepurposer = { "scion.repurpose", "NeuralNetworkRandomFreezeRepurposer" },
}

-- Functions on tensors that are written in Lua: loaded when a name is asked for that C does not have.
local function load_tensor()
  setmetatable(scion.Tensor.methods, nil)
  require "scion.tensor"
end
setmetatable(scion.Tensor.methods, {
  __index = function(methods, name)
    load_tensor()
    return rawget(methods, name)
  end,
  __pairs = function(methods)
    load_tensor()
    return pairs(methods)
  end,
})

-- Parts are loaded when their name is first asked for.
local function load_part(_, name)
  local part = PARTS[name]
  if part == nil then
    load_tensor()
    return rawget(scion, name)
  end
  local value
  if type(part) == "string" then
    value = require(part)
  else
    value = require(part[1])[part[2]]
  end
  rawset(scion, name, value)
  return value
end

setmetatable(scion, {
  __index = load_part,
  __name = "scion",
  __tostring = function() return ("scion %s"):format(scion.version) end,
  -- Names that are not loaded yet: for completion, help and annotations.
  __names = function()
    local names = {}
    load_tensor()
    for name in pairs(PARTS) do names[#names + 1] = name end
    table.sort(names)
    return names
  end,
})

local matrix_trace = rawget(scion, "trace")
--- The sum of a matrix's diagonal: trace(matrix). Of a function or a net: trace(f, example inputs...) runs it and makes a net of
--- what it did; see scion.trace of the module scion.trace.
---@param f scion.Tensor|function|scion.Net
---@return scion.Tensor|scion.Net
function scion.trace(f, ...)
  local callable = type(f) == "function" or scion.is_net(f) or (type(f) == "table" and rawget(getmetatable(f) or {}, "__call") ~= nil)
  if callable then return require("scion.trace").trace(f, ...) end
  if not scion.is_tensor(f) then
    local check = require "scion.check"
    check.raise("scion.trace: expected a function of tensors, a net or a matrix, got %s", check.describe(f))
  end
  return matrix_trace(f, ...)
end

-- Methods of nets that belong to the training loop.
local Net = rawget(scion, "Net")
if Net then
  --- Trains the net: net:fit(train, { epochs = 3 }) or net:fit { data = train, ... }; see scion.trainer.fit for the options.
  ---@param data? fun(): scion.Tensor?, scion.Tensor?
  ---@param opts? scion.FitOptions
  ---@return table history
  function Net.fit(net, data, opts) return require("scion.trainer").fit(net, data, opts) end
  --- Loss and metrics over one pass: net:evaluate(test, { metrics = { "accuracy" } }); see scion.trainer.evaluate.
  ---@param data fun(): scion.Tensor?, scion.Tensor?
  ---@param opts? table
  ---@return table<string, number>
  function Net.evaluate(net, data, opts) return require("scion.trainer").evaluate(net, data, opts) end
end

return scion
