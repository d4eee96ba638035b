-- Warp-Leap (Flennerhag et al. 2020): some layers, the warps, do not adapt to tasks; they are meta-learned so that gradient descent on the others goes well
-- everywhere along the tasks' paths, and thereby precondition its steps. The start of the others is learned by Leap.
--   warp gradient at a point psi_k of a path:  d/d warp  L(psi_k - alpha grad L(psi_k; warp); warp)

local check = require "scion.check"
local class = require "scion.class"
local Leap = require "scion.meta.leap"
local task_sources = require "scion.meta.tasks"

local WarpLeap = class.class("WarpLeap", Leap)

WarpLeap.OPTIONS = {
  warp = check.either({ check.string(), check.list { of = check.string(), min_length = 1 } }, { required = true }), -- names of the layers
  warp_every = check.integer { default = 1, min = 1 },   -- inner steps between two warp gradients
  warp_lr = check.number { default = 0.1, min = 0 },     -- of the warps' own outer optimiser, sgd with momentum
  warp_momentum = check.number { default = 0.9, min = 0 },
}

local function scion() return require "scion" end

--- Prepares what the options ask for; called once when the object is made.
function WarpLeap:setup()
  local net, is_warp = self.model, {}
  self.warp_names, self.task_names = {}, {}
  local names = net:layer_parameters(self.warp)
  for _, name in ipairs(names) do is_warp[name] = true end
  for name, p in net:named_parameters() do
    if p.requires_grad then table.insert(is_warp[name] and self.warp_names or self.task_names, name) end
  end
  if #self.warp_names == 0 or #self.task_names == 0 then error(("%s: some layers must be warps and some not"):format(self.name), 0) end
  local params = {}
  for i, name in ipairs(self.warp_names) do params[i] = net[name] end
  self.warp_optimiser = scion().optim.SGD(params, { lr = self.warp_lr, momentum = self.warp_momentum })
end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function WarpLeap:meta_parameters()
  local list = {}
  for i, name in ipairs(self.task_names) do list[i] = { name, self.model[name] } end
  return list
end

--- The outer optimiser's parameters, and the warps, which have their own.
function WarpLeap:gradient_tensors()
  local list = Leap.gradient_tensors(self)
  for _, name in ipairs(self.warp_names) do list[#list + 1] = self.model[name] end
  return list
end

--- A learner that starts from the meta-learned parameters.
function WarpLeap:clone(opts)
  local fields = { names = self.task_names }
  for key, value in pairs(opts or {}) do fields[key] = value end
  return Leap.clone(self, fields)
end

--- Everything that the rest of a run depends on.
function WarpLeap:state_dict()
  local state = Leap.state_dict(self)
  state.warp_optimiser = self.warp_optimiser:state_dict()
  return state
end
--- Takes over what state_dict gave.
function WarpLeap:load_state_dict(state)
  Leap.load_state_dict(self, state)
  self.warp_optimiser:load_state_dict(state.warp_optimiser)
end

-- One step from a point of the path, looked through: the gradient of the loss on the next batch reaches the warps.
local function warp_gradient(self, learner, batch, share, sums)
  local scope <close> = scion().scope()
  local params, buffers = {}, {}
  for name, p in pairs(learner.params) do params[name] = p end
  for name, b in pairs(learner.buffers) do buffers[name] = b:clone() end
  for _, name in ipairs(self.task_names) do params[name] = params[name]:detach():requires_grad_(true) end
  local probe = self:clone { params = params, buffers = buffers, label = learner.label }
  local x, y = batch()
  probe:adapt(self.loss_fn(probe(x), y))
  x, y = batch()
  local warps = {}
  for i, name in ipairs(self.warp_names) do warps[i] = self.model[name] end
  local grads = scion().grad(self.loss_fn(probe(x), y):mul(share), warps, { allow_unused = true })
  for i, g in pairs(grads) do
    if g then sums[i] = sums[i] and sums[i]:add(g) or g end
  end
  scope:keep(table.unpack(task_sources.tensors_in(sums)))
end

local function add_to_grad(p, g)
  if g then p.grad = p.grad and p.grad:add(g) or g end
end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function WarpLeap:meta_step(list)
  local total, steps = 0, self.inner_steps
  local share = 1 / ((list.total or #list) * ((steps + self.warp_every - 1) // self.warp_every))
  for k, task in ipairs(list) do
    local scope <close> = scion().scope()
    local number = self:begin_task(list, k)
    local path = Leap.Path(self)
    local batch = task_sources.batches(self.name, task, self.batch_size, false, self.seed, self.tasks_drawn, number)
    local probe_batch = task_sources.batches(self.name, task, self.batch_size, false, self.seed, self.tasks_drawn, number, 1)
    local learner, sums = self:clone { cut = true, label = task_sources.label_of(task) }, {} -- sums: of the warps' gradients
    for step = 1, steps do
      local inner_scope <close> = scion().scope()
      if (step - 1) % self.warp_every == 0 then warp_gradient(self, learner, probe_batch, share, sums) end
      local x, y = batch()
      local before = learner:parameters()
      local loss = learner:adapt(self.loss_fn(learner(x), y))
      scion().no_grad(path.point, path, loss, before, learner.grads)
      self.keep(inner_scope, { learner.params, learner.state, path.last, path.sum, sums })
    end
    for i, name in ipairs(learner.names) do
      add_to_grad(self.model[name], path.sum[i] and path.sum[i]:mul(1 / (list.total or #list)))
    end
    for i, name in ipairs(self.warp_names) do add_to_grad(self.model[name], sums[i]) end
    total = total + path.last.loss
  end
  return { loss = total / #list }
end

--- The warps' own update, after the outer one.
function WarpLeap:after_step()
  self.warp_optimiser:step()
  self.warp_optimiser:zero_grad()
end

return WarpLeap
