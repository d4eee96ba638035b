-- NeuralNetworkRepurposer: repurposers that train a network. A subclass defines _create_target_module(train), which
-- returns the net to train (new layers included); this class trains it, predicts with it and saves it. Layers that
-- are frozen from the input on are computed once for the whole data set and not again in every epoch.

local check = require "scion.check"
local class = require "scion.class"
local features = require "scion.features"
local graph = require "scion.repurpose.graph"
local logistic = require "scion.logistic"
local Repurposer = require "scion.repurpose.base"
local trainer = require "scion.trainer"
local tuning = require "scion.repurpose.tuning"

local Neural = class.class("NeuralNetworkRepurposer", Repurposer)

Neural.TASKS = { classes = true, regression = true, multi_label = true }
Neural.SHUFFLES = true -- a bare data set is trained on in random order

Neural.OPTIONS = {
  num_epochs = check.integer { min = 1 },           -- default 5 (unless steps is given)
  steps = check.integer { min = 1 },                -- updates in all, instead of num_epochs
  batch_size = check.integer { min = 1 },           -- default: the iterator's
  optimizer = check.either({ check.string(), check.func() }, { default = "adam" }),
  optimizer_params = check.table {},                -- default { lr = 1e-3 }; learning_rate is the same as lr
  layer_lr = check.table {},                        -- factors on the rate by layer or dotted prefix; 0: the layer does not learn
  lr_decay = check.number { default = 1, above = 0, max = 1 }, -- factor on the rate from a layer to the one below it
  gradual_unfreezing = check.integer { min = 1 },   -- epochs until one more layer joins, from the last one down
  schedule = check.either({ check.string(), check.func() }, { default = "one_cycle" }),
  loss = check.either({ check.string(), check.func() }, { default = "auto" }), -- by task: cross_entropy, mse, bce
  class_weight = check.either({ check.choice { "balanced", "none" }, check.table() }, { default = "none" }),
  augment = check.either({ check.boolean(), check.table(), check.func() }), -- { flip = true, shift = pixels }, or function(x, y, keys)
  mixup = check.number { above = 0 },               -- alpha of the Beta distribution of the shares
  grad_clip = check.number { above = 0 },
  validation = check.any {},                        -- measured after every epoch
  validation_split = check.number { default = 0, min = 0, below = 1 }, -- or a share of the training data
  early_stopping = check.any {}, callbacks = check.table {}, metrics = check.list {},
  cache_bytes = check.integer { default = 1 << 30, min = 0 }, -- most memory for the frozen part's output; 0: never cache
  calibrate = false,                                -- a temperature from the validation data
  seed = check.integer {},                          -- of new weights, dropout; default: go on with the context's
  progress = false,
}

local OPTIMISERS <const> = { sgd = "SGD", adam = "Adam", adamw = "AdamW", rmsprop = "RMSprop", adagrad = "Adagrad", adadelta = "Adadelta",
  nadam = "NAdam", radam = "RAdam", adamax = "Adamax" }

