-- Multinomial logistic regression with an L2 penalty, in f64, to convergence.
--
-- The objective is scikit-learn's:  sum_i s_i * -log p(y_i | x_i)  +  |W|^2 / (2 C),  intercept free, s_i the class
-- weights. Two classes use one weight vector (a sigmoid), as there. The minimum is found by L-BFGS (Nocedal and
-- Wright, algorithm 7.4) with a line search for the strong Wolfe conditions (3.5, 3.6); the problem is convex, so it is *the* minimum.

local check = require "scion.check"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

local OPTS <const> = {
  c = check.number { default = 1.0, above = 0 },             -- inverse strength of the penalty
  tol = check.number { default = 1e-5, above = 0 },          -- on the largest gradient element of the mean objective
  max_iter = check.integer { default = 1000, min = 1 },
  fit_intercept = true,
  class_weight = check.either({ check.choice { "balanced", "none" }, check.table() }, { default = "none" }),
  history = check.integer { default = 10, min = 1 },         -- pairs that L-BFGS remembers
}
M.OPTS = OPTS

local Model = {}
Model.__index = Model
Model.__tostring = function(self)
  return ("logistic regression: %d classes, %d features, %s after %d iterations, loss %.6g"):format(
    self.n_classes, self.weight:size(2), self.converged and "converged" or "NOT converged", self.iterations, self.loss)
end

-- ---- minimisation --------------------------------------------------------------------------------------------

local function dot(a, b) return a:mul(b):sum():item() end

-- Step lengths along d: brackets, then narrows by cubic interpolation until the strong Wolfe conditions hold.
local function cubic(a, fa, ga, b, fb, gb)
  local d1 = ga + gb - 3 * (fa - fb) / (a - b)
  local square = d1 * d1 - ga * gb
  if square < 0 then return nil end
  local d2 = math.sqrt(square) * (b > a and 1 or -1)
  local t = b - (b - a) * (gb + d2 - d1) / (gb - ga + 2 * d2)
  if t ~= t then return nil end
  return t
end

local C1 <const>, C2 <const> = 1e-4, 0.9

local function search(objective, x, f0, g0, direction, first)
  local slope0 = dot(g0, direction)
  local function at(t)
    local point = x:add(direction:mul(t))
    local f, g = objective(point)
    return { t = t, f = f, g = g, slope = dot(g, direction), x = point }
  end
  local start = { t = 0, f = f0, g = g0, slope = slope0, x = x }
  local low, high
  local before, here = start, at(first)
  for i = 1, 20 do
    if here.f ~= here.f or here.f > f0 + C1 * here.t * slope0 or (i > 1 and here.f >= before.f) then
      low, high = before, here
      break
    end
    if math.abs(here.slope) <= -C2 * slope0 then return here end
    if here.slope >= 0 then
      low, high = here, before
      break
    end
    before, here = here, at(here.t * 2.5)
  end
  if not low then return here end
  for _ = 1, 25 do
    local t = high.f == high.f and cubic(low.t, low.f, low.slope, high.t, high.f, high.slope)
    local left, right = math.min(low.t, high.t), math.max(low.t, high.t)
    local margin = 0.1 * (right - left)
    if not t or t < left + margin or t > right - margin then t = (left + right) / 2 end
    local probe = at(t)
    if probe.f ~= probe.f or probe.f > f0 + C1 * t * slope0 or probe.f >= low.f then
      high = probe
    else
      if math.abs(probe.slope) <= -C2 * slope0 then return probe end
      if probe.slope * (high.t - low.t) >= 0 then high = low end
      low = probe
    end
    if math.abs(high.t - low.t) * math.abs(slope0) < 1e-16 * math.max(1, math.abs(f0)) then break end
  end
  return low
end

