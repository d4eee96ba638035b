-- Gaussian-process regression (Rasmussen and Williams 2006, chapters 2 and 5): the one surrogate of hyper-parameter search. (GpRepurposer
-- has a search of its own: one for many targets, on distances that are computed once.)
--
--   local gp = scion.GaussianProcess { kernel = "matern52", seed = 1 }
--   gp:fit(x, y)                                  -- (N, D), (N)
--   local mean, variance = gp:predict(x_new)      -- (M), (M): of the function; + gp.noise for a new observation
--   print(gp:log_evidence(), gp.length_scales)
--
-- The covariance is a sum of stationary kernels, each over its own columns, plus
-- noise. Hyper-parameters are logarithms of length scales, variances and noise; they maximise the log evidence plus the log
-- of their priors, by exact gradients from several starts. Arithmetic in f64 by the ops of runtime/ops/covariance.c.

local check = require "scion.check"
local class = require "scion.class"
local minimise = require "scion.minimise"

local KINDS <const> = { "rbf", "matern12", "matern32", "matern52" }

local COMPONENT <const> = {
  columns = check.list { of = check.integer { min = 1 }, min_length = 1 }, -- of x; default all
  kernel = check.choice(KINDS, { default = "matern52" }),
  ard = true,                                       -- a length scale for each column (else one for all)
  tie = check.list { of = check.integer { min = 1 } }, -- number of the length scale of each column: columns may share one
  length_scale = check.either { check.number { above = 0 }, check.list { of = check.number { above = 0 } } },
  variance = check.number { above = 0 },
}
local OPTS <const> = {
  kernel = check.choice(KINDS, { default = "matern52" }), ard = true, tie = COMPONENT.tie,
  length_scale = COMPONENT.length_scale, variance = COMPONENT.variance, -- where the search begins, or what fixed keeps
  components = check.list { of = check.table(), min_length = 1 },       -- in place of the five above: kernels to be added
  noise = check.number { above = 0 },
  fixed = false,                                    -- keep hyper-parameters as given: no search
  normalise_y = true,                               -- subtract the mean of y and divide by its deviation
  -- { length_scale = { mean, deviation } of the logarithm, variance =, noise = }, each or all false for none
  priors = check.either({ check.table(), check.test("false", function(v) return v == false end) }, {}),
  bounds = check.table { default = {} },            -- { length_scale = { low, high }, variance = ..., noise = ... }
  restarts = check.integer { default = 3, min = 0 },-- random starts besides the given or the default one
  max_iter = check.integer { default = 60, min = 1 },
  seed = check.integer { default = 0 },
}

local BOUNDS <const> = { length_scale = { 1e-3, 1e3 }, variance = { 1e-4, 1e4 }, noise = { 1e-8, 10.0 } }

local GaussianProcess = class.class("GaussianProcess")

local F64 <const> = { dtype = "f64" }
local function scion() return require "scion" end
local function shape_text(x) return "(" .. table.concat(x.shape, ", ") .. ")" end

local function prior_pair(where, name, value)
  if value == nil or value == false then return nil end
  if type(value) ~= "table" or type(value[1]) ~= "number" or type(value[2]) ~= "number" or not (value[2] > 0) then
    error(("%s: priors.%s must be { mean, deviation } of its logarithm, got %s"):format(where, name, check.describe(value)), 4)
  end
  local shared = value.shared
  if shared ~= nil and (name ~= "length_scale" or type(shared) ~= "number" or not (shared >= 0)) then
    error(("%s: priors.%s: shared is a deviation that length scales have in common, got %s"):format(where, name, check.describe(shared)), 4)
  end
  return value
end

