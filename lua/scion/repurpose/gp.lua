-- GpRepurposer: Gaussian processes on features of the source network. The kernel is a sum with one term (RBF, one length scale) for
-- every feature layer. Regression: hyper-parameters of maximum evidence (scion.GaussianProcess). Classification: one latent
-- function per class against the rest, logistic likelihood, Laplace's approximation (Rasmussen and Williams 2006, sections
-- 3.4 and 3.5), whose averaged log odds are the scores of a softmax with a temperature from folds; length scales by the
-- evidence of the one-against-rest codes, averaged over classes, the variance by Laplace's evidence. Above `exact_up_to` items the
-- kernel is approximated through n_inducing points spread over the data by k-means++ (projected process: weights on Nystroem
-- features). Predictive variances are the second output of the graph.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"
local rng = require "scion.data.rng"

local Gp = class.class("GpRepurposer", Predictor)

Gp.TASKS = { classes = true, regression = true }

Gp.OPTIONS = {
  kernel = check.choice({ "rbf", "matern32", "matern52" }, { default = "rbf" }),
  max_function_evaluations = check.integer { default = 100, min = 1 }, -- of the evidence, per search
  apply_l2_norm = false,                                -- rows of features scaled to length 1 (after standardising)
  exact_up_to = check.integer { default = 400, min = 1 }, -- more items than this: inducing points
  n_inducing = check.integer { default = 200, min = 1 },
  restarts = check.integer { default = 1, min = 0 },    -- of the search, besides its first start
  calibrate = true,                                     -- one-against-rest functions are too careful together
}

local function scion() return require "scion" end
local F64 <const> = { dtype = "f64" }

-- Items for the search of hyper-parameters: it needs no more.
local SEARCH_ITEMS <const> = 250
-- One-against-rest problems for the search: the largest classes.
local SEARCH_CLASSES <const> = 8
local JITTER <const> = 1e-6

local function rows_of(x, list) return x:index_select(1, scion().tensor(list, { dtype = "i64" })) end

-- ---- points ------------------------------------------------------------------------------------------------------------

