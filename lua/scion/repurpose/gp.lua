-- GpRepurposer: Gaussian processes on features of the source network. The kernel is a sum with one term (RBF, one length scale) for
-- every feature layer. Regression: hyper-parameters of maximum evidence, with a wide prior on the noise. Classification: one latent
-- function per class against the rest, logistic likelihood, Laplace's approximation (Rasmussen and Williams 2006, sections
-- 3.4 and 3.5), whose averaged log odds are the scores of a softmax with a temperature from folds; length scales by the sum of the
-- evidences of the one-against-rest codes, the variance by Laplace's evidence. Weights of classes weigh the likelihood. Multi-label
-- targets have one function for each label, whose averaged probability is taken as it is. Above `exact_up_to` items the
-- kernel is approximated through n_inducing points spread over the data by k-means++ (projected process: weights on Nystroem
-- features). Predictive variances are the second output of the graph.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"
local minimise = require "scion.minimise"
local rng = require "scion.data.rng"

local Gp = class.class("GpRepurposer", Predictor)

Gp.TASKS = { classes = true, regression = true, multi_label = true }

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
local SEARCH_CLASSES <const> = 20
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

-- Squared distances of some rows by layer; all that the search needs to know of the features.
local function distances(x, spans)
  local list = {}
  for l, span in ipairs(spans) do
    local part = x:narrow(2, span.first, span.last - span.first + 1)
    local squares = part:square():sum(2, true)
    list[l] = squares:add(squares:t()):sub(part:matmul(part:t()):mul(2)):clamp(0, math.huge)
  end
  return list
end

-- The covariance at squared distances d (variance 1), and its derivative by the logarithm of the length scale.
local function kernel_of(kind, d, scale)
  if kind == "rbf" then
    local u = d:div(scale * scale)
    local k = u:mul(-0.5):exp()
    return k, k:mul(u)
  end
  local r = d:mul(kind == "matern32" and 3 or 5):sqrt():div(scale)
  local e, square = r:neg():exp(), r:square()
  if kind == "matern32" then return r:add(1):mul(e), square:mul(e) end
  return square:div(3):add(r):add(1):mul(e), square:mul(r:add(1)):mul(e):div(3)
end

-- What is expected before any item is seen, as mean and deviation of logarithms: noise about a tenth of the targets' variance, length
-- scales about the distances between items. Few items could otherwise be explained without any noise, or by a kernel so narrow that it is
-- noise, and nothing would be learned.
local NOISE_PRIOR <const> = { math.log(0.1), 2.0 }
local LENGTH_PRIOR <const> = { 0.5, 0.5 } -- in units of the first start

