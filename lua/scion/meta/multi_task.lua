-- Multi-task training, the baseline of learning to learn: one trunk, a head for every task, all tasks trained jointly. With
-- uncertainty = true the tasks' losses are weighted by learned variances (Kendall, Gal, Cipolla 2018):
--   sum_t exp(-s_t) L_t + s_t / 2          (s_t = log sigma_t^2; exp(-s_t) / 2 for squared errors)
-- Afterwards the trunk is the start of new tasks; their heads start anew.

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"
local task_sources = require "scion.meta.tasks"

local MultiTask = class.class("MultiTask", Algorithm)

MultiTask.OPTIONS = {
  head = check.string {},                        -- the layer that every task has for itself; default: the last with parameters
  batch_size = check.integer { default = 20, min = 1 },
  uncertainty = false,
  lr = check.any { default = 0.1 },              -- of the joint training, and of new tasks
  optimizer = check.either({ check.string(), check.table() }, { default = "sgd" }), -- of the joint training; meta_optimizer means the same
  meta_optimizer = check.either { check.string(), check.table(), check.func() },
  meta_lr = check.number { min = 0 },            -- of the joint training; default lr
}

local function scion() return require "scion" end

--- Prepares what the options ask for; called once when the object is made.
function MultiTask:setup()
  local net = self.model
  self.meta_optimizer, self.meta_lr = self.meta_optimizer or self.optimizer, self.meta_lr or self.lr
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

--- The output of task t's head. opts: mode.
function MultiTask:forward(x, t, opts)
  local inputs = type(x) == "table" and table.move(x, 1, #x, 1, {}) or { x }
  inputs[#inputs + 1] = { params = self.heads[t], mode = opts and opts.mode }
  return self.model:call(table.unpack(inputs))
end

local function weighted(self, loss, y, t)
  if not self.uncertainty then return loss end
  local s = self.log_variances:narrow(1, t, 1):sum()
  local regression = y.dtype == "f32" or y.dtype == "f64"
  return loss:mul(s:neg():exp():mul(regression and 0.5 or 1)):add(s:mul(0.5))
end

-- The tasks in turn, each with its number: a meta-batch of n is the next n.
local Turns = class.class("TasksInTurn", task_sources.Source)
function Turns:init(list) self.list = list end
function Turns:task(i)
  local t = (i - 1) % #self.list + 1
  return { number = t, round = (i - 1) // #self.list + 1 }
end

--- Joint training: every meta-step takes a batch of batch_size items from each of the next meta_batch_size tasks. Options as of every fit.
---@param tasks table[]  { support_x =, support_y = }, { train = iterator } or iterators
function MultiTask:fit(tasks, opts)
  local where = self.name .. ":fit"
  if class.is_a(tasks, task_sources.Source) or type(tasks) ~= "table" or #tasks == 0 or getmetatable(tasks) then
    error(("%s: expected a list of tasks, each has a head of its own, got %s"):format(where, check.describe(tasks)), 2)
  end
  if type(opts) == "table" and (opts.workers or 1) > 1 then error(where .. ": the tasks share one step; workers have nothing to do", 2) end
  if not self.heads or #self.heads ~= #tasks then
    make_heads(self, #tasks)
    self.outer = nil
  end
  self.batches, self.batches_taken = {}, {}
  for t, task in ipairs(tasks) do
    self.batches[t], self.batches_taken[t] = task_sources.batches(self.name, task, self.batch_size, false, self.seed, t), 0
  end
  return Algorithm.fit(self, Turns(tasks), opts)
end

--- Running statistics of the trunk, that a task moves.
function MultiTask:statistics() return self.statistics_of(self.model, 1) end

--- Tasks in turn need no check.
function MultiTask:check_task() end

--- From the next tasks to .grad of trunk, heads and weights; returns { loss =, accuracy = }.
function MultiTask:meta_step(list)
  local total, right = 0, nil
  for k, turn in ipairs(list) do
    self:begin_task(list, k)
    local scope <close> = scion().scope()
    local t, x, y = turn.number, nil, nil
    repeat -- after a resume, batches that were taken before
      x, y = self.batches[t]()
      self.batches_taken[t] = self.batches_taken[t] + 1
    until self.batches_taken[t] >= turn.round
    local output = self:forward(x, t, { mode = "train" })
    local loss = self.loss_fn(output, y)
    self:add_gradient(weighted(self, loss, y, t):mul(1 / (list.total or #list)))
    total = total + loss:item()
    local accuracy = losses.accuracy(output, y)
    if accuracy then right = (right or 0) + accuracy end
  end
  return { loss = total / #list, accuracy = right and right / #list }
end

--- The parameters that training moves: the trunk's, every head's, the weights': a list of { name, tensor }.
function MultiTask:meta_parameters()
  local list = {}
  for _, pair in ipairs(Algorithm.meta_parameters(self)) do
    if not self.is_head[pair[1]] then list[#list + 1] = pair end
  end
  for name, t in self:own_tensors() do list[#list + 1] = { name, t } end
  return list
end

--- Heads and weights by name: an iterator.
function MultiTask:own_tensors()
  return coroutine.wrap(function()
    for t, head in ipairs(self.heads or {}) do
      for _, name in ipairs(self.head_names) do coroutine.yield(("head%d.%s"):format(t, name), head[name]) end
    end
    if self.log_variances then coroutine.yield("log_variances", self.log_variances) end
  end)
end

--- Tensors beside the model that checkpoints keep, by name.
function MultiTask:extras()
  local out = {}
  for name, t in self:own_tensors() do out[name] = t end
  return out
end

--- Takes over what state_dict gave, with as many heads.
function MultiTask:load_state_dict(state)
  local n = 0
  for name in pairs(type(state) == "table" and state.extras or {}) do n = math.max(n, tonumber(name:match("^head(%d+)%.")) or 0) end
  if n > 0 and (not self.heads or #self.heads ~= n) then
    make_heads(self, n)
    self.outer = nil
  end
  Algorithm.load_state_dict(self, state)
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
