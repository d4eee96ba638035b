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
local input_shapes = require "scion.nn.input_shapes"
local labels = require "scion.data.labels"
local show = require "scion.show"

local Repurposer = class.class("Repurposer")

Repurposer.OPTIONS = {
  source_model = check.test("a net", graph.is_net, { required = true }),
  -- Xfer's names for where to compute; there is one place, and threads are the context's.
  context_function = check.choice({ "cpu" }, { default = "cpu" }),
  num_devices = check.integer { default = 1, min = 1, max = 1 },
  -- What the labels are. auto: classes where the data have some, else numbers to predict. multi_label: targets (N, K) of 0 and 1.
  task = check.choice({ "auto", "classes", "regression", "multi_label" }, { default = "auto" }),
  label_names = check.list {}, -- multi_label: names of the K labels
}

-- What a class can do; subclasses override.
Repurposer.TASKS = { classes = true }

Repurposer.__tostring = function(self)
  local state = "not yet repurposed"
  if self.target_model then state = self.classes and ("%d classes"):format(#self.classes) or self.task end
  return ("%s: %s"):format(getmetatable(self).class_name, state)
end

local function name_of(self) return getmetatable(self).class_name end

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

--- For files: options that were not saved (functions, data, those of later versions) at their defaults.
function Repurposer._with_defaults(cls, options)
  for name, rule in pairs(all_options(cls)) do
    if options[name] == nil then options[name] = select(2, check.kind_text(rule)) end
  end
  return options
end

function Repurposer:init(opts)
  local name = getmetatable(self).class_name
  self.options = check.opts(name, opts, all_options(getmetatable(self)), "user")
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

--- For subclasses: an iterator from what users pass: an iterator, a data set, or a tensor of inputs. in_order: nothing random.
function Repurposer:_iterator(method, data, in_order)
  if type(data) == "userdata" and getmetatable(data).__name == "scion.Tensor" then
    return require("scion.data").tensors { x = data, batch_size = 64 }
  end
  -- Told by what they can do: a host may load the modules of data twice.
  if type(data) == "table" and data.get and data.iterator then -- batches of a gradient's steps must not be sorted by class
    data = data:iterator { batch_size = 64, shuffle = self.SHUFFLES and not in_order, seed = self.options.seed or 0 }
  end
  if type(data) == "table" and data.dataset and data.in_order then return in_order and data:in_order() or data end
  if type(data) == "function" or type(data) == "table" and (getmetatable(data) or {}).__call then return data end
  check.raise("%s: %s needs an iterator, a data set or a tensor, got %s", name_of(self), method, check.describe(data))
end

local WHAT <const> = { classes = "classes", regression = "numbers", multi_label = "multi-label targets" }

-- The task that options and data ask for.
local function find_task(self, train)
  local classes = type(train) == "table" and train.classes
  local task = self.options.task
  local can = self.TASKS
  if task == "auto" then
    if classes and can.classes then task = "classes" else task = can.regression and "regression" or "classes" end
  end
  if not can[task] then
    local list = {}
    for name in pairs(can) do list[#list + 1] = WHAT[name] end
    table.sort(list)
    check.raise("%s: cannot predict %s (it predicts %s)", name_of(self), WHAT[task], table.concat(list, ", "))
  end
  if task == "classes" and not classes then
    local hint = not can.regression and "; numbers are predicted by RidgeRepurposer and others" or ""
    check.raise("%s: repurpose needs data with classes%s", name_of(self), hint)
  end
  return task, classes
end

local DESCRIBED <const> = { __tostring = function(self) return ("%s (%s)"):format(self.name, table.concat(self.shape, ", ")) end }

--- For files: a list of { name, shape } that prints itself.
function Repurposer._described(list)
  for _, item in ipairs(list or {}) do setmetatable(item, DESCRIBED) end
  return list and show.list(list)
end

-- What training batches look like: lists of { name, shape }, of the inputs and of the targets.
local function provided(self, train)
  if type(train) ~= "table" or not train.first then return nil end
  local x, y = train:first()
  if x == nil then return nil end
  local inputs = (self.source_model or self.target_model):inputs()
  local function described(t, name)
    local shape = t.shape
    shape[1] = train.batch_size
    return { name = name, shape = shape, dtype = t.dtype }
  end
  local data = {}
  for i, t in ipairs(type(x) == "table" and x or { x }) do data[i] = described(t, inputs[i] and inputs[i].name or "x" .. i) end
  return Repurposer._described(data), Repurposer._described(y and { described(y, "label") })
end

--- For subclasses: checks training data and remembers what prediction needs to know.
function Repurposer:_begin(train)
  train = self:_iterator("repurpose", train)
  local task, classes = find_task(self, train)
  self.task, self.temperature = task, nil -- a temperature belongs to one training
  if task == "classes" and #classes < 2 then
    check.raise("%s: repurpose needs at least 2 classes, the data have %d (%s)", name_of(self), #classes,
      tostring(classes))
  end
  self.classes = task == "classes" and show.list(table.move(classes, 1, #classes, 1, {})) or nil
  self.label_values = nil
  if task == "regression" and classes then -- labels that are numbers are predicted as such
    for i, label in ipairs(classes) do
      if type(label) ~= "number" then
        check.raise("%s: regression needs numbers as labels, class %d is %s", name_of(self), i, check.describe(label))
      end
    end
    self.label_values = table.move(classes, 1, #classes, 1, {})
  end
  self.preprocessing = type(train) == "table" and train.dataset and train.dataset.preprocessing or nil
  self.provide_data, self.provide_label = provided(self, train)
  return train
end

--- For subclasses: targets of regression; ids of numeric labels become the labels.
function Repurposer:_as_targets(y)
  if y.dtype ~= "i64" or not self.label_values then return y end
  return require("scion").tensor(self.label_values, { dtype = "f64" }):index_select(1, y)
end

--- For subclasses: raises unless targets of multi_label are 0 and 1, one for every name.
function Repurposer:_check_label_targets(y)
  y = y:to("f64")
  if y:dim() ~= 2 then check.raise("%s: multi_label targets must be (N, K), got %s", name_of(self), tostring(y.shape)) end
  if not y:mul(y:sub(1)):eq(0):all():item() then check.raise("%s: multi_label targets must be 0 or 1", name_of(self)) end
  local names = self.options.label_names
  if names and #names ~= y:size(2) then
    check.raise("%s: label_names has %d names, the targets have %d labels", name_of(self), #names, y:size(2))
  end
end

--- For subclasses: ids of an iterator as ids of this repurposer (its classes may stand in another order).
function Repurposer:_align(ids, iterator)
  local theirs = type(iterator) == "table" and iterator.classes
  if not theirs or not self.classes then return ids end
  local position, map, same = {}, {}, #theirs == #self.classes
  for k, label in ipairs(self.classes) do position[label] = k end
  for k, label in ipairs(theirs) do
    map[k] = position[label]
    if not map[k] then
      check.raise("%s: the data have the class %s, which is not among %s", name_of(self), check.describe(label), tostring(self.classes))
    end
    same = same and map[k] == k
  end
  if same then return ids end
  return require("scion").tensor(map, { dtype = "i64" }):index_select(1, ids)
end

--- Trains for the task that the iterator shows. Returns itself.
function Repurposer:repurpose(_)
  check.raise("%s: repurpose is not defined", name_of(self))
end

function Repurposer:_need_target(method)
  if self.target_model == nil then
    check.raise("%s: cannot %s because target_model is not initialized (call repurpose first)", name_of(self), method)
  end
end

local function need_task(self, method, wanted, hint)
  if self.task and self.task ~= wanted and not (wanted == "classes" and self.task == "multi_label") then
    check.raise("%s: %s: this repurposer predicts %s%s", name_of(self), method, WHAT[self.task], hint)
  end
end

--- Probabilities (N, K) of tensors or data, in the order of the data; rows add up to one (not for multi-label).
function Repurposer:predict_probability(data)
  self:_need_target("predict")
  need_task(self, "predict_probability", "classes", "; use predict")
  return (self:_predict_probability(self:_iterator("predict_probability", data, true)))
end

--- Class ids (N), 1..K.
function Repurposer:predict_id(data)
  self:_need_target("predict")
  need_task(self, "predict_id", "classes", "; use predict")
  if self.task == "multi_label" then check.raise(name_of(self) .. ": predict_id: items have several labels; use predict_label") end
  return (self:_predict_id(self:_iterator("predict_id", data, true)))
end

-- Names of the labels whose probability is at least one half, for every item.
local function label_sets(self, probabilities)
  local names, out = self.options.label_names, show.list {}
  for i, row in ipairs(probabilities:tolist()) do
    out[i] = show.list {}
    for k, p in ipairs(row) do
      if p >= 0.5 then table.insert(out[i], names and names[k] or k) end
    end
  end
  return out
end

-- What a family says as labels: ids become those that the data use.
local function as_labels(self, said)
  if type(said) == "table" then return show.list(said) end
  if type(said) ~= "userdata" then
    check.raise("%s: _predict_label_from_features must return a tensor of class ids or a list of labels, got %s", name_of(self), check.describe(said))
  end
  return labels.decode(said, self.classes)
end

-- Values of regression (N, D): a single one by item is (N).
local function column(values) return values:dim() == 2 and values:size(2) == 1 and values:squeeze(2) or values end

-- Numbers as a list; lists of them where there are several.
local function as_rows(values)
  local list = show.list(column(values):tolist())
  for i, row in ipairs(list) do list[i] = type(row) == "table" and show.list(row) or row end
  return list
end

--- Labels, as a list: the values that the training data used; numbers for regression, lists of labels for multi-label.
function Repurposer:predict_label(data)
  self:_need_target("predict")
  local iterator = self:_iterator("predict_label", data, true)
  if self.task == "regression" then return as_rows(self:_predict_values(iterator)) end
  if self.task == "multi_label" then return label_sets(self, (self:_predict_probability(iterator))) end
  return as_labels(self, (self:_predict_id(iterator)))
end

--- Predicted numbers of regression: (N), or (N, D) for several targets; labels for classification.
function Repurposer:predict(data)
  self:_need_target("predict")
  if self.task ~= "regression" then return self:predict_label(data) end
  return column((self:_predict_values(self:_iterator("predict", data, true))))
end

--- Predictive variance, where the family has one: of the numbers of regression, shaped like predict's (Gaussian processes, Bayesian
--- networks); of the latent functions of classes (N, K) (Gaussian processes).
function Repurposer:predict_variance(data)
  self:_need_target("predict")
  if not self._predict_values then check.raise(name_of(self) .. ": has no predictive variance") end
  local _, _, variance = self:_predict_values(self:_iterator("predict_variance", data, true))
  if not variance then check.raise(name_of(self) .. ": has no predictive variance") end
  return self.task == "regression" and column(variance) or variance
end

-- Subclasses: probabilities (N, K) over an iterator, and the true class ids that it gave, if any.
function Repurposer:_predict_probability(_)
  check.raise("%s: _predict_probability is not defined", name_of(self))
end
function Repurposer:_predict_id(iterator)
  local probabilities, truth = self:_predict_probability(iterator)
  return probabilities:argmax(2), truth
end

-- What evaluate gives prints its measures, and the confusion table where there is one.
local RESULT <const> = { __tostring = function(self)
  local text = tostring(show.record(self.measures))
  return self.confusion and text .. "\n" .. tostring(self.confusion) or text
end }

local function evaluate_numbers(self, iterator)
  local assess = require "scion.repurpose.assess"
  local output, truth
  if self.task == "regression" then
    output, truth = self:_predict_values(iterator)
  else
    output, truth = self:_predict_probability(iterator)
  end
  if not truth then check.raise(name_of(self) .. ": evaluate needs data with targets") end
  if self.task == "regression" and truth.dtype == "i64" then
    local values = iterator.classes
    truth = require("scion").tensor(table.move(values, 1, #values, 1, {}), { dtype = "f64" }):index_select(1, truth)
  end
  local out = setmetatable(assess.measures(self.task, output, truth), RESULT)
  out.measures = show.record(assess.measures(self.task, output, truth))
  out.predicted = self.task == "regression" and as_rows(output) or label_sets(self, output)
  out.truth = as_rows(truth)
  return out
end

--- Predictions beside the truth on labelled data, which print their measures. Classes: accuracy, confusion table, measures (accuracy, log_loss, ece where the classes are
--- known), the lists of labels. Regression: rmse, mae, r2. Multi-label: subset_accuracy, hamming_loss, f1.
---@return { accuracy: number, confusion: table, predicted: any[], truth: any[], measures: table }
function Repurposer:evaluate(data)
  self:_need_target("evaluate")
  local iterator = self:_iterator("evaluate", data, true)
  if self.task == "regression" or self.task == "multi_label" then return evaluate_numbers(self, iterator) end
  local ids, truth, probabilities
  if self._predict_id == Repurposer._predict_id then -- labels are the most probable classes: one pass gives both
    probabilities, truth = self:_predict_probability(iterator)
    ids = probabilities:argmax(2)
  else
    ids, truth = self:_predict_id(iterator)
  end
  if not truth or not iterator.classes then check.raise(name_of(self) .. ": evaluate needs labelled data") end
  local predicted = as_labels(self, ids)
  local true_labels = labels.decode(truth, iterator.classes)
  local metrics = require "scion.metrics"
  local out = setmetatable({ accuracy = metrics.accuracy(predicted, true_labels), predicted = predicted, truth = true_labels }, RESULT)
  local known, all_known = {}, true
  for _, label in ipairs(self.classes) do known[label] = true end
  local all = table.move(self.classes, 1, #self.classes, 1, {})
  for _, label in ipairs(iterator.classes) do
    if not known[label] then
      all[#all + 1] = label
      all_known = false
    end
  end
  out.confusion = metrics.confusion_of_labels(predicted, true_labels, all)
  out.measures = show.record { accuracy = out.accuracy }
  if all_known and self.has_probabilities ~= false then
    probabilities = probabilities or self:_predict_probability(iterator)
    local measured = require("scion.repurpose.assess").measures("classes", probabilities, self:_align(truth, iterator))
    out.measures.log_loss, out.measures.ece = measured.log_loss, measured.ece
  end
  return out
end

--- Share of right predictions on labelled data.
function Repurposer:accuracy(data) return self:evaluate(data).accuracy end

--- The whole thing as one network: preprocessing, trunk, head, softmax. C hosts and predict.lua run it.
function Repurposer:to_net()
  self:_need_target("export")
  return self:_remember_shapes(self:_to_net())
end

--- For subclasses: tells a net what the training data looked like. Returns it.
function Repurposer:_remember_shapes(net)
  local shapes = {}
  for i, item in ipairs(self.provide_data or {}) do
    shapes[i] = table.move(item.shape, 1, #item.shape, 1, {})
    shapes[i].dtype = item.dtype
  end
  if self.provide_data then input_shapes.remember(net, shapes) end
  return net
end

function Repurposer:_to_net()
  check.raise("%s: has no graph form (define _to_net, or serialize and deserialize); its features do: rp.source_model:extract { to = rp.feature_layer_names }", name_of(self))
end

-- Can this one be written as a graph? Classes of one's own usually cannot.
function Repurposer:_has_graph() return self._to_net ~= Repurposer._to_net end

local SAVE <const> = { save_source = check.boolean {} }

--- Writes one file that scion.load, predict.lua and C hosts read. Classes without a graph form are asked to serialize(path): what they
--- return (a table of tensors and plain values) becomes part of the file. opts.save_source = false leaves the source network out; it must
--- then be given to scion.load, which compares its hash.
---@param path string
---@param opts? { save_source?: boolean }
function Repurposer:save(path, opts)
  check.arg("save", "path", path, check.string { required = true })
  opts = check.opts("save", opts, SAVE)
  if self.target_model == nil then
    check.raise("%s: cannot save repurposer before source model has been repurposed", name_of(self))
  end
  require("scion.repurpose.file").save(self, path, opts)
  return self
end

--- Xfer's name for save: to the file model_name in model_directory.
---@param model_name string
---@param model_directory? string    default: here
---@param save_source_model? boolean default: with the source
function Repurposer:save_repurposer(model_name, model_directory, save_source_model)
  check.arg("save_repurposer", "model_name", model_name, check.string { required = true })
  model_directory = check.arg("save_repurposer", "model_directory", model_directory, check.string {})
  save_source_model = check.arg("save_repurposer", "save_source_model", save_source_model, check.boolean {})
  local path = (model_directory or "") ~= "" and model_directory .. "/" .. model_name or model_name
  return self:save(path, { save_source = save_source_model })
end

require("scion.repurpose.assess").install(Repurposer)

return Repurposer
