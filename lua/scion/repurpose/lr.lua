-- LrRepurposer: multinomial logistic regression on features of the source network, to convergence. Features are
-- standardised (mean and deviation of the training set, kept with the model); c is scikit-learn's inverse strength of the
-- L2 penalty. The result is a graph: trunk, standardisation, linear layer, softmax.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local logistic = require "scion.logistic"
local MetaModel = require "scion.repurpose.meta_model"

local Lr = class.class("LrRepurposer", MetaModel)

Lr.OPTIONS = {
  c = logistic.OPTS.c, tol = logistic.OPTS.tol, max_iter = logistic.OPTS.max_iter,
  fit_intercept = true,
  class_weight = check.either({ check.choice { "balanced", "none" }, check.table() }, { default = "balanced" }),
  standardise = true,
  n_jobs = check.integer { default = -1 }, -- accepted for Xfer's sake: threads belong to the context
}

local function standardisation(features, on)
  local s = require "scion"
  local z = features:to("f64")
  if not on then
    return { mean = s.zeros(z:size(2), { dtype = "f64" }), std = s.ones(z:size(2), { dtype = "f64" }) }
  end
  local mean = z:mean(1)
  local std = z:sub(mean):square():mean(1):sqrt()
  -- Features that never change carry nothing: their deviation counts as 1, as in scikit-learn.
  local floor = mean:abs():mul(1e-6):add(1e-12)
  std = s.where(std:gt(floor), std, s.ones_like(std))
  return { mean = mean, std = std }
end

function Lr:_train_model_from_features(features, ids)
  local s = require "scion"
  local options = self.options
  s.no_grad(function()
    self.scaling = standardisation(features, options.standardise)
    local z = features:to("f64"):sub(self.scaling.mean):div(self.scaling.std)
    self.model = logistic.fit(z, ids, #self.classes, { c = options.c, tol = options.tol, max_iter = options.max_iter,
      fit_intercept = options.fit_intercept, class_weight = options.class_weight }, self.classes)
  end)
  if not self.model.converged then
    s.emit("warn", ("LrRepurposer: not converged after %d iterations; raise max_iter or lower c"):format(self.model.iterations))
  end
  return self:_build()
end

-- The graph, with the standardisation as layers of its own so that it can be read back.
function Lr:_build()
  local net = graph.trunk(self.source_model, self.feature_layer_names)
  local widths, values = {}, net:outputs()
  local flat = {}
  for i, value in ipairs(values) do
    flat[i] = net:add_node(graph.fresh_name(net, "flatten_features"), "Flatten", "flatten", { start_dim = 2 }, { value })
    widths[i] = self.feature_indices_per_layer[i].last - self.feature_indices_per_layer[i].first + 1
  end
  local value = flat[1]
  if #flat > 1 then value = net:add_node(graph.fresh_name(net, "features"), "Cat", "cat", { dim = 2 }, flat) end
  if self.options.standardise then
    local mean = net:add_entry("standardise.mean", self.scaling.mean:to("f32"), "const")
    local std = net:add_entry("standardise.std", self.scaling.std:to("f32"), "const")
    value = net:add_node(graph.fresh_name(net, "centre"), "Shift", "sub", nil, { value, mean })
    value = net:add_node(graph.fresh_name(net, "standardise"), "Scale", "div", nil, { value, std })
  end
  value = graph.add_linear(net, graph.fresh_name(net, "logistic_regression"), value, self.model.weight:to("f32"),
    self.model.bias:to("f32"))
  net:set_outputs { graph.add_softmax(net, value) }
  net:prune()
  net:eval()
  return net
end

function Lr:_predict_probability_from_features(features)
  local z = features:to("f64"):sub(self.scaling.mean):div(self.scaling.std)
  return self.model:predict_probability(z):to("f32")
end

-- One way to predict for trained and loaded ones alike: the graph.
function Lr:_predict_probability(iterator)
  local values, truth = graph.collect(self.target_model, iterator, self.target_model:outputs(), { progress = self.options.progress })
  return values[1], truth
end
function Lr:_predict_id(iterator)
  local probabilities, truth = self:_predict_probability(iterator)
  return probabilities:argmax(2), truth
end

function Lr:_to_net() return self.target_model end

--- What happened: converged, iterations, loss.
function Lr:convergence()
  if not self.model then return self.saved_convergence end
  return { converged = self.model.converged, iterations = self.model.iterations, loss = self.model.loss }
end

function Lr:_extra() return { convergence = self:convergence() } end

function Lr.restore(self, net, info)
  self.target_model = net
  self.saved_convergence = info.extra and info.extra.convergence
end

return Lr
