-- Samplers: what suggests the next point. A sampler is a table with a name and
--
--   sampler:suggest(study, id, random) -> params [, model]     or nil, reason
--
-- where id is the number of the trial and random its own stream of numbers. It reads study.trials and keeps nothing that those
-- cannot give back: a study that was killed and resumed suggests what it would have suggested. `model` is plain data kept with
-- the trial (a Gaussian process's hyper-parameters, where the next fit begins).

local check = require "scion.check"
local Sobol = require "scion.hpo.sobol"

local M = {}

-- ---- what samplers share ---------------------------------------------------------------------------------------------

--- Trials as { params, y, state } with y to be minimised: complete and pruned ones by their value (the scalarised objectives,
--- where there are several), failed ones without y, running ones without y; trials of earlier studies before them.
function M.history(study, weights)
  local done, failed, running = {}, {}, {}
  for _, trial in ipairs(study.earlier) do done[#done + 1] = { params = trial.params, y = study:sign() * trial.value, earlier = trial.study } end
  for _, trial in ipairs(study.trials) do
    local item = { params = trial.params, id = trial.id, state = trial.state }
    if trial.state == "complete" or trial.state == "pruned" then
      if trial.value then
        item.y = study:sign() * trial.value
      else
        item.values = {}
        for k, v in ipairs(trial.values) do item.values[k] = study:sign(k) * v end
      end
      done[#done + 1] = item
    elseif trial.state == "failed" then
      failed[#failed + 1] = item
    else
      running[#running + 1] = item
    end
  end
  if weights then M.scalarise(done, weights) end
  return done, failed, running
end

--- Several objectives as one (Knowles 2006, ParEGO): the augmented Chebyshev norm of values scaled to [0, 1].
function M.scalarise(done, weights)
  local low, high = {}, {}
  for _, item in ipairs(done) do
    for k, v in ipairs(item.values or {}) do
      low[k], high[k] = math.min(low[k] or v, v), math.max(high[k] or v, v)
    end
  end
  for _, item in ipairs(done) do
    local largest, sum = -math.huge, 0
    for k, v in ipairs(item.values or {}) do
      local part = weights[k] * (high[k] > low[k] and (v - low[k]) / (high[k] - low[k]) or 0)
      largest, sum = math.max(largest, part), sum + part
    end
    item.y = largest + 0.05 * sum
  end
end

--- Random weights that sum to one, for a trial of a study with several objectives; nil for one objective.
function M.objective_weights(study, random)
  if #study.directions == 1 then return nil end
  local weights, sum = {}, 0
  for k = 1, #study.directions do
    weights[k] = -math.log(1 - random:uniform())
    sum = sum + weights[k]
  end
  for k = 1, #weights do weights[k] = weights[k] / sum end
  return weights
end

-- ---- the simple ones ----------------------------------------------------------------------------------------------------

local Random = { name = "random" }
Random.__index = Random
function Random:suggest(study, _, random) return study.space:sample(random) end

--- Independent uniform draws (on the scale of each parameter).
function M.random(opts)
  check.opts("hpo.random", opts, {})
  return setmetatable({}, Random)
end

local SobolSampler = { name = "sobol" }
SobolSampler.__index = SobolSampler
function SobolSampler:suggest(study, id)
  local sequence = self.sequence
  if not sequence then
    sequence = Sobol.new(#study.space, study.seed)
    self.sequence = sequence
  end
  return study.space:from_unit(sequence:at(id - 1))
end

--- Points of a Sobol' sequence with a random shift: an even start.
function M.sobol(opts)
  check.opts("hpo.sobol", opts, {})
  return setmetatable({}, SobolSampler)
end

local Grid = { name = "grid" }
Grid.__index = Grid

local function levels_of(space, levels)
  for name, n in pairs(type(levels) == "table" and levels or {}) do
    local p = space.by_name[name]
    if not p or p.values or math.type(n) ~= "integer" or n < 1 then
      error(("hpo.grid: levels of %s: expected a whole number for a continuous or integer parameter of the space, got %s"):format(check.describe(name),
        check.describe(n)), 0)
    end
  end
  return function(p)
    local n = type(levels) == "table" and levels[p.name]
    if not n and p.type ~= "continuous" then return nil end
    n = n or type(levels) == "number" and levels or 5
    local values, seen = {}, {}
    for k = 1, n do
      local value = space:value_at(p, n == 1 and 0.5 or (k - 1) / (n - 1))
      if not seen[value] then values[#values + 1] = value end -- of few integers, several levels may be one
      seen[value] = true
    end
    return values
  end
end

function Grid:suggest(study)
  local walk = self.walks[study]
  if not walk then
    walk = study.space:points(levels_of(study.space, self.levels))
    self.walks[study] = walk
  end
  for point in walk do
    if not study.keys[study.space:key(point)] then return point end
  end
  return nil, "exhausted: all points of the grid have been tried"
end

--- Every combination in order. levels: points of a continuous parameter's domain (default 5), or { name = number } for some of them, and for
--- integers, which have all their values otherwise.
function M.grid(opts)
  local o = check.opts("hpo.grid", opts, { levels = check.either({ check.integer { min = 1 }, check.table() }, { default = 5 }) })
  return setmetatable({ levels = o.levels, walks = setmetatable({}, { __mode = "k" }) }, Grid)
end

-- ---- by name ------------------------------------------------------------------------------------------------------------------

local ELSEWHERE <const> = { gp = "scion.hpo.gp", tpe = "scion.hpo.tpe", cma_es = "scion.hpo.cma_es" }
local NAMES <const> = { "cma_es", "gp", "grid", "random", "sobol", "tpe" }

--- The sampler of a name with its default options, or the sampler given.
function M.make(given, _, level)
  if type(given) == "table" then
    if type(given.suggest) ~= "function" then error("hpo.study: sampler must be a name or a table with a suggest method", level) end
    return given
  end
  if ELSEWHERE[given] then return require(ELSEWHERE[given]).new() end
  for _, name in ipairs(NAMES) do
    if name == given then return M[name]() end
  end
  local near = check.nearest(given, NAMES)
  error(("hpo.study: unknown sampler '%s'%s (known: %s)"):format(given, near and (", did you mean '%s'?"):format(near) or "",
    table.concat(NAMES, ", ")), level)
end

return M
