-- MAML++ (Antoniou, Edwards, Storkey 2019): MAML made stable.
--   * a learned learning rate for every parameter tensor and inner step (LSLR)
--   * batch norms with statistics, scale and shift of their own for every inner step (BNRS, BNWB)
--   * in the first msl_steps meta-steps the queries are measured after every inner step, with weights that move to the last (MSL)
--   * first order until meta-step second_order_from, then second (derivative-order annealing)
--   * the meta learning rate falls along a cosine

local check = require "scion.check"
local class = require "scion.class"
local inner = require "scion.meta.inner"
local losses = require "scion.meta.losses"
local MAML = require "scion.meta.maml"

local MAMLPlusPlus = class.class("MAMLPlusPlus", MAML)

MAMLPlusPlus.OPTIONS = {
  lr = check.number { default = 0.1, above = 0 },        -- the rates' initial value
  inner_steps = check.integer { default = 5, min = 1 },
  msl_steps = check.integer { default = 1000, min = 0 },
  second_order_from = check.integer { default = 0, min = 0 },
  min_meta_lr = check.number { default = 1e-5, min = 0 },
}

local function scion() return require "scion" end

MAMLPlusPlus.moves_statistics = true -- of the inner steps' norms

--- Prepares what the options ask for; called once when the object is made.
function MAMLPlusPlus:setup()
  MAML.setup(self)
  local net = self.model
  -- entries of batch norms, one set a step (the last is that after the last step)
  self.norm_params, self.norm_buffers, self.norm_names = {}, {}, {}
  local affine = {}
  for _, layer in ipairs(net:layers()) do
    if layer.op == "batch_norm" then
      for _, entry in ipairs(layer.entries) do affine[entry] = true end
    end
  end
  for k = 1, self.inner_steps + 1 do
    local params, buffers = {}, {}
    for name, p in net:named_parameters() do
      if affine[name] and p.requires_grad then
        params[name] = k == self.inner_steps + 1 and p or p:detach():clone():requires_grad_(true)
        if k == 1 then self.norm_names[#self.norm_names + 1] = name end
      end
    end
    for name, b in net:named_buffers() do
      if affine[name] then buffers[name] = k == self.inner_steps + 1 and b or b:clone() end
    end
    self.norm_params[k], self.norm_buffers[k] = params, buffers
  end
  -- norms are the step's own and do not adapt; everything else does
  local adapts = self.inner_names or self:clone().names
  self.inner_names, self.rates = {}, {}
  for _, name in ipairs(adapts) do
    if not affine[name] then
      self.inner_names[#self.inner_names + 1] = name
      self.rates[#self.rates + 1] = scion().full({ self.inner_steps }, self.lr, { dtype = net[name].dtype }):requires_grad_(true)
    end
  end
  self.rule = inner.with_rates(self.rule, function(i, step) return self.rates[i]:select(1, math.min(step, self.inner_steps)) end)
  self.meta_lr_schedule = function(t)
    local low = self.meta_lr > 0 and self.min_meta_lr / self.meta_lr or 0
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * t))
  end
end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function MAMLPlusPlus:meta_parameters()
  local list = MAML.meta_parameters(self)
  for i, rate in ipairs(self.rates) do list[#list + 1] = { "rate." .. self.inner_names[i], rate } end
  for k = 1, self.inner_steps do
    for _, name in ipairs(self.norm_names) do list[#list + 1] = { ("step%d.%s"):format(k, name), self.norm_params[k][name] } end
  end
  return list
end

--- Tensors beside the model that checkpoints keep, by name.
function MAMLPlusPlus:extras()
  local out = {}
  for i, rate in ipairs(self.rates) do out["rate." .. self.inner_names[i]] = rate end
  for k = 1, self.inner_steps do
    for name, p in pairs(self.norm_params[k]) do out[("step%d.%s"):format(k, name)] = p end
    for name, b in pairs(self.norm_buffers[k]) do out[("step%d.%s"):format(k, name)] = b end
  end
  return out
end

-- The learner's norms become those of inner step k (from 1; inner_steps + 1: after the last).
local function enter(self, learner, k)
  k = math.min(k, self.inner_steps + 1)
  for name, p in pairs(self.norm_params[k]) do learner.params[name] = p end
  for name, b in pairs(self.norm_buffers[k]) do learner.buffers[name] = b end
end

-- Weight of the queries' loss after each step: equal at first, all on the last once msl_steps are done.
local function step_weights(self)
  local n, w = self.inner_steps, {}
  local done = self.msl_steps == 0 and 1 or math.min(1, self.meta_steps_done / self.msl_steps)
  for k = 1, n do w[k] = (1 - done) / n end
  w[n] = w[n] + done
  return w
end

--- Running statistics that a task moves: support items those of the step's norms, queries measured after a step those of the next.
function MAMLPlusPlus:statistics()
  local list, weights = {}, step_weights(self)
  for k, buffers in ipairs(self.norm_buffers) do
    local uses = (k <= self.inner_steps and 1 or 0) + (k > 1 and weights[k - 1] > 0 and self.bn == "batch" and 1 or 0)
    for _, s in ipairs(self.statistics_of(self.model, uses)) do list[#list + 1] = { tensor = buffers[s.name], keep = s.keep } end
  end
  return list
end

local function outer_loss(self, task, n)
  local learner = self:clone { label = task.label, tasks = n }
  learner.first_order = self.meta_steps_done < self.second_order_from
  local weights, total, output = step_weights(self), nil, nil
  for k = 1, self.inner_steps do
    enter(self, learner, k)
    local loss = self.loss_fn(learner(task.support_x), task.support_y)
    learner:adapt(n and loss:mul(n) or loss)
    if weights[k] > 0 then
      enter(self, learner, k + 1)
      output = learner:forward(task.query_x, { mode = self:query_mode() })
      local q = self.loss_fn(output, task.query_y):mul(weights[k])
      total = total and total:add(q) or q
    end
  end
  return total, losses.accuracy(output, task.query_y)
end

--- Loss and accuracy of one task, with the graph that leads back to the meta parameters.
function MAMLPlusPlus:task_loss(task) return outer_loss(self, task) end
--- The same for tasks of equal shapes as one call.
function MAMLPlusPlus:stacked_step(batch)
  local loss, accuracy = outer_loss(self, batch, batch.tasks)
  loss:backward()
  return { loss = loss:item(), accuracy = accuracy }
end

--- Inner steps of a learner on the support items of a task.
function MAMLPlusPlus:inner_loop(learner, task, steps)
  -- a learner outside of training must not move the statistics
  for k, buffers in ipairs(self.norm_buffers) do
    learner.step_buffers = learner.step_buffers or {}
    learner.step_buffers[k] = {}
    for name, b in pairs(buffers) do learner.step_buffers[k][name] = b:clone() end
  end
  local function go(k)
    k = math.min(k, self.inner_steps + 1)
    for name, p in pairs(self.norm_params[k]) do learner.params[name] = p end
    for name, b in pairs(learner.step_buffers[k]) do learner.buffers[name] = b end
  end
  steps = steps or self.inner_steps
  for k = 1, steps do
    go(k)
    learner:adapt(self.loss_fn(learner(task.support_x), task.support_y))
  end
  go(steps + 1)
  return learner
end

return MAMLPlusPlus
