-- Pruners: when a trial that reports intermediate values should stop. A pruner is a table with a name and
--
--   pruner:should_stop(study, trial) -> boolean        asked after a report
--
-- All of them compare a trial with the others of the study at the same step, so they work with any sampler and in any number of
-- processes. A value of NaN or infinity stops a trial at once.

local check = require "scion.check"
local rng = require "scion.data.rng"

local M = {}

local function bad(v) return v ~= v or v == math.huge end

-- The best value (to be minimised) a trial has reported up to a step; nil when it has reported none.
local function best_until(trial, step, sign)
  local best
  for _, report in ipairs(trial.reports) do
    local v = sign * report.value
    if report.step <= step and v == v and (not best or v < best) then best = v end
  end
  return best
end

-- The value of the first report at or beyond a step.
local function value_at(trial, step, sign)
  for _, report in ipairs(trial.reports) do
    if report.step >= step then return sign * report.value end
  end
end

-- ---- median ---------------------------------------------------------------------------------------------------------

local Median = { name = "median" }
Median.__index = Median

function Median:should_stop(study, trial)
  local sign, last = study:sign(), trial.reports[#trial.reports]
  if bad(sign * last.value) then return true end
  if last.step <= self.warmup_steps then return false end
  local others = {}
  for _, other in ipairs(study.trials) do
    if other ~= trial and other.state == "complete" then
      local v = best_until(other, last.step, sign)
      if v then others[#others + 1] = v end
    end
  end
  if #others < self.n_startup then return false end
  table.sort(others)
  local rank = 1 + (#others - 1) * self.quantile
  local low, high = others[math.floor(rank)], others[math.ceil(rank)]
  return best_until(trial, last.step, sign) > low + (high - low) * (rank - math.floor(rank))
end

--- Stops a trial whose best value so far is worse than the median of the complete trials at the same step (Golovin et al. 2017).
--- n_startup: complete trials before it acts; warmup_steps: steps that every trial may have; quantile: 0.5 is the median.
function M.median(opts)
  return setmetatable(check.opts("hpo.median", opts, { n_startup = check.integer { default = 5, min = 1 },
    warmup_steps = check.number { default = 0, min = 0 }, quantile = check.number { default = 0.5, min = 0, max = 1 } }), Median)
end

-- ---- asynchronous successive halving ------------------------------------------------------------------------------------

local Asha = { name = "asha" }
Asha.__index = Asha

-- Should the trial stop at one of the rungs its last report has reached? Rungs are at first, first * factor, ...
local function halve(study, trial, first, factor, same_bracket)
  local sign, last = study:sign(), trial.reports[#trial.reports]
  if bad(sign * last.value) then return true end
  local rung = first
  while rung <= last.step do
    local before = trial.reports[#trial.reports - 1]
    if not before or before.step < rung then -- reached by this report
      local mine, values = value_at(trial, rung, sign), {}
      for _, other in ipairs(study.trials) do
        if same_bracket(other) then
          local v = value_at(other, rung, sign)
          if v and v == v then values[#values + 1] = v end
        end
      end
      table.sort(values)
      local keep = math.max(1, #values // factor)
      if mine > values[keep] then return true end
    end
    rung = rung * factor
  end
  return false
end

function Asha:should_stop(study, trial)
  return halve(study, trial, self.min_resource, self.factor, function() return true end)
end

local HALVING <const> = { min_resource = check.number { default = 1, above = 0 }, factor = check.integer { default = 4, min = 2 } }

--- Asynchronous successive halving (Li et al. 2020), the variant that stops: at steps min_resource, min_resource * factor, ... a
--- trial goes on only when it is among the best 1/factor of those that have come so far. No worker ever waits.
function M.asha(opts) return setmetatable(check.opts("hpo.asha", opts, HALVING), Asha) end

-- ---- Hyperband ------------------------------------------------------------------------------------------------------------

local Hyperband = { name = "hyperband" }
Hyperband.__index = Hyperband

--- The bracket of a trial: those that begin halving early get more trials, in proportion to what they cost (Li et al. 2018).
function Hyperband:bracket(id, seed)
  local weights, total = {}, 0
  for b = 1, self.n_brackets do
    local s = self.n_brackets - b -- halvings that bracket b makes
    weights[b] = self.factor ^ s * self.n_brackets / (s + 1)
    total = total + weights[b]
  end
  local u = rng.new(seed, id, 0xb4ac):uniform() * total
  for b = 1, self.n_brackets do
    u = u - weights[b]
    if u < 0 then return b end
  end
  return self.n_brackets
end

function Hyperband:should_stop(study, trial)
  local bracket = trial.bracket or 1
  return halve(study, trial, self.min_resource * self.factor ^ (bracket - 1), self.factor, function(other) return other.bracket == bracket end)
end

--- Hyperband over asynchronous halving: brackets that begin to stop trials at min_resource, min_resource * factor, ... up to
--- max_resource hedge against values that deceive early. Each trial's bracket follows from the seed and its number.
function M.hyperband(opts)
  local rules = { max_resource = check.number { required = true, above = 0 }, min_resource = HALVING.min_resource,
    factor = check.integer { default = 3, min = 2 } }
  local o = check.opts("hpo.hyperband", opts, rules)
  if o.max_resource < o.min_resource then error("hpo.hyperband: max_resource is below min_resource", 2) end
  o.n_brackets = 1 + math.floor(math.log(o.max_resource / o.min_resource) / math.log(o.factor) + 1e-9)
  return setmetatable(o, Hyperband)
end

-- ---- by name --------------------------------------------------------------------------------------------------------------------

--- The pruner of a name with its default options, or the pruner given.
function M.make(given, level)
  if type(given) == "table" then
    if type(given.should_stop) ~= "function" then error("hpo.study: pruner must be a name or a table with a should_stop method", level) end
    return given
  end
  if given == "median" or given == "asha" then return M[given]() end
  if given == "hyperband" then error("hpo.study: hyperband needs to know max_resource: pruner = scion.hpo.hyperband { max_resource = 27 }", level) end
  if given == "successive_halving" then
    error("hpo.study: successive halving runs a study itself, scion.hpo.successive_halving(study, f, { max_resource = 27 }); as a pruner it is asha", level)
  end
  error(("hpo.study: unknown pruner '%s' (known: asha, hyperband, median)"):format(tostring(given)), level)
end

return M
