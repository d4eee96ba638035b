-- PredictorRepurposer: what the built-in repurposers on features share. A family (logistic regression, SVM, ...) says how it is
-- fitted and how it is written as a graph; this class standardises the features, deals with tasks, weights, validation and
-- calibration, and puts everything together as one network: trunk, standardisation, predictor, temperature, softmax.
--
-- A family defines
--   TASKS                               { classes = true, regression = true, multi_label = true }: what it can do
--   _fit(self, z, y, fit)               z: standardised features (N, F), f64; y: list of class ids, or f64 targets (N, D);
--                                       fit: { n_classes, weights (per class; multi_label: { with, without } per label), spans, classes,
--                                       seed, reuse = a model whose hyper-parameters will do }; returns its model, whose field `report`
--                                       (converged, iterations, ...) is kept
--   _build(self, net, value, model)     adds nodes on the standardised features (N, F); returns the value of the scores (N, K): log
--                                       probabilities up to a constant (multi_label: log odds), or the mean (N, D) and perhaps a
--                                       variance (N, D)

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local logistic = require "scion.logistic"
local MetaModel = require "scion.repurpose.meta_model"
local Repurposer = require "scion.repurpose.base"
local show = require "scion.show"

local Predictor = class.class("PredictorRepurposer", MetaModel)

local function scion() return require "scion" end

Predictor.OPTIONS = {
  standardise = true,                                        -- features to mean 0, deviation 1 of the training set
  -- balanced: n / (K count); a table by label. multi_label: balanced makes items with and without a label count alike, a table says
  -- how much an item with the label counts.
  class_weight = check.either({ check.choice { "balanced", "none" }, check.table() }, { default = "none" }),
  validation = check.any {},                                 -- labelled data to measure on after training
  validation_split = check.number { default = 0, min = 0, below = 1 }, -- or a share of the training data
  calibrate = false,                                         -- a temperature from the validation data, or from folds
  seed = check.integer { default = 0 },                      -- of folds and of everything random in a family
}

-- ---- scaling -----------------------------------------------------------------------------------------------------

-- Mean and deviation by column (f64). What never changes carries nothing: its deviation counts as 1, as in scikit-learn.
local function column_scaling(x, on)
  local s = scion()
  if not on then return { mean = s.zeros(x:size(2), { dtype = "f64" }), std = s.ones(x:size(2), { dtype = "f64" }) } end
  local mean = x:mean(1)
  local std = x:sub(mean):square():mean(1):sqrt()
  local floor = mean:abs():mul(1e-6):add(1e-12)
  return { mean = mean, std = s.where(std:gt(floor), std, s.ones_like(std)) }
end
Predictor.column_scaling = column_scaling

local function apply_scaling(x, scaling) return x:sub(scaling.mean):div(scaling.std) end

-- ---- the head ------------------------------------------------------------------------------------------------------

-- The predictor as a net of its own on features (N, F).
function Predictor:_head(fitted)
  local net = scion()._net_new()
  local value = net:add_input("features")
  if self.options.standardise then
    value = graph.node(net, "centre", "Shift", "sub", nil, { value, graph.constant(net, "standardise.mean", fitted.scaling.mean) })
    value = graph.node(net, "standardise", "Scale", "div", nil, { value, graph.constant(net, "standardise.std", fitted.scaling.std) })
  end
  local scores, variance = self:_build(net, value, fitted.model)
  if self.task == "regression" then
    if fitted.target_scaling then
      local factor, shift = fitted.target_scaling.std, fitted.target_scaling.mean
      scores = graph.node(net, "target_scale", "Scale", "mul", nil, { scores, graph.constant(net, "target.std", factor) })
      scores = graph.node(net, "target", "Shift", "add", nil, { scores, graph.constant(net, "target.mean", shift) })
      if variance then
        variance = graph.node(net, "variance", "Scale", "mul", nil, { variance, graph.constant(net, "target.variance", factor:square()) })
      end
    end
    net:set_outputs { scores, variance }
    return net:eval()
  end
  scores = graph.node(net, "calibrate", "Scale", "mul", nil, { scores, graph.constant(net, "calibrate.inverse_temperature", scion().tensor { 1 / (fitted.temperature or 1) }) })
  local out
  if self.task == "multi_label" then
    out = graph.node(net, "probabilities", "Sigmoid", "sigmoid", nil, { scores })
  else
    out = graph.node(net, "probabilities", "Softmax", "softmax", { dim = 2 }, { scores })
  end
  net:set_outputs { out, variance }
  return net:eval()
