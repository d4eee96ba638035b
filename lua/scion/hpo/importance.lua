-- Which parameters matter: functional analysis of variance (Hutter et al. 2014) of a surrogate of the study. The surrogate is
-- the Gaussian process of the search; its mean is smooth and cheap, so the parts of the variance are estimated on an even sample of
-- the whole space (Saltelli et al. 2010), in place of fANOVA's forest. Values far out on the bad side are pulled in: a run that
-- diverged would otherwise be all the variance there is.

local check = require "scion.check"
local gp_sampler = require "scion.hpo.gp"
local samplers = require "scion.hpo.samplers"
local show = require "scion.show"
local Sobol = require "scion.hpo.sobol"

local M = {}

local Importance = { __name = "importance" }
Importance.__tostring = function(self)
  local rows = {}
  for i, item in ipairs(self) do rows[i] = { item.name, item.main, item.total } end
  return show.table({ "parameter", { title = "alone", format = "%.3f" }, { title = "with interactions", format = "%.3f" } }, rows,
    { title = "Share of the variance" })
end

-- Several objectives count alike.
local function even_weights(study)
  if #study.directions == 1 then return nil end
  local weights = {}
  for k = 1, #study.directions do weights[k] = 1 / #study.directions end
  return weights
end

--- The surrogate of a study as a function from points to expected values (in its own units, smaller is better); nil with
--- fewer than 2 complete trials.
function M.surrogate(study)
  local gp, items = gp_sampler.new():fit(study, even_weights(study))
  if not gp or gp.n < 2 then return nil end
  return gp, items
end

-- A Gaussian process on the values, at most 3 spreads of the quartiles above the upper one (Tukey's outer fence).
local function of_values(study)
  local scion = require "scion"
  local rows, values, done = {}, {}, (samplers.history(study, even_weights(study)))
  for i, item in ipairs(done) do rows[i], values[i] = study.space:encode(item.params), item.y end
  if #values < 2 then return nil end
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local first, third = sorted[(#sorted + 3) // 4], sorted[(3 * #sorted + 3) // 4]
  local fence = third > first and third + 3 * (third - first) or math.huge
  for i, y in ipairs(values) do values[i] = math.min(y, fence) end
  return scion.GaussianProcess { tie = study.space.tie, seed = 1 }:fit(scion.tensor(rows, { dtype = "f64" }), values)
end

--- Shares of the variance of the objective over the space that each parameter explains: alone (main), and with all its
--- interactions (total): Sobol' indices, estimated on the mean of a Gaussian process. opts: n_samples (default 512).
---@return { name: string, main: number, total: number }[]? list  by falling total; nil with fewer than 2 complete trials
function M.importance(study, opts)
  local o = check.opts("hpo.importance", opts, { n_samples = check.integer { default = 512, min = 16 } })
  local gp = of_values(study)
  if not gp then return nil end
  local scion = require "scion"
  local space, n, d = study.space, o.n_samples, #study.space
  local sequence = Sobol.new(2 * d, 1)
  local a, b = {}, {}
  for i = 1, n do
    local u = sequence:at(i)
    a[i], b[i] = table.move(u, 1, d, 1, {}), table.move(u, d + 1, 2 * d, 1, {})
  end
  local function mean_of(units)
    local rows = {}
    for i, u in ipairs(units) do rows[i] = space:encode(space:from_unit(u)) end
    local scope <close> = scion.scope()
    return scion.no_grad(function() return (gp:predict(scion.tensor(rows, { dtype = "f64" }))):tolist() end)
  end
  local fa, fb = mean_of(a), mean_of(b)
  local sum, squares = 0, 0
  for i = 1, n do
    sum = sum + fa[i] + fb[i]
    squares = squares + fa[i] ^ 2 + fb[i] ^ 2
  end
  local centre = sum / (2 * n)
  local variance = squares / (2 * n) - centre ^ 2
  local list = {}
  for k, p in ipairs(space) do
    local mixed = {}
    for i = 1, n do
      mixed[i] = table.move(a[i], 1, d, 1, {})
      mixed[i][k] = b[i][k]
    end
    local f, main, total = mean_of(mixed), 0, 0
    for i = 1, n do
      main = main + (fb[i] - centre) * (f[i] - fa[i])
      total = total + (fa[i] - f[i]) ^ 2
    end
    local ok = variance > 1e-18
    main = ok and math.max(0, math.min(1, main / n / variance)) or 0
    list[k] = { name = p.name, main = main, total = ok and math.max(main, math.min(1, total / (2 * n) / variance)) or 0 }
  end
  table.sort(list, function(x, y)
    if x.total ~= y.total then return x.total > y.total end
    return x.name < y.name
  end)
  return setmetatable(list, Importance)
end

return M