--- opts: kernel ("matern52", "matern32", "matern12", "rbf"), ard, tie, length_scale, variance, noise, or components = a list of
--- { columns, kernel, ard, tie, length_scale, variance } to be summed; fixed, normalise_y, priors, bounds, restarts, max_iter, seed.
--- priors: { length_scale = { mean, deviation, shared = 0 }, variance = { mean, deviation }, noise = { mean, deviation } }, normal, of
--- logarithms; shared is the deviation of a mean that the length scales of a component have in common, which they show themselves.
--- Without priors (priors = false) hyper-parameters are those of maximum evidence. The default priors are wide: log length
--- scale normal around sqrt(2) + log(D) / 2 with deviation sqrt(3) (Hvarfner et al. 2024), log variance around 0 (deviation 2),
--- log noise around log 1e-4 (deviation 3), all of standardised y.
function GaussianProcess:init(opts)
  local o = check.opts("GaussianProcess", opts, OPTS, 4)
  self.options = o
  if o.components then
    for _, name in ipairs { "tie", "length_scale", "variance" } do
      if o[name] ~= nil then error(("GaussianProcess: give '%s' inside components"):format(name), 3) end
    end
  end
  local given = o.components or { { kernel = o.kernel, ard = o.ard, tie = o.tie, length_scale = o.length_scale, variance = o.variance } }
  self.components = {}
  for i, c in ipairs(given) do self.components[i] = check.opts(("GaussianProcess: component %d"):format(i), c, COMPONENT, 4) end
  self.bounds = {}
  for name, pair in pairs(BOUNDS) do
    pair = o.bounds[name] or pair
    if type(pair) ~= "table" or #pair ~= 2 or not (pair[1] > 0) or not (pair[1] < pair[2]) then
      error(("GaussianProcess: bounds.%s must be { low, high } with 0 < low < high"):format(name), 3)
    end
    self.bounds[name] = pair
  end
  for name in pairs(o.bounds) do
    if not BOUNDS[name] then error(("GaussianProcess: bounds has an unknown key '%s' (known: length_scale, noise, variance)"):format(tostring(name)), 3) end
  end
  for name, value in pairs(o.priors or {}) do
    if not BOUNDS[name] then error(("GaussianProcess: priors has an unknown key '%s' (known: length_scale, noise, variance)"):format(tostring(name)), 3) end
    prior_pair("GaussianProcess", name, value)
  end
end