-- m rows spread over x: each next one with probability proportional to its squared distance from those taken (Arthur and
-- Vassilvitskii 2007).
local function spread_rows(x, m, seed)
  local s, r = scion(), rng.new(seed, 17)
  local n = #x
  local chosen = { r:integer(n) }
  local squares = x:square():sum(2)
  local nearest
  while #chosen < m do
    local p = x:narrow(1, chosen[#chosen], 1)
    local d = squares:sub(x:matmul(p:reshape(-1)):mul(2)):add(p:square():sum():item()):clamp(0, math.huge)
    nearest = nearest and s.minimum(nearest, d) or d
    local total = nearest:sum():item()
    if total <= 0 then break end
    local at = s.searchsorted(nearest:cumsum(1), s.tensor({ r:uniform() * total }, F64)):item()
    chosen[#chosen + 1] = math.max(1, math.min(n, math.tointeger(at)))
  end
  table.sort(chosen)
  return chosen
end

local function unit_rows(x) return x:div(x:square():sum(2, true):sqrt():clamp(1e-12, math.huge)) end

-- ---- kernels -----------------------------------------------------------------------------------------------------------------

local function columns_of(span)
  local list = {}
  for c = span.first, span.last do list[#list + 1] = c end
  return list
end

-- theta: per layer { weight = 1 / length scale, variance }.
local function covariance(self, theta, spans, a, b)
  local s, sum = scion(), nil
  for i, span in ipairs(spans) do
    local width = span.last - span.first + 1
    local part = a:narrow(2, span.first, width):contiguous():covariance_matrix(b:narrow(2, span.first, width):contiguous(),
      s.tensor({ theta[i].weight }, F64), s.tensor(theta[i].variance, F64), { kind = self.options.kernel })
    sum = sum and sum:add(part) or part
  end
  return sum
end

-- Hyper-parameters of maximum evidence for a regression on (some of) the items: theta, noise, evidence.
local function search(self, x, y, spans, seed)
  local components = {}
  for i, span in ipairs(spans) do
    local width = span.last - span.first + 1
    components[i] = { columns = columns_of(span), kernel = self.options.kernel, ard = false, variance = 1 / #spans,
      length_scale = self.options.apply_l2_norm and 1.0 or math.sqrt(width) }
  end
  local gp = scion().GaussianProcess { components = components, priors = false, noise = 0.1, normalise_y = false, restarts = self.options.restarts,
    max_iter = self.options.max_function_evaluations, seed = seed, bounds = { noise = { 1e-5, 10 }, length_scale = { 1e-2, 1e4 } } }
  gp:fit(x, y)
  local theta = {}
  for i = 1, #spans do theta[i] = { weight = 1 / gp.length_scales[i][1], variance = gp.kernel_variances[i] } end
  return theta, gp.noise, gp:log_evidence()
end

-- ---- the posterior of weights on features phi = L^-1 k -------------------------------------------------------------------------

-- Kernel features of items: (N, M) with phi phi' = K (exact where the points are the items).
local function kernel_features(self, theta, spans, points, x)
  local s = scion()
  local k = covariance(self, theta, spans, points, points)
  local scale = k:diagonal():mean():item()
  local factor
  local jitter = JITTER
  for _ = 1, 8 do
    local ok, found = pcall(function() return k:add(s.eye(#points, F64):mul(jitter * scale)):cholesky() end)
    if ok then
      factor = found
      break
    end
    jitter = jitter * 10
  end
  if not factor then error("GpRepurposer: the covariance of the points is indefinite", 0) end
  local inverse = factor:solve_triangular(s.eye(#points, F64), { upper = false })
  return covariance(self, theta, spans, x, points):matmul(inverse:t()), inverse
end

-- Laplace's approximation for y in {0, 1}: mode of the weights under N(0, I), and the log evidence. Newton's steps with halving.
local function laplace(phi, y)
  local s = scion()
  local m = phi:size(2)
  local w = s.zeros(m, F64)
  local eye = s.eye(m, F64)
  local function objective(v)
    local f = phi:mv(v)
    return f:softplus():sub(f:mul(y)):sum():item() + 0.5 * v:square():sum():item()
  end
  local value = objective(w)
  local factor
  for _ = 1, 50 do
    local p = phi:mv(w):sigmoid()
    local gradient = phi:t():mv(p:sub(y)):add(w)
    local curvature = p:mul(p:neg():add(1))
    factor = phi:t():matmul(phi:mul(curvature:reshape(-1, 1))):add(eye):cholesky()
    local step = s.cholesky_solve(gradient:reshape(-1, 1), factor):reshape(-1)
    local size, tried = 1, nil
    for _ = 1, 20 do
      tried = objective(w:sub(step:mul(size)))
      if tried <= value + 1e-10 then break end
      size = size / 2
    end
    w = w:sub(step:mul(size))
    local fell = value - tried
    value = tried
    if fell < 1e-8 * (1 + math.abs(value)) then break end
  end
  return w, factor, -value - factor:diagonal():log():sum():item()
end

-- Golden-section search for the largest of a function on log scale.
local function best_scale(low, high, fn)
  local ratio = (math.sqrt(5) - 1) / 2
  low, high = math.log(low), math.log(high)
  local a, b = high - ratio * (high - low), low + ratio * (high - low)
  local fa, fb = fn(math.exp(a)), fn(math.exp(b))
  for _ = 1, 9 do
    if fa > fb then
      high, b, fb = b, a, fa
      a = high - ratio * (high - low)
      fa = fn(math.exp(a))
    else
      low, a, fa = a, b, fb
      b = low + ratio * (high - low)
      fb = fn(math.exp(b))
    end
  end
  return math.exp((low + high) / 2)
end

local function codes(y, k, low)
  local out = {}
  for i, id in ipairs(y) do out[i] = id == k and 1.0 or low end
  return scion().tensor(out, F64)
end

-- ---- fitting ---------------------------------------------------------------------------------------------------------------------

-- Length scales and variances for one-against-rest classification.
local function class_theta(self, z, y, fit, points, some, n_functions)
  local s = scion()
  local ids = {}
  for i, row in ipairs(some) do ids[i] = y[row] end
  local searched = rows_of(z, some)
  local order = {}
  for k = 1, fit.n_classes do order[k] = k end
  table.sort(order, function(a, b) return fit.counts[a] > fit.counts[b] or fit.counts[a] == fit.counts[b] and a < b end)
  local n_searched = math.min(n_functions, SEARCH_CLASSES)
  local logs = {}
  for i = 1, n_searched do
    local target = codes(ids, n_functions == 1 and 2 or order[i], -1.0)
    local theta = search(self, searched, target:sub(target:mean()), fit.spans, fit.seed + i)
    for l, t in ipairs(theta) do
      logs[l] = logs[l] or { weight = 0, variance = 0 }
      logs[l].weight = logs[l].weight + math.log(t.weight) / n_searched
      logs[l].variance = logs[l].variance + math.log(t.variance) / n_searched
    end
  end
  local theta, total = {}, 0
  for l, t in ipairs(logs) do
    theta[l] = { weight = math.exp(t.weight), variance = math.exp(t.variance) }
    total = total + theta[l].variance
  end
  for _, t in ipairs(theta) do t.variance = t.variance / total end
  -- The features of variance v are sqrt(v) times those of variance 1.
  local phi_search = kernel_features(self, theta, fit.spans, #some <= #points and searched or points, searched)
  local function evidence(v)
    local sum = 0
    for i = 1, n_searched do
      local _, _, value = laplace(phi_search:mul(math.sqrt(v)), codes(ids, n_functions == 1 and 2 or order[i], 0.0))
      sum = sum + value
    end
    return sum
  end
  local v = best_scale(0.3, 300, evidence)
  for _, t in ipairs(theta) do t.variance = t.variance * v end
  return theta, v
end

function Gp:_fit_classes(z, y, fit, points, some)
  local s = scion()
  -- two classes need one function
  local n_functions = fit.n_classes == 2 and 1 or fit.n_classes
  local theta, v
  if fit.reuse then
    theta, v = fit.reuse.theta, fit.reuse.report.variance
  else
    theta, v = class_theta(self, z, y, fit, points, some, n_functions)
  end
  local phi, inverse = kernel_features(self, theta, fit.spans, points, z)
  local means, reductions, log_evidence = {}, {}, 0
  for k = 1, n_functions do
    local w, factor, value = laplace(phi, codes(y, n_functions == 1 and 2 or k, 0.0))
    log_evidence = log_evidence + value
    means[k] = inverse:t():mv(w)
    -- variance = k(x, x) - k' L^-T (I - S) L^-1 k
    local covariance_w = s.cholesky_solve(s.eye(#points, F64), factor)
    reductions[k] = inverse:t():matmul(s.eye(#points, F64):sub(covariance_w)):matmul(inverse)
  end
  return { theta = theta, points = points, means = s.stack(means, 1), reductions = s.cat(reductions, 1), n_functions = n_functions,
    report = { converged = true, log_evidence = log_evidence, n_points = #points, variance = v } }
end

function Gp:_fit_numbers(z, y, fit, points, some)
  local s = scion()
  local searched = rows_of(z, some)
  local means, reductions, report = {}, {}, { converged = true, log_evidence = 0, n_points = #points }
  local outputs = {}
  for d = 1, fit.n_targets do
    local target = y:narrow(2, d, 1):squeeze(2)
    local theta, noise, evidence = search(self, searched, rows_of(target, some), fit.spans, fit.seed + d)
    local phi, inverse = kernel_features(self, theta, fit.spans, points, z)
    local eye = s.eye(#points, F64)
    local factor = phi:t():matmul(phi):div(noise):add(eye):cholesky()
    local w = s.cholesky_solve(phi:t():mv(target):div(noise):reshape(-1, 1), factor):reshape(-1)
    means[1] = inverse:t():mv(w)
    reductions[1] = inverse:t():matmul(eye:sub(s.cholesky_solve(eye, factor))):matmul(inverse)
    outputs[d] = { theta = theta, noise = noise, means = means[1]:reshape(1, -1), reductions = reductions[1] }
    report.log_evidence = report.log_evidence + evidence
    report.noise = noise
  end
  return { outputs = outputs, points = points, report = report }
end

function Gp:_fit(z, y, fit)
  local n = #z
  if self.options.apply_l2_norm then z = unit_rows(z) end
  local points = z
  if n > self.options.exact_up_to then points = rows_of(z, spread_rows(z, math.min(n, self.options.n_inducing), fit.seed)) end
  local some = {}
  for i = 1, n do some[i] = i end
  if n > SEARCH_ITEMS then
    some = table.move(rng.new(fit.seed, 23):permutation(n), 1, SEARCH_ITEMS, 1, {})
    table.sort(some)
  end
  self.spans = fit.spans
  if self.task == "regression" then return self:_fit_numbers(z, y, fit, points, some) end
  return self:_fit_classes(z, y, fit, points, some)
end

-- ---- the graph -----------------------------------------------------------------------------------------------------------------------

-- k(value, points): (N, M), and k(x, x).
local function kernel_node(self, net, value, theta, points)
  local sum, total = nil, 0
  for i, span in ipairs(self.spans) do
    local width = span.last - span.first + 1
    local part = #self.spans == 1 and value or graph.node(net, "layer_" .. i, "Narrow", "narrow", { dim = 2, start = span.first, length = width }, { value })
    local k = graph.node(net, "kernel_" .. i, "Covariance", "covariance_matrix", { kind = self.options.kernel }, { part,
      graph.constant(net, ("gp.points_%d"):format(i), points:narrow(2, span.first, width)),
      graph.constant(net, ("gp.weight_%d"):format(i), scion().tensor { theta[i].weight }),
      graph.constant(net, ("gp.variance_%d"):format(i), scion().tensor(theta[i].variance)) })
    sum = sum and graph.node(net, "kernels", "Add", "add", nil, { sum, k }) or k
    total = total + theta[i].variance
  end
  return sum, total
end

-- Means (N, K) and variances (N, K) from k (N, M).
local function posterior_nodes(net, k, prior, means, reductions)
  local n_functions, m = means:size(1), means:size(2)
  local mean = graph.node(net, "latent_mean", "Linear", "linear", nil, { k, graph.constant(net, "gp.means", means) })
  local product = graph.node(net, "latent_products", "Linear", "linear", nil, { k, graph.constant(net, "gp.reductions", reductions) })
  product = graph.node(net, "latent_blocks", "Unflatten", "unflatten", { dim = 2, sizes = { n_functions, m } }, { product })
  local row = graph.node(net, "kernel_row", "Unsqueeze", "unsqueeze", { dim = 2 }, { k })
  local reduction = graph.node(net, "latent_reduction", "Sum", "sum", { dim = { 3 } }, { graph.node(net, "latent_squares", "Mul", "mul", nil, { product, row }) })
  local variance = graph.node(net, "latent_variance", "Sub", "sub", nil, { graph.constant(net, "gp.prior", scion().tensor { prior }), reduction })
  return mean, graph.node(net, "latent_positive", "Maximum", "maximum", nil, { variance, graph.constant(net, "gp.least", scion().tensor { prior * 1e-6 }) })
end

function Gp:_build(net, value, model)
  if self.options.apply_l2_norm then value = require("scion.repurpose.knn").unit_node(net, value) end
  if model.outputs then
    local means, variances = {}, {}
    for d, o in ipairs(model.outputs) do
      local k, prior = kernel_node(self, net, value, o.theta, model.points)
      means[d], variances[d] = posterior_nodes(net, k, prior, o.means, o.reductions)
    end
    if #means == 1 then return means[1], variances[1] end
    return graph.node(net, "means", "Concat", "cat", { dim = 2 }, means), graph.node(net, "variances", "Concat", "cat", { dim = 2 }, variances)
  end
  local k, prior = kernel_node(self, net, value, model.theta, model.points)
  local mean, variance = posterior_nodes(net, k, prior, model.means, model.reductions)
  -- The logistic function averaged over the latent (MacKay 1992): sigmoid(mean / sqrt(1 + pi variance / 8)).
  local eighth = graph.node(net, "averaging", "Scale", "mul", nil, { variance, graph.constant(net, "gp.eighth", scion().tensor { math.pi / 8 }) })
  local root = graph.node(net, "averaging_root", "Sqrt", "sqrt", nil, { graph.node(net, "averaging_one", "Shift", "add", nil,
    { eighth, graph.constant(net, "gp.one", scion().tensor { 1 }) }) })
  local score = graph.node(net, "averaged", "Div", "div", nil, { mean, root })
  if model.n_functions == 1 then -- (0, score): the softmax of two is the sigmoid of the second
    local zero = graph.node(net, "reference", "Scale", "mul", nil, { score, graph.constant(net, "gp.zero", scion().tensor { 0 }) })
    return graph.node(net, "scores", "Concat", "cat", { dim = 2 }, { zero, score }), variance
  end
  return score, variance
end

return Gp
