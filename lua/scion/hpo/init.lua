-- Hyper-parameter search.
--
--   scion.hpo.BayesianOptimization { f = f, domain = domain }:run_optimization { max_iter = 20 }   the short way
--   scion.hpo.study { space = space, log = "a.study", sampler = "tpe", pruner = "asha" }           ask and tell underneath
--
-- space.lua says how parameters are written, study.lua what a study is, samplers.lua what suggests points, pruners.lua what
-- stops trials early, halving.lua how budgets are shared, report.lua what can be seen afterwards.

local M = {}

local FIELDS <const> = {
  Study = { "scion.hpo.study", "Study" },
  Trial = { "scion.hpo.study", "Trial" },
  BayesianOptimization = { "scion.hpo.bayesian_optimization" },
  space = { "scion.hpo.space", "new" },
  gp = { "scion.hpo.gp", "new" },
  tpe = { "scion.hpo.tpe", "new" },
  cma_es = { "scion.hpo.cma_es", "new" },
  random = { "scion.hpo.samplers", "random" },
  sobol = { "scion.hpo.samplers", "sobol" },
  grid = { "scion.hpo.samplers", "grid" },
  median = { "scion.hpo.pruners", "median" },
  asha = { "scion.hpo.pruners", "asha" },
  hyperband = { "scion.hpo.pruners", "hyperband" },
  successive_halving = { "scion.hpo.halving", "successive_halving" },
  run_hyperband = { "scion.hpo.halving", "hyperband" },
  importance = { "scion.hpo.importance", "importance" },
}

--- Opens or begins a study (scion.hpo.Study): ask, tell, fail, optimize, report, ... Options: space (or domain), a list of parameters
--- { name =, type = "continuous" | "integer" | "discrete" | "categorical", domain =, scale = "linear" | "log", when = { parent = value } };
--- log (file: the study resumes from it), direction "minimize" ("maximize", or a list of them), sampler "gp" ("tpe", "cma_es", "random",
--- "sobol", "grid", or scion.hpo.gp { ... }), pruner ("median", "asha", or scion.hpo.hyperband { ... }), seed 0, warm_start (earlier studies),
--- retries 2.
---@return table study
function M.study(opts) return M.Study(opts) end

return setmetatable(M, {
  __index = function(_, name)
    local place = FIELDS[name]
    if not place then return nil end
    local value = require(place[1])
    if place[2] then value = value[place[2]] end
    rawset(M, name, value)
    return value
  end,
  __names = function()
    local names = {}
    for name in pairs(FIELDS) do names[#names + 1] = name end
    table.sort(names)
    return names
  end,
})
