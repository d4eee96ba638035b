-- A learner: a network with parameters of its own, adapted step by step while the network that it comes from stays as it is.
--
--   local learner = maml:clone()
--   learner:adapt(loss(learner(support_x), support_y))
--   local outer = loss(learner(query_x), query_y)
--
-- It is the functional call of a net: the net's graph, other parameters. With `tasks` = T it is T learners at once: the items of
-- the tasks stand one task after the other in x, and adapted parameters carry one value per task in front.

local class = require "scion.class"

local Learner = class.class "Learner"

local function scion() return require "scion" end

--- fields: model, rule (inner.lua), names (of the parameters that adapt; default: all that ask for gradients), params (name -> tensor
--- to begin with), first_order, cut (every step leaves its history behind: for learners that no outer loss looks through), tasks,
--- mode, clip, label (of the task, for messages). mode: "train", "eval", or "batch", in which batch norms take the statistics of the items
--- at hand and dropout is off.
function Learner:init(fields)
  self.model, self.rule = fields.model, fields.rule
  self.first_order, self.tasks, self.clip = fields.first_order, fields.tasks, fields.clip
  self.mode, self.label, self.cut = fields.mode or "train", fields.label, fields.cut
  self.params, self.names, self.buffers = {}, fields.names or {}, {}
  local params, buffers, own = fields.params or {}, fields.buffers or {}, {}
  for _, entry in ipairs(fields.model:entries()) do
    local name = entry.name
    if entry.kind == "param" then
      local start = params[name] or entry.tensor
      self.params[name], own[name] = start, entry.tensor
      if not fields.names and start.requires_grad then self.names[#self.names + 1] = name end
    elseif entry.kind == "buffer" then
      self.buffers[name] = buffers[name] or entry.tensor:detach():clone()
    end
  end
  self.state = self.rule and self.rule:start()
  self.steps = 0
  for _, name in ipairs(self.names) do
    local p = self.params[name]
    if self.tasks and p:dim() == own[name]:dim() then p = p:expand(self.tasks, table.unpack(p.shape)) end
    self.params[name] = self.cut and p:detach():requires_grad_(true) or p
  end
end

Learner.__tostring = function(self) return ("Learner: %d parameters adapted, %d steps"):format(#self.names, self.steps) end

-- Inputs and options of a call: (x1, x2, ..., opts) or ({ x1, x2, ... }, opts).
local function arguments(...)
  local given, opts = table.pack(...), nil
  local last = given[given.n]
  if type(last) == "table" and last[1] == nil then
    opts = last
    given.n = given.n - 1
  end
  local list = given.n == 1 and type(given[1]) == "table" and given[1] or given
  return table.move(list, 1, list.n or #list, 1, {}), opts
end

--- The network's output with this learner's parameters: (x, opts), or (x1, x2, ..., opts) for nets with several inputs, which may come as
--- one list, too. opts: mode ("train", "eval" or "batch"; default the learner's). Only "train" moves running statistics.
---@param x scion.Tensor|scion.Tensor[]
---@param ... scion.Tensor|table   further inputs, options
function Learner:forward(x, ...)
  if type(x) == "userdata" and select("#", ...) == 0 and self.mode == "train" then -- the common case
    return self.model:call(x, { params = self.params, buffers = self.buffers, mode = "train", tasks = self.tasks })
  end
  local inputs, opts = arguments(x, ...)
  local mode = opts and opts.mode or self.mode
  local buffers = self.buffers
  if mode ~= "train" and next(buffers) then -- a later step may move the statistics that this graph looks at
    buffers = {}
    for name, b in pairs(self.buffers) do buffers[name] = b:clone() end
  end
  inputs[#inputs + 1] = { params = self.params, buffers = buffers, mode = mode, tasks = self.tasks }
  return self.model:call(table.unpack(inputs))
end
Learner.__call = function(self, ...) return self:forward(...) end

--- The adapted parameters as a list, in the order of self.names.
function Learner:parameters()
  local list = {}
  for i, name in ipairs(self.names) do list[i] = self.params[name] end
  return list
end

--- Puts a list in place of the adapted parameters.
function Learner:set_parameters(list)
  for i, name in ipairs(self.names) do self.params[name] = list[i] end
end

-- Scales the gradients so that their norm over all parameters (each task for itself) is at most `limit`.
local function clip(self, grads, limit)
  local square
  for _, g in ipairs(grads) do
    if g then
      local s = self.tasks and g:square():reshape(self.tasks, -1):sum(2) or g:square():sum()
      square = square and square:add(s) or s
    end
  end
  local norm = square:sqrt()
  local scale = scion().where(norm:gt(limit), norm:reciprocal():mul(limit), 1)
  for i, g in ipairs(grads) do
    if g then
      local shape = {}
      for d = 1, g:dim() do shape[d] = (self.tasks and d == 1) and self.tasks or 1 end
      grads[i] = g:mul(scale:reshape(shape))
    end
  end
  return grads
end

-- Which task (of several at once) a broken tensor belongs to.
local function broken_task(self, t)
  if not self.tasks then return "" end
  local bad = t:isfinite():logical_not():reshape(self.tasks, -1):any(2):to("i64")
  return ("task %d of the batch, "):format(bad:argmax(1):item())
end

--- Raises naming task, step and layer when the numbers have left the finite ones.
function Learner:check_finite(loss, grads, values)
  local where = self.label and ("%s, "):format(self.label) or ""
  for i, g in ipairs(grads or {}) do
    if g and not g:isfinite():all():item() then
      error(("inner loop diverged: %s%sstep %d: the gradient of '%s' is not finite (smaller lr, or clip)"):format(where, broken_task(self, g),
        self.steps, self.names[i]), 0)
    end
  end
  for i, p in ipairs(values or {}) do
    if not p:isfinite():all():item() then
      error(("inner loop diverged: %s%sstep %d: '%s' is not finite (smaller lr, or clip)"):format(where, broken_task(self, p), self.steps, self.names[i]), 0)
    end
  end
  if loss then error(("inner loop diverged: %sstep %d: the loss is %s (smaller lr, or clip)"):format(where, self.steps, loss), 0) end
end

local function finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

--- One inner step down the gradient of `loss`, a scalar made by this learner. With several tasks at once it is the sum of their losses.
---@param loss scion.Tensor
---@param opts? table     retain_graph (false), create_graph (default: unless first_order)
function Learner:adapt(loss, opts)
  if type(loss) ~= "userdata" then error(("Learner:adapt: loss must be a tensor, got %s"):format(type(loss)), 2) end
  self.steps = self.steps + 1
  local values = self:parameters()
  local second = not self.first_order and not self.cut
  if opts and opts.create_graph ~= nil then second = opts.create_graph end
  local grads = scion().grad(loss, values, { create_graph = second, retain_graph = second or (opts and opts.retain_graph), allow_unused = true })
  if self.clip then grads = clip(self, grads, self.clip) end
  self.grads = grads
  local new = self.cut and scion().no_grad(self.rule.step, self.rule, values, grads, self.state) or self.rule:step(values, grads, self.state)
  local value = loss:item()
  if not finite(value) then
    self:check_finite(nil, nil, values)
    self:check_finite(value, grads)
  end
  for i, p in ipairs(new) do new[i] = self.cut and p:detach():requires_grad_(true) or p end
  self:set_parameters(new)
  return value
end

--- Running statistics of the batch norms from these items alone: what a learner that must not look at the queries together
--- normalises them with (mode = "eval" then). Frozen layers, and those without running statistics, are left alone.
function Learner:calibrate(x)
  local momentum = {}
  for _, layer in ipairs(self.model:layers()) do
    if layer.op == "batch_norm" and layer.mode ~= "eval" and layer.params.momentum > 0 then
      for _, entry in ipairs(layer.entries) do
        if self.buffers[entry] then momentum[entry] = layer.params.momentum end
      end
    end
  end
  if not next(momentum) then return self end
  scion().no_grad(function()
    for name in pairs(momentum) do self.buffers[name] = scion().zeros_like(self.model[name]) end
    self:forward(x, { mode = "train" })
    for name, m in pairs(momentum) do self.buffers[name]:mul_(1 / m) end
  end)
  return self
end

--- A network of its own with the adapted parameters: to predict with, save or fine-tune.
---@return scion.Net
function Learner:net()
  if self.tasks then error("Learner:net: this is a learner of several tasks at once; adapt to one task", 2) end
  local net = self.model:clone()
  scion().no_grad(function()
    for name, p in pairs(self.params) do net[name]:copy_(p) end
    for name, b in pairs(self.buffers) do net[name]:copy_(b) end
  end)
  return net
end

return Learner
