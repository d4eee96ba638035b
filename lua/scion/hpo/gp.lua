-- Bayesian optimisation with a Gaussian process: a Sobol' start, then the point of largest expected improvement.
--
-- The surrogate is scion.GaussianProcess (Matern-5/2, a length scale per parameter) on encoded points; hyper-parameters are
-- those of maximum posterior, searched from where the last trial left them (kept in the log) and now and then from random
-- starts. Failed trials count as the worst value seen, running ones as what the process expects there (batches). The
-- acquisition is the logarithm of the expected improvement (Ament et al. 2023) over the best posterior mean at a point tried:
-- with noise, the best observation would be a lucky one.

local acquisition = require "scion.hpo.acquisition"
local check = require "scion.check"
local samplers = require "scion.hpo.samplers"
local Sobol = require "scion.hpo.sobol"

local M = {}

local OPTS <const> = {
  n_startup = check.integer { min = 1 },                  -- trials of the Sobol' start; default max(5, 2 * parameters), at most 12
  kernel = check.choice({ "matern52", "matern32", "matern12", "rbf" }, { default = "matern52" }),
  n_candidates = check.integer { min = 8 },               -- where the search for the acquisition's maximum looks first; default 100 a parameter, 150 to 400
  n_starts = check.integer { default = 6, min = 1 },      -- and from how many of them it climbs
  max_points = check.integer { default = 400, min = 10 }, -- the process sees the best half and the newest of more trials
}

local GP = { name = "gp" }
GP.__index = GP

--- A sampler by a Gaussian process. opts: n_startup, kernel = "matern52", n_candidates, n_starts = 6, max_points = 400.
function M.new(opts)
  local self = check.opts("hpo.gp", opts, OPTS)
  return setmetatable(self, GP)
end

-- Logarithms of the hyper-parameters: length scales are in units of a parameter's whole domain, and resemble each other more
-- than they are known beforehand.
local PRIORS <const> = { length_scale = { math.log(0.5), 0.7, shared = 1.0 }, variance = { 0.7, 1.2 }, noise = { math.log(1e-6), 5 } }
local BOUNDS <const> = { length_scale = { 0.01, 30 }, variance = { 0.05, 300 }, noise = { 1e-11, 1 } }

