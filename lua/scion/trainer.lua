-- The training loop: net:fit { ... }, or trainer.fit(net, data, options). The plain loop by hand stays as easy; this
-- one adds what long runs need: metrics, validation, early stopping that restores the best weights, checkpoints
-- that resume bit for bit, schedules, gradient clipping and accumulation, averaged weights (EMA), a progress bar,
-- a clean stop on Ctrl-C and a named step when the loss leaves the numbers.

local check = require "scion.check"
local checkpoint = require "scion.checkpoint"
local metrics = require "scion.metrics"
local progress = require "scion.progress"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

---@class scion.FitOptions
local OPTS <const> = {
  data = check.any {},                                  -- iterator over x, y (also the first argument)
  validation = check.any {},                            -- iterator; measured after every epoch
  epochs = check.integer { min = 1 },                   -- passes over the data; default 1 unless steps is given
  num_epochs = check.integer { min = 1 },               -- Xfer's name for epochs
  steps = check.integer { min = 1 },                    -- updates in all, instead of epochs
  loss = check.either({ check.string(), check.func() }, { default = "cross_entropy" }),
  optimizer = check.either({ check.string(), check.func(), check.any() }, { default = "adam" }),
  optimizer_params = check.table {},                    -- options of the optimiser: { lr =, weight_decay =, ... }
  lr = check.number { above = 0 },                      -- shorthand for optimizer_params.lr
  parameters = check.any {},                            -- what to train; default: all that are not frozen
  schedule = check.either({ check.string(), check.func() }, { default = "constant" }),
  scheduler = check.func {},                            -- function(optimiser) -> a scion.optim schedule, instead
  warmup = check.number { default = 0, min = 0, below = 1 }, -- share of the steps spent rising to lr
  metrics = check.list {},                              -- "accuracy", "top_5", "mse", functions(output, y)
  grad_clip = check.number { above = 0 },               -- largest norm of all gradients together
  accumulate = check.integer { default = 1, min = 1 },  -- batches per update
  ema = check.number { above = 0, below = 1 },          -- decay of averaged weights, which the net ends up with
  early_stopping = check.either { check.boolean(), check.table() },
  checkpoint = check.either { check.string(), check.table() }, -- path, or { path =, every = epochs, every_steps = }
  resume = check.either { check.boolean(), check.string() },   -- go on from the checkpoint (true: if there is one)
  callbacks = check.table {},                           -- on_begin, on_epoch_begin, on_step, on_epoch_end, on_end
  on_divergence = check.choice({ "error", "stop" }, { default = "error" }),
  progress = true, label = "",
}

local EARLY <const> = {
  metric = check.string {}, mode = check.choice({ "low", "high" }), patience = check.integer { default = 5, min = 1 },
  min_delta = check.number { default = 0, min = 0 }, restore_best = true,
}

local CHECKPOINT <const> = {
  path = check.string { required = true }, every = check.integer { default = 1, min = 1 },
  every_steps = check.integer { min = 1 },
}

local CALLBACKS <const> = {
  on_begin = check.func {}, on_epoch_begin = check.func {}, on_step = check.func {}, on_epoch_end = check.func {},
  on_end = check.func {},
}

-- What yields batches: a function, or a table or userdata that can be called.
local function check_data(where, data, level)
  local meta = getmetatable(data)
  if type(data) == "function" or (type(meta) == "table" and meta.__call ~= nil and not scion().is_tensor(data)) then return data end
  error(("%s: expected an iterator over x, y (scion.data.tensors makes one of tensors), got %s"):format(where, check.describe(data)), level)
end
M.check_data = check_data

-- ---- losses, optimisers, schedules by name ----------------------------------------------------------------

-- Squeezes (N, 1) predictions beside (N) targets, the usual slip of regression.
local function regression_loss(name)
  return function(output, target)
    target = target:to(output.dtype)
    if output:dim() == target:dim() + 1 and output:size(-1) == 1 then output = output:squeeze(-1) end
    return scion().nn[name](output, target)
  end
