-- LrRepurposer: multinomial logistic regression on features of the source network, to convergence. Features are
-- standardised (mean and deviation of the training set, kept with the model); c is scikit-learn's inverse strength of the
-- L2 penalty. Multi-label targets are K regressions of their own.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local logistic = require "scion.logistic"
local Predictor = require "scion.repurpose.predictor"

local Lr = class.class("LrRepurposer", Predictor)

Lr.TASKS = { classes = true, multi_label = true }

Lr.OPTIONS = {
  c = logistic.OPTS.c, tol = logistic.OPTS.tol, max_iter = logistic.OPTS.max_iter,
  fit_intercept = true,
  class_weight = check.either({ check.choice { "balanced", "none" }, check.table() }, { default = "balanced" }),
  n_jobs = check.integer { default = -1 }, -- accepted for Xfer's sake: threads belong to the context
}

function Lr:_fit(z, y, fit)
  local s = require "scion"
  local options = self.options
  local opts = { c = options.c, tol = options.tol, max_iter = options.max_iter, fit_intercept = options.fit_intercept,
    class_weight = options.class_weight }
  if self.task == "classes" then
    local model = logistic.fit(z, y, fit.n_classes, opts, fit.classes)
    return { weight = model.weight, bias = model.bias,
      report = { converged = model.converged, iterations = model.iterations, loss = model.loss } }
  end
  -- One binary regression per label; a label that all items or none have keeps a constant score.
  local weights, biases, report = {}, {}, { converged = true, iterations = 0, loss = 0 }
  for k = 1, fit.n_classes do
    local column = y:narrow(2, k, 1):squeeze(2)
    local share = column:mean():item()
    if share == 0 or share == 1 then
      weights[k] = s.zeros(1, z:size(2), { dtype = "f64" })
      biases[k] = s.tensor({ share == 1 and 10.0 or -10.0 }, { dtype = "f64" })
    else
      opts.class_weight = { fit.weights[k][2], fit.weights[k][1] }
      local model = logistic.fit(z, column:add(1):to("i64"), 2, opts)
      weights[k], biases[k] = model.weight:narrow(1, 2, 1), model.bias:narrow(1, 2, 1)
      report.converged = report.converged and model.converged
      report.iterations, report.loss = math.max(report.iterations, model.iterations), report.loss + model.loss
    end
  end
  return { weight = s.cat(weights, 1), bias = s.cat(biases, 1), report = report }
end

function Lr:_build(net, value, model)
  return graph.add_linear(net, "logistic_regression", value, model.weight:to("f32"), model.bias:to("f32"))
end

return Lr
