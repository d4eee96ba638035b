-- Multi-task training, the baseline of learning to learn: one trunk, a head for every task, all tasks trained jointly. With
-- uncertainty = true the tasks' losses are weighted by learned variances (Kendall, Gal, Cipolla 2018):
--   sum_t exp(-s_t) L_t + s_t / 2          (s_t = log sigma_t^2; exp(-s_t) / 2 for squared errors)
-- Afterwards the trunk is the start of new tasks; their heads start anew.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"
local progress = require "scion.progress"
local task_sources = require "scion.meta.tasks"

local MultiTask = class.class("MultiTask", Algorithm)

MultiTask.OPTIONS = {
  head = check.string {},                        -- the layer that every task has for itself; default: the last with parameters
  batch_size = check.integer { default = 20, min = 1 },
  uncertainty = false,
  lr = check.any { default = 0.1 },              -- of the joint training, and of new tasks
  optimizer = check.either({ check.string(), check.table() }, { default = "sgd" }),
}

local function scion() return require "scion" end

--- Prepares what the options ask for; called once when the object is made.
function MultiTask:setup()
  local net = self.model
  if not self.head then
    local kinds = {}
    for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
    for _, layer in ipairs(net:layers()) do
      for _, entry in ipairs(layer.entries) do
        if kinds[entry] == "param" then self.head = layer.name end
      end
    end
  end
  self.head_names = net:layer_parameters(self.head)
  self.is_head = {}
  for _, name in ipairs(self.head_names) do self.is_head[name] = true end
  self.first_head = {}
  for _, name in ipairs(self.head_names) do self.first_head[name] = net[name]:detach():clone() end
end

-- A head of its own for each of n tasks: by name, from the model's first.
local function make_heads(self, n)
  self.heads = {}
  for t = 1, n do
    local head = {}
    for _, name in ipairs(self.head_names) do
      local p = self.first_head[name]:clone()
      if p:dim() > 1 then scion().nn.init.kaiming_uniform_(p, { a = math.sqrt(5) }) end
      head[name] = p:requires_grad_(true)
    end
    self.heads[t] = head
  end
  if self.uncertainty then self.log_variances = scion().zeros(n):requires_grad_(true) end
end

--- The output of task t's head.
function MultiTask:forward(x, t, opts)
  return self.model:call(x, { params = self.heads[t], mode = opts and opts.mode })
end

local function weighted(self, loss, y, t)
  if not self.uncertainty then return loss end
  local s = self.log_variances:narrow(1, t, 1):sum()
  local regression = y.dtype == "f32" or y.dtype == "f64"
  return loss:mul(s:neg():exp():mul(regression and 0.5 or 1)):add(s:mul(0.5))
end

local TRAIN <const> = { steps = check.integer { default = 1000, min = 1 }, progress = true, per_step = check.integer { default = 1, min = 1 } }

--- Trains trunk and heads jointly: every step takes a batch of `per_step` tasks in turn. opts: steps 1000, per_step 1, progress.
---@param tasks table[]
function MultiTask:train(tasks, opts)
  opts = check.opts("MultiTask:train", opts, TRAIN)
  if type(tasks) ~= "table" or #tasks == 0 then error(("MultiTask:train: expected a list of tasks, got %s"):format(check.describe(tasks)), 2) end
  local s, net = scion(), self.model
  make_heads(self, #tasks)
  local params = {}
  for name, p in net:named_parameters() do
    if p.requires_grad and not self.is_head[name] then params[#params + 1] = p end
  end
  for _, head in ipairs(self.heads) do
    for _, name in ipairs(self.head_names) do params[#params + 1] = head[name] end
  end
  if self.uncertainty then params[#params + 1] = self.log_variances end
  local kind, settings = self.optimizer, { lr = self.lr }
  if type(kind) == "table" then
    kind = kind.kind
    for key, value in pairs(self.optimizer) do
      if key ~= "kind" then settings[key] = value end
    end
  end
  local optimiser = s.optim.make(kind, params, settings)
  local batches = {}
  for t, task in ipairs(tasks) do batches[t] = task_sources.batches(self.name, task, self.batch_size, false, self.seed, t) end
  local bar = progress.new { label = "multi-task", total = opts.steps, unit = "step", quiet = not opts.progress }
  local history, at = {}, 0
  for step = 1, opts.steps do
    local scope <close> = s.scope()
    optimiser:zero_grad()
    local total = 0
    for _ = 1, opts.per_step do
      local t = at % #tasks + 1
      at = at + 1
      local x, y = batches[t]()
      local loss = self.loss_fn(self:forward(x, t, { mode = "train" }), y)
      weighted(self, loss, y, t):mul(1 / opts.per_step):backward()
      total = total + loss:item()
    end
    optimiser:step()
    if total ~= total then error(("MultiTask:train: step %d: the loss is not a number"):format(step), 2) end
    history[step] = total / opts.per_step
    bar:step(1, { loss = history[step] })
  end
  bar:finish()
  return history
end

--- fit(tasks, { meta_steps =, meta_batch_size = }): joint training under the common interface.
function MultiTask:fit(tasks, opts)
  opts = opts or {}
  return self:train(tasks, { steps = opts.meta_steps, per_step = opts.meta_batch_size, progress = opts.progress })
end

--- A learner of a new task: the trained trunk, a new head. Running statistics begin anew.
function MultiTask:clone(opts)
  local head, buffers = {}, {}
  for _, name in ipairs(self.head_names) do
    local p = self.first_head[name]:clone()
    if p:dim() > 1 then scion().nn.init.kaiming_uniform_(p, { a = math.sqrt(5) }) end
    head[name] = p:requires_grad_(true)
  end
  for name, b in self.model:named_buffers() do
    buffers[name] = name:match("running_var$") and scion().ones_like(b) or name:match("running_mean$") and scion().zeros_like(b) or b:clone()
  end
  local fields = { params = head, buffers = buffers }
  for key, value in pairs(opts or {}) do fields[key] = value end
  return Algorithm.clone(self, fields)
end

--- Loss and accuracy of each training task's queries: a list of { loss =, accuracy = }.
function MultiTask:evaluate_heads(tasks)
  local out = {}
  for t, task in ipairs(tasks) do
    scion().no_grad(function()
      local output = self:forward(task.query_x, t, { mode = "eval" })
      out[t] = { loss = self.loss_fn(output, task.query_y):item(), accuracy = losses.accuracy(output, task.query_y) }
    end)
  end
  return out
end

return MultiTask
