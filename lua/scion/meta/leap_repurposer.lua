-- LeapMetaRepurposer: Leap under the names of Xfer's class, with its log lines and its logger.
--
--   local lmr = scion.meta.LeapMetaRepurposer { model = net, num_meta_steps = 10, num_epochs = 7 }
--   lmr:repurpose(train_data_all)             -- a list of iterators, or of tasks { support_x, support_y, ... }
--   lmr.meta_logger:plot_losses("losses.svg")
--   local fast = lmr:adapt(new_task)          -- what Xfer lacks
--
-- Losses are shown in Xfer's units: the mean over the items of an epoch divided by the batch size, half squared errors.

local check = require "scion.check"
local class = require "scion.class"
local Leap = require "scion.meta.leap"
local MetaLogger = require "scion.meta.logger"
local progress = require "scion.progress"
local rng = require "scion.data.rng"
local task_sources = require "scion.meta.tasks"

local Repurposer = class.class("LeapMetaRepurposer", Leap)

Repurposer.OPTIONS = {
  num_meta_steps = check.integer { required = true, min = 1 }, num_epochs = check.integer { required = true, min = 1 },
  batch_size = check.integer { default = 4, min = 1 },   -- of tasks that are tensors; iterators have their own
  meta_optimizer = check.either({ check.string(), check.table(), check.func() }, { default = "sgd" }),
  meta_optimizer_params = check.table {},                -- { lr = 2e-3 } by default
  task_optimizer = check.either({ check.string(), check.table() }, { default = "sgd" }),
  task_optimizer_params = check.table {},                -- { lr = 0.005 } by default
  meta_lr = check.number { default = 2e-3, min = 0 }, lr = check.any { default = 0.005 },
  -- Parameters after every epoch for plot_params: true, false, or "auto": for models of up to 1000 numbers.
  log_params = check.either({ check.boolean(), check.choice { "auto" } }, { default = "auto" }),
  verbosity = check.integer { default = 2, min = 0, max = 3 }, -- 0 nothing, 1 meta-steps, 2 tasks, 3 epochs
  -- The accumulation of Xfer's code as it was: gradients summed over a batch, running sums added again for every task of a
  -- meta-batch, the average never cleared (a 1/k decay nobody meant).
  as_xfer = false,
}

local function scion() return require "scion" end

local function half_squared_error(output, y)
  if output:dim() == y:dim() + 1 and output:size(-1) == 1 then output = output:squeeze(-1) end
  return scion().nn.mse_loss(output, y:to(output.dtype)):mul(0.5)
end

local function named(value, params)
  if type(value) ~= "string" or not params then return value end
  local out = { kind = value }
  for key, v in pairs(params) do out[key == "learning_rate" and "lr" or key] = v end
  return out
end

function Repurposer:init(opts)
  if type(opts) == "table" then -- Xfer's names become the common ones
    local copy = {}
    for key, value in pairs(opts) do copy[key] = value end
    copy.meta_optimizer = named(copy.meta_optimizer or "sgd", copy.meta_optimizer_params)
    copy.inner_optimizer = named(copy.task_optimizer or copy.inner_optimizer or "sgd", copy.task_optimizer_params)
    copy.loss = copy.loss or half_squared_error
    opts = copy
  end
  Leap.init(self, opts)
  self.meta_logger = MetaLogger()
end

-- Tasks of one meta-step, by number: all in order, or `size` of them: drawn with replacement, or shuffled passes put together and cut.
local function choose(n, size, with_replacement, r)
  local list = {}
  if size == nil then
    for i = 1, n do list[i] = i end
  elseif with_replacement then
    for i = 1, size do list[i] = r:integer(n) end
  else
    while #list < size do table.move(r:permutation(n), 1, math.min(n, size - #list), #list + 1, list) end
  end
  return list
end

local SMALL_MODEL <const> = 1000 -- numbers
local REPURPOSE <const> = { meta_batch_size = check.integer { min = 1 }, with_replacement = false }

