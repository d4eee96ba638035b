-- SvmRepurposer: support vector machines on features of the source network, trained by libsvm: one machine for every pair of
-- classes, or epsilon regression. Probabilities: Platt's sigmoid for every pair, fitted on decisions by machines that did not see the
-- items (folds), then coupled (Price, Knerr, Personnaz and Dreyfus 1995: p_k = 1 / (sum_j 1 / r_kj - (K - 2)), normalised). Coupling many
-- pairs makes them too careful, so a temperature is fitted on the same held-out decisions. The label is the most probable class, so labels
-- and probabilities agree. Multi-label targets have one machine for each label, items with it against those without. Prediction is a graph
-- of products and kernels.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"
local rng = require "scion.data.rng"

local Svm = class.class("SvmRepurposer", Predictor)

Svm.TASKS = { classes = true, regression = true, multi_label = true }

Svm.OPTIONS = {
  c = check.number { default = 1.0, above = 0 },
  kernel = check.choice({ "linear", "poly", "rbf", "sigmoid" }, { default = "linear" }),
  gamma = check.either({ check.number { above = 0 }, check.choice { "auto", "scale" } }, { default = "auto" }), -- auto: 1 / F; scale: 1 / (F var)
  degree = check.integer { default = 3, min = 1 }, coef0 = 0.0,
  epsilon = check.number { default = 0.1, min = 0 }, -- regression: free error, in deviations of the targets
  tol = check.number { default = 1e-3, above = 0 },
  enable_probability_estimates = true,               -- false: labels by votes, no probabilities, a sixth of the time
  n_folds = check.integer { default = 5, min = 2 },  -- of the decisions that the probabilities are fitted on
}

local function scion() return require "scion" end

-- libsvm on a Gram matrix is several times faster than on rows where the matrix is small.
local GRAM_ITEMS <const> = 3000

local function kernel_gamma(self, z)
  local gamma = self.options.gamma
  if gamma == "auto" then return 1 / z:size(2) end
  if gamma == "scale" then
    local mean = z:mean():item()
    local variance = z:sub(mean):square():mean():item()
    return 1 / (z:size(2) * math.max(variance, 1e-12))
  end
  return gamma
end

-- k(a, b) as a matrix, f64.
local function gram(options, gamma, a, b)
  if options.kernel == "rbf" then
    local d = a:square():sum(2, true):add(b:square():sum(2):reshape(1, -1)):sub(a:matmul(b:transpose(1, 2)):mul(2)):clamp(0, math.huge)
    return d:mul(-gamma):exp()
  end
  local dot = a:matmul(b:transpose(1, 2))
  if options.kernel == "linear" then return dot end
  dot = dot:mul(gamma):add(options.coef0)
  if options.kernel == "poly" then return dot:pow(options.degree) end
  return dot:tanh()
end

