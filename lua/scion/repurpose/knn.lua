-- KnnRepurposer and NearestPrototypeRepurposer: repurposers without training. k nearest neighbours vote (or give the mean of
-- their numbers); the nearest prototype is the class whose mean feature is closest.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"

local M = {}

local function scion() return require "scion" end

-- Rows of length 1, for cosine similarity.
local function unit_rows(x) return x:div(x:square():sum(2, true):sqrt():clamp(1e-12, math.huge)) end

local function unit_node(net, value)
  local square = graph.node(net, "square", "Square", "square", nil, { value })
  local sum = graph.node(net, "sum", "Sum", "sum", { dim = { 2 }, keepdim = true }, { square })
  local length = graph.node(net, "length", "Sqrt", "sqrt", nil, { graph.node(net, "floor", "Maximum", "maximum", nil,
    { sum, graph.constant(net, "length.least", scion().tensor { 1e-24 }) }) })
  return graph.node(net, "unit", "Scale", "div", nil, { value, length })
end

M.unit_node = unit_node

-- ---- k nearest neighbours ------------------------------------------------------------------------------------------------

local Knn = class.class("KnnRepurposer", Predictor)
M.KnnRepurposer = Knn

Knn.TASKS = { classes = true, regression = true, multi_label = true }
Knn.OPTIONS = {
  n_neighbors = check.integer { min = 1 }, -- default 5, or as many as there are items
  weights = check.choice({ "uniform", "distance" }, { default = "uniform" }), -- distance: votes count 1 / distance
  metric = check.choice({ "euclidean", "cosine" }, { default = "euclidean" }),
}

-- Votes below this share count as this much in the log: probabilities stay above 0.
local LEAST_SHARE <const> = 1e-6

