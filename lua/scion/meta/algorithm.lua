-- What the learning-to-learn algorithms share: options, the outer loop fit(tasks), adapt(task), evaluate(tasks), checkpoints.
--
-- A subclass defines
--   meta_step(batch)   from a batch of tasks (a list) to .grad of every meta parameter; returns { loss =, accuracy = }
--   adapt(task)        a learner for one task
-- and may define stacked_step(batch), the same for tasks of equal shapes in one tensor (field `tasks`), meta_parameters() (default: those
-- of the model that ask for gradients), gradient_tensors() (what meta_step gives gradients to; default the meta parameters), extras()
-- (further tensors of checkpoints by name) and statistics() (running statistics that meta_step moves).

local check = require "scion.check"
local checkpoint = require "scion.checkpoint"
local class = require "scion.class"
local inner = require "scion.meta.inner"
local json = require "scion.json"
local Learner = require "scion.meta.learner"
local losses = require "scion.meta.losses"
local progress = require "scion.progress"
local show = require "scion.show"
local task_sources = require "scion.meta.tasks"

local Algorithm = class.class "MetaAlgorithm"

local function scion() return require "scion" end
local function is_net(v) return scion().is_net(v) end
local function spread() return require "scion.meta.spread" end -- needs scion complete

Algorithm.OPTIONS = {
  model = check.test("a net", is_net, { required = true }),
  loss = check.either { check.choice { "mse", "cross_entropy" }, check.func() }, -- default: by the targets (class ids or numbers)
  lr = check.any { default = 0.01 },                    -- of the inner optimiser: a number, a tensor, or as in scion.meta.inner
  inner_steps = check.integer { default = 1, min = 0 },
  inner_optimizer = check.either({ check.string(), check.table() }, { default = "sgd" }), -- see scion.meta.inner
  meta_lr = check.number { default = 1e-3, min = 0 },
  meta_optimizer = check.either({ check.string(), check.table(), check.func() }, { default = "adam" }), -- name, { kind =, ... }, function(params)
  clip = check.number { above = 0 },                    -- largest norm of an inner gradient
  meta_clip = check.number { above = 0 },               -- of the outer one
  -- Statistics of batch norms: "batch", those of the items at hand (queries are then seen together: transductive), or
  -- "running", moved while adapting and used for queries.
  bn = check.choice({ "batch", "running" }, { default = "batch" }),
  -- One call for a meta-batch of equal shapes: true, false, or "auto": where the loss is known to be a mean over items and every
  -- layer can.
  batched = check.either({ check.boolean(), check.choice { "auto" } }, { default = "auto" }),
  seed = check.integer { default = 0 },
}

-- Options of a class and its ancestors.
local function all_options(cls)
  local chain, rules = {}, {}
  while cls do
    table.insert(chain, 1, rawget(cls, "OPTIONS") or {})
    cls = cls.super
  end
  for _, options in ipairs(chain) do
    for name, rule in pairs(options) do rules[name] = rule end
  end
  return rules
end

Algorithm.__tostring = function(self)
  local all = self.model:n_parameters()
  return ("%s of a net with %d parameters, %d meta-steps done"):format(getmetatable(self).class_name, all, self.meta_steps_done)
end

function Algorithm:init(opts)
  local name = getmetatable(self).class_name
  self.name = name
  opts = check.opts(name, opts, all_options(getmetatable(self)), "user")
  for key, value in pairs(opts) do self[key] = value end
  self.options = opts
  self.loss_fn, self.loss_is_mean = losses.of(opts.loss, name)
  self.rule = inner.rule(opts.inner_optimizer, opts.lr, name)
  self.meta_steps_done, self.tasks_drawn = 0, 0
  if self.setup then self:setup() end
end

