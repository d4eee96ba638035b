-- Repurposer: what all repurposers share. One takes a trained source network and makes it solve another task:
--
--   local rp = scion.LrRepurposer { source_model = net, feature_layer_names = { "flatten" } }
--   rp:repurpose(train)                       -- an iterator, or a data set
--   rp:predict_label(test)                    -- labels as the data set spells them
--   rp:save("few.scion"); rp = scion.load("few.scion")
--
-- A subclass (scion.class("Name", scion.MetaModelRepurposer)) declares its options in Name.OPTIONS, which add to
-- those of its parents, and overrides the methods whose names begin with an underscore.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local labels = require "scion.data.labels"
local show = require "scion.show"

local Repurposer = class.class("Repurposer")

Repurposer.OPTIONS = {
  source_model = check.test("a net", graph.is_net, { required = true }),
  -- Xfer's names for where to compute; there is one place, and threads are the context's.
  context_function = check.choice({ "cpu" }, { default = "cpu" }),
  num_devices = check.integer { default = 1, min = 1, max = 1 },
}

Repurposer.__tostring = function(self)
  local state = self.target_model and ("%d classes"):format(#(self.classes or {})) or "not yet repurposed"
  return ("%s: %s"):format(getmetatable(self).class_name, state)
end

-- Options of a class and its ancestors.
local function all_options(cls)
  local chain = {}
  while cls do
    table.insert(chain, 1, rawget(cls, "OPTIONS") or {})
    cls = cls.super
  end
  local rules = {}
  for _, options in ipairs(chain) do
    for name, rule in pairs(options) do rules[name] = rule end
  end
  return rules
end

function Repurposer:init(opts)
  local name = getmetatable(self).class_name
  self.options = check.opts(name, opts, all_options(getmetatable(self)), 4)
  self.source_model = self.options.source_model
  self.target_model, self.classes = nil, nil
end

--- The constructor's options as plain data, without the source model: what save keeps and load hands back.
function Repurposer:get_params()
  local params = {}
  for name, value in pairs(self.options) do
    if name ~= "source_model" then params[name] = value end
  end
  return params
end

local function name_of(self) return getmetatable(self).class_name end

--- An iterator from what users pass: an iterator, a data set, or x (with y as a list of labels).
local function as_iterator(self, method, data, in_order)
  local data_module = require "scion.data"
  if class.is_a(data, data_module.Dataset) then data = data:iterator { batch_size = 64 } end
  if class.is_a(data, data_module.Iterator) then return in_order and data:in_order() or data end
  if type(data) == "userdata" and getmetatable(data).__name == "scion.Tensor" then
    return data_module.tensors { x = data, batch_size = 64 }
  end
  if type(data) == "function" or type(data) == "table" and (getmetatable(data) or {}).__call then return data end
  error(("%s: %s needs an iterator, a data set or a tensor, got %s"):format(name_of(self), method, check.describe(data)), 3)
end

--- For subclasses: checks training data and remembers what prediction needs to know.
function Repurposer:_begin(train)
  train = as_iterator(self, "repurpose", train)
  local classes = type(train) == "table" and train.classes
  if not classes and self.needs_classes ~= false then
    error(("%s: repurpose needs data with classes"):format(name_of(self)), 3)
  end
  if classes and #classes < 2 then
    error(("%s: repurpose needs at least 2 classes, the data have %d (%s)"):format(name_of(self), #classes,
      tostring(classes)), 3)
  end
  self.classes = classes and show.list(table.move(classes, 1, #classes, 1, {})) or nil
  self.preprocessing = type(train) == "table" and train.dataset and train.dataset.preprocessing or nil
  return train
end

--- Trains for the task that the iterator shows. Returns itself.
function Repurposer:repurpose(_)
  error(("%s: repurpose is not defined"):format(name_of(self)), 2)
end

function Repurposer:_need_target(method)
  if self.target_model == nil then
    error(("%s: cannot %s because target_model is not initialized (call repurpose first)"):format(name_of(self), method), 3)
  end
end

--- Probabilities (N, K) of tensors or data, in the order of the data; rows add up to one.
function Repurposer:predict_probability(data)
  self:_need_target("predict")
  return (self:_predict_probability(as_iterator(self, "predict_probability", data, true)))
end

--- Class ids (N), 1..K.
function Repurposer:predict_id(data)
  self:_need_target("predict")
  return self:_predict_id(as_iterator(self, "predict_id", data, true))
end

--- Labels, as a list: the values that the training data used.
function Repurposer:predict_label(data)
  self:_need_target("predict")
  local ids = self:_predict_id(as_iterator(self, "predict_label", data, true))
  if type(ids) == "table" then return show.list(ids) end
  return labels.decode(ids, self.classes)
end

-- Subclasses: probabilities (N, K) over an iterator, and the true class ids that it gave, if any.
function Repurposer:_predict_probability(_)
  error(("%s: _predict_probability is not defined"):format(name_of(self)), 2)
end
function Repurposer:_predict_id(iterator)
  local probabilities, truth = self:_predict_probability(iterator)
  return probabilities:argmax(2), truth
end

--- Predictions beside the truth on labelled data: accuracy, confusion table, the lists of labels.
---@return { accuracy: number, confusion: table, predicted: any[], truth: any[] }
function Repurposer:evaluate(data)
  self:_need_target("evaluate")
  local iterator = as_iterator(self, "evaluate", data, true)
  local ids, truth = self:_predict_id(iterator)
  if not truth or not iterator.classes then error(name_of(self) .. ": evaluate needs labelled data", 2) end
  local predicted = type(ids) == "table" and show.list(ids) or labels.decode(ids, self.classes)
  truth = labels.decode(truth, iterator.classes)
  local metrics = require "scion.metrics"
  local out = { accuracy = metrics.accuracy(predicted, truth), predicted = predicted, truth = truth }
  local known = {}
  for _, label in ipairs(self.classes) do known[label] = true end
  local all = table.move(self.classes, 1, #self.classes, 1, {})
  for _, label in ipairs(iterator.classes) do
    if not known[label] then all[#all + 1] = label end
  end
  out.confusion = metrics.confusion_of_labels(predicted, truth, all)
  return out
end

--- Share of right predictions on labelled data.
function Repurposer:accuracy(data) return self:evaluate(data).accuracy end

--- The whole thing as one network: preprocessing, trunk, head, softmax. C hosts and predict.lua run it.
function Repurposer:to_net()
  self:_need_target("export")
  return self:_to_net()
end

function Repurposer:_to_net()
  error(("%s: has no graph form (define _to_net, or serialize and deserialize)"):format(name_of(self)), 3)
end

--- Writes one file that scion.load, predict.lua and C hosts read.
function Repurposer:save(path)
  check.arg("save", "path", path, check.string { required = true })
  if self.target_model == nil then
    error(("%s: cannot save repurposer before source model has been repurposed"):format(name_of(self)), 2)
  end
  require("scion.repurpose.file").save(self, path)
  return self
end

return Repurposer
