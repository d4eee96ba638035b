-- NeuralNetworkRepurposer: repurposers that train a network. A subclass defines _create_target_module(train), which
-- returns the net to train (new layers included); this class trains it, predicts with it and saves it. Layers that
-- are frozen from the input on are computed once for the whole data set and not again in every epoch.

local check = require "scion.check"
local class = require "scion.class"
local features = require "scion.features"
local graph = require "scion.repurpose.graph"
local progress = require "scion.progress"
local Repurposer = require "scion.repurpose.base"
local trainer = require "scion.trainer"

local Neural = class.class("NeuralNetworkRepurposer", Repurposer)

Neural.OPTIONS = {
  num_epochs = check.integer { min = 1 },           -- default 5 (unless steps is given)
  steps = check.integer { min = 1 },                -- updates in all, instead of num_epochs
  batch_size = check.integer { min = 1 },           -- default: the iterator's
  optimizer = check.either({ check.string(), check.func() }, { default = "adam" }),
  optimizer_params = check.table {},                -- default { lr = 1e-3 }
  schedule = check.either({ check.string(), check.func() }, { default = "one_cycle" }),
  loss = check.either({ check.string(), check.func() }, { default = "cross_entropy" }),
  class_weight = check.either({ check.choice { "balanced", "none" } }, { default = "none" }),
  grad_clip = check.number { above = 0 },
  validation = check.any {}, early_stopping = check.any {}, callbacks = check.table {},
  metrics = check.list {},
  cache_bytes = check.integer { default = 1 << 30, min = 0 }, -- most memory for the frozen part's output; 0: never cache
  seed = check.integer {},                          -- of new weights, dropout; default: go on with the context's
  progress = false,
}

--- The net to train. Subclasses build it from self.source_model; its output are scores (N, #self.classes).
function Neural:_create_target_module(_)
  error(getmetatable(self).class_name .. ": _create_target_module is not defined", 2)
end

-- Does the iterator give the same x for an item every time?
local function is_fixed(iterator)
  if type(iterator) ~= "table" or not iterator.in_order then return false end
  if iterator.transform then return false end
  local set = iterator.dataset
  return set.is_random == nil or not set:is_random()
end

-- The frozen beginning's output for all items, as an iterator, and the net behind it; nil when that is not possible.
local function cached(self, net, train)
  if self.options.cache_bytes == 0 or not is_fixed(train) then return nil end
  local boundary = graph.frozen_boundary(net)
  if not boundary then return nil end
  local x = train:with { batch_size = 1, shuffle = false, last_batch = "keep", balance = "none" }:next()
  local shape = graph.probe(net, { boundary }, x)[1]
  local bytes = 4 * #train.dataset
  for d = 2, #shape do bytes = bytes * shape[d] end
  if bytes > self.options.cache_bytes then return nil end
  local values, targets = features.collect(net, train:in_order(), { boundary }, { label = "frozen layers",
    progress = self.options.progress })
  local rest = net:extract { from = { boundary }, to = net:outputs() }
  local data = require "scion.data"
  local set = data.TensorDataset { x = values[1], y = targets, n = #values[1], classes = self.classes,
    ids = train.dataset:ids() }
  return rest, data.Iterator(set, train.options)
end

local function weighted_loss(self, train)
  if self.options.class_weight ~= "balanced" or self.options.loss ~= "cross_entropy" then return self.options.loss end
  local s = require "scion"
  local counts, n = train:class_counts(), #train.dataset
  local weights = {}
  for k, count in ipairs(counts) do weights[k] = count > 0 and n / (#counts * count) or 0 end
  local weight = s.tensor(weights)
  return function(output, target) return s.nn.cross_entropy(output, target, { weight = weight }) end
end

function Neural:repurpose(train)
  train = self:_begin(train)
  local options = self.options
  if options.seed then require("scion").seed(options.seed) end
  if options.batch_size and train.with then train = train:with { batch_size = options.batch_size } end
  local net = self:_create_target_module(train)
  if not graph.is_net(net) then
    error(("%s: _create_target_module must return a net, got %s"):format(getmetatable(self).class_name, check.describe(net)), 2)
  end
  net:train()
  local params = {}
  for key, value in pairs(options.optimizer_params or { lr = 1e-3 }) do params[key] = value end
  local fit = {
    epochs = not options.steps and (options.num_epochs or 5) or nil, steps = options.steps, loss = weighted_loss(self, train),
    optimizer = options.optimizer, optimizer_params = params, schedule = options.schedule, grad_clip = options.grad_clip,
    validation = options.validation, early_stopping = options.early_stopping, metrics = options.metrics or { "accuracy" },
    callbacks = options.callbacks, progress = options.progress,
  }
  local rest, fixed
  if not options.validation then rest, fixed = cached(self, net, train) end
  self.cached = rest ~= nil
  if rest then
    rest:train()
    self.history = trainer.fit(rest, fixed, fit)
  else
    self.history = trainer.fit(net, train, fit)
  end
  net:eval()
  self.target_model = net
  return self
end

function Neural:_predict_probability(iterator)
  local values, truth = features.collect(self.target_model, iterator, { self.target_model:outputs()[1] }, { progress = self.options.progress })
  return self.ends_in_softmax and values[1] or values[1]:softmax(2), truth
end

function Neural:_to_net()
  local net = graph.with_softmax(self.target_model)
  net:eval()
  return net
end

function Neural.restore(self, net)
  self.target_model, self.ends_in_softmax = net, true
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

--- For subclasses: puts a new last layer on a value (flattened if need be) and makes it the net's output.
---   head = "random": PyTorch's initialisation; "source": rows of the source's own last layer for the classes that both
---   know by name, random for the others; "regression": a converged logistic regression on the features.
function Neural:_add_head(net, value, name, train, head)
  local s = require "scion"
  local first = train.with and train:with { batch_size = 1, shuffle = false, last_batch = "keep", balance = "none" } or train
  local x = first:next()
  local shape = graph.probe(net, { value }, x)[1]
  local width = 1
  for d = 2, #shape do width = width * shape[d] end
  value = graph.add_flatten(net, value, #shape)
  local k = #self.classes
  local bound = 1 / math.sqrt(width)
  local weight = s.rand(k, width):mul(2 * bound):sub(bound)
  local bias = s.rand(k):mul(2 * bound):sub(bound)
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
    local values, ids = features.collect(net, train:in_order(), { net:value_name(value) }, { flatten = true })
    local model = require("scion.logistic").fit(values[1], ids, k, { c = 0.1 })
    weight, bias = model.weight:to("f32"), model.bias:to("f32")
  end
  local out = graph.add_linear(net, graph.fresh_name(net, name), value, weight:requires_grad_(true), bias:requires_grad_(true))
  net:set_outputs { out }
  net:prune()
  net:set_attr("classes", nil)
  return net
end

Neural.progress = progress

return Neural
