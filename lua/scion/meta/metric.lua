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
  self.algorithm, self.task = algorithm, { support_y = task.support_y, n_classes = task.support_y:max():item() }
  self.support_x = task.support_x
end
--- Logits (Q, K) of queries. opts.mode: statistics of batch norms, "eval" (default) the running ones, "train" those of the items together.
function Comparer:forward(x, opts)
  local mode = opts and opts.mode or (self.algorithm.bn == "batch" and "train" or "eval")
  return self.algorithm:compare(self.support_x, x, self.task, mode, true)
end
Comparer.__call = function(self, ...) return self:forward(...) end

--- Embeds supports and queries together and compares. `untouched`: running statistics stay what they are.
function Metric:compare(support_x, query_x, task, mode, untouched)
  local x = scion().cat({ support_x, query_x }, 1)
  local buffers
  if untouched and mode == "train" then
    buffers = {}
    for name, b in self.model:named_buffers() do buffers[name] = b:clone() end
  end
  local z = self.model:call(x, { mode = mode, buffers = buffers })
  return self:scores(z:narrow(1, 1, #support_x), z:narrow(1, #support_x + 1, #query_x), task)
end

--- Loss and accuracy of one task, with the graph that leads back to the meta parameters.
function Metric:task_loss(task)
  local info = { support_y = task.support_y, n_classes = task.support_y:max():item() }
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
  for _, task in ipairs(list) do
    local scope <close> = scion().scope()
    local loss, accuracy = self:task_loss(task)
    self:add_gradient(loss:mul(1 / (list.total or #list)))
    total, right = total + loss:item(), right + (accuracy or 0)
  end
  return { loss = total / #list, accuracy = right / #list }
end

--- A learner that compares queries with the task's support items: learner(x) gives logits.
function Metric:adapt(task)
  if type(task) ~= "table" or not task_sources.is_tensor(task.support_x) or not task_sources.is_tensor(task.support_y) then
    error(("%s:adapt: expected a task { support_x =, support_y = }, got %s"):format(self.name, check.describe(task)), 2)
  end
  return Comparer(self, task)
end

return Metric
