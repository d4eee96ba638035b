-- MetaModelRepurposer: the source network turns inputs into features, a simple model learns from those. Subclasses
-- define _train_model_from_features, _predict_probability_from_features and, where it differs from the most
-- probable class, _predict_label_from_features. Features are cached (scion.features), so that predicting after
-- repurposing, folds and searches run the source network once for every item.

local check = require "scion.check"
local class = require "scion.class"
local feature_cache = require "scion.features"
local graph = require "scion.repurpose.graph"
local Repurposer = require "scion.repurpose.base"
local show = require "scion.show"

local MetaModel = class.class("MetaModelRepurposer", Repurposer)

MetaModel.OPTIONS = {
  feature_layer_names = check.list { required = true, of = check.string() },
  cache = check.any {}, -- features: true (in memory, the default), false, a directory, or a features.Cache
  progress = false,     -- a bar while features are extracted
}

function MetaModel:init(opts)
  local name = getmetatable(self).class_name
  if type(opts) == "table" and type(opts.feature_layer_names) ~= "table" then
    check.raise("%s: feature_layer_names must be a list. Instead got type: %s", name, type(opts.feature_layer_names))
  end
  if type(opts) == "table" and next(opts.feature_layer_names) ~= nil and #opts.feature_layer_names == 0 then
    check.raise("%s: feature_layer_names must be a list. Instead got type: table with keys", name)
  end
  if type(opts) == "table" and #opts.feature_layer_names == 0 then
    check.raise("%s: feature_layer_names cannot be empty", name)
  end
  Repurposer.init(self, opts)
  feature_cache.choose_cache(name, self.options.cache, 3)
  local seen = {}
  for _, layer in ipairs(self.options.feature_layer_names) do
    if seen[layer] then check.raise("%s: feature_layer_names has '%s' twice", name, layer) end
    seen[layer] = true
  end
  self.feature_layer_names = show.list(table.move(self.options.feature_layer_names, 1, #self.options.feature_layer_names, 1, {}))
  graph.check_layers(name, "feature_layer_name", self.source_model, self.feature_layer_names)
end

-- The network that computes the features: the source, or what was saved of it.
function MetaModel:_feature_net()
  local net = self.source_model or self.target_model
  if not graph.is_net(net) then
    check.raise("%s: the source network is not there (scion.load(path, { source_model = net }))", getmetatable(self).class_name)
  end
  return net
end

-- Values of the feature layers for an iterator, as they are, and the targets.
function MetaModel:_feature_values(iterator)
  return feature_cache.collect(self:_feature_net(), iterator, self.feature_layer_names,
    { cache = self.options.cache == nil or self.options.cache, progress = self.options.progress })
end

--- Features of the data: { features = (N, F), feature_indices_per_layer = list of { layer, first, last }, ids }.
--- Columns follow the order of feature_layer_names.
function MetaModel:get_features_from_source_model(iterator)
  local values, targets = self:_feature_values(self:_iterator("get_features_from_source_model", iterator))
  local spans, from = show.list {}, 1
  for i, layer in ipairs(self.feature_layer_names) do
    values[i] = values[i]:reshape(#values[i], -1)
    local width = values[i]:size(2)
    spans[i] = { layer = layer, first = from, last = from + width - 1 }
    from = from + width
  end
  local features = #values == 1 and values[1] or require("scion").cat(values, 2)
  return { features = features, feature_indices_per_layer = spans, ids = targets }
end

function MetaModel:repurpose(train)
  train = self:_begin(train)
  if type(train) == "table" and train.in_order then train = train:in_order() end
  local data = self:get_features_from_source_model(train)
  if not data.ids then check.raise(getmetatable(self).class_name .. ": repurpose needs labelled data") end
  self.feature_indices_per_layer = data.feature_indices_per_layer
  self.target_model = self:_train_model_from_features(data.features, data.ids, data.feature_indices_per_layer) or self.target_model
  if self.target_model == nil then
    check.raise(getmetatable(self).class_name .. ": _train_model_from_features must return the model (or set self.target_model)")
  end
  return self
end

--- Extension points. features: (N, F) tensor; labels: class ids (N), 1..K in the order of self.classes, or targets for
--- regression; feature_indices_per_layer: which columns come from which layer. Returns the model, which becomes self.target_model.
function MetaModel:_train_model_from_features(_, _)
  check.raise(getmetatable(self).class_name .. ": _train_model_from_features is not defined")
end
--- Probabilities (N, K) of features.
function MetaModel:_predict_probability_from_features(_)
  check.raise(getmetatable(self).class_name .. ": _predict_probability_from_features is not defined")
end
--- Class ids of features: a tensor of ids, or a list of labels.
function MetaModel:_predict_label_from_features(features) return self:_checked_probability(features):argmax(2) end

-- What a class of one's own says, as it must be: (N, K).
function MetaModel:_checked_probability(features)
  local p = self:_predict_probability_from_features(features)
  local tensor = require("scion").is_tensor(p)
  local width = self.task == "classes" and #self.classes or nil
  if not tensor or p:dim() ~= 2 or #p ~= #features or width and p:size(2) ~= width then
    check.raise("%s: _predict_probability_from_features must return a tensor (%d, %s), got %s", getmetatable(self).class_name, #features,
      width or "K", tensor and "(" .. table.concat(p.shape, ", ") .. ")" or check.describe(p))
  end
  return p
end

function MetaModel:_predict_probability(iterator)
  local data = self:get_features_from_source_model(iterator)
  local p, t = self:_checked_probability(data.features), self.temperature or 1
  return t == 1 and p or p:clamp(1e-30, 1):log():div(t):softmax(2), data.ids
end

-- calibrate finds it; the most probable class stays what it is.
function MetaModel:_set_temperature(t) self.temperature = t end

function MetaModel:_predict_id(iterator)
  local data = self:get_features_from_source_model(iterator)
  local said = self:_predict_label_from_features(data.features)
  if (type(said) == "table" or require("scion").is_tensor(said)) and #said ~= #data.features then
    check.raise("%s: _predict_label_from_features must return one label for each of %d items, got %d", getmetatable(self).class_name, #data.features, #said)
  end
  return said, data.ids
end

return MetaModel