GaussianProcess.__tostring = function(self)
  if not self.x then return "GaussianProcess: not fitted" end
  return ("GaussianProcess: %d points, %d kernel%s, noise %.3g, log evidence %.4f"):format(self.n, #self.components,
    #self.components == 1 and "" or "s", self.noise, self.evidence)
end

-- ---- hyper-parameters as one list of logarithms -----------------------------------------------------------------

-- Where each hyper-parameter stands: per component scales from..to and the variance; the noise last.
function GaussianProcess:_layout(d)
  local at, layout = 0, { names = {} }
  for i, c in ipairs(self.components) do
    local columns = c.columns
    for _, column in ipairs(columns or {}) do
      if column > d then error(("GaussianProcess: component %d names column %d of x (N, %d)"):format(i, column, d), 4) end
    end
    local width = columns and #columns or d
    local tie, n = c.tie, 1
    if tie then
      if #tie ~= width then error(("GaussianProcess: tie has %d entries for %d columns"):format(#tie, width), 4) end
      for _, t in ipairs(tie) do n = math.max(n, t) end
    elseif c.ard then
      tie, n = {}, width
      for k = 1, width do tie[k] = k end
    end
    local first = at + 1
    for _ = 1, n do layout.names[#layout.names + 1] = "length_scale" end
    layout.names[#layout.names + 1] = "variance"
    at = at + n + 1
    layout[i] = { first = first, n = n, tie = tie, variance = at, width = width }
  end
  layout.noise = at + 1
  layout.names[layout.noise] = "noise"
  return layout
end

function GaussianProcess:_priors(layout)
  local given = self.options.priors
  local out = {}
  if given == false then return out end
  given = given or {}
  for _, l in ipairs(layout) do
    local scale = prior_pair("GaussianProcess", "length_scale", given.length_scale == nil and
      { math.sqrt(2) + 0.5 * math.log(l.n), math.sqrt(3) } or given.length_scale)
    for k = l.first, l.first + l.n - 1 do out[k] = scale end
    if scale and (scale.shared or 0) > 0 then -- what a common mean of unknown value takes off the sum of squares
      out.groups = out.groups or {}
      table.insert(out.groups, { first = l.first, last = l.first + l.n - 1, prior = scale,
        factor = scale.shared ^ 2 / (scale[2] ^ 2 + l.n * scale.shared ^ 2) })
    end
    out[l.variance] = prior_pair("GaussianProcess", "variance", given.variance == nil and { 0, 2 } or given.variance)
  end
  out[layout.noise] = prior_pair("GaussianProcess", "noise", given.noise == nil and { math.log(1e-4), 3 } or given.noise)
  return out
end

-- The first start: what was given, else the middle of the prior, else round numbers.
function GaussianProcess:_start(layout, priors, scale)
  local theta = {}
  local function middle(k, default) return priors[k] and priors[k][1] or math.log(default) end
  for i, l in ipairs(layout) do
    local c = self.components[i]
    for k = 1, l.n do
      local given = type(c.length_scale) == "table" and c.length_scale[k] or type(c.length_scale) == "number" and c.length_scale
      theta[l.first + k - 1] = given and math.log(given) or middle(l.first + k - 1, 1)
    end
    theta[l.variance] = c.variance and math.log(c.variance / scale ^ 2) or middle(l.variance, 1)
  end
  theta[layout.noise] = self.options.noise and math.log(self.options.noise / scale ^ 2) or middle(layout.noise, 1e-3)
  return theta
end

-- ---- the evidence ---------------------------------------------------------------------------------------------

local function weights_of(theta, l)
  if not l.tie then return { math.exp(-theta[l.first]) } end
  local w = {}
  for k, t in ipairs(l.tie) do w[k] = math.exp(-theta[l.first + t - 1]) end
  return w
end

-- Parts of x that the components see.
local function column_parts(components, x)
  local parts, s = {}, scion()
  for i, c in ipairs(components) do
    if not c.columns then
      parts[i] = x
    else
      local ids = s.tensor(c.columns, { dtype = "i64" })
      parts[i] = x:index_select(2, ids)
    end
  end
  return parts
end

-- Log evidence at theta, its gradient if wanted (both without priors). parts: columns of each component; y standardised.
function GaussianProcess:_evidence(theta, layout, parts, y, want_gradient)
  local s = scion()
  local scope <close> = s.scope()
  local options = { dtype = "f64", requires_grad = want_gradient or nil }
  local leaves, sum = {}, nil
  for i, l in ipairs(layout) do
    local w, v = s.tensor(weights_of(theta, l), options), s.tensor(math.exp(theta[l.variance]), options)
    leaves[#leaves + 1], leaves[#leaves + 2] = w, v
    local k = parts[i]:covariance_matrix(parts[i], w, v, { kind = self.components[i].kernel })
    sum = sum and sum + k or k
  end
  local noise = s.tensor(math.exp(theta[layout.noise]), options)
  leaves[#leaves + 1] = noise
  local evidence = y:normal_log_density(sum, noise)
  local value = evidence:item()
  if not want_gradient then return value end
  local grads = s.grad(evidence, leaves)
  local g = {}
  for i, l in ipairs(layout) do
    local dw, w = grads[2 * i - 1]:tolist(), weights_of(theta, l)
    for k = l.first, l.first + l.n - 1 do g[k] = 0.0 end
    for k = 1, #dw do -- d log scale = -w dw
      local at = l.first + (l.tie and l.tie[k] or 1) - 1
      g[at] = g[at] - dw[k] * w[k]
    end
    g[l.variance] = grads[2 * i]:item() * math.exp(theta[l.variance])
  end
  g[layout.noise] = grads[#grads]:item() * math.exp(theta[layout.noise])
  return value, g
end

-- Minus (log evidence + log prior) for minimise.boxed; an indefinite covariance is a place not to go.
function GaussianProcess:_objective(layout, priors, parts, y)
  return function(points)
    local values, gradients = {}, {}
    for i, theta in ipairs(points) do
      local ok, value, g = pcall(self._evidence, self, theta, layout, parts, y, true)
      if not ok then
        if not tostring(value):find("positive definite", 1, true) then error(value, 0) end
        values[i], gradients[i] = math.huge, {}
        for k = 1, #theta do gradients[i][k] = 0.0 end
      else
        value = -value
        for k = 1, #theta do
          g[k] = -g[k]
          local p = priors[k]
          if p then
            local z = (theta[k] - p[1]) / p[2]
            value, g[k] = value + 0.5 * z * z, g[k] + z / p[2]
          end
        end
        for _, group in ipairs(priors.groups or {}) do
          local mean, deviation, sum = group.prior[1], group.prior[2], 0.0
          for k = group.first, group.last do sum = sum + (theta[k] - mean) / deviation end
          value = value - 0.5 * group.factor * sum * sum
          for k = group.first, group.last do g[k] = g[k] - group.factor * sum / deviation end
        end
        values[i], gradients[i] = value, g
      end
    end
    return values, gradients
  end
end

-- ---- fitting ---------------------------------------------------------------------------------------------------

local function check_data(x, y)
  if not scion().is_tensor(x) or x:dim() ~= 2 then error("GaussianProcess: fit needs x (N, D)", 3) end
  if type(y) == "table" then y = scion().tensor(y, F64) end
  if not scion().is_tensor(y) or y:dim() ~= 1 or y:size(1) ~= x:size(1) then
    error(("GaussianProcess: fit needs y (N) beside x %s"):format(shape_text(x)), 3)
  end
  if x:size(1) == 0 then error("GaussianProcess: fit needs at least one point", 3) end
  if not x:isfinite():all():item() or not y:isfinite():all():item() then
    error("GaussianProcess: x or y holds NaN or infinite values", 3)
  end
  return x:detach():to("f64"):contiguous(), y:detach():to("f64"):contiguous()
end

--- Fits hyper-parameters (unless fixed) and the posterior. x (N, D) and y (N): tensors; y may be a list. `theta`: logarithms of
--- hyper-parameters, as an earlier fit left them in gp.theta, as the first start. Returns itself.
function GaussianProcess:fit(x, y, theta)
  local s, o = scion(), self.options
  x, y = check_data(x, y)
  s.no_grad(function()
    self.x, self.n, self.d = x, x:size(1), x:size(2)
    self.y_mean, self.y_scale = 0.0, 1.0
    if o.normalise_y then
      self.y_mean = y:mean():item()
      local deviation = math.sqrt(y:sub(self.y_mean):square():mean():item())
      if deviation > 1e-12 * math.max(1, math.abs(self.y_mean)) then self.y_scale = deviation end
    end
    self.y = y:sub(self.y_mean):div(self.y_scale)
    local layout = self:_layout(self.d)
    local priors = self:_priors(layout)
    self.layout, self.parts = layout, column_parts(self.components, x)
    if theta and #theta ~= layout.noise then
      error(("GaussianProcess: theta has %d numbers, the model %d hyper-parameters"):format(#theta, layout.noise), 3)
    end
    local first = theta or self:_start(layout, priors, self.y_scale)
    self.theta = first
    if not o.fixed then s.enable_grad(function() self.theta = self:_search(layout, priors, first) end) end
    self:_condition()
  end)
  return self
end

function GaussianProcess:_search(layout, priors, first)
  local o = self.options
  local lower, upper = {}, {}
  for k, name in ipairs(layout.names) do
    lower[k], upper[k] = math.log(self.bounds[name][1]), math.log(self.bounds[name][2])
  end
  local starts = { first }
  local rng = require("scion.data.rng").new(o.seed)
  for r = 2, o.restarts + 1 do
    local start = {}
    for k, name in ipairs(layout.names) do
      local p = priors[k]
      local low = p and math.max(lower[k], p[1] - p[2]) or name == "length_scale" and -2.0 or name == "noise" and -9.0 or -1.0
      local high = p and math.min(upper[k], p[1] + p[2]) or name == "length_scale" and 2.0 or name == "noise" and -2.0 or 2.0
      start[k] = low + (high - low) * rng:uniform()
    end
    -- Where noise is small the evidence hardly depends on it: one climb has to begin where there is some.
    if r == 2 and priors[#start] then start[#start] = math.max(start[#start], math.log(0.01)) end
    starts[r] = start
  end
  local results = minimise.boxed(self:_objective(layout, priors, self.parts, self.y), starts,
    { lower = lower, upper = upper, max_rounds = o.max_iter, tol = 1e-4, f_tol = 1e-7 })
  local best = results[1]
  for _, result in ipairs(results) do
    if result.f < best.f or best.f ~= best.f then best = result end
  end
  self.log_posterior = -best.f -- log evidence + log priors, less their constants
  return best.x
end

-- The posterior at self.theta: the inverse of the Cholesky factor and K^-1 y. An indefinite covariance gets more noise.
function GaussianProcess:_condition()
  local s, layout, theta = scion(), self.layout, self.theta
  self.weights, self.variances = {}, {}
  local k
  for i, l in ipairs(layout) do
    self.weights[i] = s.tensor(weights_of(theta, l), F64)
    self.variances[i] = s.tensor(math.exp(theta[l.variance]), F64)
    local part = self.parts[i]:covariance_matrix(self.parts[i], self.weights[i], self.variances[i], { kind = self.components[i].kernel })
    k = k and k + part or part
  end
  local eye = s.eye(self.n, F64)
  local noise = math.exp(theta[layout.noise])
  local factor
  for _ = 1, 12 do
    local ok, result = pcall(function() return k:add(eye:mul(noise)):cholesky() end)
    if ok then
      factor = result
      break
    end
    if not tostring(result):find("positive definite", 1, true) then error(result, 0) end
    noise = math.max(noise * 10, 1e-10)
  end
  if not factor then error("GaussianProcess: the covariance stays indefinite (are the hyper-parameters finite?)", 3) end
  self.inverse_factor = factor:solve_triangular(eye, { upper = false })
  local half = self.inverse_factor:mv(self.y)
  self.alpha = self.inverse_factor:t():mv(half)
  self.evidence = -0.5 * half:square():sum():item() - factor:diagonal():log():sum():item() - 0.5 * self.n * math.log(2 * math.pi)
  -- What users read, in units of x and y.
  local show = require "scion.show"
  self.noise = noise * self.y_scale ^ 2
  self.length_scales, self.kernel_variances = show.list {}, show.list {}
  self.prior_variance = 0.0
  for i, l in ipairs(layout) do
    local scales = show.list {}
    for j = 1, l.n do scales[j] = math.exp(theta[l.first + j - 1]) end
    self.length_scales[i] = scales
    self.kernel_variances[i] = math.exp(theta[l.variance]) * self.y_scale ^ 2
    self.prior_variance = self.prior_variance + math.exp(theta[l.variance])
  end
end

--- Log evidence (marginal likelihood) of standardised y at the hyper-parameters found, without priors. With
--- theta (logarithms, in the order of gp.theta): there, and its gradient as a second result.
function GaussianProcess:log_evidence(theta)
  if not self.x then error("GaussianProcess: log_evidence needs a fitted process (call fit first)", 2) end
  if not theta then return self.evidence end
  if #theta ~= self.layout.noise then
    error(("GaussianProcess: theta has %d numbers, the model %d hyper-parameters"):format(#theta, self.layout.noise), 2)
  end
  local value, g
  scion().enable_grad(function() value, g = self:_evidence(theta, self.layout, self.parts, self.y, true) end)
  return value, g
end

-- ---- prediction --------------------------------------------------------------------------------------------------

-- Mean and variance in units of standardised y; differentiable in x (f64).
function GaussianProcess:_posterior(x)
  local k
  for i, part in ipairs(column_parts(self.components, x)) do
    local c = part:covariance_matrix(self.parts[i], self.weights[i], self.variances[i], { kind = self.components[i].kernel })
    k = k and k + c or c
  end
  local mean = k:mv(self.alpha)
  local reduction = k:matmul(self.inverse_factor:t()):square():sum(2)
  -- Rounding may leave a variance below zero where x is a point of the data.
  return mean, reduction:neg():add(self.prior_variance):clamp(1e-16 * self.prior_variance, math.huge), k
end

--- Posterior mean and variance (M) of the function at x (M, D), in units of y, f64. Add gp.noise to the variance for that of
--- a new observation. Differentiable in x.
---@return scion.Tensor mean
---@return scion.Tensor variance
function GaussianProcess:predict(x)
  if not self.x then error("GaussianProcess: predict needs a fitted process (call fit first)", 2) end
  if not scion().is_tensor(x) or x:dim() ~= 2 or x:size(2) ~= self.d then
    error(("GaussianProcess: predict needs x (M, %d), got %s"):format(self.d,
      scion().is_tensor(x) and shape_text(x) or check.describe(x)), 2)
  end
  local mean, variance = self:_posterior(x:to("f64"))
  return mean:mul(self.y_scale):add(self.y_mean), variance:mul(self.y_scale ^ 2)
end

--- Joint draws of the function at x (M, D): (n, M), f64. seed: of the draws.
function GaussianProcess:sample(x, n, seed)
  if not self.x then error("GaussianProcess: sample needs a fitted process (call fit first)", 2) end
  local s = scion()
  return s.no_grad(function()
    x = x:to("f64")
    local mean, _, k = self:_posterior(x)
    local parts, prior = column_parts(self.components, x), nil
    for i, part in ipairs(parts) do
      local c = part:covariance_matrix(part, self.weights[i], self.variances[i], { kind = self.components[i].kernel })
      prior = prior and prior + c or c
    end
    local half = k:matmul(self.inverse_factor:t())
    local m = x:size(1)
    local covariance = prior:sub(half:matmul(half:t())):add(s.eye(m, F64):mul(1e-9 * self.prior_variance))
    local rng, normal = require("scion.data.rng").new(seed or 0), {}
    for i = 1, n * m do normal[i] = rng:normal() end
    local z = s.tensor(normal, F64):reshape(n, m)
    return z:matmul(covariance:cholesky():t()):add(mean):mul(self.y_scale):add(self.y_mean)
  end)
end

return GaussianProcess
