-- BnnRepurposer: a Bayesian neural network on features of the source network. The posterior of every weight is a normal distribution of
-- its own (mean field), fitted by maximising the evidence lower bound with local reparametrisation (Kingma, Salimans and Welling
-- 2015: noise is drawn for activations, not weights); the weight of the KL term rises from 0 to 1 between two epochs. Predictions
-- average the class probabilities of weight samples, which are kept in the graph, so they are the same every time. A mean-field posterior
-- is too wide (what it cannot say about correlated weights it adds as noise), so the averaged probabilities are too careful; they get a
-- temperature from folds unless calibrate is off.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"
local rng = require "scion.data.rng"

local Bnn = class.class("BnnRepurposer", Predictor)

Bnn.TASKS = { classes = true, regression = true, multi_label = true }

Bnn.OPTIONS = {
  sigma = check.number { default = 3.0, above = 0 },  -- deviation of the prior of what a unit adds up: weights have sigma / sqrt(inputs)
  num_layers = check.integer { default = 1, min = 0 }, n_hidden = check.integer { default = 10, min = 1 },
  num_samples_mc = check.integer { default = 3, min = 1 },              -- samples per step of training
  num_samples_mc_prediction = check.integer { default = 100, min = 1 }, -- samples in a prediction
  learning_rate = check.number { default = 1e-2, above = 0 },           -- of Adam; falls to 0 along a cosine
  batch_size = check.integer { default = 20, min = 1 }, num_epochs = check.integer { default = 200, min = 1 },
  start_annealing = check.integer { min = 0 },        -- last epoch without KL; default a tenth of the epochs
  end_annealing = check.integer { min = 1 },          -- first epoch with all of it; default a tenth of the epochs later
  calibrate = true,                                   -- five more trainings, of classes; off: the averages as they are
  bnn_context_function = check.choice({ "cpu" }, { default = "cpu" }),
  verbose = check.either({ check.boolean(), check.integer { min = 0 } }, { default = 0 }), -- a line per epoch
}

local function scion() return require "scion" end

