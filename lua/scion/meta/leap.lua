-- Leap (Flennerhag et al. 2019): meta-learns an initialisation from which gradient descent reaches the tasks' optima along short paths.
-- A task's path psi_0, psi_1, ... with losses f_i and gradients g_i has the length sum_i |(psi_{i+1}, f_{i+1}) - (psi_i, f_i)|; its gradient
-- in psi_0, with the Jacobians of the path taken as identity, adds up while the task is trained:
--
--   d = psi_i - psi_{i+1};  df = f_{i+1} - f_i;  stabiliser: df = -|df|
--   G += (d - df g_i) / sqrt(|d|^2 + df^2)
--
-- K steps make K - 1 segments. norm = false is the energy (no division); loss_term = false leaves df out. Energy without loss term and
-- stabiliser is Reptile: the sum telescopes to theta - psi_{K-1}.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local task_sources = require "scion.meta.tasks"

local Leap = class.class("Leap", Algorithm)

Leap.OPTIONS = {
  inner_steps = check.integer { default = 50, min = 2 },
  batch_size = check.integer { min = 1 },        -- items of an inner step; default all of a task
  norm = true, loss_term = true, stabiliser = true,
  meta_lr = check.number { default = 0.1, min = 0 },
  meta_optimizer = check.either({ check.string(), check.table(), check.func() }, { default = "sgd" }),
}

local function scion() return require "scion" end

-- ---- the path ---------------------------------------------------------------------------------------------------

--- Gathers the meta gradient along one task's path. `gradient_scale` multiplies g (1; Xfer's own code summed it over a batch).
local Path = class.class "LeapPath"
Leap.Path = Path

function Path:init(opts)
  self.norm, self.loss_term, self.stabiliser = opts.norm ~= false, opts.loss_term ~= false, opts.stabiliser ~= false
  self.gradient_scale = opts.gradient_scale or 1
  self.sum, self.segments = {}, 0
end

--- One point of the path: its loss (a number), its parameters and their gradients (lists; false: no gradient).
function Path:point(loss, params, grads)
  local last = self.last
  if last then
    self.segments = self.segments + 1
    local df = loss - last.loss
    if self.stabiliser and df > 0 then df = -df end
    local steps, square = {}, self.loss_term and df * df or 0
    for i, p in ipairs(params) do
      steps[i] = last.params[i]:sub(p)
      if self.norm then square = square + steps[i]:square():sum():item() end
    end
    -- without the loss term the stabiliser still turns a segment that went up
    local sign = (not self.loss_term and self.stabiliser and loss > last.loss) and -1 or 1
    local length = self.norm and math.sqrt(square) or 1
    if length > 0 then -- a step that did not move has no direction
      for i, d in ipairs(steps) do
        local add = d:mul(sign)
        if self.loss_term and last.grads[i] then add = add:add_scaled(last.grads[i], -df * self.gradient_scale) end
        if length ~= 1 then add = add:mul(1 / length) end
        self.sum[i] = self.sum[i] and self.sum[i]:add(add) or add
      end
    end
  end
  local here = { loss = loss, params = {}, grads = {} }
  for i, p in ipairs(params) do here.params[i], here.grads[i] = p:detach(), grads[i] and grads[i]:detach() end
  self.last = here
end

--- Begins a new path; what was gathered stays.
function Path:restart() self.last = nil end

-- ---- the algorithm ------------------------------------------------------------------------------------------------

--- Trains a learner on one task and gathers its path. `report(step, loss)` is called at every step.
---@return scion.meta.Learner
function Leap:walk(task, path, batch, steps, report)
  local learner = self:clone { cut = true, label = task_sources.label_of(task) }
  for step = 1, steps do
    local inner_scope <close> = scion().scope()
    local x, y = batch()
    local before = learner:parameters()
    local loss = learner:adapt(self.loss_fn(learner(x), y))
    scion().no_grad(path.point, path, loss, before, learner.grads)
    if report then report(step, loss, #x) end
    inner_scope:keep(table.unpack(task_sources.tensors_in { learner.params, learner.state, path.last, path.sum }))
  end
  return learner
end

--- Tasks need no queries to be trained on.
function Leap:check_task(task, level) task_sources.check_trained(self.name .. ":fit", task, level) end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function Leap:meta_step(list)
  local total = 0
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    local number = self:begin_task(list, k)
    local path = Path(self)
    local batch = task_sources.batches(self.name, task, self.batch_size, false, self.seed, self.tasks_drawn, number)
    local learner = self:walk(task, path, batch, self.inner_steps)
    for i, name in ipairs(learner.names) do
      local p, g = self.model[name], path.sum[i]
      if g then
        g = g:mul(1 / (list.total or #list))
        p.grad = p.grad and p.grad:add(g) or g
      end
    end
    total = total + path.last.loss
  end
  return { loss = total / #list }
end

return Leap
