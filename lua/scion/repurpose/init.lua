-- The repurposers, and the registry through which files find their classes.

local check = require "scion.check"
local class = require "scion.class"

local M = {
  Repurposer = require "scion.repurpose.base",
  MetaModelRepurposer = require "scion.repurpose.meta_model",
  LrRepurposer = require "scion.repurpose.lr",
  SvmRepurposer = require "scion.repurpose.svm",
  GpRepurposer = require "scion.repurpose.gp",
  BnnRepurposer = require "scion.repurpose.bnn",
  KnnRepurposer = require("scion.repurpose.knn").KnnRepurposer,
  NearestPrototypeRepurposer = require("scion.repurpose.knn").NearestPrototypeRepurposer,
  VotingRepurposer = require "scion.repurpose.voting",
  RidgeRepurposer = require("scion.repurpose.ridge").RidgeRepurposer,
  LinearRegressionRepurposer = require("scion.repurpose.ridge").LinearRegressionRepurposer,
  NeuralNetworkRepurposer = require "scion.repurpose.neural",
  NeuralNetworkFineTuneRepurposer = require "scion.repurpose.fine_tune",
  NeuralNetworkRandomFreezeRepurposer = require "scion.repurpose.random_freeze",
  graph = require "scion.repurpose.graph",
}

local registry = {}

--- Makes a class known to scion.load. Built-in ones are known already. A class without a graph form needs serialize and
--- deserialize (see Repurposer:save).
function M.register(cls)
  local root = class.is_class(cls) and cls
  while root and root.super do root = root.super end
  if not root or root.class_name ~= "Repurposer" then -- told by name: modules may be loaded twice
    check.raise("repurpose.register: expected a subclass of Repurposer, got %s", check.describe(cls))
  end
  local builtin = M[cls.class_name]
  if builtin and registry[cls.class_name] == builtin and cls ~= builtin then
    check.raise("repurpose.register: %s is a repurposer of scion's own; give the class another name", cls.class_name)
  end
  registry[cls.class_name] = cls
  return cls
end

--- A repurposer that Xfer saved: see scion.repurpose.xfer.
M.load_xfer = require("scion.repurpose.xfer").load

--- The class of a name in a file, or nil.
function M.find(name) return registry[name] end

for _, name in ipairs { "LrRepurposer", "SvmRepurposer", "GpRepurposer", "BnnRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer",
  "VotingRepurposer", "RidgeRepurposer",
  "LinearRegressionRepurposer", "NeuralNetworkFineTuneRepurposer", "NeuralNetworkRandomFreezeRepurposer" } do
  M.register(M[name])
end

--- Searches for the source, layer, repurposer and hyper-parameters that serve best, and says whether transfer pays. Options: source (a net, a
--- list of nets, or a table of them by name; each may be { net =, classes =, n_labelled =, data = }, which sharpens the report), train (a data
--- set with classes), budget 120 (seconds, about), n_trials 40, folds 4, n_layers 3 (of each source), n_ranked 6, max_features 4096,
--- fine_tune "auto", steps 150, cache, log (file of the study, resumes), seed, progress.
---@return table repurposer  fitted on all of train
---@return table report      prints itself; transfer, best, ways, ranking, settings, study
function M.auto(opts) return require("scion.repurpose.auto").auto(opts) end

return M
