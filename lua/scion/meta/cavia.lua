-- CAVIA (Zintgraf et al. 2019): the inner loop moves nothing but a small context vector that the network gets beside its input; the network itself is
-- learned by the outer loop. The context starts at zero for every task.
--
-- model takes x with `context` numbers more: features (N, D + context), or maps (N, C + context, H, W). Another way to condition: the
-- option condition = function(x, contexts (N, context)) -> x.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"

local CAVIA = class.class("CAVIA", Algorithm)

CAVIA.OPTIONS = {
  context = check.integer { default = 5, min = 1 }, lr = check.any { default = 1 }, first_order = false, condition = check.func {},
}

local function scion() return require "scion" end

-- Contexts beside the features or as constant maps.
local function beside(x, contexts)
  if x:dim() > 2 then
    local shape, ones = { #x, contexts:size(2) }, { #x, contexts:size(2) }
    for d = 3, x:dim() do shape[d], ones[d] = x:size(d), 1 end
    contexts = contexts:reshape(ones):expand(shape)
  end
  return scion().cat({ x, contexts }, 2)
end

-- A learner whose only parameter is the context of its task(s).
local ContextLearner = class.class "ContextLearner"
function ContextLearner:init(algorithm, tasks, first_order)
  local model = algorithm.model
  self.algorithm, self.tasks, self.first_order, self.mode = algorithm, tasks, first_order, "train"
  local dtype = model:parameters()[1].dtype
  self.context = scion().zeros({ tasks or 1, algorithm.context }, { dtype = dtype }):requires_grad_(true)
  self.state, self.steps = algorithm.rule:start(), 0
end
function ContextLearner:forward(x, opts)
  local a, n = self.algorithm, self.tasks or 1
  local per = #x // n
  local contexts = self.context:reshape(n, 1, -1):expand(n, per, a.context):reshape(n * per, a.context)
  return a.model:call((a.condition or beside)(x, contexts), { mode = opts and opts.mode or self.mode, tasks = self.tasks })
end
ContextLearner.__call = function(self, ...) return self:forward(...) end
--- One step of the context down the loss.
function ContextLearner:adapt(loss)
  self.steps = self.steps + 1
  local g = scion().grad(loss, self.context, { create_graph = not self.first_order, retain_graph = true })
  local value = loss:item()
  if value ~= value or math.abs(value) == math.huge or not g:isfinite():all():item() then
    error(("inner loop diverged: step %d: the loss is %s, its gradient in the context %s"):format(self.steps, value,
      g:isfinite():all():item() and "finite" or "not finite"), 0)
  end
  self.context = self.algorithm.rule:step({ self.context }, { g }, self.state)[1]
  return value
end
function ContextLearner:check_finite() end
function ContextLearner:parameters() return { self.context } end

--- A learner that starts from the meta-learned parameters.
function CAVIA:clone(opts) return ContextLearner(self, opts and opts.tasks, self.first_order) end

--- Adapts a context to one task.
function CAVIA:adapt(task, opts)
  local learner = self:inner_loop(ContextLearner(self, nil, true), task, opts and opts.steps)
  learner.context = learner.context:detach()
  return learner
end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function CAVIA:meta_step(list)
  local total, right = 0, nil
  for _, task in ipairs(list) do
    local scope <close> = scion().scope()
    local output = self:inner_loop(self:clone(), task):forward(task.query_x)
    local loss = self.loss_fn(output, task.query_y)
    self:add_gradient(loss:mul(1 / (list.total or #list)))
    total = total + loss:item()
    local accuracy = losses.accuracy(output, task.query_y)
    if accuracy then right = (right or 0) + accuracy end
  end
  return { loss = total / #list, accuracy = right and right / #list }
end

--- The same for tasks of equal shapes as one call.
function CAVIA:stacked_step(batch)
  local output = self:inner_loop(self:clone { tasks = batch.tasks }, batch):forward(batch.query_x)
  local loss = self.loss_fn(output, batch.query_y)
  loss:backward()
  return { loss = loss:item(), accuracy = losses.accuracy(output, batch.query_y) }
end

return CAVIA
