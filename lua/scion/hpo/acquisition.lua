-- The largest expected improvement of a Gaussian process over a space.
--
-- Candidates: an even cover of the space and neighbours of the best points tried. The best of them climb: continuous parameters
-- by L-BFGS on exact gradients, all starts at once; whole numbers, values and categories by trying their neighbours; in turn,
-- until neither helps. Every candidate is a point of the space (rounded, conditional parameters as they exist), so what is
-- maximised is what will be evaluated.

local minimise = require "scion.minimise"
local Sobol = require "scion.hpo.sobol"

local M = {}

local F64 <const> = { dtype = "f64" }
local function scion() return require "scion" end

--- Log expected improvement at encoded rows, as an expression of the tensor x (N, columns), in the process's own units. best: the
--- value to beat; nil: minus the mean instead, to go where the process expects the best value.
function M.log_ei(gp, x, best)
  local mean, variance = gp:_posterior(x)
  if not best then return mean:neg() end
  local deviation = variance:sqrt()
  return mean:neg():add(best):div(deviation):log_expected_improvement():add(deviation:log())
end

--- The best posterior mean at the points of the process, in its own units.
function M.incumbent(gp)
  local s = scion()
  return s.no_grad(function() return (gp:_posterior(gp.x)):min():item() end)
end