--- Minimises objective(x) -> value, gradient from x (a flat f64 tensor).
---@return scion.Tensor x, number value, integer iterations, boolean converged
function M.minimise(objective, x, opts)
  local f, g = objective(x)
  local pairs_kept = {}
  local largest = g:abs():max():item()
  local iterations = 0
  while largest > opts.tol and iterations < opts.max_iter do
    -- Two-loop recursion: direction = -H g.
    local q = g:clone()
    local alphas = {}
    for i = #pairs_kept, 1, -1 do
      local p = pairs_kept[i]
      alphas[i] = p.rho * dot(p.s, q)
      q = q:sub(p.y:mul(alphas[i]))
    end
    local last = pairs_kept[#pairs_kept]
    if last then q = q:mul(last.scale) end
    for i, p in ipairs(pairs_kept) do
      local beta = p.rho * dot(p.y, q)
      q = q:add(p.s:mul(alphas[i] - beta))
    end
    local direction = q:neg()
    if dot(direction, g) >= 0 then -- numerically spent: begin again from the gradient
      pairs_kept = {}
      direction = g:neg()
    end
    local first = #pairs_kept == 0 and math.min(1, 1 / g:abs():sum():item()) or 1
    local found = search(objective, x, f, g, direction, first)
    iterations = iterations + 1
    if found.t == 0 or found.f >= f and found.g:abs():max():item() >= largest then
      if #pairs_kept == 0 then break end -- no progress possible in this arithmetic
      pairs_kept = {}
    else
      local s, y = found.x:sub(x), found.g:sub(g)
      local sy, yy = dot(s, y), dot(y, y)
      if sy > 1e-16 * yy then
        pairs_kept[#pairs_kept + 1] = { s = s, y = y, rho = 1 / sy, scale = sy / yy }
        if #pairs_kept > opts.history then table.remove(pairs_kept, 1) end
      end
      x, f, g = found.x, found.f, found.g
      largest = g:abs():max():item()
    end
    if iterations % 16 == 0 then collectgarbage("step", 200) end
  end
  return x, f, iterations, largest <= opts.tol
end

-- ---- the model -----------------------------------------------------------------------------------------------

--- Weight of every class: "balanced" gives n / (K * count), a table is read by label (by id where there are no labels; 1 where it says
--- nothing).
function M.class_weights(class_weight, counts, n, classes)
  local weights, total, used = {}, 0, {}
  for k = 1, #counts do
    local label = classes and classes[k]
    if label == nil then label = k end
    weights[k], used[label] = 1, true
    if class_weight == "balanced" then
      weights[k] = counts[k] > 0 and n / (#counts * counts[k]) or 0
    elseif type(class_weight) == "table" then
      local w = class_weight[label] == nil and 1 or class_weight[label]
      if type(w) ~= "number" or not (w >= 0 and w < math.huge) then
        error(("class_weight of class %s must be a number of at least 0, got %s"):format(check.describe(label), check.describe(w)), 4)
      end
      weights[k] = w
    end
    total = total + weights[k]
  end
  for label in pairs(type(class_weight) == "table" and class_weight or {}) do
    if not used[label] then error(("class_weight names %s, which is no class"):format(check.describe(label)), 4) end
  end
  if total == 0 then error("class_weight: all weights are 0", 4) end
  return weights
end

local function check_features(x, where)
  if x:dim() ~= 2 then
    error(("%s: features must be (N, F), got shape %s"):format(where, tostring(x.shape)), 3)
  end
  if not x:isfinite():all():item() then
    error(("%s: features hold NaN or infinite values"):format(where), 3)
  end
end

--- Fits. x: features (N, F), f32 or f64; ids: list or tensor of class ids 1..K.
---@param x scion.Tensor
---@param ids integer[]|scion.Tensor
---@param n_classes integer
---@param opts? table c, tol, max_iter, fit_intercept, class_weight
---@return table model weight (K, F), bias (K), converged, iterations, loss
function M.fit(x, ids, n_classes, opts, classes)
  opts = check.opts("logistic", opts, OPTS)
  check_features(x, "logistic")
  if type(ids) == "userdata" then ids = ids:tolist() end
  local n, n_features = #x, x:size(2)
  if #ids ~= n then error(("logistic: %d rows of features but %d labels"):format(n, #ids), 2) end
  if n_classes < 2 then error(("logistic: at least 2 classes are needed, got %d"):format(n_classes), 2) end
  require("scion.data.labels").check_ids("logistic", ids, n_classes)
  local counts = {}
  for k = 1, n_classes do counts[k] = 0 end
  for _, id in ipairs(ids) do counts[id] = counts[id] + 1 end
  local s = scion()
  local weights = M.class_weights(opts.class_weight, counts, n, classes)
  local item_weights, total = {}, 0
  for i, id in ipairs(ids) do
    item_weights[i] = weights[id]
    total = total + weights[id]
  end
  if total == 0 then error("logistic: all class weights are 0", 2) end
  local model
  s.no_grad(function()
    local z = x:detach():to("f64"):contiguous()
    local sample = s.tensor(item_weights, { dtype = "f64" })
    -- One row of weights for two classes (logit of class 2), else one per class.
    local rows = n_classes == 2 and 1 or n_classes
    local y = s.tensor(ids, { dtype = "i64" })
    local target
    if rows == 1 then
      target = y:eq(2):to("f64"):reshape(n, 1)
    else
      target = s.zeros(n, rows, { dtype = "f64" })
      target:scatter_(2, y:reshape(n, 1), s.ones(n, 1, { dtype = "f64" }))
    end
    sample = sample:reshape(n, 1)
    local n_weights = rows * n_features
    local penalty = 1 / (opts.c * total)
    local function objective(theta)
      local scope <close> = s.scope()
      local w = theta:narrow(1, 1, n_weights):reshape(rows, n_features)
      local logits = z:matmul(w:transpose(1, 2))
      if opts.fit_intercept then logits = logits:add(theta:narrow(1, n_weights + 1, rows)) end
      local losses, delta
      if rows == 1 then
        losses = logits:softplus():sub(logits:mul(target))
        delta = logits:sigmoid():sub(target)
      else
        local log_p = logits:log_softmax(2)
        losses = log_p:mul(target):sum(2, true):neg()
        delta = log_p:exp():sub(target)
      end
      delta = delta:mul(sample):div(total)
      local value = losses:mul(sample):sum():item() / total + 0.5 * penalty * w:square():sum():item()
      local gradient = delta:transpose(1, 2):matmul(z):add(w:mul(penalty)):reshape(-1)
      if opts.fit_intercept then gradient = s.cat({ gradient, delta:sum(1) }, 1) end
      return value, scope:keep(gradient)
    end
    local theta = s.zeros(n_weights + (opts.fit_intercept and rows or 0), { dtype = "f64" })
    local value, iterations, converged
    theta, value, iterations, converged = M.minimise(objective, theta, opts)
    local w = theta:narrow(1, 1, n_weights):reshape(rows, n_features):clone()
    local b = opts.fit_intercept and theta:narrow(1, n_weights + 1, rows):clone() or s.zeros(rows, { dtype = "f64" })
    if rows == 1 then -- as two rows of a softmax: class 1 is the reference
      w = s.cat({ s.zeros(1, n_features, { dtype = "f64" }), w }, 1)
      b = s.cat({ s.zeros(1, { dtype = "f64" }), b }, 1)
    end
    model = setmetatable({ weight = w, bias = b, n_classes = n_classes, converged = converged, iterations = iterations,
      loss = value, class_counts = show.list(counts) }, Model)
  end)
  return model
end

--- Scores before the softmax, (N, K), f64.
function Model:scores(x)
  check_features(x, "logistic")
  return x:to("f64"):matmul(self.weight:transpose(1, 2)):add(self.bias)
end

--- Probabilities (N, K), f64; rows add up to one.
function Model:predict_probability(x) return self:scores(x):softmax(2) end

--- Class ids (N).
function Model:predict_id(x) return self:scores(x):argmax(2) end

return M
