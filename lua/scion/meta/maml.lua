-- MAML (Finn, Abbeel, Levine 2017): an initialisation from which a few gradient steps on a task's support items do well on its queries.
--
--   theta'_i = theta - alpha grad L_i(theta)                 (inner_steps times)
--   theta <- theta - beta grad sum_i L_i(theta'_i)
--
-- first_order = true drops the derivative of the inner gradient (FOMAML): the outer gradient is that at the adapted parameters.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"

local MAML = class.class("MAML", Algorithm)

MAML.OPTIONS = { first_order = false,
  adapted = check.func {}, -- function(name) -> true for the parameters that the inner loop moves; default all
}

local function scion() return require "scion" end

--- Prepares what the options ask for; called once when the object is made.
function MAML:setup()
  if self.adapted then
    self.inner_names = {}
    for name, p in self.model:named_parameters() do
      if p.requires_grad and self.adapted(name) then self.inner_names[#self.inner_names + 1] = name end
    end
    if #self.inner_names == 0 then error(("%s: `adapted` chose no parameter of the model"):format(self.name), 0) end
  end
end

--- A learner that starts from the meta-learned parameters.
function MAML:clone(opts)
  local fields = { names = self.inner_names }
  for key, value in pairs(opts or {}) do fields[key] = value end
  return Algorithm.clone(self, fields)
end

--- One task: the loss of its queries after adapting, with the graph that leads back to the meta parameters.
function MAML:task_loss(task)
  local learner = self:inner_loop(self:clone { label = task.label }, task)
  local output = learner:forward(task.query_x, { mode = self:query_mode() })
  return self.loss_fn(output, task.query_y), losses.accuracy(output, task.query_y)
end

--- The meta gradient of a list of tasks, one after the other; each task's graph is gone before the next begins.
function MAML:meta_step(list)
  local total, right = 0, nil
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    self:begin_task(list, k)
    local loss, accuracy = self:task_loss(task)
    self:add_gradient(loss:mul(1 / (list.total or #list)))
    total = total + loss:item()
    if accuracy then right = (right or 0) + accuracy end
  end
  return { loss = total / #list, accuracy = right and right / #list }
end

--- The same for tasks of equal shapes as one call. The loss is a mean over items, so the mean over all queries is the mean over tasks.
function MAML:stacked_step(batch)
  local learner = self:inner_loop(self:clone { tasks = batch.tasks, label = batch.label }, batch)
  local output = learner:forward(batch.query_x, { mode = self:query_mode() })
  local loss = self.loss_fn(output, batch.query_y)
  loss:backward()
  return { loss = loss:item(), accuracy = losses.accuracy(output, batch.query_y) }
end

return MAML
