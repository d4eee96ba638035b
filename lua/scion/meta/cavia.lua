-- CAVIA (Zintgraf et al. 2019): the inner loop moves nothing but a small context vector that the network gets beside its input; the network itself is
-- learned by the outer loop. The context starts at zero for every task.
--
-- model takes x with `context` numbers more: features (N, D + context), or maps (N, C + context, H, W). Another way to condition: the
-- option condition = function(x, contexts (N, context)) -> x.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local Learner = require "scion.meta.learner"
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
local ContextLearner = class.class("ContextLearner", Learner)
function ContextLearner:init(algorithm, fields)
  fields.model, fields.rule, fields.clip, fields.names = algorithm.model, algorithm.rule, algorithm.clip, {}
  Learner.init(self, fields)
  self.algorithm, self.names = algorithm, { "context" }
  local dtype = algorithm.model:parameters()[1].dtype
  self.context = scion().zeros({ fields.tasks or 1, algorithm.context }, { dtype = dtype }):requires_grad_(true)
end
ContextLearner.__tostring = function(self) return ("CAVIA: a context of %d numbers, %d steps"):format(self.algorithm.context, self.steps) end
function ContextLearner:forward(x, opts)
  local a, n = self.algorithm, self.tasks or 1
  local per = #x // n
  local contexts = self.context:reshape(n, 1, -1):expand(n, per, a.context):reshape(n * per, a.context)
  return Learner.forward(self, (a.condition or beside)(x, contexts), opts)
end
ContextLearner.__call = function(self, ...) return self:forward(...) end
function ContextLearner:parameters() return { self.context } end
function ContextLearner:set_parameters(list) self.context = list[1] end
--- A network of its own does not hold a context: predict with the learner itself.
function ContextLearner:net()
  error("CAVIA: the network takes the context beside its input; predict with the learner itself, learner(x)", 2)
end

--- A learner that starts from the meta-learned parameters.
function CAVIA:clone(opts)
  local fields = { first_order = self.first_order, mode = "train" }
  for key, value in pairs(opts or {}) do fields[key] = value end
  return ContextLearner(self, fields)
end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function CAVIA:meta_step(list)
  local total, right = 0, nil
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    self:begin_task(list, k)
    local output = self:inner_loop(self:clone { label = task.label }, task):forward(task.query_x, { mode = self:query_mode() })
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
  local learner = self:inner_loop(self:clone { tasks = batch.tasks, label = batch.label }, batch)
  local output = learner:forward(batch.query_x, { mode = self:query_mode() })
  local loss = self.loss_fn(output, batch.query_y)
  loss:backward()
  return { loss = loss:item(), accuracy = losses.accuracy(output, batch.query_y) }
end

return CAVIA