--- The parameters that the outer optimiser moves, with names: a list of { name, tensor }.
function Algorithm:meta_parameters()
  local list = {}
  for name, p in self.model:named_parameters() do
    if p.requires_grad then list[#list + 1] = { name, p } end
  end
  if #list == 0 then error(("%s: every parameter of the model is frozen"):format(self.name), 0) end
  return list
end

--- The tensors whose .grad meta_step fills.
function Algorithm:gradient_tensors()
  local list = {}
  for i, pair in ipairs(self:meta_parameters()) do list[i] = pair[2] end
  return list
end

--- Running statistics that meta_step moves with every task: a list of { tensor =, keep = the share of the old value that a task leaves }.
function Algorithm:statistics() return {} end

--- Those of a net's batch norms that train in so many calls a task.
function Algorithm.statistics_of(net, uses)
  local list, kinds = {}, {}
  for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
  for _, layer in ipairs(net:layers()) do
    if layer.op == "batch_norm" and layer.mode ~= "eval" then
      for _, name in ipairs(layer.entries) do
        if kinds[name] == "buffer" then list[#list + 1] = { tensor = net[name], keep = (1 - layer.params.momentum) ^ uses, name = name } end
      end
    end
  end
  return list
end

--- Begins task k of a list; returns its number in the meta-batch. Random numbers, of dropout, are those of the task, whoever runs it.
function Algorithm:begin_task(list, k)
  local number = list.numbers and list.numbers[k] or k
  self.running = task_sources.label_of(list[k])
  if list.random then scion().rng_state((list.random ~ number * 0x9E3779B97F4A7C15) & math.maxinteger, 0) end
  return number
end

--- Adds the gradient of one task's loss to .grad of the meta parameters. Each task's is complete before it is added, so that the sum is the same
--- bits whoever computed the parts.
function Algorithm:add_gradient(loss)
  local params = {}
  for i, pair in ipairs(self:meta_parameters()) do params[i] = pair[2] end
  local grads = scion().grad(loss, params, { allow_unused = true })
  scion().no_grad(function()
    for i, p in ipairs(params) do
      if grads[i] then p.grad = p.grad and p.grad:add(grads[i]) or grads[i] end
    end
  end)
end

local function tensors_of(pairs_list)
  local out = {}
  for i, pair in ipairs(pairs_list) do out[i] = pair[2] end
  return out
end

--- The outer optimiser, made when first needed.
function Algorithm:meta_optimiser()
  if not self.outer then
    local given, opts, kind = self.meta_optimizer, { lr = self.meta_lr }, nil
    local params = tensors_of(self:meta_parameters())
    if type(given) == "function" then
      self.outer = given(params)
    else
      if type(given) == "table" then
        kind = given.kind or "adam"
        for key, value in pairs(given) do
          if key ~= "kind" then opts[key] = value end
        end
      else
        kind = given
      end
      local ok, made = pcall(scion().optim.make, kind, params, opts)
      if not ok then check.raise("%s: meta_optimizer: %s", self.name, (tostring(made):gsub("^%S+:%d+: ", ""))) end
      self.outer = made
    end
  end
  return self.outer
end

--- A learner that starts from the meta-learned parameters: learner(x), learner:adapt(loss).
---@return scion.meta.Learner
function Algorithm:clone(opts)
  local fields = { model = self.model, rule = self.rule, clip = self.clip, first_order = self.first_order, mode = "train" }
  for key, value in pairs(opts or {}) do fields[key] = value end
  return Learner(fields)
end

--- The mode of queries in training: batch statistics, or the running ones that the support items left.
function Algorithm:query_mode() return self.bn == "batch" and "train" or "eval" end

--- inner_steps steps of `learner` on the support items of a task (of `tasks` tasks).
function Algorithm:inner_loop(learner, task, steps)
  local n = learner.tasks or 1
  for _ = 1, steps or self.inner_steps do
    local loss = self.loss_fn(learner(task.support_x), task.support_y)
    learner:adapt(n > 1 and loss:mul(n) or loss)
  end
  return learner
end

local ADAPT <const> = { steps = check.integer { min = 0 } }

--- Adapts to one task: a learner that predicts with learner(x), and learner:net() is a network of its own. Its batch norms take the
--- statistics of the items that it is given (bn = "running": the running ones), dropout is off.
---@param task table  { support_x =, support_y = }
---@param opts? table { steps = }
function Algorithm:adapt(task, opts)
  opts = check.opts(self.name .. ":adapt", opts, ADAPT)
  self:check_adapt(task, 3)
  local learner = self:clone { cut = true, label = task.label }
  scion().enable_grad(self.inner_loop, self, learner, task, opts.steps) -- inside no_grad, too
  learner:check_finite(nil, nil, learner:parameters())
  learner.mode = self.bn == "batch" and "batch" or "eval"
  return learner
end

--- Raises unless the task has what adapting needs.
function Algorithm:check_adapt(task, level)
  if type(task) ~= "table" or not task_sources.is_input(task.support_x) or not task_sources.is_tensor(task.support_y) then
    error(("%s:adapt: expected a task { support_x =, support_y = }, got %s"):format(self.name, check.describe(task)), (level or 2) + 1)
  end
end

-- ---- evaluation -----------------------------------------------------------------------------------------------

local function has_batch_norm(net)
  for _, layer in ipairs(net:layers()) do
    if layer.op == "batch_norm" then return true end
  end
  return false
end

local function mean_and_ci(list)
  local n, sum, square = #list, 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / n
  for _, v in ipairs(list) do square = square + (v - mean) ^ 2 end
  return mean, n > 1 and 1.96 * math.sqrt(square / (n - 1) / n) or 0
end

local EVALUATE <const> = { n = check.integer { default = 100, min = 1 }, steps = check.integer { min = 0 }, first = check.integer {}, quiet = true,
  label = "evaluate" }

--- Adapts to n held-out tasks of a source (or to every task of a list) and measures their queries: { loss =, accuracy =, ci95 =, n = },
--- means over tasks, ci95 of the accuracy (of the loss for regression). Where the model has batch norms, `transductive` holds the
--- results with the queries' own statistics and `inductive` those with the support set's; the plain fields are one of the two, by the
--- option bn. opts: n 100, steps, first (number of the first task).
function Algorithm:evaluate(source, opts)
  opts = check.opts(self.name .. ":evaluate", opts, EVALUATE)
  local list = type(source) == "table" and getmetatable(source) == nil and source or nil
  local n = list and #list or opts.n
  if not list then source = task_sources.source(self.name .. ":evaluate", source, self.seed) end
  local norms = has_batch_norm(self.model)
  local kinds = norms and { "transductive", "inductive" } or { "transductive" }
  local sums = {}
  for _, kind in ipairs(kinds) do sums[kind] = { loss = {}, accuracy = {} } end
  local bar = progress.new { label = opts.label, total = n, unit = "task", quiet = opts.quiet }
  for i = 1, n do
    local scope <close> = scion().scope()
    local task = list and list[i] or source:task((opts.first or task_sources.HELD_OUT) + i - 1)
    task_sources.check(self.name .. ":evaluate", task)
    local learner = self:adapt(task, { steps = opts.steps })
    for _, kind in ipairs(kinds) do
      scion().no_grad(function()
        if kind == "inductive" and self.bn == "batch" and learner.calibrate then learner:calibrate(task.support_x) end
        local output = learner:forward(task.query_x, { mode = kind == "inductive" and "eval" or "batch" })
        local s = sums[kind]
        s.loss[i] = self.loss_fn(output, task.query_y):item()
        s.accuracy[i] = losses.accuracy(output, task.query_y)
      end)
    end
    bar:step(1)
  end
  bar:finish()
  local result = show.record { n = n }
  for _, kind in ipairs(kinds) do
    local s, r = sums[kind], show.record {}
    local ci
    r.loss, ci = mean_and_ci(s.loss)
    if #s.accuracy > 0 then r.accuracy, ci = mean_and_ci(s.accuracy) end
    r.ci95 = ci
    if norms then result[kind] = r end
    if not norms or kind == (self.bn == "batch" and "transductive" or "inductive") then
      for key, value in pairs(r) do result[key] = value end
    end
  end
  return result
end

-- ---- the outer loop -----------------------------------------------------------------------------------------------

local FIT <const> = {
  meta_steps = check.integer { default = 1000, min = 1 }, -- in all, those of earlier calls and before a resume included
  meta_batch_size = check.integer { default = 4, min = 1 },
  meta_lr_schedule = check.func {},                      -- function(share of the steps done) -> factor on meta_lr
  validation = check.any {},                             -- source or list, measured every validate_every steps
  validate_every = check.integer { default = 100, min = 1 }, validate_n = check.integer { default = 100, min = 1 },
  log = check.string {},                                 -- file of JSON lines, one a logged step
  log_every = check.integer { default = 10, min = 1 },
  checkpoint = check.string {}, checkpoint_every = check.integer { default = 100, min = 1 },
  resume = false,                                        -- go on from the checkpoint where there is one
  workers = check.integer { default = 1, min = 1 },      -- threads that share the tasks of a meta-batch
  on_step = check.func {},                               -- function(algorithm, step, info); returning false ends the run
  progress = true, label = "",
}

local function file_exists(path) return scion().io.path_kind(path) ~= nil end

--- Everything that the rest of a run depends on, as tensors and plain values.
function Algorithm:state_dict()
  local extras = self.extras and self:extras() or {}
  local seed, counter = scion().rng_state()
  return { algorithm = self.name, net = checkpoint.snapshot(self.model), extras = extras, carried = self.carried,
    optimiser = self.outer and self.outer:state_dict() or nil, meta_steps_done = self.meta_steps_done, tasks_drawn = self.tasks_drawn, rng = { seed, counter } }
end

--- Takes over what state_dict gave.
function Algorithm:load_state_dict(state)
  if type(state) ~= "table" or state.algorithm ~= self.name then
    check.raise("%s: the state is of %s", self.name, type(state) == "table" and tostring(state.algorithm) or "something else")
  end
  local what, extras = self.name .. ": the state is of another net", self.extras and self:extras() or {}
  checkpoint.check_weights(what, self.model, state.net)
  for name, t in pairs(extras) do checkpoint.check_fit(what, name, t, (state.extras or {})[name]) end
  checkpoint.restore(self.model, state.net)
  scion().no_grad(function()
    for name, t in pairs(extras) do t:copy_(state.extras[name]) end
  end)
  if state.optimiser then self:meta_optimiser():load_state_dict(state.optimiser) end
  self.meta_steps_done, self.tasks_drawn, self.carried = state.meta_steps_done, state.tasks_drawn, state.carried
  scion().rng_state(state.rng[1], state.rng[2])
end

--- Writes a checkpoint: one safetensors file, replaced whole or not at all.
function Algorithm:save_checkpoint(path) checkpoint.write_state(path, self:state_dict()) end
--- Goes back to a checkpoint, bit for bit.
function Algorithm:load_checkpoint(path) self:load_state_dict(checkpoint.read_state(path)) end

-- The log of a run that goes on keeps the steps that the checkpoint has; those after it are done again.
local function open_log(path, resume, done)
  local kept = {}
  if resume and file_exists(path) then
    for line in io.lines(path) do
      local ok, record = pcall(json.decode, line)
      if ok and type(record) == "table" and type(record.step) == "number" and record.step <= done then kept[#kept + 1] = line .. "\n" end
    end
  end
  local log, message = io.open(path, "w")
  if not log then check.raise("fit: cannot write %s", message) end
  log:write(table.concat(kept)):flush()
  return log
end

-- What algorithms carry from step to step (self.carried) must outlive the scope of a step.
local function keep(scope, value) scope:keep(table.unpack(task_sources.tensors_in(value))) end
Algorithm.keep = keep

-- May the meta-batch be one call? Running statistics move one task after the other.
local function wants_stack(self)
  if self.batched == false or not self.stacked_step then return false end
  if (self.bn == "running" or self.moves_statistics) and has_batch_norm(self.model) then return false end
  return self.batched == true or (self.loss_is_mean and not self.cannot_stack)
end

--- n tasks of a source from number `first` on, checked, with what their random numbers begin from.
function Algorithm:draw(source, first, n)
  local list = table.move(source:tasks(first, n), 1, n, 1, {})
  for _, task in ipairs(list) do self:check_task(task, 6) end
  local seed, counter = scion().rng_state()
  list.random = seed * 0xC2B2AE3D27D4EB4F ~ (counter + 1) * 0x165667B19E3779F9
  return list
end

--- Raises unless a task of fit is one.
function Algorithm:check_task(task, level) task_sources.check(self.name .. ":fit", task, level) end

-- An error of a task with the task's name in front, behind the place in the user's file.
local function named(label, message)
  if type(message) ~= "string" or not label or message:find(label, 1, true) or progress.is_interrupt(message) then return message end
  local place, text = message:match("^(%S+:%d+: )(.*)$")
  return ("%s%s: %s"):format(place or "", label, text or message)
end

--- The meta gradient of one batch, in one call where possible.
function Algorithm:gradient(source, first, n)
  if spread().active(self) then return spread().gradient(self, source, first, n) end
  if wants_stack(self) then
    local batch = source:batch(first, n)
    if batch then
      if self.batched == true then return self:stacked_step(batch) end
      local ok, info = pcall(self.stacked_step, self, batch)
      if ok then return info end
      if not tostring(info):find("run one task after the other", 1, true) then error(info, 0) end
      self.cannot_stack = true
    end
  end
  local list = self:draw(source, first, n)
  local seed, counter = scion().rng_state()
  local ok, info = pcall(self.meta_step, self, list)
  if not ok then error(named(self.running, info), 0) end
  scion().rng_state(seed, counter + 1)
  return info
end

--- Learns to learn from a source of tasks (or a list of them). Options: meta_steps 1000 (in all: those of earlier calls count),
--- meta_batch_size 4, meta_lr_schedule, validation with validate_every and validate_n, log (JSON lines) with log_every, checkpoint with
--- checkpoint_every and resume, workers, on_step, progress, label. Ctrl-C ends it after the last whole meta-step.
---@return table history  list of { step =, loss =, accuracy =, validation = }; history.stopped says why it ended
function Algorithm:fit(source, opts)
  opts = check.opts(self.name .. ":fit", opts, FIT)
  local s = scion()
  source = task_sources.source(self.name .. ":fit", source, self.seed)
  if not source.tasks or not source.batch then
    local given = source
    source = setmetatable({}, { __index = function(_, key) return given[key] or task_sources.Source[key] end })
  end
  local outer = self:meta_optimiser()
  if opts.resume and opts.checkpoint and file_exists(opts.checkpoint) then self:load_checkpoint(opts.checkpoint) end
  if opts.meta_steps <= self.meta_steps_done and not opts.resume then
    check.raise("%s:fit: %d meta-steps are done already and meta_steps, which counts all, is %d: give more of them", self.name, self.meta_steps_done,
      opts.meta_steps)
  end
  self.workers = opts.workers
  spread().begin(self)
  local params, graded = tensors_of(self:meta_parameters()), self:gradient_tensors()
  local base = {}
  for g, group in ipairs(outer.param_groups) do base[g] = group.lr end
  local leads = s.mpi.rank() == 0
  local log = opts.log and leads and open_log(opts.log, opts.resume, self.meta_steps_done)
  local bar = progress.new { label = opts.label, total = opts.meta_steps, unit = "step", quiet = not opts.progress or not leads }
  bar.done = self.meta_steps_done
  local history, begun = show.list {}, progress.now()
  local stopped = "all steps done"
  local finished = progress.interruptible(function()
    for step = self.meta_steps_done + 1, opts.meta_steps do
      local scope <close> = s.scope()
      for _, p in ipairs(graded) do p.grad = nil end
      local schedule = opts.meta_lr_schedule or self.meta_lr_schedule
      if schedule then
        local factor = schedule((step - 1) / opts.meta_steps)
        for g, group in ipairs(outer.param_groups) do group.lr = base[g] * factor end
      end
      local info = self:gradient(source, self.tasks_drawn + 1, opts.meta_batch_size)
      if info.loss ~= info.loss or math.abs(info.loss) == math.huge then
        error(("%s:fit: meta-step %d: the loss is %s (smaller meta_lr, or meta_clip)"):format(self.name, step, info.loss ~= info.loss and "NaN" or info.loss), 0)
      end
      if self.meta_clip then s.optim.clip_grad_norm(params, self.meta_clip) end
      outer:step()
      for g, group in ipairs(outer.param_groups) do group.lr = base[g] end -- what checkpoints keep
      if self.carried then keep(scope, self.carried) end
      if self.after_step then self:after_step(step, opts.meta_steps) end
      self.tasks_drawn = self.tasks_drawn + opts.meta_batch_size
      self.meta_steps_done = step
      local last = step == opts.meta_steps
      if opts.validation and (step % opts.validate_every == 0 or last) then
        info.validation = self:evaluate(opts.validation, { n = opts.validate_n })
      end
      if step % opts.log_every == 0 or last or info.validation then
        local record = show.record { step = step, loss = info.loss, accuracy = info.accuracy, validation = info.validation, seconds = progress.now() - begun }
        history[#history + 1] = record
        if log then log:write(json.encode(record), "\n"):flush() end
      end
      bar:step(1, { loss = info.loss, acc = info.accuracy })
      if opts.checkpoint and leads and (step % opts.checkpoint_every == 0 or last) then self:save_checkpoint(opts.checkpoint) end
      if opts.on_step and opts.on_step(self, step, info) == false then
        stopped = "on_step asked to stop"
        break
      end
    end
  end)
  if not finished then
    stopped = "interrupted"
    for g, group in ipairs(outer.param_groups) do group.lr = base[g] end
    if leads then progress.say("interrupted after meta-step %d: keeping what was learned", self.meta_steps_done) end
  end
  bar:finish()
  if log then log:close() end
  history.stopped = stopped
  return history
end

return Algorithm
