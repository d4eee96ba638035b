-- Reptile (Nichol, Achiam, Schulman 2018): train on a task for some steps, then move the initialisation towards where that led.
--
--   phi_i = theta after inner_steps of the inner optimiser on task i
--   theta <- theta + eps mean_i (phi_i - theta)
--
-- eps is meta_lr (1 by default) of the outer optimiser, sgd: the outer gradient is theta - mean phi_i.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local task_sources = require "scion.meta.tasks"

local Reptile = class.class("Reptile", Algorithm)

Reptile.OPTIONS = {
  inner_steps = check.integer { default = 10, min = 1 },
  batch_size = check.integer { min = 1 },        -- items of an inner step; default all
  all_items = true,                              -- training uses queries as items too (the method needs no split)
  meta_lr = check.number { default = 1, min = 0 },
  meta_optimizer = check.either({ check.string(), check.table(), check.func() }, { default = "sgd" }),
  -- Does a stateful inner optimiser keep its averages from task to task, as in the authors' code?
  keep_state = false,
}

local function scion() return require "scion" end

-- Adds share * (theta - phi) to the gradients.
local function pull(self, learner, share)
  scion().no_grad(function()
    for _, name in ipairs(learner.names) do
      local p, phi = self.model[name], learner.params[name]
      if learner.tasks then phi = phi:mean(1) end
      local g = p:sub(phi):mul(share)
      p.grad = p.grad and p.grad:add(g) or g
    end
  end)
end

--- Tasks need no queries to be trained on.
function Reptile:check_task(task, level) task_sources.check_trained(self.name .. ":fit", task, level) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function Reptile:meta_step(list)
  local total = 0
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    local number = self:begin_task(list, k)
    local learner = self:clone { cut = true, label = task_sources.label_of(task) }
    if self.keep_state then
      self.carried = self.carried or learner.state
      learner.state = self.carried
    end
    local batch = task_sources.batches(self.name, task, self.batch_size, self.all_items, self.seed, self.tasks_drawn, number)
    for _ = 1, self.inner_steps do
      local x, y = batch()
      total = total + learner:adapt(self.loss_fn(learner(x), y))
    end
    pull(self, learner, 1 / (list.total or #list))
    if self.keep_state then self.keep(scope, self.carried) end
  end
  return { loss = total / (#list * self.inner_steps) }
end

--- T tasks as one call, where a step takes all items of a task.
function Reptile:stacked_step(batch)
  if self.batch_size or self.keep_state then error("several items or states: run one task after the other", 0) end
  local x, y = batch.support_x, batch.support_y
  local n = batch.tasks
  if self.all_items then -- of each task: support, then queries
    task_sources.check_joined(self.name, batch)
    local function both(a, b)
      local rest = { table.unpack(a.shape, 2) }
      return scion().cat({ a:reshape(n, -1, table.unpack(rest)), b:reshape(n, -1, table.unpack(rest)) }, 2):reshape(-1, table.unpack(rest))
    end
    x, y = task_sources.each_input(both, x, batch.query_x), both(y, batch.query_y)
  end
  local learner, total = self:clone { cut = true, tasks = n, label = batch.label }, 0
  for _ = 1, self.inner_steps do total = total + learner:adapt(self.loss_fn(learner(x), y):mul(n)) end
  pull(self, learner, 1)
  return { loss = total / (n * self.inner_steps) }
end

return Reptile