-- What machines are trained on: rows and, where that is small, their Gram matrix, of which folds take their parts.
local function material(self, z, gamma)
  return { z = z, gamma = gamma, gram = #z <= GRAM_ITEMS and gram(self.options, gamma, z, z) or nil }
end

local function ids_of(list) return scion().tensor(list, { dtype = "i64" }) end

-- Trains on some rows (all when nil); y: class ids of those rows as a list, or f64 targets. Returns the support as rows of the material,
-- coefficients (S, P), offsets (P).
local function train(self, mat, rows, y, fit)
  local s, o = scion(), self.options
  local settings = { kernel = o.kernel, gamma = mat.gamma, degree = o.degree, coef0 = o.coef0, c = o.c, tol = o.tol, epsilon = o.epsilon }
  local target
  if fit.n_classes then
    target = s.tensor(y, { dtype = "f64" }):sub(1)
    settings.n_classes, settings.class_weight = fit.n_classes, fit.weights
  else
    target = y:contiguous()
  end
  local index = rows and ids_of(rows)
  local x
  if mat.gram then
    x = index and mat.gram:index_select(1, index):index_select(2, index) or mat.gram
    settings.kernel = "precomputed"
  else
    x = index and mat.z:index_select(1, index) or mat.z
  end
  local support, coef, offset, iterations, converged = s._svm_fit(x:contiguous(), target, settings)
  support = support:add(1)
  if index then support = index:index_select(1, support) end
  return { support = support, coef = coef, offset = offset, iterations = iterations, converged = converged }
end

-- Decisions (N, P) of a machine for some rows of the material (all when nil).
local function decisions(self, machine, mat, rows)
  local index, k = rows and ids_of(rows), nil
  if mat.gram then
    k = index and mat.gram:index_select(1, index) or mat.gram
    k = k:index_select(2, machine.support)
  else
    k = gram(self.options, mat.gamma, index and mat.z:index_select(1, index) or mat.z, mat.z:index_select(1, machine.support))
  end
  return k:matmul(machine.coef):add(machine.offset)
end

local function pairs_of(k)
  local list = {}
  for i = 1, k do
    for j = i + 1, k do list[#list + 1] = { i, j } end
  end
  return list
end

-- Decisions (N, P) by machines that did not see the items; of the machine itself where a class has too few items for folds.
local function held_out_decisions(self, machine, mat, y, fit)
  local s = scion()
  local groups, fewest = {}, math.huge
  for k = 1, fit.n_classes do groups[k] = {} end
  for i, id in ipairs(y) do table.insert(groups[id], i) end
  for _, group in ipairs(groups) do
    if #group > 0 then fewest = math.min(fewest, #group) end
  end
  local n_folds = math.min(self.options.n_folds, fewest)
  if n_folds < 2 then return decisions(self, machine, mat) end
  local fold_of, at = {}, 0
  for k, group in ipairs(groups) do
    rng.new(fit.seed, k):shuffle(group)
    for _, i in ipairs(group) do
      fold_of[i] = at % n_folds + 1
      at = at + 1
    end
  end
  local rows, parts = {}, {}
  for f = 1, n_folds do
    local seen, unseen, ids = {}, {}, {}
    for i = 1, #y do
      if fold_of[i] == f then
        unseen[#unseen + 1] = i
      else
        seen[#seen + 1] = i
        ids[#ids + 1] = y[i]
      end
    end
    if #unseen > 0 then
      parts[#parts + 1] = decisions(self, train(self, mat, seen, ids, fit), mat, unseen)
      table.move(unseen, 1, #unseen, #rows + 1, rows)
    end
  end
  local order = {}
  for i, row in ipairs(rows) do order[row] = i end
  return s.cat(parts, 1):index_select(1, ids_of(order))
end

-- Platt's sigmoids for all pairs at once: probability of the pair's first class = sigmoid(slope f + shift). Targets and regularised
-- counts of Platt 1999, Newton steps with halving (Lin, Lin and Weng 2007). f, first, second: (N, P), whether an item belongs to the pair's
-- first or second class; weight (N, 1): what it counts, without which class weights would be calibrated away.
local function platt(f, first, second, weight)
  local s = scion()
  local mask = first:add(second):mul(weight)
  local n1, n2 = first:sum(1), second:sum(1)
  local high, low = n1:add(1):div(n1:add(2)), n2:add(2):reciprocal()
  local target = first:mul(high):add(second:mul(low))
  local slope = s.zeros_like(n1)
  local shift = n1:add(1):div(n2:add(1)):log()
  local function loss(a, b)
    local z = f:mul(a):add(b)
    return z:softplus():sub(z:mul(target)):mul(mask):sum(1)
  end
  local value = loss(slope, shift)
  for _ = 1, 100 do
    local p = f:mul(slope):add(shift):sigmoid()
    local d, w = p:sub(target):mul(mask), p:mul(p:neg():add(1)):mul(mask)
    local ga, gb = d:mul(f):sum(1), d:sum(1)
    if ga:abs():max():item() < 1e-5 and gb:abs():max():item() < 1e-5 then break end
    local haa, hbb, hab = w:mul(f:square()):sum(1):add(1e-12), w:sum(1):add(1e-12), w:mul(f):sum(1)
    local det = haa:mul(hbb):sub(hab:square()):clamp(1e-24, math.huge)
    local da = hbb:mul(ga):sub(hab:mul(gb)):div(det):neg()
    local db = haa:mul(gb):sub(hab:mul(ga)):div(det):neg()
    local descent = ga:mul(da):add(gb:mul(db))
    local step = s.ones_like(da)
    for _ = 1, 30 do -- halve where the loss does not fall enough
      local tried = loss(slope:add(step:mul(da)), shift:add(step:mul(db)))
      local bad = tried:gt(value:add(step:mul(descent):mul(1e-4)):add(1e-12))
      if not bad:any():item() then break end
      step = s.where(bad, step:mul(0.5), step)
    end
    slope, shift = slope:add(step:mul(da)), shift:add(step:mul(db))
    value = loss(slope, shift)
  end
  return slope, shift
end

-- Log probabilities (N, K), up to a constant, from sigmoids of the pairs: see the beginning.
local function couple(z, k)
  local s = scion()
  local first, second = s.exp(z:clamp(-30, 30):neg()):add(1), s.exp(z:clamp(-30, 30)):add(1)
  local columns = {}
  for c = 1, k do columns[c] = s.full({ #z }, 2.0 - k, { dtype = "f64" }) end
  for p, pair in ipairs(pairs_of(k)) do
    columns[pair[1]] = columns[pair[1]]:add(first:narrow(2, p, 1):reshape(-1))
    columns[pair[2]] = columns[pair[2]]:add(second:narrow(2, p, 1):reshape(-1))
  end
  return s.stack(columns, 2):log():neg()
end

-- Weights of the items as a column.
local function item_weights(y, weights)
  local list = {}
  for i, id in ipairs(y) do list[i] = weights[id] + 0.0 end
  return scion().tensor(list, { dtype = "f64" }):reshape(-1, 1)
end

-- How far a few items may move the temperature: deviation of its logarithm about 0.
local TEMPERATURE_SPREAD <const> = 0.7

local function add_report(report, machine)
  report.converged = report.converged and machine.converged
  report.iterations = math.max(report.iterations, machine.iterations)
  report.n_support = report.n_support + #machine.support
end

-- One machine per target (regression) or label, on one set of points: those that support any of them.
local function joined(z, machines)
  local s = scion()
  local place, points = {}, {}
  for _, machine in ipairs(machines) do
    for _, row in ipairs(machine.support:tolist()) do
      if not place[row] then points[#points + 1], place[row] = row, true end
    end
  end
  table.sort(points)
  for i, row in ipairs(points) do place[row] = i end
  local coef, offset = s.zeros(#points, #machines, { dtype = "f64" }), {}
  for d, machine in ipairs(machines) do
    local at = {}
    for i, row in ipairs(machine.support:tolist()) do at[i] = place[row] end
    if #at > 0 then
      local column = s.zeros(#points, 1, { dtype = "f64" })
      column:scatter_(1, ids_of(at):reshape(-1, 1), machine.coef)
      coef:narrow(2, d, 1):copy_(column)
    end
    offset[d] = machine.offset
  end
  if #points == 0 then return { points = z:narrow(1, 1, 1), coef = s.zeros(1, #machines, { dtype = "f64" }), offset = s.cat(offset, 1) } end
  return { points = z:index_select(1, ids_of(points)), coef = coef, offset = s.cat(offset, 1) }
end

-- One machine per label; a label that all items or none have keeps a constant score.
function Svm:_fit_labels(mat, y, fit, report)
  local s = scion()
  local machines, slopes, shifts = {}, {}, {}
  for k = 1, fit.n_classes do
    local ids, with = {}, 0
    for i, v in ipairs(y:narrow(2, k, 1):reshape(-1):tolist()) do
      ids[i] = v == 1 and 1 or 2
      with = with + (v == 1 and 1 or 0)
    end
    slopes[k], shifts[k] = s.ones(1, { dtype = "f64" }), s.zeros(1, { dtype = "f64" })
    if with == 0 or with == #ids or fit.weights[k][1] == 0 or fit.weights[k][2] == 0 then
      machines[k] = { support = s.zeros(0, { dtype = "i64" }), coef = s.zeros(0, 1, { dtype = "f64" }),
        offset = s.full({ 1 }, (with == 0 or fit.weights[k][1] == 0) and -10.0 or 10.0, { dtype = "f64" }) }
    else
      local sub = { n_classes = 2, weights = fit.weights[k], seed = fit.seed }
      machines[k] = train(self, mat, nil, ids, sub)
      add_report(report, machines[k])
      if self.has_probabilities then
        local f = held_out_decisions(self, machines[k], mat, ids, sub)
        local is_with = y:narrow(2, k, 1)
        slopes[k], shifts[k] = platt(f, is_with, is_with:neg():add(1), item_weights(ids, sub.weights))
      end
    end
  end
  return { machine = joined(mat.z, machines), gamma = mat.gamma, n_classes = fit.n_classes, slope = s.cat(slopes, 1), shift = s.cat(shifts, 1),
    report = report }
end

function Svm:_fit(z, y, fit)
  local s = scion()
  local mat = material(self, z, kernel_gamma(self, z))
  local report = { converged = true, iterations = 0, n_support = 0 }
  self.has_probabilities = self.options.enable_probability_estimates
  if self.task == "regression" then
    local machines = {}
    for d = 1, fit.n_targets do
      machines[d] = train(self, mat, nil, y:narrow(2, d, 1):squeeze(2), {})
      add_report(report, machines[d])
    end
    return { machine = joined(z, machines), gamma = mat.gamma, report = report }
  end
  if self.task == "multi_label" then return self:_fit_labels(mat, y, fit, report) end
  for k, count in ipairs(fit.counts) do
    if count > 0 and fit.weights[k] == 0 then
      check.raise("SvmRepurposer: class_weight of class %s is 0; leave the class out of the data (data:only)", check.describe(self.classes[k]))
    end
  end
  local machine = train(self, mat, nil, y, fit)
  add_report(report, machine)
  if #machine.support == 0 then machine.support, machine.coef = ids_of { 1 }, s.zeros(1, #machine.offset, { dtype = "f64" }) end
  machine.points = z:index_select(1, machine.support)
  local model = { machine = machine, gamma = mat.gamma, n_classes = fit.n_classes, report = report }
  if self.has_probabilities then
    local f = held_out_decisions(self, machine, mat, y, fit)
    local list, ids = pairs_of(fit.n_classes), ids_of(y):reshape(-1, 1)
    local i, j = {}, {}
    for p, pair in ipairs(list) do i[p], j[p] = pair[1], pair[2] end
    local weight = item_weights(y, fit.weights)
    model.slope, model.shift = platt(f, ids:eq(ids_of(i)):to("f64"), ids:eq(ids_of(j)):to("f64"), weight)
    local log_p = couple(f:mul(model.slope):add(model.shift), fit.n_classes)
    model.temperature = require("scion.repurpose.assess").temperature(log_p:softmax(2), y, TEMPERATURE_SPREAD, weight)
    report.temperature = model.temperature
  else -- a class without items loses against those that have some
    local lean = {}
    for p, pair in ipairs(pairs_of(fit.n_classes)) do
      local a, b = fit.counts[pair[1]], fit.counts[pair[2]]
      lean[p] = (a == 0 and b > 0) and -1.0 or (b == 0 and a > 0) and 1.0 or 0.0
    end
    machine.offset = machine.offset:add(s.tensor(lean, { dtype = "f64" }))
  end
  return model
end

-- ---- the graph -------------------------------------------------------------------------------------------------------------

local function constant(net, name, tensor) return graph.constant(net, "svm." .. name, tensor) end

-- Decisions of one machine: (N, P).
local function decision_node(self, net, value, machine, gamma, prefix)
  local o = self.options
  if o.kernel == "linear" then -- the weights themselves
    local weight = machine.coef:transpose(1, 2):matmul(machine.points)
    return graph.add_linear(net, graph.fresh_name(net, prefix), value, weight:to("f32"):contiguous(), machine.offset:to("f32"))
  end
  local points = constant(net, prefix .. ".support_vectors", machine.points)
  local k
  if o.kernel == "rbf" then
    local distance = graph.node(net, "distance", "Distance", "cdist", nil, { value, points })
    k = graph.node(net, "square", "Square", "square", nil, { distance })
    k = graph.node(net, "gamma", "Scale", "mul", nil, { k, constant(net, prefix .. ".gamma", scion().tensor { -gamma }) })
    k = graph.node(net, "kernel", "Exp", "exp", nil, { k })
  else
    k = graph.node(net, "products", "Linear", "linear", nil, { value, points })
    k = graph.node(net, "gamma", "Scale", "mul", nil, { k, constant(net, prefix .. ".gamma", scion().tensor { gamma }) })
    k = graph.node(net, "coef0", "Shift", "add", nil, { k, constant(net, prefix .. ".coef0", scion().tensor { o.coef0 }) })
    if o.kernel == "poly" then
      k = graph.node(net, "kernel", "Pow", "pow", nil, { k, constant(net, prefix .. ".degree", scion().tensor { o.degree + 0.0 }) })
    else
      k = graph.node(net, "kernel", "Tanh", "tanh", nil, { k })
    end
  end
  return graph.add_linear(net, graph.fresh_name(net, prefix), k, machine.coef:transpose(1, 2):to("f32"):contiguous(), machine.offset:to("f32"))
end

-- Sums over the pairs: (P, K), 1 where the pair's first (second) class is k.
local function pair_sums(k)
  local first, second = {}, {}
  for p, pair in ipairs(pairs_of(k)) do
    first[p], second[p] = {}, {}
    for c = 1, k do
      first[p][c] = c == pair[1] and 1.0 or 0.0
      second[p][c] = c == pair[2] and 1.0 or 0.0
    end
  end
  return scion().tensor(first), scion().tensor(second)
end

local function sum_over_pairs(net, a, b, k)
  local first, second = pair_sums(k)
  local left = graph.node(net, "first_of_pairs", "Matmul", "matmul", nil, { a, constant(net, "first", first) })
  local right = graph.node(net, "second_of_pairs", "Matmul", "matmul", nil, { b, constant(net, "second", second) })
  return graph.node(net, "over_pairs", "Add", "add", nil, { left, right })
end

-- libsvm's own coupling (Wu, Lin, Weng 2004, "Probability estimates for multi-class classification by pairwise coupling", second approach): p minimises
-- the sum over pairs of (r_ji p_i - r_ij p_j)^2, which is p' Q p with Q_ii = sum r_ji^2 and Q_ij = -r_ij r_ji; so p goes along the solution of
-- (Q + 1 1') p = 1. libsvm comes within 0.005 / K of it step by step.
local function coupled_as_libsvm(net, z, k)
  local list, cross, below, above = pairs_of(k), {}, {}, {}
  for p, pair in ipairs(list) do
    local i, j = pair[1], pair[2]
    cross[p], below[p], above[p] = {}, {}, {}
    for at = 1, k * k do
      local row, column = (at - 1) // k + 1, (at - 1) % k + 1
      cross[p][at] = ((row == i and column == j) or (row == j and column == i)) and -1.0 or 0.0
      below[p][at] = row == i and column == i and 1.0 or 0.0
      above[p][at] = row == j and column == j and 1.0 or 0.0
    end
  end
  local s = scion()
  local function times(name, v, table_) return graph.node(net, name, "Matmul", "matmul", nil, { v, constant(net, name .. "_places", s.tensor(table_)) }) end
  -- libsvm keeps every r within 1e-7 of 0 and 1
  local first = graph.node(net, "pair_first", "Clamp", "clamp", { min = 1e-7, max = 1 - 1e-7 }, { graph.node(net, "pair_first_sigmoid", "Sigmoid", "sigmoid", nil, { z }) })
  local second = graph.node(net, "pair_second", "Clamp", "clamp", { min = 1e-7, max = 1 - 1e-7 }, { graph.node(net, "pair_second_sigmoid", "Sigmoid", "sigmoid", nil,
    { graph.node(net, "pair_reversed", "Neg", "neg", nil, { z }) }) })
  local q = times("pair_products", graph.node(net, "pair_product", "Mul", "mul", nil, { first, second }), cross)
  q = graph.node(net, "with_second", "Add", "add", nil, { q, times("second_squares", graph.node(net, "second_square", "Square", "square", nil, { second }), below) })
  q = graph.node(net, "with_first", "Add", "add", nil, { q, times("first_squares", graph.node(net, "first_square", "Square", "square", nil, { first }), above) })
  q = graph.node(net, "with_ones", "Shift", "add", nil, { q, constant(net, "coupling_one", s.tensor { 1.0 }) })
  q = graph.node(net, "couplings", "Unflatten", "unflatten", { dim = 2, sizes = { k, k } }, { q })
  local p = graph.node(net, "coupled", "Solve", "solve", nil, { q, constant(net, "coupling_sides", s.ones(k, 1)) })
  p = graph.node(net, "coupled_row", "Flatten", "flatten", { start_dim = 2 }, { p })
  p = graph.node(net, "coupled_positive", "Clamp", "clamp", { min = 1e-12 }, { p })
  return graph.node(net, "log_probability", "Log", "log", nil, { p })
end

function Svm:_build(net, value, model)
  local f = decision_node(self, net, value, model.machine, model.gamma, "svm")
  if self.task == "regression" then return f end
  if self.task == "multi_label" then
    f = graph.node(net, "platt_slope", "Scale", "mul", nil, { f, constant(net, "slope", model.slope) })
    return graph.node(net, "platt", "Shift", "add", nil, { f, constant(net, "shift", model.shift) })
  end
  local k = model.n_classes
  local minus = graph.node(net, "reversed", "Neg", "neg", nil, { f })
  if model.slope then
    local z = graph.node(net, "platt_slope", "Scale", "mul", nil, { f, constant(net, "slope", model.slope) })
    z = graph.node(net, "platt", "Shift", "add", nil, { z, constant(net, "shift", model.shift) })
    if model.coupling == "libsvm" and k > 2 then return coupled_as_libsvm(net, z, k) end
    -- 1 / sigmoid(z) = 1 + exp(-z), bounded so that sums stay finite
    local bounded = graph.node(net, "bound", "Clamp", "clamp", { min = -30, max = 30 }, { z })
    local one = constant(net, "one", scion().tensor { 1 })
    local function inverse(v, name) return graph.node(net, name, "Add", "add", nil, { graph.node(net, name .. "_exp", "Exp", "exp", nil, { v }), one }) end
    local first = inverse(graph.node(net, "negative", "Neg", "neg", nil, { bounded }), "inverse_first")
    local sums = sum_over_pairs(net, first, inverse(bounded, "inverse_second"), k)
    local coupled = graph.node(net, "coupled", "Shift", "sub", nil, { sums, constant(net, "pairs_less", scion().tensor { k - 2 + 0.0 }) })
    local log_p = graph.node(net, "log_probability", "Neg", "neg", nil, { graph.node(net, "log_inverse", "Log", "log", nil, { coupled }) })
    if not model.temperature then return log_p end
    return graph.node(net, "temper", "Scale", "mul", nil, { log_p, constant(net, "inverse_temperature", scion().tensor { 1 / model.temperature }) })
  end
  -- Votes, ties broken by the sums of the decisions, which never count as much as a vote.
  local zero = constant(net, "zero", scion().tensor { 0 })
  local function votes(v, name) return graph.node(net, name, "Cast", "to", { dtype = "f32" }, { graph.node(net, name .. "_positive", "Greater", "gt", nil,
    { v, zero }) }) end
  local count = sum_over_pairs(net, votes(f, "vote_first"), votes(minus, "vote_second"), k)
  local confidence = sum_over_pairs(net, f, minus, k)
  local size = graph.node(net, "confidence_size", "Abs", "abs", nil, { confidence })
  local room = graph.node(net, "confidence_room", "Shift", "add", nil, { size, constant(net, "room", scion().tensor { 1 }) })
  local small = graph.node(net, "confidence_share", "Div", "div", nil, { confidence, room })
  local third = graph.node(net, "tie_break", "Scale", "mul", nil, { small, constant(net, "third", scion().tensor { 1 / 3 }) })
  return graph.node(net, "scores", "Add", "add", nil, { count, third })
end

-- predict_probability, calibrate and reliability need probabilities; so does whoever derives a measure from them.
local function with_probabilities(name)
  Svm[name] = function(self, ...)
    if self.target_model ~= nil and self.task ~= "regression" and not self.has_probabilities then
      check.raise("SvmRepurposer: Probability estimates should have been enabled during model training (enable_probability_estimates = true)")
    end
    return Predictor[name](self, ...)
  end
end
for _, name in ipairs { "predict_probability", "calibrate", "reliability" } do with_probabilities(name) end

function Svm:_extra()
  local extra = Predictor._extra(self)
  extra.has_probabilities = self.has_probabilities
  return extra
end

function Svm.restore(self, net, info)
  Predictor.restore(self, net, info)
  self.has_probabilities = info.extra and info.extra.has_probabilities
end

return Svm
