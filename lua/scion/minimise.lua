-- L-BFGS in a box, for several small problems at once: hyper-parameters of Gaussian processes, acquisition functions. All
-- problems take one step a round, so that an objective that is a tensor expression serves all starts by one call. Vectors
-- are lists: these problems have some ten variables, for which a tensor per vector would cost more than the numbers in it.
-- (scion.logistic has the method for long vectors.)
--
-- Nocedal and Wright, algorithm 7.4, on the variables that are free: one at its bound with a gradient that points outwards
-- keeps still (Bertsekas 1982). Steps are projected on the box and shortened until the decrease suffices (3.4, Armijo).

local check = require "scion.check"

local M = {}

local OPTS <const> = {
  lower = check.list {}, upper = check.list {},           -- bounds, the same for all problems; default none
  max_rounds = check.integer { default = 100, min = 1 },  -- calls of the objective
  tol = check.number { default = 1e-6, above = 0 },       -- on the largest element of the projected gradient
  f_tol = check.number { default = 1e-10, min = 0 },      -- a step that gains less than this (relative) is the last
  history = check.integer { default = 8, min = 1 },
}

local ARMIJO <const> = 1e-4
local MAX_SHORTER <const> = 25

local function dot(a, b)
  local sum = 0.0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end

local function clip(v, low, high)
  if low and v < low then return low end
  if high and v > high then return high end
  return v
end

-- The gradient where the point may move, 0 elsewhere; and its largest element.
local function free_gradient(p, lower, upper)
  local g, largest = {}, 0.0
  for i, gi in ipairs(p.g) do
    local held = lower and p.x[i] <= lower[i] and gi > 0 or upper and p.x[i] >= upper[i] and gi < 0
    g[i] = held and 0.0 or gi
    largest = math.max(largest, math.abs(g[i]))
  end
  return g, largest
end

local function direction(p, g)
  local q, alphas = table.move(g, 1, #g, 1, {}), {}
  for k = #p.pairs, 1, -1 do
    local pair = p.pairs[k]
    local a = pair.rho * dot(pair.s, q)
    alphas[k] = a
    for i = 1, #q do q[i] = q[i] - a * pair.y[i] end
  end
  local last = p.pairs[#p.pairs]
  local scale = last and last.scale or math.min(1.0, 1 / math.sqrt(dot(g, g)))
  for i = 1, #q do q[i] = q[i] * scale end
  for k = 1, #p.pairs do
    local pair = p.pairs[k]
    local b = pair.rho * dot(pair.y, q)
    for i = 1, #q do q[i] = q[i] + (alphas[k] - b) * pair.s[i] end
  end
  for i = 1, #q do q[i] = g[i] == 0 and 0.0 or -q[i] end
  return q
end

local function begin_step(p, opts)
  local g, largest = free_gradient(p, opts.lower, opts.upper)
  if largest <= opts.tol then return false end
  p.d = direction(p, g)
  if dot(p.d, g) >= 0 then
    p.pairs = {}
    p.d = direction(p, g)
  end
  p.t, p.shorter = 1.0, 0
  return true
end

local function accept(p, x, f, g, opts)
  local s, y = {}, {}
  for i = 1, #x do s[i], y[i] = x[i] - p.x[i], g[i] - p.g[i] end
  local sy, yy = dot(s, y), dot(y, y)
  if sy > 1e-12 * yy then
    p.pairs[#p.pairs + 1] = { s = s, y = y, rho = 1 / sy, scale = sy / yy }
    if #p.pairs > opts.history then table.remove(p.pairs, 1) end
  end
  local gain = p.f - f
  p.x, p.f, p.g = x, f, g
  return gain > opts.f_tol * math.max(1.0, math.abs(f)) and begin_step(p, opts)
end

-- A step that went too far: where the parabola through f, the slope and the new value has its minimum.
local function shorten(p, f, slope, opts)
  p.shorter = p.shorter + 1
  if p.shorter > MAX_SHORTER then
    if #p.pairs == 0 then return false end
    p.pairs = {}
    return begin_step(p, opts)
  end
  local factor = 0.25
  if f == f and f < math.huge then
    factor = clip(-slope / (2 * (f - p.f - slope)), 0.1, 0.5)
    if factor ~= factor then factor = 0.25 end
  end
  p.t = p.t * factor
  return true
end

--- Minimises from every start. objective(points) gives a list of values and a list of gradients (lists of numbers) for a
--- list of points; NaN or infinite values are places not to go.
---@param objective fun(points: number[][]): number[], number[][]
---@param starts number[][]
---@param opts? { lower?: number[], upper?: number[], max_rounds?: integer, tol?: number, f_tol?: number, history?: integer }
---@return { x: number[], f: number }[] results  one per start, in their order
function M.boxed(objective, starts, opts)
  opts = check.opts("minimise.boxed", opts, OPTS)
  local problems, points = {}, {}
  for k, start in ipairs(starts) do
    local x = {}
    for i, v in ipairs(start) do x[i] = clip(v, opts.lower and opts.lower[i], opts.upper and opts.upper[i]) end
    points[k] = x
  end
  local values, gradients = objective(points)
  local active = {}
  for k, x in ipairs(points) do
    local p = { x = x, f = values[k], g = gradients[k], pairs = {} }
    problems[k] = p
    if p.f == p.f and p.f < math.huge and begin_step(p, opts) then active[#active + 1] = p end
  end
  local rounds = 1
  while #active > 0 and rounds < opts.max_rounds do
    rounds = rounds + 1
    points = {}
    for k, p in ipairs(active) do
      local x = {}
      for i, v in ipairs(p.x) do x[i] = clip(v + p.t * p.d[i], opts.lower and opts.lower[i], opts.upper and opts.upper[i]) end
      points[k] = x
    end
    values, gradients = objective(points)
    local still = {}
    for k, p in ipairs(active) do
      local x, f = points[k], values[k]
      local slope = 0.0
      for i = 1, #x do slope = slope + p.g[i] * (x[i] - p.x[i]) end
      local enough = f <= p.f + ARMIJO * slope -- false for NaN
      local goes_on
      if enough then goes_on = accept(p, x, f, gradients[k], opts) else goes_on = shorten(p, f, slope, opts) end
      if goes_on then still[#still + 1] = p end
    end
    active = still
  end
  local results = {}
  for k, p in ipairs(problems) do results[k] = { x = p.x, f = p.f } end
  return results
end

return M