function Bnn:init(opts)
  Predictor.init(self, opts)
  local o = self.options
  local epochs = o.num_epochs
  local from = o.start_annealing or epochs // 10
  local to = o.end_annealing or math.min(epochs, from + math.max(epochs // 10, 1))
  if from >= epochs then check.raise("BnnRepurposer: start_annealing (%d) must be below num_epochs (%d)", from, epochs) end
  if to > epochs then check.raise("BnnRepurposer: end_annealing (%d) must be at most num_epochs (%d)", to, epochs) end
  if to <= from then check.raise("BnnRepurposer: end_annealing (%d) must be above start_annealing (%d)", to, from) end
  o.start_annealing, o.end_annealing = from, to
end

-- Share of the KL term in an epoch (counted from 1).
local function annealing(o, epoch)
  return math.max(0, math.min(1, (epoch - o.start_annealing) / (o.end_annealing - o.start_annealing)))
end

-- Smallest deviation of the posterior, for logarithms.
local TINY <const> = 1e-8

local function inverse_softplus(x) return math.log(math.exp(x) - 1) end

-- Means begin as a network's usually do, deviations at a tenth of the prior's.
local function new_layer(inputs, outputs, sigma, gain)
  local s = scion()
  local prior_w, prior_b = sigma / math.sqrt(inputs), sigma
  local function leaf(t) return t:requires_grad_(true) end
  return { prior_w = prior_w, prior_b = prior_b,
    mean_w = leaf(s.randn(outputs, inputs):mul(gain / math.sqrt(inputs))), rho_w = leaf(s.full({ outputs, inputs }, inverse_softplus(0.1 * prior_w))),
    mean_b = leaf(s.zeros(outputs)), rho_b = leaf(s.full({ outputs }, inverse_softplus(0.1 * prior_b))) }
end

local function leaves(layers, noise)
  local list = {}
  for _, l in ipairs(layers) do
    for _, name in ipairs { "mean_w", "rho_w", "mean_b", "rho_b" } do list[#list + 1] = l[name] end
  end
  list[#list + 1] = noise
  return list
end

-- KL(N(mean, std^2) || N(0, prior^2)), summed.
local function divergence(mean, std, prior)
  return std:square():add(mean:square()):div(2 * prior * prior):sub(std:add(TINY):log()):add(math.log(prior) - 0.5):sum()
end

local function kl_of(layers)
  local total
  for _, l in ipairs(layers) do
    local part = divergence(l.mean_w, l.rho_w:softplus(), l.prior_w):add(divergence(l.mean_b, l.rho_b:softplus(), l.prior_b))
    total = total and total:add(part) or part
  end
  return total
end

-- Outputs (S, B, K) with noise drawn for every activation.
local function sample_outputs(layers, x, n_samples)
  local s = scion()
  local h
  for i, l in ipairs(layers) do
    local std_w, std_b = l.rho_w:softplus(), l.rho_b:softplus()
    local input = h or x
    local mean = input:matmul(l.mean_w:transpose(1, 2)):add(l.mean_b)
    local variance = input:square():matmul(std_w:square():transpose(1, 2)):add(std_b:square())
    local shape = { n_samples, #x, l.mean_w:size(1) }
    h = mean:add(variance:add(1e-12):sqrt():mul(s.randn(shape)))
    if i < #layers then h = h:relu() end
  end
  return h
end

function Bnn:_fit(z, y, fit)
  local s = scion()
  local o = self.options
  local state = table.pack(s.rng_state())
  s.seed(fit.seed)
  local model
  local ok, message = pcall(function()
    s.enable_grad(function() model = self:_train(z:to("f32"):contiguous(), y, fit) end)
  end)
  s.rng_state(table.unpack(state, 1, state.n))
  if not ok then error(message, 0) end
  return model
end

function Bnn:_train(x, y, fit)
  local s, o = scion(), self.options
  local n, width = #x, x:size(2)
  local regression, multi_label = self.task == "regression", self.task == "multi_label"
  local outputs = regression and fit.n_targets or fit.n_classes
  local layers = {}
  for _ = 1, o.num_layers do
    layers[#layers + 1] = new_layer(width, o.n_hidden, o.sigma, 1)
    width = o.n_hidden
  end
  layers[#layers + 1] = new_layer(width, outputs, o.sigma, 0.3)
  local target, weight, noise
  if regression then
    target = y:to("f32")
    noise = s.full({ outputs }, math.log(0.3)):requires_grad_(true) -- log deviation of the targets about the function
  elseif multi_label then
    target = y:to("f32")
    local with, without = {}, {}
    for k, pair in ipairs(fit.weights) do with[k], without[k] = pair[1], pair[2] end
    weight = target:mul(s.tensor(with):to("f32")):add(target:neg():add(1):mul(s.tensor(without):to("f32"))) -- of every item and label
  else
    target = s.tensor(y, { dtype = "i64" })
    weight = s.tensor(fit.weights):to("f32")
  end
  local optimiser = s.optim.Adam(leaves(layers, noise), { lr = o.learning_rate })
  local history, steps_done = {}, 0
  local batch = math.min(o.batch_size, n)
  local total_steps = o.num_epochs * ((n + batch - 1) // batch)
  for epoch = 1, o.num_epochs do
    local share = annealing(o, epoch)
    local order = s.tensor(rng.new(fit.seed, epoch):permutation(n), { dtype = "i64" })
    local sums = { loss = 0, kl = 0 }
    for from = 1, n, batch do
      local scope <close> = s.scope()
      local rows = order:narrow(1, from, math.min(batch, n - from + 1))
      local xb, yb = x:index_select(1, rows), target:index_select(1, rows)
      local out = sample_outputs(layers, xb, o.num_samples_mc)
      local loss
      if regression then
        loss = out:sub(yb):div(noise:exp()):square():mul(0.5):add(noise):sum(3):mean()
      elseif multi_label then
        loss = out:softplus():sub(out:mul(yb)):mul(weight:index_select(1, rows)):sum(3):mean()
      else
        local flat = out:reshape(-1, outputs)
        local ids = yb:unsqueeze(1):expand(o.num_samples_mc, #yb):reshape(-1)
        loss = s.nn.cross_entropy(flat, ids, { weight = weight, reduction = "none" }):mean()
      end
      local kl = kl_of(layers)
      local bound = loss:add(kl:mul(share / n))
      optimiser:zero_grad()
      bound:backward()
      for _, group in ipairs(optimiser.param_groups) do
        group.lr = o.learning_rate * 0.5 * (1 + math.cos(math.pi * steps_done / total_steps))
      end
      optimiser:step()
      steps_done = steps_done + 1
      sums.loss, sums.kl = sums.loss + loss:item() * #xb, kl:item()
    end
    history[epoch] = { epoch = epoch, loss = sums.loss / n, kl = sums.kl, anneal = share }
    if sums.loss ~= sums.loss then
      check.raise("BnnRepurposer: the loss is NaN in epoch %d; lower learning_rate (%g)", epoch, o.learning_rate)
    end
    if not fit.reuse and (o.verbose == true or o.verbose ~= false and o.verbose > 0) then -- folds are silent
      s.emit("info", ("BnnRepurposer: epoch %d/%d, loss %.4f, KL %.1f, annealing %.2f"):format(epoch, o.num_epochs, sums.loss / n, sums.kl, share))
    end
  end
  if not fit.reuse then self.history = history end
  return s.no_grad(function() return self:_draw(layers, noise, history) end)
end

-- Weight samples for predictions: lists of (S, out, in) and (S, out).
function Bnn:_draw(layers, noise, history)
  local s, n = scion(), self.options.num_samples_mc_prediction
  local samples = {}
  for i, l in ipairs(layers) do
    local outputs, inputs = l.mean_w:size(1), l.mean_w:size(2)
    samples[i] = { weight = s.randn(n, outputs, inputs):mul(l.rho_w:softplus()):add(l.mean_w),
      bias = s.randn(n, outputs):mul(l.rho_b:softplus()):add(l.mean_b) }
  end
  local last = history[#history]
  return { samples = samples, noise = noise and noise:exp():square() or nil,
    report = { converged = true, iterations = #history, loss = last.loss, kl = last.kl, anneal = last.anneal } }
end

function Bnn:_build(net, value, model)
  local n, h = self.options.num_samples_mc_prediction, nil
  for i, l in ipairs(model.samples) do
    local outputs, inputs = l.weight:size(2), l.weight:size(3)
    if i == 1 then -- all samples at once as one linear layer
      h = graph.add_linear(net, "bnn_1", value, l.weight:reshape(n * outputs, inputs):contiguous(), l.bias:reshape(-1):contiguous())
      h = graph.node(net, "samples", "Unflatten", "unflatten", { dim = 2, sizes = { n, outputs } }, { h })
    else
      h = graph.node(net, "bnn_" .. i, "Einsum", "einsum", { equation = "nsh,skh->nsk" }, { h, graph.constant(net, ("bnn_%d.weight"):format(i), l.weight) })
      h = graph.node(net, ("bnn_%d_bias"):format(i), "Add", "add", nil, { h, graph.constant(net, ("bnn_%d.bias"):format(i), l.bias) })
    end
    if i < #model.samples then h = graph.node(net, "bnn_relu", "ReLU", "relu", nil, { h }) end
  end
  if self.task == "regression" then
    local mean = graph.node(net, "bnn_mean", "Mean", "mean", { dim = { 2 } }, { h })
    local square = graph.node(net, "bnn_square", "Mean", "mean", { dim = { 2 } }, { graph.node(net, "bnn_squared", "Square", "square", nil, { h }) })
    local spread = graph.node(net, "bnn_spread", "Sub", "sub", nil, { square, graph.node(net, "bnn_mean_square", "Square", "square", nil, { mean }) })
    local positive = graph.node(net, "bnn_positive", "ReLU", "relu", nil, { spread })
    return mean, graph.node(net, "bnn_variance", "Add", "add", nil, { positive, graph.constant(net, "bnn.noise", model.noise) })
  end
  if self.task == "multi_label" then -- log odds of the averaged probability
    local p = graph.node(net, "bnn_average", "Mean", "mean", { dim = { 2 } }, { graph.node(net, "bnn_sigmoid", "Sigmoid", "sigmoid", nil, { h }) })
    local inside = graph.node(net, "bnn_inside", "Clamp", "clamp", { min = 1e-6, max = 1 - 1e-6 }, { p })
    local rest = graph.node(net, "bnn_rest", "Sub", "sub", nil, { graph.constant(net, "bnn.one", scion().tensor { 1 }), inside })
    return graph.node(net, "bnn_log_odds", "Sub", "sub", nil, { graph.node(net, "bnn_log", "Log", "log", nil, { inside }),
      graph.node(net, "bnn_log_rest", "Log", "log", nil, { rest }) })
  end
  local p = graph.node(net, "bnn_softmax", "Softmax", "softmax", { dim = 3 }, { h })
  local mean = graph.node(net, "bnn_average", "Mean", "mean", { dim = { 2 } }, { p })
  local floor = graph.node(net, "bnn_floor", "Maximum", "maximum", nil, { mean, graph.constant(net, "bnn.least", scion().tensor { 1e-30 }) })
  return graph.node(net, "bnn_log", "Log", "log", nil, { floor })
end

return Bnn