-- Batches of one epoch of a task, as a list of { x, y }.
local function epoch_batches(self, task, metastep, number, epoch)
  local list = {}
  if type(task) == "table" and task_sources.is_input(rawget(task, "support_x")) then
    local n = task_sources.count(task.support_x)
    local next_batch = task_sources.batches(self.name, task, self.batch_size, false, self.seed, metastep, number, epoch)
    for i = 1, math.max(1, n // self.batch_size) do list[i] = { next_batch() } end
    return list
  end
  local iterator = type(task) == "table" and rawget(task, "train") or task
  if type(iterator) ~= "function" and not (type(iterator) == "table" and (getmetatable(iterator) or {}).__call) then
    error(("%s: a task is { support_x =, support_y = }, { train = iterator } or an iterator, got %s"):format(self.name, check.describe(task)), 0)
  end
  for x, y in iterator do list[#list + 1] = { x, y } end
  if #list == 0 then error(("%s: the iterator of task %d gives no batch"):format(self.name, number - 1), 0) end
  return list
end

-- One task: num_epochs over its batches. Returns the loss of each epoch in Xfer's units.
local function train_task(self, task, path, metastep, number)
  local epochs = {}
  local learner = self:clone { cut = true, label = ("task %d"):format(number - 1) }
  for epoch = 1, self.num_epochs do
    local sum, items = 0, 0
    for _, pair in ipairs(epoch_batches(self, task, metastep, number, epoch)) do
      local scope <close> = scion().scope()
      local x, y = pair[1], pair[2]
      local before = learner:parameters()
      local loss = learner:adapt(self.loss_fn(learner(x), y))
      if self.as_xfer then path.gradient_scale = task_sources.count(x) end
      scion().no_grad(path.point, path, loss, before, learner.grads)
      scope:keep(table.unpack(task_sources.tensors_in { learner.params, learner.state, path.last, path.sum }))
      sum, items = sum + loss, items + task_sources.count(x)
    end
    epochs[epoch] = sum / items
    self.meta_logger:log_loss(metastep, number, epochs[epoch])
    if self.logs_params then self.meta_logger:log_parameters(metastep, number, learner.params) end
    if self.verbosity >= 3 then
      progress.say("        Metastep: %d, Task: %d, Epoch: %d, Loss: %.3f", metastep - 1, number - 1, epoch - 1, epochs[epoch])
    end
  end
  if self.verbosity >= 2 then
    progress.say("    Metastep: %d, Task: %d, Initial Loss: %.3f, Final Loss: %.3f, Loss delta: %.3f", metastep - 1, number - 1, epochs[1],
      epochs[#epochs], epochs[#epochs] - epochs[1])
  end
  return learner, epochs
end

local ADAPT <const> = { steps = check.integer { min = 0 }, epochs = check.integer { min = 0 } }

--- Adapts to a new task as repurpose trains on one: over its batches for num_epochs (or `epochs`), or for so many steps. The task is an iterator,
--- { train = iterator }, or { support_x =, support_y = }, as in repurpose.
---@param task table|function
---@param opts? { steps?: integer, epochs?: integer }
function Repurposer:adapt(task, opts)
  opts = check.opts(self.name .. ":adapt", opts, ADAPT)
  local learner = self:clone { cut = true, label = type(task) == "table" and rawget(task, "label") or nil }
  local epochs, steps = opts.epochs or opts.steps and math.huge or self.num_epochs, opts.steps or math.huge
  local epoch = 0
  while epoch < epochs and learner.steps < steps do
    epoch = epoch + 1
    for _, pair in ipairs(epoch_batches(self, task, 0, 0, epoch)) do
      if learner.steps >= steps then break end
      local scope <close> = scion().scope()
      scion().enable_grad(function() learner:adapt(self.loss_fn(learner(pair[1]), pair[2])) end)
      scope:keep(table.unpack(task_sources.tensors_in { learner.params, learner.state }))
    end
  end
  learner:check_finite(nil, nil, learner:parameters())
  learner.mode = self.bn == "batch" and "batch" or "eval"
  return learner
end

-- The loss of a task's items, in Xfer's units, where two elements of a parameter are each of (n, 2) points and the others as learned.
local function loss_at(self, tasks, number, name, elements, points)
  local s, losses = scion(), {}
  local batches, xs, ys = epoch_batches(self, tasks[number], 0, number, 0), {}, {}
  for i, pair in ipairs(batches) do xs[i], ys[i] = pair[1], pair[2] end
  local x, y = task_sources.join(xs), s.cat(ys, 1)
  s.no_grad(function()
    local params = {}
    for known, p in self.model:named_parameters() do params[known] = p end
    params[name] = params[name]:detach():clone()
    local flat = params[name]:reshape(-1) -- a view
    local rows, learner = points:tolist(), self:clone { params = params, mode = "batch" }
    for i, row in ipairs(rows) do
      local scope <close> = s.scope()
      flat[elements[1]], flat[elements[2]] = row[1], row[2]
      losses[i] = self.loss_fn(learner(x), y):item() * #batches / task_sources.count(x)
    end
  end)
  return s.tensor(losses)
end

--- num_meta_steps over the tasks; the model ends up with the learned initialisation. opts: meta_batch_size (all tasks),
--- with_replacement (false).
---@param tasks table[]  iterators, { train = iterator }, or { support_x =, support_y = }
function Repurposer:repurpose(tasks, opts)
  opts = check.opts(self.name .. ":repurpose", opts, REPURPOSE)
  if type(tasks) ~= "table" or #tasks == 0 or getmetatable(tasks) ~= nil and class.is_a(tasks, task_sources.Source) then
    error(("%s:repurpose: expected a list of tasks, got %s"):format(self.name, check.describe(tasks)), 2)
  end
  local s, outer = scion(), self:meta_optimiser()
  local verbosity = self.verbosity
  if s.mpi.rank() > 0 then self.verbosity = 0 end -- every rank does the same; one tells
  local small = self.model:n_parameters() <= SMALL_MODEL
  self.logs_params = self.log_params == true or (self.log_params == "auto" and small)
  if small then self.meta_logger.loss_at = function(...) return loss_at(self, tasks, ...) end end
  local average, counter = {}, 0 -- as_xfer: never cleared
  local function run(metastep)
    local scope <close> = s.scope()
    local chosen = choose(#tasks, opts.meta_batch_size, opts.with_replacement, rng.new(self.seed, metastep))
    local start = {}
    for name, p in self.model:named_parameters() do start[name] = p end
    if self.logs_params then self.meta_logger:log_start(metastep, start) end
    local path, learner = Leap.Path(self), nil
    for _, number in ipairs(chosen) do
      path:restart()
      learner = train_task(self, tasks[number], path, metastep, number)
      if self.as_xfer then -- the running sum, again for every task
        for i, g in ipairs(path.sum) do average[i] = average[i] and average[i]:add(g) or g:clone() end
        counter = counter + 1
      end
    end
    local sums, n = path.sum, #chosen
    if self.as_xfer then
      for i in ipairs(average) do average[i] = average[i]:mul(1 / counter) end
      sums, n = average, 1
    end
    for i, name in ipairs(learner.names) do
      if sums[i] then self.model[name].grad = sums[i]:mul(1 / n) end
    end
    outer:step()
    self.meta_steps_done = metastep
    scope:keep(table.unpack(task_sources.tensors_in { average, self.meta_logger.parameters[metastep], self.meta_logger.starts[metastep] }))
    local mean, count = self.meta_logger:mean_loss(metastep)
    if self.verbosity >= 1 then progress.say("Metastep: %d, Num tasks: %d, Mean Loss: %.3f", metastep - 1, count, mean) end
  end
  local finished = progress.interruptible(function()
    for metastep = 1, self.num_meta_steps do run(metastep) end
  end)
  if not finished and verbosity > 0 then progress.say("interrupted after %d meta-steps: keeping what was learned", self.meta_steps_done) end
  self.verbosity = verbosity
  return self
end

return Repurposer