-- Once there are so many trials a parameter, every so many of them goes where the process expects the best value: expected
-- improvement keeps weighing other hills when one has long been found, and leaves the last digits to chance. (Sooner, it
-- stays on the first hill: Ackley's function in 5 dimensions is 1.3 times worse at 40 trials.)
local GREEDY_FROM <const>, GREEDY_EVERY <const> = 8, 3

-- Values as the process sees them. Up to the median they are taken as they are, or to a power that flattens the bottom (a funnel
-- with steep walls, like Ackley's, becomes a bowl that a smooth process fits); the evidence says which. Above the median
-- the logarithm: values far up say "bad", how bad does not matter, and the scale of the good ones decides.
local POWERS <const> = { 1, 1.5 }
local OFFSET <const> = 0.05 -- keeps the slope at the best value, so that its last digits still count

-- Also the sum of the logarithms of the slopes: what makes evidences of different powers comparable.
local function temper(values, power)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local best, middle = sorted[1], sorted[(#sorted + 1) // 2]
  local spread = middle - best
  if not (spread > 0) then return values, 0 end
  power = power or 1
  local offset = power == 1 and 0 or OFFSET
  local low = offset ^ power
  local scale = (1 + offset) ^ power - low
  local top = power * (1 + offset) ^ (power - 1) / scale -- the slope at the median
  local out, slopes = {}, 0
  for i, y in ipairs(values) do
    local z = (y - best) / spread -- 0 best, 1 the median
    if z <= 1 then
      out[i] = ((z + offset) ^ power - low) / scale
      slopes = slopes + math.log(power * (z + offset) ^ (power - 1) / scale)
    else
      out[i] = 1 + top * math.log(z)
      slopes = slopes + math.log(top / z)
    end
  end
  return out, slopes
end
M.temper = temper

-- The best half and the newest ones, when there are too many to factorise in time.
local function thin(done, most)
  if #done <= most then return done end
  local order = table.move(done, 1, #done, 1, {})
  local place = {}
  for i, item in ipairs(done) do place[item] = i end
  table.sort(order, function(a, b)
    if a.y ~= b.y then return a.y < b.y end
    return place[a] < place[b]
  end)
  local keep, n = {}, 0
  for i = 1, most // 2 do keep[order[i]], n = true, n + 1 end
  for i = #done, 1, -1 do
    if n >= most then break end
    if not keep[done[i]] then keep[done[i]], n = true, n + 1 end
  end
  local out = {}
  for _, item in ipairs(done) do
    if keep[item] then out[#out + 1] = item end
  end
  return out
end

-- Earlier studies have their own scale. Each is brought to this study's by a straight line: through this study's values against
-- what the earlier one predicts at the same points. One that predicts the contrary of what is seen is left out.
local function align(space, done)
  local own, groups, order = {}, {}, {}
  for _, item in ipairs(done) do
    if item.earlier then
      if not groups[item.earlier] then
        groups[item.earlier] = {}
        order[#order + 1] = item.earlier
      end
      table.insert(groups[item.earlier], item)
    else
      own[#own + 1] = item
    end
  end
  if #order == 0 or #own == 0 then return done end
  local scion = require "scion"
  local function rows_of(items)
    local rows = {}
    for i, item in ipairs(items) do rows[i] = space:encode(item.params) end
    return scion.tensor(rows, { dtype = "f64" })
  end
  local dropped = {}
  for _, study in ipairs(order) do
    local items, values = groups[study], {}
    for i, item in ipairs(items) do values[i] = item.y end
    local gp = scion.GaussianProcess { tie = space.tie, length_scale = 0.3, variance = 1, noise = 1e-3, fixed = true }
    local predicted = gp:fit(rows_of(items), (temper(values))):predict(rows_of(own)):tolist()
    local mx, my, sxx, sxy, syy = 0, 0, 0, 0, 0
    for i, item in ipairs(own) do mx, my = mx + predicted[i] / #own, my + item.y / #own end
    for i, item in ipairs(own) do
      local dx, dy = predicted[i] - mx, item.y - my
      sxx, sxy, syy = sxx + dx * dx, sxy + dx * dy, syy + dy * dy
    end
    local slope = sxx > 0 and sxy / sxx or 1
    if #own >= 5 and sxy <= 0 then
      dropped[study] = true
    else
      if not (slope > 0) then slope = sxx > 0 and syy > 0 and math.sqrt(syy / sxx) or 1 end
      local tempered = temper(values)
      for i, item in ipairs(items) do item.y = my + slope * (tempered[i] - mx) end
    end
  end
  local out = {}
  for _, item in ipairs(done) do
    if not (item.earlier and dropped[item.earlier]) then out[#out + 1] = item end
  end
  return out
end

local function last_model(study)
  for i = #study.trials, 1, -1 do
    if study.trials[i].model then return study.trials[i].model end
  end
end

--- The surrogate of a study's trials: the process, the encoded points and their tempered values. For plots, too.
---@return table? gp, table[] items, number[] values, number[] model
function GP:fit(study, weights, id)
  local scion = require "scion"
  local space = study.space
  local done, failed, running = samplers.history(study, weights)
  done = align(space, done)
  done = thin(done, self.max_points)
  if #done == 0 then return nil, done, {} end
  local values, worst = {}, -math.huge
  for i, item in ipairs(done) do values[i], worst = item.y, math.max(worst, item.y) end
  for _, item in ipairs(failed) do
    done[#done + 1] = item
    values[#done] = worst
  end
  local rows = {}
  for i, item in ipairs(done) do rows[i] = space:encode(item.params) end
  local n = #done
  -- The last model: hyper-parameters, then the power. A fresh search from random starts, under every power, whenever the data
  -- have grown by a seventh; a short one otherwise.
  local last, theta, power = last_model(study), nil, 1
  if last and #last == #space + 3 then theta, power = table.move(last, 1, #last - 1, 1, {}), last[#last] end
  local often = n < 14 and 3 or n // 7
  local thorough = not theta or (id or n) % often == 0
  local x = scion.tensor(rows, { dtype = "f64" })
  local gp, best_score, tempered
  for _, p in ipairs(thorough and POWERS or { power }) do
    local y, slopes = temper(values, p)
    local candidate = scion.GaussianProcess { kernel = self.kernel, tie = space.tie, priors = PRIORS, bounds = BOUNDS,
      restarts = thorough and 2 or 0, max_iter = thorough and 40 or 8, seed = study.seed * 7919 + n }
    candidate:fit(x, y, theta)
    local score = candidate.log_posterior + slopes - n * math.log(candidate.y_scale)
    if not gp or score > best_score then gp, best_score, tempered, power = candidate, score, y, p end
  end
  values = tempered
  local model = table.move(gp.theta, 1, #gp.theta, 1, {})
  model[#model + 1] = power
  if #running > 0 then -- as if each running trial had given what is expected of it
    local pending = {}
    for i, item in ipairs(running) do pending[i] = space:encode(item.params) end
    local expected = gp:predict(scion.tensor(pending, { dtype = "f64" })):tolist()
    for i, item in ipairs(running) do
      rows[#rows + 1], values[#values + 1], done[#done + 1] = pending[i], expected[i], item
    end
    local believed = scion.GaussianProcess { kernel = self.kernel, tie = space.tie, fixed = true }
    believed:fit(scion.tensor(rows, { dtype = "f64" }), values, gp.theta)
    return believed, done, values, model
  end
  return gp, done, values, model
end

function GP:suggest(study, id, random)
  local space = study.space
  local n_startup = self.n_startup or math.min(12, math.max(5, 2 * #space))
  local n_done = #study.earlier
  for _, trial in ipairs(study.trials) do
    if trial.state ~= "running" then n_done = n_done + 1 end
  end
  if id <= n_startup - #study.earlier or n_done < 2 then
    self.start = self.start or Sobol.new(#space, study.seed)
    return space:from_unit(self.start:at(id - 1))
  end
  local gp, items, _, model = self:fit(study, samplers.objective_weights(study, random), id)
  if not gp then return space:sample(random) end
  local n_candidates = self.n_candidates or math.max(150, math.min(400, 100 * #space))
  local params = acquisition.maximise(space, gp, items, random, { n_candidates = n_candidates, n_starts = self.n_starts, seen = study.keys,
    greedy = id > GREEDY_FROM * #space and id % GREEDY_EVERY == 0 })
  return params or space:sample(random), model
end

return M