-- The value of p next to `value`: a step on the scale of whole numbers and discrete values, another category.
local function neighbour_values(space, p, value, random)
  local out = {}
  if p.type == "categorical" then
    if p.count <= 8 then
      for _, other in ipairs(p.values) do
        if other ~= value then out[#out + 1] = other end
      end
    else
      for _ = 1, 6 do out[#out + 1] = p.values[random:integer(p.count)] end
    end
  elseif p.type == "discrete" then
    local i = p.index_of[value]
    if i > 1 then out[1] = p.values[i - 1] end
    if i < p.count then out[#out + 1] = p.values[i + 1] end
    if p.count > 3 then out[#out + 1] = p.values[random:integer(p.count)] end
  elseif p.type == "integer" then
    if value > p.low then out[1] = value - 1 end
    if value < p.high then out[#out + 1] = value + 1 end
    if p.count > 3 then
      local u = space:unit_of(p, value) + 0.1 * random:normal()
      out[#out + 1] = space:value_at(p, math.max(0, math.min(1, u)))
      out[#out + 1] = space:value_at(p, random:uniform())
    end
  end
  return out
end

-- The point with p set to value: parameters that come to exist are drawn, others are kept.
local function with_value(space, params, p, value, random)
  local out = {}
  for _, q in ipairs(space) do
    if space:active(q, out) then
      if q == p then out[q.name] = value
      elseif params[q.name] ~= nil then out[q.name] = params[q.name]
      else out[q.name] = space:value_at(q, random:uniform()) end
    end
  end
  return space:params(out)
end

-- A point near `params`: each number moved by a normal step with probability 1/2, a category changed now and then.
local function perturb(space, params, random, width)
  local out = {}
  for _, p in ipairs(space) do
    if space:active(p, out) then
      local value = params[p.name]
      if value == nil or p.type == "categorical" and random:uniform() < 1 / #space then
        value = space:value_at(p, random:uniform())
      elseif p.type ~= "categorical" and random:uniform() < 0.5 then
        value = space:value_at(p, math.max(0, math.min(1 - 1e-12, space:unit_of(p, value) + width * random:normal())))
      end
      out[p.name] = value
    end
  end
  return space:params(out)
end

-- The same for an encoded row whose columns are all continuous.
local function jitter(row, random, width)
  local out = {}
  for k, v in ipairs(row) do
    out[k] = random:uniform() < 0.5 and math.max(0.0, math.min(1.0, v + width * random:normal())) or v
  end
  return out
end

local function evaluate(space, gp, best, list)
  local s, rows = scion(), {}
  for i, item in ipairs(list) do
    item.row = item.row or space:encode(item.params)
    rows[i] = item.row
  end
  local scope <close> = s.scope()
  local values = s.no_grad(M.log_ei, gp, s.tensor(rows, F64), best):tolist()
  for i, item in ipairs(list) do item.value = values[i] == values[i] and values[i] or -math.huge end
end

-- Continuous columns of a point that may move.
local function free_columns(space, params)
  local free, any = {}, false
  for column = 1, space.n_columns do free[column] = false end
  for _, p in ipairs(space) do
    if p.type == "continuous" and params[p.name] ~= nil then free[p.first], any = true, true end
  end
  return free, any
end

-- Climbs by gradient in the free columns of all starts at once.
local function climb(space, gp, best, starts, rounds)
  local s = scion()
  local points, lower, upper, which = {}, {}, {}, {}
  for column = 1, space.n_columns do lower[column], upper[column] = 0.0, 1.0 end
  local moving = {}
  for _, start in ipairs(starts) do
    local free, any = free_columns(space, start.params)
    if any then
      moving[#moving + 1] = start
      start.free = free
      points[#points + 1] = start.row
      which[start.row] = free
    end
  end
  if #moving == 0 then return end
  -- minimise.boxed drops problems that are done: a point's free columns are found by its fixed ones when spaces are mixed.
  local all_free = space.all_continuous
  local keys = {}
  local function key_of(row)
    local parts = {}
    for _, p in ipairs(space) do
      if p.type ~= "continuous" then
        for column = p.first, p.last do parts[#parts + 1] = ("%.6f"):format(row[column]) end
      end
    end
    return table.concat(parts, " ")
  end
  if not all_free then
    for _, start in ipairs(moving) do keys[key_of(start.row)] = start.free end
  end
  local function objective(rows)
    local scope <close> = s.scope()
    local x = s.tensor(rows, { dtype = "f64", requires_grad = true })
    local value = M.log_ei(gp, x, best)
    local gradient = s.grad(value:sum(), { x })[1]:neg():tolist()
    local values = value:neg():tolist()
    if not all_free then
      for i, row in ipairs(rows) do
        local free = keys[key_of(row)]
        for column = 1, #row do
          if not free[column] then gradient[i][column] = 0.0 end
        end
      end
    end
    return values, gradient
  end
  local results = s.enable_grad(minimise.boxed, objective, points, { lower = lower, upper = upper, max_rounds = rounds, tol = 1e-4, f_tol = 1e-7 })
  for i, result in ipairs(results) do
    local start = moving[i]
    if -result.f > start.value then
      start.params = space:with_columns(start.params, result.x)
      start.row, start.value = space:encode(start.params), -result.f
    end
  end
end

-- One round of neighbours in the separate parameters; true when a start improved.
local function step(space, gp, best, starts, random, seen)
  local list = {}
  for _, start in ipairs(starts) do
    for _, p in ipairs(space) do
      local value = start.params[p.name]
      if p.type ~= "continuous" and value ~= nil then
        for _, other in ipairs(neighbour_values(space, p, value, random)) do
          if other ~= value then list[#list + 1] = { params = with_value(space, start.params, p, other, random), from = start } end
        end
      end
    end
  end
  if #list == 0 then return false end
  evaluate(space, gp, best, list)
  local improved = false
  for _, item in ipairs(list) do
    if item.value > item.from.value + 1e-9 and not seen[space:key(item.params)] then
      item.from.params, item.from.row, item.from.value = item.params, item.row, item.value
      improved = true
    end
  end
  return improved
end

--- The point of the space with the largest log expected improvement that is not among `seen` (keys of points); nil when none
--- was found. opts: n_candidates, n_starts, seen, greedy (the best posterior mean instead). items: the
--- points of the process, as { params, y } (those without y are failed or running).
function M.maximise(space, gp, items, random, opts)
  local best = not opts.greedy and M.incumbent(gp) or nil
  local sequence = Sobol.new(#space, random:integer(1 << 40))
  local list = {}
  -- Where all is continuous, coordinates of the unit cube are encoded rows, and points are made of the best ones alone.
  local plain = space.all_continuous
  for i = 1, opts.n_candidates do
    local u = sequence:at(i - 1)
    list[i] = plain and { row = u } or { params = space:from_unit(u) }
  end
  local order = {}
  for _, item in ipairs(items) do
    if item.y then order[#order + 1] = item end
  end
  table.sort(order, function(a, b) return a.y < b.y end)
  for rank = 1, math.min(5, #order) do
    local centre = plain and space:encode(order[rank].params)
    for k = 1, 16 do
      local width = k % 4 == 0 and 0.1 or k % 4 == 1 and 0.03 or 0.003
      list[#list + 1] = plain and { row = jitter(centre, random, width) } or { params = perturb(space, order[rank].params, random, width) }
    end
  end
  local seen = opts.seen or {}
  if not space.all_continuous then
    local fresh = {}
    for _, item in ipairs(list) do
      if not seen[space:key(item.params)] then fresh[#fresh + 1] = item end
    end
    list = fresh
  end
  if #list == 0 then return nil end
  evaluate(space, gp, best, list)
  table.sort(list, function(a, b) return a.value > b.value end)
  local starts, far = {}, {}
  for _, item in ipairs(list) do -- the best, not all from one hill
    local near = false
    for _, other in ipairs(far) do
      local distance = 0
      for k = 1, #item.row do distance = distance + (item.row[k] - other.row[k]) ^ 2 end
      near = near or distance < 0.0004
    end
    if not near then
      far[#far + 1] = item
      starts[#starts + 1] = item
    end
    if #starts >= opts.n_starts then break end
  end
  for _, start in ipairs(starts) do start.params = start.params or space:from_row(start.row) end
  if plain then
    climb(space, gp, best, starts, 30)
  else
    for _ = 1, 4 do
      climb(space, gp, best, starts, 25)
      if not step(space, gp, best, starts, random, seen) then break end
    end
  end
  local winner
  for _, item in ipairs(starts) do
    if not seen[space:key(item.params)] and (not winner or item.value > winner.value) then winner = item end
  end
  if winner then return winner.params, winner.value end
  for _, item in ipairs(list) do
    local params = item.params or space:from_row(item.row)
    if not seen[space:key(params)] then return params, item.value end
  end
end

return M
