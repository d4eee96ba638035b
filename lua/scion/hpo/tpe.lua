-- Tree-structured Parzen estimators, multivariate (Bergstra et al. 2011; Falkner et al. 2018): good and bad trials get a kernel
-- density each; of points drawn from the good one, that with the largest ratio of densities is next. A kernel is a product over
-- parameters, centred at one trial (plus a wide one, the prior), so that parameters that must fit together stay together.

local check = require "scion.check"
local samplers = require "scion.hpo.samplers"

local M = {}

local OPTS <const> = {
  n_startup = check.integer { default = 10, min = 1 },    -- random trials before
  n_candidates = check.integer { default = 48, min = 1 },
  gamma = check.number { default = 0.15, above = 0, below = 1 }, -- share of trials that are good; at most 25 of them
  prior_weight = check.number { default = 1, min = 0 },
}

local TPE = { name = "tpe" }
TPE.__index = TPE

--- A sampler by Parzen estimators. opts: n_startup = 10, n_candidates = 48, gamma = 0.15, prior_weight = 1.
function M.new(opts) return setmetatable(check.opts("hpo.tpe", opts, OPTS), TPE) end

local function normal_cdf(z) -- Abramowitz and Stegun 7.1.26 would do; this is exact enough and smooth
  local t = 1 / (1 + 0.2316419 * math.abs(z))
  local d = 0.3989422804014327 * math.exp(-0.5 * z * z)
  local p = d * t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z >= 0 and 1 - p or p
end

-- A density from points: components { u per parameter or nil, width }, the last one the prior.
local function estimator(space, items, prior_weight)
  local n, d = #items, #space
  local width = math.max(0.2 * math.max(n, 1) ^ (-1 / (d + 4)), 1 / math.min(100, n + 2))
  local self = { centres = {}, weights = {}, width = width, total = n + prior_weight, n = n }
  for i, item in ipairs(items) do
    local centre = {}
    for k, p in ipairs(space) do
      local value = item.params[p.name]
      if value ~= nil then centre[k] = p.type == "categorical" and p.index_of[value] or space:unit_of(p, value) end
    end
    self.centres[i], self.weights[i] = centre, 1
  end
  self.centres[n + 1], self.weights[n + 1] = {}, prior_weight
  self.mass = {} -- of the normal kernels within [0, 1]
  for i = 1, n do
    local mass = {}
    for k, p in ipairs(space) do
      local c = self.centres[i][k]
      if c and p.type ~= "categorical" then mass[k] = normal_cdf((1 - c) / width) - normal_cdf(-c / width) end
    end
    self.mass[i] = mass
  end
  return self
end

-- Chance that a category kernel stays at its centre.
local function stay(self, p) return (self.n + 1 / p.count) / (self.n + 1) * 0.9 + 0.1 / p.count end

local function draw(self, space, random)
  local pick, i = random:uniform() * self.total, 1
  while i < #self.weights and pick >= self.weights[i] do
    pick = pick - self.weights[i]
    i = i + 1
  end
  local centre, params = self.centres[i], {}
  for k, p in ipairs(space) do
    if space:active(p, params) then
      local c = centre[k]
      local u
      if not c then
        u = random:uniform()
      elseif p.type == "categorical" then
        if random:uniform() < stay(self, p) then u = (c - 0.5) / p.count else u = random:uniform() end
      else
        for _ = 1, 100 do
          u = c + self.width * random:normal()
          if u >= 0 and u < 1 then break end
          u = nil
        end
        u = u or c
      end
      params[p.name] = space:value_at(p, u)
    end
  end
  return space:params(params)
end

local function log_density(self, space, params)
  local largest, logs = -math.huge, {}
  local us = {}
  for k, p in ipairs(space) do
    local value = params[p.name]
    if value ~= nil then us[k] = p.type == "categorical" and p.index_of[value] or space:unit_of(p, value) end
  end
  for i, centre in ipairs(self.centres) do
    local sum = math.log(self.weights[i] / self.total)
    for k, p in ipairs(space) do
      local u, c = us[k], centre[k]
      if u and c then
        if p.type == "categorical" then
          local s = stay(self, p)
          sum = sum + math.log(u == c and s + (1 - s) / p.count or (1 - s) / p.count) + math.log(p.count)
        else
          local z = (u - c) / self.width
          sum = sum - 0.5 * z * z - math.log(2.5066282746310002 * self.width * math.max(self.mass[i][k], 1e-12))
        end
      end
    end
    logs[i] = sum
    largest = math.max(largest, sum)
  end
  if largest == -math.huge then return largest end
  local total = 0
  for _, v in ipairs(logs) do total = total + math.exp(v - largest) end
  return largest + math.log(total)
end

function TPE:suggest(study, _, random)
  local space = study.space
  local done, failed, running = samplers.history(study, samplers.objective_weights(study, random))
  if #done < 2 or #done + #failed < self.n_startup then return space:sample(random) end
  local place = {}
  for i, item in ipairs(done) do place[item] = i end
  table.sort(done, function(a, b)
    if a.y ~= b.y then return a.y < b.y end
    return place[a] < place[b]
  end)
  local n_good = math.max(1, math.min(25, math.ceil(self.gamma * #done)))
  local good, bad = {}, {}
  for i, item in ipairs(done) do
    local list = i <= n_good and good or bad
    list[#list + 1] = item
  end
  table.move(failed, 1, #failed, #bad + 1, bad)
  table.move(running, 1, #running, #bad + 1, bad) -- so that workers do not crowd
  local l, g = estimator(space, good, self.prior_weight), estimator(space, bad, self.prior_weight)
  local best, best_score
  for _ = 1, self.n_candidates do
    local params = draw(l, space, random)
    if not study.keys[space:key(params)] then
      local score = log_density(l, space, params) - log_density(g, space, params)
      if not best or score > best_score then best, best_score = params, score end
    end
  end
  return best or space:sample(random)
end

return M
