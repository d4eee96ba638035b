-- BayesianOptimization: the short way to a search, with GPyOpt's names where they mean the same.
--
--   local hpo = scion.hpo.BayesianOptimization { f = f, domain = domain, seed = 1 }
--   hpo:run_optimization { max_iter = 20 }
--   hpo:plot_convergence("convergence.svg")
--   print(hpo.x_opt, hpo.fx_opt)
--
-- It is a study with its loop: hpo.study has everything else. Unlike GPyOpt it never stops because two points are close, and a
-- log makes it resume.

local check = require "scion.check"
local class = require "scion.class"

local BayesianOptimization = class.class("BayesianOptimization")

local FUNCTION <const> = check.test("a function", function(v)
  return type(v) == "function" or type(v) == "table" and (getmetatable(v) or {}).__call ~= nil
end, { required = true })

local OPTS <const> = {
  f = FUNCTION,
  domain = check.table(), space = check.table(),
  maximize = false,
  seed = check.integer { default = 0 },
  log = check.string {},
  sampler = check.either({ check.string(), check.table() }, {}),
  pruner = check.either { check.string(), check.table() },
  initial_design_numdata = check.integer { min = 1 },  -- trials of the Sobol' start
  kernel = check.choice { "matern52", "matern32", "matern12", "rbf" },
  warm_start = check.table(),
}

--- opts: f(params, trial) -> number; domain (or space): the list of parameters; maximize, seed, log (file: the search resumes
--- from it), initial_design_numdata, kernel, or sampler in place of these two; pruner, warm_start.
function BayesianOptimization:init(opts)
  local o = check.opts("BayesianOptimization", opts, OPTS, 4)
  if not (o.domain or o.space) then error("BayesianOptimization: option 'domain' is required", 3) end
  if o.sampler and (o.kernel or o.initial_design_numdata) then
    error("BayesianOptimization: give kernel and initial_design_numdata to the sampler itself: sampler = scion.hpo.gp { ... }", 3)
  end
  self.f = o.f
  local hpo = require "scion.hpo"
  local ok, study = pcall(hpo.study, { space = o.space, domain = o.domain, direction = o.maximize and "maximize" or "minimize", seed = o.seed,
    log = o.log, sampler = o.sampler or hpo.gp { n_startup = o.initial_design_numdata, kernel = o.kernel }, pruner = o.pruner, warm_start = o.warm_start })
  if not ok then error((tostring(study):gsub("^[^:]+:%d+: ", "")), 3) end
  self.study = study
end

-- x_opt, fx_opt and the like are read from the study, so that they are right after a resume, too.
local COMPUTED = {}
function COMPUTED.x_opt(self)
  local best = self.study:best_trial()
  return best and best.params
end
function COMPUTED.fx_opt(self)
  local best = self.study:best_trial()
  return best and best.value
end
function COMPUTED.X(self)
  local list = {}
  for i, trial in ipairs(self.study.trials) do list[i] = trial.params end
  return require("scion.show").list(list)
end
function COMPUTED.Y(self)
  local list = {}
  for i, trial in ipairs(self.study.trials) do list[i] = trial.value or 0 / 0 end
  return require("scion.show").list(list)
end
BayesianOptimization.__index = function(self, name)
  local computed = COMPUTED[name]
  if computed then return computed(self) end
  return BayesianOptimization[name]
end
BayesianOptimization.__tostring = function(self) return "BayesianOptimization: " .. tostring(self.study) end

local RUN <const> = {
  max_iter = check.integer { default = 20, min = 0 }, -- evaluations of f in this call, the Sobol' start included
  max_time = check.number { above = 0 },              -- seconds
  verbosity = true,                                   -- a progress bar
}

--- Evaluates f at max_iter more points (default 20), or until max_time seconds have passed. Returns itself.
function BayesianOptimization:run_optimization(opts)
  local o = check.opts("run_optimization", opts, RUN)
  local ok, message = pcall(self.study.optimize, self.study, self.f, { n_trials = o.max_iter, timeout = o.max_time, progress = o.verbosity })
  if not ok then
    if type(message) == "string" then message = message:gsub("^[^:]+:%d+: optimize:", "optimize:"):gsub("^optimize:", "run_optimization:") end
    error(message, 2)
  end
  return self
end

--- The point that comes next, without evaluating it.
function BayesianOptimization:suggest_next()
  local trial, reason = self.study:ask()
  if not trial then return nil, reason end
  self.study:release(trial)
  return trial.params
end

--- Mean and uncertainty of the surrogate and the acquisition, for one or two parameters; an SVG drawing, written to `out`.
function BayesianOptimization:plot_acquisition(out) return require("scion.plot.study").acquisition(self.study, { out = out }) end

--- Distance between consecutive points, and the best value so far.
function BayesianOptimization:plot_convergence(out) return require("scion.plot.study").convergence(self.study, { out = out }) end

--- One HTML page of everything.
function BayesianOptimization:report(out) return self.study:report(out) end

return BayesianOptimization