function Neural:init(opts)
  Repurposer.init(self, opts)
  local o, name = self.options, getmetatable(self).class_name
  if not o.steps then o.num_epochs = o.num_epochs or 5 end
  if type(o.optimizer) == "string" and not OPTIMISERS[o.optimizer:lower()] then
    local known = {}
    for key in pairs(OPTIMISERS) do known[#known + 1] = key end
    table.sort(known)
    check.raise("%s: unknown optimizer '%s' (known: %s)", name, o.optimizer, table.concat(known, ", "))
  end
  local params = {}
  for key, value in pairs(o.optimizer_params or {}) do params[key] = value end
  if params.learning_rate ~= nil then params.lr, params.learning_rate = params.learning_rate, nil end -- Xfer's word
  if params.lr == nil then params.lr = 1e-3 end
  if type(params.lr) ~= "number" or not (params.lr > 0 and params.lr < math.huge) then
    check.raise("%s: optimizer_params.lr must be a number above 0, got %s", name, check.describe(params.lr))
  end
  o.optimizer_params = params
  for layer, factor in pairs(o.layer_lr or {}) do
    if type(layer) ~= "string" or type(factor) ~= "number" or not (factor >= 0 and factor < math.huge) then
      check.raise("%s: layer_lr must give numbers of at least 0 by name of the layer, got %s = %s", name, check.describe(layer), check.describe(factor))
    end
  end
end

--- The net to train. Subclasses build it from self.source_model; its output are scores (N, K) for #self.classes classes, or
--- self.n_outputs numbers for the other tasks.
function Neural:_create_target_module(_)
  check.raise(getmetatable(self).class_name .. ": _create_target_module is not defined")
end

-- ---- frozen beginnings -----------------------------------------------------------------------------------------------

-- Does the iterator give the same x for an item every time?
local function is_fixed(iterator)
  if type(iterator) ~= "table" or not iterator.in_order then return false end
  if iterator.transform then return false end
  local set = iterator.dataset
  return set.is_random == nil or not set:is_random()
end

-- An iterator over the values of one layer for the items of another.
local function values_of(self, net, boundary, iterator, label)
  local values, targets = features.collect(net, iterator:in_order(), { boundary }, { label = label, progress = self.options.progress,
    cache = true })
  local data = require "scion.data"
  local set = data.TensorDataset { x = values[1], y = targets, n = #values[1], classes = iterator.classes, ids = iterator.dataset:ids() }
  return data.Iterator(set, iterator.options)
end

-- The frozen beginning's output for all items, as iterators, and the net behind it; nil when that is not possible.
local function cached(self, net, train, validation)
  local options = self.options
  if options.cache_bytes == 0 or options.mixup or options.gradual_unfreezing or not is_fixed(train) then return nil end
  if validation and not is_fixed(validation) then return nil end
  local boundary = graph.frozen_boundary(net)
  if not boundary then return nil end
  local x = train:first()
  local shape = graph.probe(net, { boundary }, x)[1]
  local bytes = 4 * (#train.dataset + (validation and #validation.dataset or 0))
  for d = 2, #shape do bytes = bytes * shape[d] end
  if bytes > options.cache_bytes then return nil end
  local rest = net:extract { from = { boundary }, to = net:outputs() }
  self.boundary = boundary
  return rest, values_of(self, net, boundary, train, "frozen layers"),
    validation and values_of(self, net, boundary, validation, "frozen layers, validation")
end

-- ---- losses -------------------------------------------------------------------------------------------------------------

-- Numbers are learned in deviations of the training targets; see unscale.
local function target_scaling(self, train)
  local s = require "scion"
  local targets = {}
  for _, y in train:in_order() do targets[#targets + 1] = self:_as_targets(y):to("f64"):reshape(#y, -1) end
  return require("scion.repurpose.predictor").column_scaling(s.cat(targets, 1), true)
end

-- Puts the targets' scale into the last linear layer, or behind the net where it does not end in one.
local function unscale(net, scaling)
  local s = require "scion"
  local output = net:outputs()[1]
  local mean, std = scaling.mean:to("f32"), scaling.std:to("f32")
  local last = net:has_layer(output) and net:layer(output)
  s.no_grad(function()
    if last and last.op == "linear" and #last.entries == 2 then
      local weight, bias = net[last.entries[1]], net[last.entries[2]]
      weight:copy_(weight:mul(std:reshape(-1, 1)))
      bias:copy_(bias:mul(std):add(mean))
      return
    end
    local value = graph.node(net, "target_scale", "Scale", "mul", nil, { output, graph.constant(net, "target.std", std) })
    net:set_outputs { graph.node(net, "target", "Shift", "add", nil, { value, graph.constant(net, "target.mean", mean) }) }
  end)
end

local function make_loss(self, train)
  local s, options = require "scion", self.options
  if type(options.loss) == "function" then return options.loss end
  if self.task == "regression" then
    if options.class_weight ~= "none" then
      check.raise("%s: class_weight is for classes, the data have numbers to predict", getmetatable(self).class_name)
    end
    local scaling = self.target_scaling
    local mean, std = scaling.mean:to("f32"), scaling.std:to("f32")
    local values = self.label_values and s.tensor(self.label_values):to("f32")
    local name = ({ auto = "mse_loss", mse = "mse_loss", l1 = "l1_loss", huber = "huber_loss" })[options.loss]
    if not name then check.raise("%s: loss '%s' does not fit numbers (auto, mse, l1, huber, or a function)", getmetatable(self).class_name, options.loss) end
    return function(output, y)
      local target = (y.dtype == "i64" and values and values:index_select(1, y) or y:to("f32")):reshape(#y, -1):sub(mean):div(std)
      return s.nn[name](output:reshape(#y, -1), target)
    end
  end
  if self.task == "multi_label" then
    if options.loss ~= "auto" and options.loss ~= "bce" then
      check.raise("%s: loss '%s' does not fit labels (auto, bce, or a function)", getmetatable(self).class_name, options.loss)
    end
    if options.class_weight == "none" then
      return function(output, y) return s.nn.binary_cross_entropy_with_logits(output, y:to(output.dtype)) end
    end
    local targets = {}
    for _, y in train:in_order() do targets[#targets + 1] = y:to("f64") end
    local with, without = {}, {}
    for k, pair in ipairs(require("scion.repurpose.predictor")._label_weights(self, s.cat(targets, 1))) do with[k], without[k] = pair[1], pair[2] end
    with, without = s.tensor(with):to("f32"), s.tensor(without):to("f32")
    return function(output, y)
      y = y:to(output.dtype)
      return output:softplus():sub(output:mul(y)):mul(y:mul(with):add(y:neg():add(1):mul(without))):mean()
    end
  end
  if options.loss ~= "auto" and options.loss ~= "cross_entropy" then
    check.raise("%s: loss '%s' does not fit classes (auto, cross_entropy, or a function)", getmetatable(self).class_name, options.loss)
  end
  local weight
  if options.class_weight ~= "none" then
    weight = s.tensor(logistic.class_weights(options.class_weight, train:class_counts(), #train.dataset, self.classes)):to("f32")
  end
  if options.mixup then -- targets of training are shares of classes, those of held-out data are ids
    return function(output, y)
      if y:dim() == 2 then return tuning.soft_cross_entropy(output, y, weight) end
      return s.nn.cross_entropy(output, y, weight and { weight = weight } or nil)
    end
  end
  if not weight then return "cross_entropy" end
  return function(output, target) return s.nn.cross_entropy(output, target, { weight = weight }) end
end

-- ---- training -----------------------------------------------------------------------------------------------------------

-- An optimiser over groups with rates of their own.
local function grouped_optimiser(self, net, lr)
  local options = self.options
  local params = {}
  for key, value in pairs(options.optimizer_params) do params[key] = value end
  params.lr = lr or params.lr
  local groups = tuning.groups(getmetatable(self).class_name, net, params.lr, options.lr_decay, options.layer_lr)
  if #groups == 0 then error(getmetatable(self).class_name .. ": nothing to train: every layer is fixed", 0) end
  local name = OPTIMISERS[options.optimizer:lower()]
  return require("scion").optim[name](groups, params)
end

-- Raises where the module gives another number of scores than there are classes.
local function check_outputs(self, net, train)
  if type(self.options.loss) == "function" or type(train) ~= "table" or not train.first then return end
  local x = train:first()
  local shape = x ~= nil and graph.probe(net, { net:outputs()[1] }, x)[1]
  if not shape or #shape == 1 and self.task == "regression" and self.n_outputs == 1 then return end
  if #shape ~= 2 or shape[2] ~= self.n_outputs then
    check.raise("%s: the target module gives (%s) for an item, expected (%d): %s", getmetatable(self).class_name, table.concat(shape, ", ", 2), self.n_outputs,
      self.classes and "the data have the classes " .. tostring(self.classes) or "the targets have that many numbers")
  end
end

-- The module to train, ready: checked, in training mode; the iterators it is trained and measured on.
local function prepare(self, train)
  if not graph.is_net(self.source_model) then
    check.raise("%s: the source network is not there (scion.load(path, { source_model = net }))", getmetatable(self).class_name)
  end
  train = self:_begin(train)
  local options = self.options
  if options.seed then require("scion").seed(options.seed) end
  if type(train) == "table" and train.with then -- a walk of its own: from the beginning, however far the given one has gone
    train = train:with { batch_size = options.batch_size or train.batch_size }
  end
  local validation = options.validation and self:_iterator("validation", options.validation, true)
  if options.validation_split > 0 then
    if type(train) ~= "table" or not train.split then check.raise(getmetatable(self).class_name .. ": validation_split needs an iterator over a data set") end
    train, validation = train:split(1 - options.validation_split, { seed = options.seed or 0 })
    validation = validation:in_order()
  end
  self.n_outputs = self.classes and #self.classes
  if not self.n_outputs then
    if type(train) == "function" then
      check.raise(getmetatable(self).class_name .. ": repurpose needs an iterator over a data set (scion.data.tensors makes one of tensors), got a function")
    end
    local _, y = (train.first or train.next)(train)
    if y == nil then check.raise(getmetatable(self).class_name .. ": repurpose needs data with targets") end
    self.n_outputs = y:dim() == 2 and y:size(2) or 1
  end
  if self.task == "multi_label" then
    for _, y in train:in_order() do self:_check_label_targets(y) end
  end
  self.target_scaling = self.task == "regression" and target_scaling(self, train) or nil
  local net = self:_create_target_module(train)
  if not graph.is_net(net) then
    check.raise("%s: _create_target_module must return a net, got %s", getmetatable(self).class_name, check.describe(net))
  end
  check_outputs(self, net, train)
  net:train()
  if options.augment then
    train = train:with { transform = tuning.augmentation(getmetatable(self).class_name, options.augment) }
  end
  return net, train, validation
end

-- Training that ends far worse than guessing, and worse than it began, has gone astray.
local function warn_of_divergence(self, history)
  local last = history.epochs[#history.epochs]
  if self.task ~= "classes" or type(self.options.loss) == "function" or self.options.class_weight ~= "none" or #history.epochs < 3 then return end
  local guessing = math.log(#self.classes)
  if last.loss > 2 * guessing and last.loss > (history.first_loss or math.huge) then
    require("scion").emit("warn", ("%s: the loss is %.3g after training, guessing has %.3g: the learning rate (%g) may be too high (find_learning_rate suggests one)"):format(
      getmetatable(self).class_name, last.loss, guessing, self.options.optimizer_params.lr))
  end
end

function Neural:repurpose(train)
  local options = self.options
  local net, validation
  net, train, validation = prepare(self, train)
  local measures = options.metrics or (self.task == "classes" and not options.mixup and { "accuracy" }) or {}
  local fit = {
    epochs = options.num_epochs, steps = options.steps, loss = make_loss(self, train),
    schedule = options.schedule, grad_clip = options.grad_clip, early_stopping = options.early_stopping, metrics = measures,
    callbacks = options.callbacks, progress = options.progress,
  }
  local rest, fixed, fixed_validation = cached(self, net, train, validation)
  self.cached = rest ~= nil
  local trained = rest or net
  local data = fixed or train
  fit.validation = fixed_validation or validation
  if type(options.optimizer) == "function" then
    fit.optimizer = options.optimizer
  else
    fit.optimizer = grouped_optimiser(self, trained)
  end
  if options.gradual_unfreezing then fit.callbacks = tuning.unfreezing(net, options.gradual_unfreezing, options.callbacks) end
  if options.mixup then
    data = tuning.mixed(data, options.mixup, self.n_outputs, options.seed)
  end
  trained:train()
  local ok, history = pcall(trainer.fit, trained, data, fit)
  if not ok then -- ours are raised at the user's line, those of callbacks as they are
    local text = type(history) == "string" and history:match("^[^\n:]*scion/[%w_/]+%.lua:%d+: (.*)$")
    if text then check.raise("%s: %s", getmetatable(self).class_name, text) end
    error(history, 0)
  end
  self.history = history
  warn_of_divergence(self, history)
  if self.task == "regression" and self.target_scaling and type(options.loss) ~= "function" then unscale(net, self.target_scaling) end
  net:eval()
  self.ends_in_softmax = graph.logits(net) ~= net:outputs()[1]
  self.target_model = self:_remember_shapes(net)
  if options.calibrate and self.task == "classes" then
    if not validation then check.raise(getmetatable(self).class_name .. ": calibrate needs validation data (validation or validation_split)") end
    self:calibrate(validation)
  end
  return self
end

--- The learning-rate range test on this task: { lr (a suggestion), rates, losses }, which prints itself. Trains a copy, so that
--- nothing changes. opts: from = 1e-6, to = 1, steps = 60, out (a picture: SVG, PNG, PDF).
function Neural:find_learning_rate(train, opts)
  local net, data = prepare(self, train)
  local rest, fixed = cached(self, net, data)
  local module, it = rest or net, fixed or data
  local loss = make_loss(self, data)
  if loss == "cross_entropy" then loss = function(output, y) return require("scion").nn.cross_entropy(output, y) end end
  return tuning.find_rate(module, function() return it:next() end, function(copy, lr) return grouped_optimiser(self, copy, lr) end, loss, opts)
end

-- ---- predicting ----------------------------------------------------------------------------------------------------------

local function raw_outputs(self, iterator)
  if self.cached and is_fixed(iterator) then -- the frozen part again: out of the cache where the items are known
    local inner, truth = features.collect(self.target_model, iterator:in_order(), { self.boundary }, { cache = true, progress = self.options.progress })
    local s = require "scion"
    local rest = self.target_model:extract { from = { self.boundary }, to = self.target_model:outputs() }
    rest:eval()
    local parts = {}
    s.no_grad(function()
      for from = 1, #inner[1], 64 do parts[#parts + 1] = rest(inner[1]:narrow(1, from, math.min(64, #inner[1] - from + 1))) end
    end)
    return #parts == 1 and parts[1] or s.cat(parts, 1), truth
  end
  local values, truth = features.collect(self.target_model, iterator, { self.target_model:outputs()[1] }, { progress = self.options.progress })
  return values[1], truth
end

function Neural:_predict_probability(iterator)
  local values, truth = raw_outputs(self, iterator)
  if self.task == "multi_label" then return self.ends_in_softmax and values or values:sigmoid(), truth end
  local t = self.temperature or 1
  if self.ends_in_softmax then
    return t == 1 and values or values:clamp(1e-30, 1):log():mul(1 / t):softmax(2), truth
  end
  return values:mul(1 / t):softmax(2), truth
end

function Neural:_predict_values(iterator) return raw_outputs(self, iterator) end

function Neural:_set_temperature(t) self.temperature = t end

function Neural:_to_net()
  if self.task == "regression" then return self.target_model end
  local net = self.target_model:clone { share = true }
  if not self.ends_in_softmax then
    local value = net:outputs()[1]
    if (self.temperature or 1) ~= 1 then
      value = graph.node(net, "calibrate", "Scale", "mul", nil, { value, graph.constant(net, "calibrate.inverse_temperature",
        require("scion").tensor { 1 / self.temperature }) })
    end
    if self.task == "multi_label" then
      value = graph.node(net, "probabilities", "Sigmoid", "sigmoid", nil, { value })
    else
      value = graph.add_softmax(net, value)
    end
    net:set_outputs { value }
  end
  net:eval()
  return net
end

function Neural:_extra()
  local epochs = {}
  for i, record in ipairs(self.history and self.history.epochs or {}) do epochs[i] = record end
  return { temperature = self.ends_in_softmax and self.temperature or nil, trained_temperature = self.temperature, epochs = epochs,
    stopped = self.history and self.history.stopped }
end

function Neural.restore(self, net, info)
  self.target_model = net
  self.ends_in_softmax = self.task ~= "regression"
  self.temperature = info.extra and info.extra.temperature
  if info.extra and info.extra.epochs then self.history = { epochs = info.extra.epochs, stopped = info.extra.stopped } end
end

--- How training ended: { converged, epochs, stopped, loss }. converged: the loss of the last epoch is the least or within a percent of it.
function Neural:convergence()
  local epochs = self.history and self.history.epochs
  if not epochs or #epochs == 0 then return nil end
  local last, least = epochs[#epochs].loss, math.huge
  for _, record in ipairs(epochs) do least = math.min(least, record.loss) end
  return { converged = last <= least * 1.01 + 1e-9, epochs = #epochs, stopped = self.history.stopped, loss = last }
end

-- Functions and live objects do not go into files.
function Neural:get_params()
  local params = Repurposer.get_params(self)
  for _, name in ipairs { "validation", "callbacks" } do params[name] = nil end
  for name, value in pairs(params) do
    if type(value) == "function" then params[name] = nil end
  end
  return params
end

-- ---- heads ----------------------------------------------------------------------------------------------------

-- Rows of the source's head for target classes that the source knows by name; nil when it knows none.
local function source_rows(self)
  local classes = self.source_model:attr "classes"
  if not classes then return nil end
  local position, rows, found = {}, {}, false
  for i, label in ipairs(require("scion.json").decode(classes)) do position[label] = i end
  for k, label in ipairs(self.classes) do
    rows[k] = position[label] or false
    found = found or rows[k] ~= false
  end
  return found and rows or nil
end

-- A last layer by convex means on features (N, F): logistic regression (one for each label of multi-label targets), or ridge regression for
-- targets in deviations of the training set.
local function fitted_head(self, x, y, k)
  local s, logistic = require "scion", require "scion.logistic"
  if self.task == "classes" then
    local model = logistic.fit(x, y, k, { c = 0.1 })
    return model.weight:to("f32"), model.bias:to("f32")
  end
  x = x:to("f64")
  if self.task == "multi_label" then
    local weights, biases = {}, {}
    for d = 1, k do
      local column = y:narrow(2, d, 1):reshape(-1):to("f64")
      local share = column:mean():item()
      if share == 0 or share == 1 then
        weights[d], biases[d] = s.zeros(1, x:size(2), { dtype = "f64" }), s.full({ 1 }, share == 1 and 5.0 or -5.0, { dtype = "f64" })
      else
        local model = logistic.fit(x, column:add(1):to("i64"), 2, { c = 0.1 })
        weights[d], biases[d] = model.weight:narrow(1, 2, 1), model.bias:narrow(1, 2, 1)
      end
    end
    return s.cat(weights, 1):to("f32"), s.cat(biases, 1):to("f32")
  end
  local target = self:_as_targets(y):to("f64"):reshape(#y, -1):sub(self.target_scaling.mean):div(self.target_scaling.std)
  local mean = x:mean(1)
  local z = x:sub(mean)
  local penalty = math.max(z:square():sum():item() / x:size(2) * 0.1, 1e-9) -- a tenth of what an average feature varies
  local gram = z:t():matmul(z):add(s.eye(x:size(2), { dtype = "f64" }):mul(penalty))
  local w = s.cholesky_solve(z:t():matmul(target), s.cholesky(gram)):t()
  return w:to("f32"):contiguous(), target:mean(1):sub(w:mv(mean)):to("f32")
end

--- For subclasses: puts a new last layer on a value (flattened if need be) and makes it the net's output.
---   head = "random": PyTorch's initialisation; "source": rows of the source's own last layer for the classes that both
---   know by name, random for the others; "regression": a converged logistic (of numbers: ridge) regression on the features.
function Neural:_add_head(net, value, name, train, head)
  local s = require "scion"
  local x = (train.first or train.next)(train)
  local shape = graph.probe(net, { value }, x)[1]
  local width = 1
  for d = 2, #shape do width = width * shape[d] end
  value = graph.add_flatten(net, value, #shape)
  local k = self.n_outputs
  local bound = 1 / math.sqrt(width)
  local weight = s.rand(k, width):mul(2 * bound):sub(bound)
  local bias = s.rand(k):mul(2 * bound):sub(bound)
  if head == "source" and self.task ~= "classes" then head = "random" end
  if head == "source" then
    local rows = source_rows(self)
    local last = graph.head(self.source_model)
    local entries = self.source_model:layer(last).entries
    local old_weight, old_bias = self.source_model[entries[1]], entries[2] and self.source_model[entries[2]]
    if rows and old_weight:dim() == 2 and old_weight:size(2) == width then
      for c, row in ipairs(rows) do
        if row then
          weight[c] = old_weight:detach()[row]
          bias[c] = old_bias and old_bias:detach()[row] or 0
        end
      end
    end
  elseif head == "regression" then
    local values, y = features.collect(net, train:in_order(), { net:value_name(value) }, { flatten = true, cache = true })
    s.no_grad(function() weight, bias = fitted_head(self, values[1], y, k) end)
  end
  local out = graph.add_linear(net, graph.fresh_name(net, name), value, weight:requires_grad_(true), bias:requires_grad_(true))
  net:set_outputs { out }
  net:prune()
  net:set_attr("classes", nil)
  return net
end

return Neural