function Knn:_fit(z, y, fit)
  local s = scion()
  if self.options.metric == "cosine" then z = unit_rows(z) end
  local values
  if self.task == "classes" then
    local n = #y
    values = s.zeros(n, fit.n_classes, { dtype = "f64" })
    values:scatter_(2, s.tensor(y, { dtype = "i64" }):reshape(n, 1), s.ones(n, 1, { dtype = "f64" }))
    values = values:mul(s.tensor(fit.weights, { dtype = "f64" }))
  else
    values = y
  end
  local k = self.options.n_neighbors or math.min(5, #z)
  if k > #z then check.raise("KnnRepurposer: n_neighbors is %d but there are %d items", k, #z) end
  local odds
  if self.task == "multi_label" then -- weights of items with a label against those without
    odds = {}
    for d, pair in ipairs(fit.weights) do odds[d] = math.log(math.max(pair[1], 1e-6) / math.max(pair[2], 1e-6)) end
  end
  return { points = z, values = values, odds = odds, n_neighbors = k, report = { converged = true, n = #z, n_neighbors = k } }
end

function Knn:_build(net, value, model)
  local k = model.n_neighbors
  if self.options.metric == "cosine" then value = unit_node(net, value) end
  local distance = graph.node(net, "distance", "Distance", "cdist", nil, { value, graph.constant(net, "neighbours.points", model.points) })
  local near, ids = net:add_node(graph.fresh_name(net, "nearest"), "Nearest", "topk", { k = k, dim = 2, largest = false, sorted = true, base = 0 }, { distance })
  local votes = graph.node(net, "votes", "Embedding", "embedding", { base = 0 }, { ids, graph.constant(net, "neighbours.values", model.values) })
  if self.options.weights == "distance" then
    local floor = graph.node(net, "floor_distance", "Maximum", "maximum", nil, { near, graph.constant(net, "neighbours.least", scion().tensor { 1e-6 }) })
    local inverse = graph.node(net, "closeness", "Reciprocal", "reciprocal", nil, { floor })
    votes = graph.node(net, "weigh", "Mul", "mul", nil, { votes, graph.node(net, "closeness_column", "Unsqueeze", "unsqueeze", { dim = 3 }, { inverse }) })
    votes = graph.node(net, "sum_votes", "Sum", "sum", { dim = { 2 } }, { votes })
    local total = graph.node(net, "sum_closeness", "Sum", "sum", { dim = { 2 }, keepdim = true }, { inverse })
    votes = graph.node(net, "shares", "Div", "div", nil, { votes, total })
  else
    votes = graph.node(net, "shares", "Mean", "mean", { dim = { 2 } }, { votes })
  end
  if self.task == "regression" then return votes end
  local least = graph.constant(net, "neighbours.least_share", scion().tensor { LEAST_SHARE })
  if self.task == "classes" then
    return graph.node(net, "log_shares", "Log", "log", nil, { graph.node(net, "smooth", "Add", "add", nil, { votes, least }) })
  end
  -- log odds of every label
  local yes = graph.node(net, "yes", "Add", "add", nil, { votes, least })
  local no = graph.node(net, "no", "Sub", "sub", nil, { graph.constant(net, "neighbours.one", scion().tensor { 1 + LEAST_SHARE }), votes })
  local odds = graph.node(net, "log_odds", "Sub", "sub", nil, { graph.node(net, "log_yes", "Log", "log", nil, { yes }),
    graph.node(net, "log_no", "Log", "log", nil, { no }) })
  if self.options.class_weight == "none" then return odds end
  return graph.node(net, "weigh_labels", "Shift", "add", nil, { odds, graph.constant(net, "neighbours.odds", scion().tensor(model.odds)) })
end

-- ---- nearest prototype -----------------------------------------------------------------------------------------------------

local Prototype = class.class("NearestPrototypeRepurposer", Predictor)
M.NearestPrototypeRepurposer = Prototype

Prototype.TASKS = { classes = true, multi_label = true }

Prototype.OPTIONS = {
  metric = check.choice({ "euclidean", "cosine" }, { default = "euclidean" }),
  prior = check.choice({ "uniform", "counts" }, { default = "uniform" }), -- counts: frequent classes are more probable
}

-- Variance of the items about their means per effective dimension (the participation ratio (tr C)^2 / tr C^2 of their covariance), since
-- correlated features would make the probabilities overconfident; and that dimension.
local function spread_of(residual)
  local n = #residual
  local spread = residual:square():sum():item() / n -- trace of the covariance
  local product = n <= residual:size(2) and residual:matmul(residual:transpose(1, 2)) or residual:transpose(1, 2):matmul(residual)
  local squares = product:square():sum():item() / (n * n) -- trace of its square
  local dims = squares > 0 and spread * spread / squares or 1
  return math.max(spread / dims, 1e-12), dims
end

local F64 <const> = { dtype = "f64" }

-- Means of groups: member (N, K) is 1 where an item belongs to a group.
local function means_of(z, member, cosine)
  local means = member:transpose(1, 2):matmul(z):div(member:sum(1):clamp(1, math.huge):reshape(-1, 1))
  return cosine and unit_rows(means) or means
end

-- Each label on its own: the mean of the items with it against the mean of those without.
local function fit_labels(z, y, fit, cosine, by_counts)
  local s = scion()
  local weights, biases, variances = {}, {}, {}
  for k = 1, fit.n_classes do
    local with = y:narrow(2, k, 1)
    local member = s.cat({ with, with:neg():add(1) }, 2)
    local counts = member:sum(1):tolist()
    if counts[1] == 0 or counts[2] == 0 then -- all or none: a constant score
      weights[k], biases[k] = s.zeros(1, z:size(2), F64), counts[1] == 0 and -10.0 or 10.0
    else
      local means = means_of(z, member, cosine)
      local v = spread_of(z:sub(member:matmul(means)))
      local squares = means:square():sum(2):tolist()
      weights[k] = means:narrow(1, 1, 1):sub(means:narrow(1, 2, 1)):div(v)
      local prior = math.log(math.max(fit.weights[k][1], 1e-12) / math.max(fit.weights[k][2], 1e-12))
      biases[k] = (squares[2] - squares[1]) / (2 * v) + prior + (by_counts and math.log(counts[1] / counts[2]) or 0)
      variances[#variances + 1] = v
    end
  end
  return { weight = s.cat(weights, 1), bias = s.tensor(biases, F64), report = { converged = true, variances = variances } }
end

-- Classes as round normal distributions of one variance about their means: -|z - m|^2 / (2 v) is, up to what all classes share, linear
-- in z.
function Prototype:_fit(z, y, fit)
  local s = scion()
  local cosine = self.options.metric == "cosine"
  if cosine then z = unit_rows(z) end
  if self.task == "multi_label" then return fit_labels(z, y, fit, cosine, self.options.prior == "counts") end
  local n = #y
  local ids = s.tensor(y, { dtype = "i64" })
  local one_hot = s.zeros(n, fit.n_classes, F64):scatter_(2, ids:reshape(n, 1), s.ones(n, 1, F64))
  local means = means_of(z, one_hot, cosine)
  local variance, dims = spread_of(z:sub(means:index_select(1, ids)))
  local weight = means:div(variance)
  local bias = means:square():sum(2):div(-2 * variance)
  local prior = {}
  for k = 1, fit.n_classes do
    local w = fit.weights[k] * (self.options.prior == "counts" and fit.counts[k] / n or 1)
    prior[k] = w > 0 and math.log(w) or -30.0
    if fit.counts[k] == 0 then prior[k] = -30.0 - weight[k]:abs():sum():item() end -- it has no mean
  end
  return { weight = weight, bias = bias:add(s.tensor(prior, F64)), report = { converged = true, variance = variance, dimensions = dims } }
end

function Prototype:_build(net, value, model)
  if self.options.metric == "cosine" then value = unit_node(net, value) end
  return graph.add_linear(net, "prototypes", value, model.weight:to("f32"), model.bias:to("f32"))
end

return M