end

-- Trunk and head as one network.
function Predictor:_assemble(head)
  local net = graph.trunk(self:_feature_net(), self.feature_layer_names)
  local flat = {}
  for i, value in ipairs(net:outputs()) do
    flat[i] = graph.node(net, "flatten_features", "Flatten", "flatten", { start_dim = 2 }, { value })
  end
  local value = flat[1]
  if #flat > 1 then value = graph.node(net, "features", "Concat", "cat", { dim = 2 }, flat) end
  self.features_value = net:value_name(value)
  net:set_outputs { net:merge(head, "head", { value }) }
  net:prune()
  return self:_remember_shapes(net:eval())
end

-- Runs the head on features, in pieces that do not need much memory.
local function run_head(head, features, rows)
  local s = scion()
  features = features:to("f32")
  local parts = {}
  s.no_grad(function()
    for from = 1, #features, rows or 512 do
      local n = math.min(rows or 512, #features - from + 1)
      local values = table.pack(head(features:narrow(1, from, n)))
      for i = 1, values.n do
        parts[i] = parts[i] or {}
        table.insert(parts[i], values[i])
      end
    end
  end)
  local out = {}
  for i, list in ipairs(parts) do out[i] = #list == 1 and list[1] or s.cat(list, 1) end
  return out
end

-- The head of now: made at training, or cut out of a loaded network.
function Predictor:_head_of_now()
  if not self.head_net then
    self.head_net = self.target_model:extract { from = { self.features_value }, to = self.target_model:outputs() }
    self.head_net:eval()
  end
  return self.head_net
end

-- ---- training ---------------------------------------------------------------------------------------------------------

-- Class ids as a list, or targets as f64 (N, D).
function Predictor:_read_targets(y)
  if self.task == "classes" then return y:tolist() end
  if self.task == "regression" then
    if self.options.class_weight ~= "none" then
      check.raise("%s: class_weight is for classes, the data have numbers to predict", getmetatable(self).class_name)
    end
    y = self:_as_targets(y)
  end
  y = y:to("f64")
  if y:dim() == 1 then y = y:reshape(-1, 1) end
  if y:dim() ~= 2 then check.raise("%s: targets must be (N) or (N, D), got %s", getmetatable(self).class_name, tostring(y.shape)) end
  if self.task == "multi_label" then self:_check_label_targets(y) end
  return y
end

local function pick(y, positions)
  if type(y) == "table" then
    local out = {}
    for i, p in ipairs(positions) do out[i] = y[p] end
    return out
  end
  return y:index_select(1, scion().tensor(positions, { dtype = "i64" }))
end
local function pick_rows(x, positions) return x:index_select(1, scion().tensor(positions, { dtype = "i64" })) end

-- What items with and without each label count: list of { with, without }.
function Predictor:_label_weights(y)
  local n, given, names = #y, self.options.class_weight, self.options.label_names
  local counts, out, used = y:sum(1):tolist(), {}, {}
  for k, count in ipairs(counts) do
    local with, without = 1, 1
    if given == "balanced" then
      with, without = n / (2 * math.max(count, 1)), n / (2 * math.max(n - count, 1))
    elseif type(given) == "table" then
      local key = names and given[names[k]] ~= nil and names[k] or k
      with, used[key] = given[key] or 1, true
      if type(with) ~= "number" or not (with >= 0) then
        check.raise("%s: class_weight of label %s must be a number of at least 0, got %s", getmetatable(self).class_name,
          check.describe(key), check.describe(with))
      end
    end
    out[k] = { with, without }
  end
  for key in pairs(type(given) == "table" and given or {}) do
    if not used[key] then check.raise("%s: class_weight names %s, which is no label", getmetatable(self).class_name, check.describe(key)) end
  end
  return out
end

-- Fits on some features: scaling, weights, the family's model.
function Predictor:_fit_features(features, y, spans, reuse)
  local s = scion()
  local fitted
  s.no_grad(function()
    local x = features:to("f64")
    if not x:isfinite():all():item() then check.raise(getmetatable(self).class_name .. ": features hold NaN or infinite values") end
    fitted = { scaling = column_scaling(x, self.options.standardise) }
    local z = apply_scaling(x, fitted.scaling)
    local fit = { spans = spans, classes = self.classes, seed = self.options.seed, reuse = reuse }
    if self.task == "classes" then
      local counts = {}
      for k = 1, #self.classes do counts[k] = 0 end
      for _, id in ipairs(y) do counts[id] = counts[id] + 1 end
      fit.n_classes, fit.counts = #self.classes, counts
      fit.weights = logistic.class_weights(self.options.class_weight, counts, #y, self.classes)
    elseif self.task == "regression" then
      fitted.target_scaling = column_scaling(y, true)
      y = apply_scaling(y, fitted.target_scaling)
      fit.n_targets = y:size(2)
    else
      fit.n_classes = y:size(2)
      fit.weights = self:_label_weights(y)
    end
    fitted.model = self:_fit(z, y, fit)
  end)
  return fitted
end

-- Rows for training and for validation, stratified where there are classes.
local function split_rows(y, n, share, seed, n_classes)
  local data = require "scion.data"
  local set = data.TensorDataset { x = scion().zeros(n, 1), n = n, ids = n_classes and y or nil, classes = n_classes and show.list(table.move(y, 1, n, 1, {})) or nil }
  if n_classes then
    set.classes = show.list {}
    for k = 1, n_classes do set.classes[k] = k end
  end
  local train, valid = set:split(1 - share, { seed = seed })
  return train.positions, valid.positions, set
end

-- More items than this: a fifth of them, held out once, tells the temperature as well as all folds would.
local FOLD_ITEMS <const> = 2000

-- Probabilities of rows by models that did not see them, f64 (N, K), before any temperature; and the truth of those rows.
function Predictor:_out_of_fold(features, y, spans, n_folds, model)
  local n = #features
  local fewest = n
  if self.task == "classes" then
    local counts = {}
    for _, id in ipairs(y) do counts[id] = (counts[id] or 0) + 1 end
    for _, count in pairs(counts) do fewest = math.min(fewest, count) end
  end
  n_folds = math.min(n_folds, fewest)
  if n_folds < 2 then return nil end
  local _, _, set = split_rows(y, n, 0.5, self.options.seed, self.task == "classes" and #self.classes or nil)
  local s = scion()
  local rows, parts = {}, {}
  for _, fold in ipairs(set:kfold(n_folds, { seed = self.options.seed })) do
    local train, test = fold[1].positions, fold[2].positions
    local fitted = self:_fit_features(pick_rows(features, train), pick(y, train), spans, model)
    parts[#parts + 1] = run_head(self:_head(fitted), pick_rows(features, test))[1]
    table.move(test, 1, #test, #rows + 1, rows)
    if n > FOLD_ITEMS then break end
  end
  return s.cat(parts, 1):to("f64"), pick(y, rows)
end

function Predictor:_train_model_from_features(features, targets, spans)
  local y = self:_read_targets(targets)
  local train_x, train_y, valid_x, valid_y = features, y, nil, nil
  if self.options.validation_split > 0 then
    local train, valid = split_rows(y, #features, self.options.validation_split, self.options.seed, self.task == "classes" and #self.classes or nil)
    train_x, train_y, valid_x, valid_y = pick_rows(features, train), pick(y, train), pick_rows(features, valid), pick(y, valid)
  elseif self.options.validation then
    local it = self:_iterator("repurpose: validation", self.options.validation, true)
    local data = self:get_features_from_source_model(it)
    valid_x, valid_y = data.features, self:_read_targets(self:_align(data.ids, it))
  end
  local fitted = self:_fit_features(train_x, train_y, spans)
  self.report = fitted.model.report
  self.scaling = fitted.scaling
  if self.report and self.report.converged == false then
    scion().emit("warn", ("%s: not converged after %s iterations; raise max_iter%s"):format(getmetatable(self).class_name,
      tostring(self.report.iterations), self.options.c and " or lower c" or ""))
  end
  local head = self:_head(fitted)
  if self.options.calibrate and self.task == "classes" then
    local probabilities, truth
    if valid_x then
      probabilities, truth = run_head(head, valid_x)[1]:to("f64"), valid_y
    else
      probabilities, truth = self:_out_of_fold(train_x, train_y, spans, 5, fitted.model)
    end
    if probabilities then
      fitted.temperature = require("scion.repurpose.assess").temperature(probabilities, truth)
      self.temperature = fitted.temperature
      head = self:_head(fitted)
    end
  end
  self.validation = nil
  if valid_x then
    local outputs = run_head(head, valid_x)
    self.validation = show.record(require("scion.repurpose.assess").measures(self.task, outputs[1], valid_y))
  end
  self.head_net = head
  self.output_count = #head:outputs()
  return self:_assemble(head)
end

-- ---- predicting -----------------------------------------------------------------------------------------------------------

-- Raises where there are not as many features as were trained on.
local function check_width(self, features)
  local spans = self.feature_indices_per_layer
  local width = self.feature_width or spans and spans[#spans] and spans[#spans].last
  if width and features:size(2) ~= width then
    check.raise("%s: the data give %d features of an item, it was trained on %d", getmetatable(self).class_name, features:size(2), width)
  end
end

-- All outputs of the head for an iterator, and the targets. Features come out of the cache where they are known.
function Predictor:_outputs(iterator)
  local data = self:get_features_from_source_model(iterator)
  check_width(self, data.features)
  return run_head(self:_head_of_now(), data.features), data.ids
end

function Predictor:_predict_probability(iterator)
  local outputs, truth = self:_outputs(iterator)
  return outputs[1], truth
end

function Predictor:_predict_probability_from_features(features)
  check_width(self, features)
  return run_head(self:_head_of_now(), features)[1]
end

-- The label is the most probable class.
Predictor._predict_id = Repurposer._predict_id

function Predictor:_predict_values(iterator)
  local outputs, truth = self:_outputs(iterator)
  return outputs[1], truth, outputs[2]
end

function Predictor:_to_net() return self.target_model end

-- Sets the temperature of a trained or loaded repurposer: the graph has a place for it.
function Predictor:_set_temperature(t)
  local s = scion()
  self.temperature = t
  for _, net in ipairs { self.target_model, self.head_net } do
    for _, e in ipairs(net:entries()) do
      if e.name:match("calibrate%.inverse_temperature$") then net:set_entry(e.name, s.tensor { 1 / t }) end
    end
  end
end

--- What happened in training: converged, iterations and what else the family reports.
function Predictor:convergence() return self.report and show.record(self.report) end

--- How features were standardised: { mean, std }, f32 tensors (F), or nil.
function Predictor:standardisation()
  if not self.options.standardise then return nil end
  self:_need_target("tell the standardisation")
  local out = {}
  for _, e in ipairs(self.target_model:entries()) do
    local what = e.name:match("standardise%.(%a+)$")
    if what then out[what] = e.tensor end
  end
  return out
end

function Predictor:_extra()
  return { convergence = self.report, features_value = self.features_value, temperature = self.temperature, validation = self.validation,
    output_count = self.output_count }
end

function Predictor.restore(self, net, info)
  local extra = info.extra or {}
  self.target_model = net
  self.report, self.temperature, self.validation = extra.convergence, extra.temperature, extra.validation
  self.features_value, self.output_count = extra.features_value, extra.output_count
end

return Predictor