end

local LOSSES <const> = {
  cross_entropy = function(output, target) return scion().nn.cross_entropy(output, target) end,
  mse = regression_loss "mse_loss", l1 = regression_loss "l1_loss", huber = regression_loss "huber_loss",
  bce = function(output, target)
    return scion().nn.binary_cross_entropy_with_logits(output, target:to(output.dtype))
  end,
}

local OPTIMISERS <const> = { sgd = "SGD", adam = "Adam", adamw = "AdamW", rmsprop = "RMSprop", adagrad = "Adagrad",
  adadelta = "Adadelta", nadam = "NAdam", lbfgs = "LBFGS", adamax = "Adamax", radam = "RAdam" }

local function known(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function make_loss(loss)
  if type(loss) == "function" then return loss end
  return LOSSES[loss] or error(("fit: unknown loss '%s' (known: %s, or a function(output, y))"):format(loss, known(LOSSES)), 4)
end

local function make_optimiser(net, opts)
  local given = opts.optimizer
  if type(given) ~= "string" and type(given) ~= "function" then return given end
  local parameters = opts.parameters
  if not parameters then
    parameters = {}
    for _, p in ipairs(net:parameters()) do
      if p.requires_grad then parameters[#parameters + 1] = p end
    end
    if #parameters == 0 then error("fit: nothing to train: every parameter of the net is frozen", 4) end
  end
  if type(given) == "function" then return given(parameters) end
  local name = OPTIMISERS[given:lower()]
  if not name then error(("fit: unknown optimizer '%s' (known: %s)"):format(given, known(OPTIMISERS)), 4) end
  local params = {}
  for key, value in pairs(opts.optimizer_params or {}) do params[key] = value end
  if params.learning_rate then params.lr, params.learning_rate = params.learning_rate, nil end
  params.lr = opts.lr or params.lr
  return scion().optim[name](parameters, params)
end

-- Factors on the optimiser's own learning rates as functions of the share of the steps done.
local SCHEDULES <const> = {
  constant = function() return 1 end,
  linear = function(t) return 1 - t end,
  cosine = function(t) return 0.5 * (1 + math.cos(math.pi * t)) end,
  -- Rise from 1/25 over 30 % of the steps, then fall to almost nothing (Smith 2018).
  one_cycle = function(t)
    if t < 0.3 then return 1 / 25 + (1 - 1 / 25) * 0.5 * (1 - math.cos(math.pi * t / 0.3)) end
    return 1e-4 + (1 - 1e-4) * 0.5 * (1 + math.cos(math.pi * (t - 0.3) / 0.7))
  end,
}

local function make_schedule(opts)
  local factor = opts.schedule
  if type(factor) == "string" then
    factor = SCHEDULES[factor] or error(("fit: unknown schedule '%s' (known: %s, or a function of the share of steps done)"):format(
      factor, known(SCHEDULES)), 4)
  end
  local warmup = opts.warmup
  if warmup == 0 then return factor end
  return function(t, step)
    if t < warmup then return math.max(t, 1e-3) / warmup end
    return factor((t - warmup) / (1 - warmup), step)
  end
end

-- ---- history ----------------------------------------------------------------------------------------------

local History = {}
History.__index = History
History.__len = function(self) return #self.epochs end
History.__tostring = function(self)
  local names, seen = {}, {}
  for _, record in ipairs(self.epochs) do
    for name in pairs(record) do
      if not seen[name] and name ~= "epoch" and name ~= "seconds" then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  local columns = { "epoch" }
  for _, name in ipairs(names) do columns[#columns + 1] = { title = name, format = "%.4f", align = "right" } end
  columns[#columns + 1] = { title = "seconds", format = "%.2f", align = "right" }
  local rows = {}
  for i, record in ipairs(self.epochs) do
    rows[i] = { record.epoch }
    for j, name in ipairs(names) do rows[i][j + 1] = record[name] end
    rows[i][#columns] = record.seconds
  end
  return show.table(columns, rows) .. "\nstopped: " .. tostring(self.stopped)
end

-- ---- measuring --------------------------------------------------------------------------------------------

local function mean_of(values)
  return values.n > 0 and values.total / values.n or 0 / 0
end

local function batch_length(x) return type(x) == "table" and #x[1] or #x end

-- The value that losses and metrics see: the scores before a final softmax, whatever the net itself returns; nil: the output.
local function scores_of(net)
  if not scion().is_net(net) or #net:outputs() ~= 1 then return nil end
  local output = net:outputs()[1]
  local value, names = output, {}
  for _, name in ipairs(net:layer_names()) do names[name] = true end
  while names[value] do
    local layer = net:layer(value)
    if layer.op ~= "softmax" and layer.op ~= "log_softmax" then break end
    value = layer.sources[1]
  end
  return value ~= output and value or nil
end

-- x is a tensor, or a list of them for nets with several inputs.
local function run_net(net, x, scores)
  if not scores then
    if type(x) == "table" then return net(table.unpack(x)) end
    return net(x)
  end
  if type(x) ~= "table" then return net:features(x, scores) end
  local inputs = table.move(x, 1, #x, 1, {})
  inputs[#inputs + 1] = scores
  return net:features(table.unpack(inputs))
end

local EVALUATE <const> = { loss = OPTS.loss, metrics = check.list {}, progress = false }

--- Loss and metrics over one pass, in eval mode and without gradients: { loss =, accuracy =, ... }.
---@param net scion.Net
---@param data fun(): scion.Tensor?, scion.Tensor?
function M.evaluate(net, data, opts)
  check_data("evaluate", data, 3)
  opts = check.opts("evaluate", opts, EVALUATE)
  local loss_of = opts.loss ~= "none" and make_loss(opts.loss) or nil
  local running = {}
  for i, metric in ipairs(opts.metrics or { "accuracy" }) do running[i] = metrics.new(metric, "metric_" .. i) end
  local was_training = net:is_training()
  net:eval()
  local total = { n = 0, total = 0 }
  local scores = opts.loss == "cross_entropy" and scores_of(net) or nil
  local bar <close> = progress.new { label = "evaluate", quiet = not opts.progress,
    total = type(data) == "table" and #data or nil, unit = "batch" }
  local ok, message = pcall(function()
    scion().no_grad(function()
      for x, y in data do
        local output = run_net(net, x, scores)
        if loss_of then
          local n = batch_length(x)
          total.total, total.n = total.total + loss_of(output, y, x):item() * n, total.n + n
        end
        for _, metric in ipairs(running) do metric:update(output, y) end
        bar:step()
      end
    end)
  end)
  if was_training then net:train() end
  if not ok then error(message, 0) end
  local out = {}
  if loss_of then out.loss = mean_of(total) end
  for _, metric in ipairs(running) do out[metric.name] = metric:value() end
  return show.record(out)
end

-- ---- early stopping ---------------------------------------------------------------------------------------

local HIGH_IS_BETTER <const> = { accuracy = true, f1 = true, r2 = true }

local function make_early(opts)
  if not opts.early_stopping then return nil end
  local given = type(opts.early_stopping) == "table" and opts.early_stopping or {}
  local early = check.opts("fit: early_stopping", given, EARLY, 5)
  early.metric = early.metric or (opts.validation and "val_loss" or "loss")
  local bare = early.metric:gsub("^val_", "")
  early.mode = early.mode or ((HIGH_IS_BETTER[bare] or bare:match("^top_")) and "high" or "low")
  early.waited = 0
  return early
end

-- Is `value` better than the best so far?
local function improves(early, value)
  if value ~= value then return false end
  if early.best == nil then return true end
  if early.mode == "high" then return value > early.best + early.min_delta end
  return value < early.best - early.min_delta
end

-- ---- the run ----------------------------------------------------------------------------------------------

local Run = {}
Run.__index = Run

local function call_back(run, name, ...)
  local fn = run.callbacks[name]
  if fn and fn(run, ...) == false then run:stop(("callback %s returned false"):format(name)) end
end

--- Ends the run after the step that is being done; callbacks may call it.
function Run:stop(reason) self.stopping = self.stopping or reason end

local function set_rates(run)
  if run.scheduler then return end
  local t = run.total_steps and run.total_steps > 0 and run.step / run.total_steps or 0
  local factor = run.schedule(math.min(t, 1), run.step)
  for g, group in ipairs(run.optimiser.param_groups) do
    group.lr = run.base_lr[g] * factor
  end
end

local function diverged(run, value)
  local where = ("step %d (epoch %d, batch %d)"):format(run.step + 1, run.epoch, run.batch)
  local text = ("fit: the loss is %s at %s; the learning rate (%g) may be too high, or the data hold NaN"):format(
    value, where, run.optimiser.param_groups[1].lr)
  if run.opts.on_divergence == "error" then error(text, 0) end
  progress.say("%s", text)
  run:stop("diverged at " .. where)
end

-- One update from the gradients that have been gathered.
local function update(run)
  if run.opts.grad_clip then scion().optim.clip_grad_norm_(run.trained, run.opts.grad_clip) end
  set_rates(run)
  run.optimiser:step()
  run.optimiser:zero_grad()
  if run.scheduler and run.scheduler._rate then run.scheduler:step() end
  if run.ema then run.ema:update() end
  run.step, run.gathered = run.step + 1, 0
end

local function train_batch(run, x, y)
  local n = batch_length(x)
  local output = run_net(run.net, x, run.scores)
  if not run.shapes_known and scion().is_net(run.net) then
    run.shapes_known = true
    local shapes = {}
    for i, input in ipairs(type(x) == "table" and x or { x }) do
      shapes[i] = input.shape
      shapes[i].dtype = input.dtype
    end
    require("scion.nn.input_shapes").remember(run.net, shapes)
  end
  local loss = run.loss(output, y, x)
  if type(loss) ~= "userdata" or loss:numel() ~= 1 then
    error(("fit: the loss function must return a tensor of one element, got %s"):format(check.describe(loss)), 0)
  end
  local value = loss:item()
  if value ~= value or math.abs(value) == math.huge then return diverged(run, value) end
  if run.opts.accumulate > 1 then loss = loss / run.opts.accumulate end
  loss:backward()
  run.sums.total, run.sums.n = run.sums.total + value * n, run.sums.n + n
  scion().no_grad(function()
    local seen = output:detach()
    for _, metric in ipairs(run.metrics) do metric:update(seen, y) end
  end)
  run.gathered = run.gathered + 1
  if run.gathered == run.opts.accumulate then update(run) end
  run.last_loss = value
  run.history.first_loss = run.history.first_loss or value -- of the first batch, before anything was learned
end

local function readings(run)
  local info = { loss = mean_of(run.sums) }
  for _, metric in ipairs(run.metrics) do info[metric.name] = metric:value() end
  return info
end

-- One pass; returns false when the run is over before the pass is.
local function run_epoch(run)
  local opts = run.opts
  local left = run.total_steps and (run.total_steps - run.step) * opts.accumulate
  local batches = type(run.data) ~= "function" and #run.data or nil
  local label = run.total_epochs and ("epoch %d/%d"):format(run.epoch, run.total_epochs) or ("epoch %d"):format(run.epoch)
  if opts.label ~= "" then label = opts.label .. " " .. label end
  local total = batches and math.min(batches - run.batch, left or math.huge) or left
  local bar <close> = progress.new { label = label, total = total and math.tointeger(total), unit = "batch", quiet = not opts.progress }
  for x, y in run.data do
    run.batch = run.batch + 1
    if y == nil then error(("fit: batch %d has no targets (the iterator returned only x)"):format(run.batch), 0) end
    train_batch(run, x, y)
    bar:step(1, (bar.done % 8 == 0 or bar.done + 1 == bar.total) and readings(run) or nil)
    call_back(run, "on_step", run.last_loss)
    local saving = run.saver
    if saving and saving.every_steps and run.gathered == 0 and run.step % saving.every_steps == 0 then run:save() end
    if run.stopping then return false end
    if run.total_steps and run.step >= run.total_steps then return run.batch >= (batches or math.huge) end
  end
  if run.batch == 0 then error("fit: the data gave no batch", 0) end
  if run.gathered > 0 then update(run) end -- the rest of an accumulation
  return true
end

local function swap_in(ema)
  if ema then ema:swap() end
end

local function end_epoch(run)
  local record = readings(run)
  record.epoch, record.seconds = run.epoch, progress.now() - run.epoch_began
  if run.validation then
    swap_in(run.ema)
    local ok, found = pcall(M.evaluate, run.net, run.validation, { loss = run.opts.loss, metrics = run.opts.metrics })
    swap_in(run.ema)
    if not ok then error(found, 0) end
    for name, value in pairs(found) do record["val_" .. name] = value end
    if run.opts.progress then
      local parts = {}
      for name, value in pairs(found) do parts[#parts + 1] = ("%s %.4f"):format(name, value) end
      table.sort(parts)
      progress.say("validation  %s", table.concat(parts, "  "))
    end
  end
  table.insert(run.history.epochs, record)
  -- A schedule that watches a measure (plateau) steps once an epoch.
  if run.scheduler and not run.scheduler._rate then run.scheduler:step(record.val_loss or record.loss) end
  local early = run.early
  if early then
    local value = record[early.metric]
    if value == nil then
      local names = {}
      for name in pairs(record) do names[#names + 1] = name end
      table.sort(names)
      error(("fit: early_stopping.metric '%s' is not measured (measured: %s)"):format(early.metric, table.concat(names, ", ")), 0)
    end
    if improves(early, value) then
      early.best, early.best_epoch, early.waited = value, run.epoch, 0
      swap_in(run.ema)
      if early.restore_best then early.weights = checkpoint.snapshot(run.net) end
      swap_in(run.ema)
    else
      early.waited = early.waited + 1
      if early.waited >= early.patience then
        run:stop(("no better %s for %d epochs"):format(early.metric, early.patience))
      end
    end
  end
  call_back(run, "on_epoch_end", record)
  run.epoch, run.batch = run.epoch + 1, 0
  run.sums = { n = 0, total = 0 }
  for _, metric in ipairs(run.metrics) do metric:reset() end
end

--- Writes a checkpoint of everything that the rest of the run depends on.
function Run:save(path) checkpoint.save(self, path or self.saver.path) end

local function new_run(net, data, opts)
  local run = setmetatable({ net = net, data = data, opts = opts, validation = opts.validation }, Run)
  run.loss = make_loss(opts.loss)
  run.scores = opts.loss == "cross_entropy" and scores_of(net) or nil
  run.metrics = {}
  for i, metric in ipairs(opts.metrics or {}) do run.metrics[i] = metrics.new(metric, "metric_" .. i) end
  run.optimiser = make_optimiser(net, opts)
  run.base_lr, run.trained = {}, {}
  for g, group in ipairs(run.optimiser.param_groups) do
    run.base_lr[g] = group.lr
    for _, p in ipairs(group.params) do table.insert(run.trained, p) end
  end
  run.schedule = make_schedule(opts)
  if opts.scheduler then run.scheduler = opts.scheduler(run.optimiser) end
  run.early = make_early(opts)
  run.callbacks = check.opts("fit: callbacks", opts.callbacks, CALLBACKS, 5)
  if opts.ema then run.ema = scion().optim.EMA(run.trained, { decay = opts.ema }) end
  if opts.checkpoint then
    local given = type(opts.checkpoint) == "string" and { path = opts.checkpoint } or opts.checkpoint
    run.saver = check.opts("fit: checkpoint", given, CHECKPOINT, 5)
  end
  run.history = setmetatable({ epochs = {} }, History)
  run.sums = { n = 0, total = 0 }
  run.epoch, run.batch, run.step, run.gathered = 1, 0, 0, 0
  local batches = type(data) ~= "function" and #data or nil
  if opts.steps then
    run.total_steps = opts.steps
    if batches then run.total_epochs = (opts.steps * opts.accumulate + batches - 1) // batches end
  else
    run.total_epochs = opts.epochs
    if batches then run.total_steps = opts.epochs * ((batches + opts.accumulate - 1) // opts.accumulate) end
  end
  return run
end

local function resume(run)
  local opts = run.opts
  if not opts.resume then return end
  local path = type(opts.resume) == "string" and opts.resume or (run.saver and run.saver.path)
  if not path then error("fit: resume = true needs a checkpoint path", 4) end
  if opts.resume == true and not scion().io.path_kind(path) then return end
  checkpoint.load(run, path)
  if opts.progress then progress.say("resumed %s at epoch %d, step %d", path, run.epoch, run.step) end
end

local function finished(run)
  if run.stopping then return true end
  if run.opts.steps then return run.step >= run.opts.steps end
  return run.epoch > run.total_epochs
end

local function loop(run)
  call_back(run, "on_begin")
  while not finished(run) do
    run.epoch_began = progress.now()
    call_back(run, "on_epoch_begin", run.epoch)
    local complete = run_epoch(run)
    if complete or finished(run) and not run.stopping then
      end_epoch(run)
      if run.saver and ((run.epoch - 1) % run.saver.every == 0 or finished(run)) then run:save() end
    end
  end
end

--- Trains a net. Returns the history: history.epochs is a list of { epoch, loss, accuracy, val_loss, ...,
--- seconds }, history.stopped says why the run ended, history.best_epoch under early stopping.
---@param net scion.Net
---@param data? fun(): scion.Tensor?, scion.Tensor?   may be given as opts.data
---@param opts? scion.FitOptions
function M.fit(net, data, opts)
  if opts == nil and type(data) == "table" and getmetatable(data) == nil then data, opts = nil, data end
  opts = check.opts("fit", opts, OPTS)
  data = data or opts.data
  if data == nil then error("fit: option 'data' is required (an iterator over x, y)", 2) end
  local callable = type(data) == "function" or (getmetatable(data) or {}).__call
  if not callable then error(("fit: data must be an iterator, got %s"):format(check.describe(data)), 2) end
  opts.epochs = opts.epochs or opts.num_epochs
  if opts.epochs and opts.steps then error("fit: give epochs or steps, not both", 2) end
  if not opts.steps then opts.epochs = opts.epochs or 1 end
  local run = new_run(net, data, opts)
  resume(run)
  if run.step == 0 and type(data) == "table" and data.reset and not data.resumed then
    if data.position and data.position > 0 then data:reset() end
  end
  local was_training = net:is_training()
  net:train()
  local ok, message = pcall(loop, run)
  if not ok then
    if not progress.is_interrupt(message) then
      if not was_training then net:eval() end
      error(message, type(message) == "string" and message:match("^fit: ") and 2 or 0)
    end
    run.stopping = "interrupted"
    if scion().clear_interrupt then scion().clear_interrupt() end
    progress.count_interruption()
    run.optimiser:zero_grad()
    progress.say("interrupted at step %d: keeping what was learned", run.step)
  end
  local early = run.early
  if early and early.weights and early.restore_best then
    checkpoint.restore(run.net, early.weights)
  elseif run.ema then
    run.ema:copy_to()
  end
  if not was_training then net:eval() end
  run.history.stopped = run.stopping or (opts.steps and "all steps done" or "all epochs done")
  run.history.steps = run.step
  if early then run.history.best_epoch, run.history.best = early.best_epoch, early.best end
  call_back(run, "on_end", run.history)
  return run.history
end

M.SCHEDULES = SCHEDULES

return M
