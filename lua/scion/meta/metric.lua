-- What prototypical, matching and relation networks share: nothing is trained on a task; its support items are embedded, and queries are compared
-- with them. A subclass defines scores(support, query, task) from embeddings to (Q, K) logits. The learner that adapt gives holds the
-- support set's embedding.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"
local task_sources = require "scion.meta.tasks"

local Metric = class.class("MetricAlgorithm", Algorithm)

Metric.OPTIONS = {
  inner_steps = check.integer { default = 0, min = 0, max = 0 }, -- there are none
  bn = check.choice({ "batch", "running" }, { default = "running" }),
}

local function scion() return require "scion" end

--- Class ids as rows of 0 and 1: (N, K).
function Metric.one_hot(ids, k) return scion().one_hot(ids, k):to("f32") end

--- Mean of each class: (N, D) to (K, D).
function Metric.class_means(z, ids, k)
  local members = Metric.one_hot(ids, k):to(z.dtype)
  return members:t():matmul(z):div(members:sum(1):reshape(-1, 1))
end

local Comparer = class.class "MetricLearner"
function Comparer:init(algorithm, task)
  self.algorithm, self.task = algorithm, { support_y = task.support_y, n_classes = algorithm:n_classes(task) }
  self.support_x = task.support_x
end
Comparer.__tostring = function(self) return ("%s: a task of %d classes"):format(self.algorithm.name, self.task.n_classes) end
--- Logits (Q, K) of queries. opts.mode: statistics of batch norms, "eval" the running ones (default of bn = "running"), "batch" those of
--- the items together.
function Comparer:forward(x, opts)
  local mode = opts and opts.mode or (self.algorithm.bn == "batch" and "batch" or "eval")
  return self.algorithm:compare(self.support_x, x, self.task, mode, true)
end
Comparer.__call = function(self, ...) return self:forward(...) end

--- Embeds supports and queries together and compares. `untouched`: running statistics stay what they are.
function Metric:compare(support_x, query_x, task, mode, untouched)
  local inputs, n, q = task_sources.join { support_x, query_x }, task_sources.count(support_x), task_sources.count(query_x)
  inputs = type(inputs) == "table" and inputs or { inputs }
  inputs[#inputs + 1] = { mode = mode, buffers = untouched and Metric.copies(self.model) or nil }
  local z = self.model:call(table.unpack(inputs))
  return self:scores(z:narrow(1, 1, n), z:narrow(1, n + 1, q), task)
end

--- Running statistics that a task moves.
function Metric:statistics() return self.statistics_of(self.model, 1) end

--- Copies of a net's buffers by name.
function Metric.copies(net)
  local out = {}
  for name, b in net:named_buffers() do out[name] = b:clone() end
  return out
end

--- Number of classes of a task.
function Metric:n_classes(task)
  local y = task.support_y
  if y.dtype ~= "i64" and y.dtype ~= "i32" then
    error(("%s: compares classes: support_y must hold class ids (i64), got %s"):format(self.name, y.dtype), 0)
  end
  return y:max():item()
end

--- Loss and accuracy of one task, with the graph that leads back to the meta parameters.
function Metric:task_loss(task)
  local info = { support_y = task.support_y, n_classes = self:n_classes(task) }
  local most = task.query_y:max():item()
  if most > info.n_classes then
    error(("%s: a query is of class %d, the support items are of classes 1..%d"):format(self.name, most, info.n_classes), 0)
  end
  task_sources.check_joined(self.name, task)
  local output = self:compare(task.support_x, task.query_x, info, "train")
  return self:episode_loss(output, task.query_y), losses.accuracy(output, task.query_y)
end

--- Loss of an episode from its logits and class ids.
function Metric:episode_loss(output, y) return self.loss_fn(output, y) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function Metric:meta_step(list)
  local total, right = 0, 0
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    self:begin_task(list, k)
    local loss, accuracy = self:task_loss(task)
    self:add_gradient(loss:mul(1 / (list.total or #list)))
    total, right = total + loss:item(), right + (accuracy or 0)
  end
  return { loss = total / #list, accuracy = right / #list }
end

--- A learner that compares queries with the task's support items: learner(x) gives logits.
function Metric:adapt(task, opts)
  check.opts(self.name .. ":adapt", opts, { steps = check.integer { min = 0, max = 0 } }) -- there are none
  self:check_adapt(task, 3)
  return Comparer(self, task)
end

return Metric