-- Log evidence of targets y (N, P) that share hyper-parameters, and its gradient (Rasmussen and Williams 2006, 5.8 and 5.9). theta: the
-- logarithms of each layer's length scale and variance, then of the noise.
local function evidence_of(kind, theta, list, y)
  local s = scion()
  local scope <close> = s.scope()
  local n, targets = #y, y:size(2)
  local noise = math.exp(theta[#theta])
  local sum, parts = s.eye(n, F64):mul(noise), {}
  for l, d in ipairs(list) do
    local variance = math.exp(theta[2 * l])
    local k, slope = kernel_of(kind, d, math.exp(theta[2 * l - 1]))
    parts[l] = { k = k:mul(variance), slope = slope:mul(variance) }
    sum = sum:add(parts[l].k)
  end
  local factor = sum:cholesky()
  local inverse = s.cholesky_solve(s.eye(n, F64), factor)
  local a = inverse:matmul(y)
  local value = -0.5 * y:mul(a):sum():item() - targets * (factor:diagonal():log():sum():item() + 0.5 * n * math.log(2 * math.pi))
  local middle, g = a:matmul(a:t()):sub(inverse:mul(targets)):mul(0.5), {}
  for l, part in ipairs(parts) do
    g[2 * l - 1], g[2 * l] = middle:mul(part.slope):sum():item(), middle:mul(part.k):sum():item()
  end
  g[#theta] = middle:diagonal():sum():item() * noise
  return value, g
end

-- Hyper-parameters of maximum evidence for regressions on (some of) the items that share them: theta, noise, evidence. y: (N, P), centred.
local function search(self, x, y, spans, seed)
  local list, o = distances(x, spans), self.options
  local first, lower, upper = {}, {}, {}
  for l, span in ipairs(spans) do
    first[2 * l - 1] = math.log(o.apply_l2_norm and 1 or math.sqrt(span.last - span.first + 1))
    first[2 * l] = -math.log(#spans)
    lower[2 * l - 1], upper[2 * l - 1], lower[2 * l], upper[2 * l] = math.log(1e-2), math.log(1e4), math.log(1e-4), math.log(1e4)
  end
  local last = 2 * #spans + 1
  first[last], lower[last], upper[last] = math.log(0.1), math.log(1e-5), math.log(10)
  local starts, random = { first }, rng.new(seed, 31)
  for r = 1, o.restarts do
    local start = {}
    for k, v in ipairs(first) do start[k] = v + 4 * random:uniform() - 2 end
    starts[r + 1] = start
  end
  local targets = y:size(2)
  local results = minimise.boxed(function(points)
    local values, gradients = {}, {}
    for i, theta in ipairs(points) do
      local ok, value, g = pcall(evidence_of, o.kernel, theta, list, y)
      if ok then
        values[i], gradients[i] = -value, {}
        for k = 1, last do
          local prior = k == last and NOISE_PRIOR or k % 2 == 1 and LENGTH_PRIOR
          local z = prior and (theta[k] - prior[1] - (k < last and first[k] or 0)) / prior[2] or 0
          values[i] = values[i] + 0.5 * targets * z * z
          gradients[i][k] = -g[k] + (prior and targets * z / prior[2] or 0)
        end
      elseif tostring(value):find("positive definite", 1, true) then -- a place not to go
        values[i], gradients[i] = math.huge, {}
        for k = 1, last do gradients[i][k] = 0.0 end
      else
        error(value, 0)
      end
    end
    return values, gradients
  end, starts, { lower = lower, upper = upper, max_rounds = o.max_function_evaluations, tol = 1e-4, f_tol = 1e-7 })
  local best = results[1]
  for _, result in ipairs(results) do
    if result.f < best.f or best.f ~= best.f then best = result end
  end
  local theta = {}
  for l = 1, #spans do theta[l] = { weight = math.exp(-best.x[2 * l - 1]), variance = math.exp(best.x[2 * l]) } end
  return theta, math.exp(best.x[last]), (evidence_of(o.kernel, best.x, list, y))
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

-- Laplace's approximation for y in {0, 1}: mode of the weights under N(0, I), and the log evidence. Newton's steps with halving. weight: of
-- the likelihood of every item, or nil.
local function laplace(phi, y, weight)
  local s = scion()
  local m = phi:size(2)
  local w = s.zeros(m, F64)
  local eye = s.eye(m, F64)
  local function objective(v)
    local f = phi:mv(v)
    local loss = f:softplus():sub(f:mul(y))
    return (weight and loss:mul(weight) or loss):sum():item() + 0.5 * v:square():sum():item()
  end
  local value = objective(w)
  local factor
  for _ = 1, 50 do
    local p = phi:mv(w):sigmoid()
    local slope, curvature = p:sub(y), p:mul(p:neg():add(1))
    if weight then slope, curvature = slope:mul(weight), curvature:mul(weight) end
    local gradient = phi:t():mv(slope):add(w)
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

-- The binary problems: one per class against the rest (one in all for two classes), or one per label. Each is { y = 0 or 1 of every
-- item, weight = of every item or nil, count }.
local function problems(self, y, fit)
  local s, list = scion(), {}
  local function weights_of(values)
    for _, v in ipairs(values) do
      if v ~= 1 then return s.tensor(values, F64) end
    end
    return nil
  end
  if self.task == "multi_label" then
    for k = 1, fit.n_classes do
      local column, values = y:narrow(2, k, 1):reshape(-1), {}
      for i, v in ipairs(column:tolist()) do values[i] = fit.weights[k][v == 1 and 1 or 2] + 0.0 end
      list[k] = { y = column, weight = weights_of(values), count = column:sum():item() }
    end
    return list
  end
  local values = {}
  for i, id in ipairs(y) do values[i] = fit.weights[id] + 0.0 end
  local weight = weights_of(values)
  for k = fit.n_classes == 2 and 2 or 1, fit.n_classes do
    local column = {}
    for i, id in ipairs(y) do column[i] = id == k and 1.0 or 0.0 end
    list[#list + 1] = { y = s.tensor(column, F64), weight = weight, count = fit.counts[k] }
  end
  return list
end

-- ---- fitting ---------------------------------------------------------------------------------------------------------------------

-- Length scales and variances for one-against-rest classification.
local function class_theta(self, z, list, fit, points, some)
  local s = scion()
  local index = s.tensor(some, { dtype = "i64" })
  local searched = z:index_select(1, index)
  local order = {} -- those that the items searched say something about, the largest first
  for k, problem in ipairs(list) do
    local seen = problem.y:index_select(1, index):mean():item()
    if seen > 0 and seen < 1 then order[#order + 1] = k end
  end
  table.sort(order, function(a, b) return list[a].count > list[b].count or list[a].count == list[b].count and a < b end)
  local n_searched = math.min(#order, SEARCH_CLASSES)
  local targets, weights, centred = {}, {}, {}
  for i = 1, n_searched do
    local problem = list[order[i]]
    targets[i], weights[i] = problem.y:index_select(1, index), problem.weight and problem.weight:index_select(1, index)
    centred[i] = targets[i]:sub(targets[i]:mean()):mul(2)
  end
  local theta, total = {}, 0
  if n_searched > 0 then
    theta = search(self, searched, s.stack(centred, 2), fit.spans, fit.seed)
  else -- nothing to tell apart: any kernel will do
    for l, span in ipairs(fit.spans) do theta[l] = { weight = (span.last - span.first + 1) ^ -0.5, variance = 1 } end
  end
  for _, t in ipairs(theta) do total = total + t.variance end
  for _, t in ipairs(theta) do t.variance = t.variance / total end
  if n_searched == 0 then return theta, 1 end
  -- The features of variance v are sqrt(v) times those of variance 1.
  local phi_search = kernel_features(self, theta, fit.spans, #some <= #points and searched or points, searched)
  local function evidence(v)
    local sum, phi = 0, phi_search:mul(math.sqrt(v))
    for i = 1, n_searched do
      local _, _, value = laplace(phi, targets[i], weights[i])
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
  local list = problems(self, y, fit)
  local theta, v
  if fit.reuse then
    theta, v = fit.reuse.theta, fit.reuse.report.variance
  else
    theta, v = class_theta(self, z, list, fit, points, some)
  end
  local phi, inverse = kernel_features(self, theta, fit.spans, points, z)
  local means, reductions, log_evidence = {}, {}, 0
  local eye = s.eye(#points, F64)
  for k, problem in ipairs(list) do
    local w, factor, value = laplace(phi, problem.y, problem.weight)
    log_evidence = log_evidence + value
    means[k] = inverse:t():mv(w)
    -- variance = k(x, x) - k' L^-T (I - S) L^-1 k
    reductions[k] = inverse:t():matmul(eye:sub(s.cholesky_solve(eye, factor))):matmul(inverse)
  end
  return { theta = theta, points = points, means = s.stack(means, 1), reductions = s.cat(reductions, 1), n_functions = #list,
    report = { converged = true, log_evidence = log_evidence, n_points = #points, variance = v } }
end

function Gp:_fit_numbers(z, y, fit, points, some)
  local s = scion()
  local searched = rows_of(z, some)
  local means, reductions, report = {}, {}, { converged = true, log_evidence = 0, n_points = #points }
  local outputs = {}
  for d = 1, fit.n_targets do
    local target = y:narrow(2, d, 1):squeeze(2)
    local theta, noise, evidence = search(self, searched, rows_of(target, some):reshape(-1, 1), fit.spans, fit.seed + d)
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
  if model.n_functions == 1 and self.task == "classes" then -- (0, score): the softmax of two is the sigmoid of the second
    local zero = graph.node(net, "reference", "Scale", "mul", nil, { score, graph.constant(net, "gp.zero", scion().tensor { 0 }) })
    return graph.node(net, "scores", "Concat", "cat", { dim = 2 }, { zero, score }), variance
  end
  return score, variance
end

return Gp
