-- Schedules of the learning rate, with PyTorch's names and numbers. Each sets the rates of an optimiser's
-- groups, at once for step 0 and then at every step():
--
--   local schedule = scion.optim.CosineAnnealingLR(opt, { T_max = 30 })
--   for epoch = 1, 30 do train(); schedule:step() end
--
-- Rates are functions of the number of steps and each group's initial rate (group.initial_lr, kept when the first
-- schedule is made), so a restored schedule continues exactly.

local check_keys = require("scion.optim.optimizer").check_keys

local M = {}

local Schedule = {}
Schedule.__index = Schedule

local function fail(who, level, text, ...) error(who .. ": " .. text:format(...), level + 1) end

local function check_optimizer(who, optimizer, level)
  if type(optimizer) ~= "table" or type(optimizer.param_groups) ~= "table" then
    fail(who, level + 1, "the first argument must be an optimiser, got %s", type(optimizer))
  end
end

-- rules: name -> { type, default, min, max, required, whole, open (min itself not allowed) }
local function options(who, given, rules, level)
  local types, out = {}, {}
  for name, rule in pairs(rules) do types[name] = rule.type end
  check_keys(who, given or {}, types, level + 1)
  for name, rule in pairs(rules) do
    local value = (given or {})[name]
    if value == nil then value = rule.default end
    if value == nil and rule.required then fail(who, level + 1, "option '%s' is required", name) end
    if type(value) == "number" then
      if rule.whole and math.tointeger(value) == nil or value ~= value or rule.min and value < rule.min or rule.open and value == rule.min
        or rule.max and value > rule.max then
        local range = rule.min and rule.max and ("within %s .. %s"):format(rule.min, rule.max)
          or rule.min and ("%s %s"):format(rule.open and "above" or "at least", rule.min) or "finite"
        fail(who, level + 1, "option '%s' must be %s%s, got %s", name, rule.whole and "a whole number " or "", range, value)
      end
      if rule.whole then value = math.tointeger(value) end
    end
    out[name] = value
  end
  return out
end
local function whole(default, min) return { type = "number", default = default, min = min, whole = true, required = default == nil } end
local function number(default, min, max, open) return { type = "number", default = default, min = min, max = max, open = open, required = default == nil } end

-- ---- what all share -----------------------------------------------------------------------------------------

--- Takes the optimiser and sets the rates of step 0 (the constructors do it).
function Schedule:start(optimizer)
  self.optimizer = optimizer
  self.base_lrs = {}
  for g, group in ipairs(optimizer.param_groups) do
    if group.initial_lr == nil then group.initial_lr = group.lr end
    self.base_lrs[g] = group.initial_lr
  end
  self.last_epoch = 0
  self:apply()
end

--- Sets the rates for the present step.
function Schedule:apply()
  for g, group in ipairs(self.optimizer.param_groups) do
    group.lr = self:rate(self.last_epoch, self.base_lrs[g] or group.lr, g)
  end
end

--- The rate of group g at step t, from its initial rate; every schedule defines it.
---@param t integer
---@param base number
---@param g integer
---@return number
function Schedule:rate(t, base, g)
  fail(self.class_name, 2, "rate is not defined for step %s, base %s, group %s", tostring(t), tostring(base), tostring(g))
end

--- Goes to the next step, or to step `epoch`.
---@param epoch? integer
function Schedule:step(epoch)
  if epoch ~= nil and (math.tointeger(epoch) == nil or epoch < 0) then
    fail(self.class_name .. ".step", 2, "the step must be a whole number of at least 0, got %s", tostring(epoch))
  end
  self.last_epoch = math.tointeger(epoch) or self.last_epoch + 1
  self:apply()
end

--- The rate of each group now.
---@return number[]
function Schedule:get_last_lr()
  local out = {}
  for g, group in ipairs(self.optimizer.param_groups) do out[g] = group.lr end
  return out
end

--- Plain numbers and tables; functions are not kept.
---@return table
function Schedule:state_dict()
  local base = {}
  for g, lr in ipairs(self.base_lrs) do base[g] = lr end
  local dict = { kind = self.class_name, last_epoch = self.last_epoch, base_lrs = base }
  for _, name in ipairs(self.keeps or {}) do dict[name] = self[name] end
  return dict
end

---@param dict table
function Schedule:load_state_dict(dict)
  local who = self.class_name .. ".load_state_dict"
  if type(dict) ~= "table" or dict.kind == nil then fail(who, 2, "expected a table made by state_dict") end
  if dict.kind ~= self.class_name then fail(who, 2, "the state is of a %s", tostring(dict.kind)) end
  if math.tointeger(dict.last_epoch) == nil or type(dict.base_lrs) ~= "table" or #dict.base_lrs ~= #self.base_lrs then
    fail(who, 2, "the state is for %s parameter groups, this schedule has %d", type(dict.base_lrs) == "table" and #dict.base_lrs or "no", #self.base_lrs)
  end
  self.last_epoch = math.tointeger(dict.last_epoch)
  for g, lr in ipairs(dict.base_lrs) do self.base_lrs[g] = lr end
  for _, name in ipairs(self.keeps or {}) do self[name] = dict[name] end
end

-- A schedule class: rules of its options (a table, or a function of the given options), rate(self, step, base, group),
-- and a check of what the rules cannot say.
local function class(name, rules, rate, prepare)
  local methods = setmetatable({ class_name = name, rate = rate }, Schedule)
  methods.__index = methods
  methods.__tostring = function(self)
    return ("%s at step %d, lr %s"):format(name, self.last_epoch, table.concat(self:get_last_lr(), ", "))
  end
  M[name] = setmetatable(methods, {
    __index = Schedule, __name = "class", __tostring = function() return "class " .. name end,
    __call = function(_, optimizer, given)
      check_optimizer(name, optimizer, 2)
      local expected = type(rules) == "function" and rules(given) or rules
      local self = setmetatable({ opts = options(name, given, expected, 2) }, methods)
      if prepare then prepare(self, optimizer, 3) end
      self:start(optimizer)
      return self
    end,
  })
  return methods
end

-- ---- functions of the step --------------------------------------------------------------------------------

--- The rate times gamma every step_size steps. Options: step_size, gamma 0.1.
class("StepLR", { step_size = whole(nil, 1), gamma = number(0.1, 0) }, function(self, t, base)
  return base * self.opts.gamma ^ (t // self.opts.step_size)
end)

--- The rate times gamma at each milestone. Options: milestones (rising list of steps), gamma 0.1.
class("MultiStepLR", { milestones = { type = "table", required = true }, gamma = number(0.1, 0) }, function(self, t, base)
  local passed = 0
  for _, milestone in ipairs(self.opts.milestones) do
    if t >= milestone then passed = passed + 1 end
  end
  return base * self.opts.gamma ^ passed
end, function(self, _, level)
  for i, m in ipairs(self.opts.milestones) do
    if math.tointeger(m) == nil or m < 0 or i > 1 and m < self.opts.milestones[i - 1] then
      fail("MultiStepLR", level, "option 'milestones' must be a rising list of whole numbers (element %d is %s)", i, tostring(m))
    end
  end
end)

--- The rate times gamma at every step. Options: gamma.
class("ExponentialLR", { gamma = number(nil, 0) }, function(self, t, base) return base * self.opts.gamma ^ t end)

--- Half a cosine from the initial rate down to eta_min in T_max steps (and up again). Options: T_max, eta_min 0.
class("CosineAnnealingLR", { T_max = whole(nil, 1), eta_min = number(0, 0) }, function(self, t, base)
  local low = self.opts.eta_min
  return low + (base - low) * (1 + math.cos(math.pi * t / self.opts.T_max)) / 2
end)

--- Cosine annealing with restarts after T_0 steps, then T_0 * T_mult, ... Options: T_0, T_mult 1, eta_min 0.
class("CosineAnnealingWarmRestarts", { T_0 = whole(nil, 1), T_mult = whole(1, 1), eta_min = number(0, 0) }, function(self, t, base)
  local length, low = self.opts.T_0, self.opts.eta_min
  while t >= length do
    t, length = t - length, length * self.opts.T_mult
  end
  return low + (base - low) * (1 + math.cos(math.pi * t / length)) / 2
end)

--- A factor that goes linearly from start_factor to end_factor in total_iters steps. Options: start_factor 1/3,
--- end_factor 1, total_iters 5.
class("LinearLR", { start_factor = number(1 / 3, 0, 1, true), end_factor = number(1, 0, 1), total_iters = whole(5, 1) }, function(self, t, base)
  local o = self.opts
  return base * (o.start_factor + (o.end_factor - o.start_factor) * math.min(t, o.total_iters) / o.total_iters)
end)

--- The rate times factor until total_iters. Options: factor 1/3, total_iters 5.
class("ConstantLR", { factor = number(1 / 3, 0, 1), total_iters = whole(5, 0) }, function(self, t, base)
  return t < self.opts.total_iters and base * self.opts.factor or base
end)

--- Down to 0 as a power of the remaining share. Options: total_iters 5, power 1.
class("PolynomialLR", { total_iters = whole(5, 1), power = number(1, 0) }, function(self, t, base)
  local o = self.opts
  return base * (1 - math.min(t, o.total_iters) / o.total_iters) ^ o.power
end)

--- The initial rate times a function of the step. Options: lr_lambda (a function, or a list with one per group).
class("LambdaLR", function(given)
  return { lr_lambda = { type = type(given) == "table" and type(given.lr_lambda) == "table" and "table" or "function", required = true } }
end, function(self, t, base, g)
  local fn = self.opts.lr_lambda
  if type(fn) == "table" then fn = fn[g] end
  local factor = fn(t)
  if type(factor) ~= "number" then
    error(("LambdaLR: the function gave a %s at step %d, expected a number"):format(type(factor), t), 0)
  end
  return base * factor
end, function(self, optimizer, level)
  local fn, n = self.opts.lr_lambda, #optimizer.param_groups
  if type(fn) ~= "table" then return end
  if #fn ~= n then fail("LambdaLR", level, "option 'lr_lambda' has %d functions for %d parameter groups", #fn, n) end
  for i, f in ipairs(fn) do
    if type(f) ~= "function" then fail("LambdaLR", level, "element %d of 'lr_lambda' is a %s, expected a function", i, type(f)) end
  end
end)

-- ---- one cycle ---------------------------------------------------------------------------------------------------

local function cosine(from, to, share) return to + (from - to) / 2 * (1 + math.cos(math.pi * share)) end
local function linear(from, to, share) return from + (to - from) * share end

--- Up to max_lr and down far below (Smith & Topin 2017), the momentum the other way; step() once per batch. Options:
--- max_lr (a number, or one per group), total_steps or epochs and steps_per_epoch, pct_start 0.3, anneal_strategy "cos"
--- or "linear", cycle_momentum true, base_momentum 0.85, max_momentum 0.95, div_factor 25, final_div_factor 1e4,
--- three_phase false.
class("OneCycleLR", function(given)
  local per_group = type(given) == "table" and type(given.max_lr) == "table"
  local count = { type = "number", min = 1, whole = true }
  return {
    max_lr = { type = per_group and "table" or "number", required = true }, total_steps = count, epochs = count, steps_per_epoch = count,
    pct_start = number(0.3, 0, 1), anneal_strategy = { type = "string", default = "cos" }, cycle_momentum = { type = "boolean", default = true },
    base_momentum = number(0.85, 0, 1), max_momentum = number(0.95, 0, 1), div_factor = number(25, 0, nil, true),
    final_div_factor = number(1e4, 0, nil, true), three_phase = { type = "boolean", default = false },
  }
end, nil, function(self, optimizer, level)
  local o, who = self.opts, "OneCycleLR"
  self.max_lrs = {}
  for g in ipairs(optimizer.param_groups) do
    local top = o.max_lr
    if type(top) == "table" then top = top[g] end
    if type(top) ~= "number" or not (top > 0) then
      fail(who, level, "option 'max_lr' must be above 0 for each of the %d groups", #optimizer.param_groups)
    end
    self.max_lrs[g] = top
  end
  if not o.total_steps and not (o.epochs and o.steps_per_epoch) then fail(who, level, "give total_steps, or epochs and steps_per_epoch") end
  if o.anneal_strategy ~= "cos" and o.anneal_strategy ~= "linear" then
    fail(who, level, "option 'anneal_strategy' must be \"cos\" or \"linear\", got '%s'", o.anneal_strategy)
  end
  self.total_steps = o.total_steps or o.epochs * o.steps_per_epoch
  self.anneal = o.anneal_strategy == "cos" and cosine or linear
  local up, last = o.pct_start * self.total_steps - 1, self.total_steps - 1
  if o.three_phase then
    self.phases = { { stop = up, from = "low", to = "high" }, { stop = 2 * up, from = "high", to = "low" }, { stop = last, from = "low", to = "final" } }
  else
    self.phases = { { stop = up, from = "low", to = "high" }, { stop = last, from = "high", to = "final" } }
  end
end)
--- The rate or momentum of step t on its way between three values.
function M.OneCycleLR:value(t, from, top, last)
  local start = 0
  for i, phase in ipairs(self.phases) do
    if t <= phase.stop or i == #self.phases then
      local points = { low = from, high = top, final = last }
      return self.anneal(points[phase.from], points[phase.to], (t - start) / (phase.stop - start))
    end
    start = phase.stop
  end
end
function M.OneCycleLR:rate(t, _, g)
  if t > self.total_steps then
    error(("OneCycleLR: step %d is beyond total_steps %d"):format(t, self.total_steps), 0)
  end
  local low = self.base_lrs[g]
  return self:value(t, low, self.max_lrs[g], low / self.opts.final_div_factor)
end
function M.OneCycleLR:apply()
  local o = self.opts
  for g, group in ipairs(self.optimizer.param_groups) do
    group.lr = self:rate(self.last_epoch, nil, g)
    if o.cycle_momentum then
      local momentum = self:value(self.last_epoch, o.max_momentum, o.base_momentum, o.max_momentum)
      if self.uses_beta then group.beta1 = momentum else group.momentum = momentum end
    end
  end
end
function M.OneCycleLR:start(optimizer)
  local o, who = self.opts, "OneCycleLR"
  self.optimizer, self.last_epoch, self.base_lrs = optimizer, 0, {}
  for g, group in ipairs(optimizer.param_groups) do
    self.base_lrs[g] = self.max_lrs[g] / o.div_factor
    group.initial_lr = self.base_lrs[g]
    if o.cycle_momentum and group.momentum == nil and group.beta1 == nil then
      fail(who, 3, "this optimiser has no momentum to cycle; set cycle_momentum = false")
    end
    self.uses_beta = group.beta1 ~= nil
  end
  self:apply()
end
-- ---- combinations --------------------------------------------------------------------------------------------------

local function check_schedule(who, s, optimizer, what, level)
  if type(s) ~= "table" or type(s.rate) ~= "function" or type(s.apply) ~= "function" then
    fail(who, level + 1, "%s must be a schedule that is a function of the step, got %s", what,
      type(s) == "table" and s.class_name or type(s))
  elseif s.optimizer ~= optimizer then
    fail(who, level + 1, "%s belongs to another optimiser", what)
  end
end

local function nested_state(self)
  local dict = Schedule.state_dict(self)
  dict.schedulers = {}
  for i, s in ipairs(self.schedulers) do dict.schedulers[i] = s:state_dict() end
  return dict
end
local function nested_load(self, dict)
  if type(dict) ~= "table" or type(dict.schedulers) ~= "table" or #dict.schedulers ~= #self.schedulers then
    fail(self.class_name .. ".load_state_dict", 2, "expected the state of %d schedules", #self.schedulers)
  end
  Schedule.load_state_dict(self, dict)
  for i, s in ipairs(self.schedulers) do s:load_state_dict(dict.schedulers[i]) end
end

-- Which schedule rules at step t, and its own step.
local function sequence_at(self, t)
  local i = 1
  for k, milestone in ipairs(self.milestones) do
    if t >= milestone then i = k + 1 end
  end
  return self.schedulers[i], t - (i > 1 and self.milestones[i - 1] or 0)
end
local function sequence_apply(self)
  local s, t = sequence_at(self, self.last_epoch)
  s.last_epoch = t
  s:apply()
end

--- One schedule after another. Options: schedulers (a list, made for the same optimiser), milestones (the step at which
--- each but the first begins).
class("SequentialLR", { schedulers = { type = "table", required = true }, milestones = { type = "table", required = true } }, nil,
  function(self, optimizer, level)
    local o = self.opts
    if #o.schedulers == 0 or #o.milestones ~= #o.schedulers - 1 then
      fail("SequentialLR", level, "%d schedules need %d milestones, got %d", #o.schedulers, math.max(#o.schedulers - 1, 0), #o.milestones)
    end
    for i, s in ipairs(o.schedulers) do check_schedule("SequentialLR", s, optimizer, ("schedule %d"):format(i), level) end
    for i, m in ipairs(o.milestones) do
      if math.tointeger(m) == nil or m <= (o.milestones[i - 1] or 0) then
        fail("SequentialLR", level, "option 'milestones' must be a rising list of whole numbers above 0 (element %d is %s)", i, tostring(m))
      end
    end
    self.schedulers, self.milestones = o.schedulers, o.milestones
  end)
M.SequentialLR.apply = sequence_apply
M.SequentialLR.rate = function(self, t, base, g)
  local s, local_t = sequence_at(self, t)
  return s:rate(local_t, base, g)
end
M.SequentialLR.state_dict, M.SequentialLR.load_state_dict = nested_state, nested_load

--- A linear rise over `steps` steps, from start_factor (default 1 / steps) times the rate, then another schedule from its
--- step 0, or the full rate. Options: steps, start_factor, after.
class("LinearWarmup", { steps = whole(nil, 1), start_factor = { type = "number", min = 0, max = 1 }, after = { type = "table" } }, nil,
  function(self, optimizer, level)
    if self.opts.after then check_schedule("LinearWarmup", self.opts.after, optimizer, "option 'after'", level) end
    self.schedulers = { self.opts.after }
    self.start_factor = self.opts.start_factor or 1 / self.opts.steps
  end)
M.LinearWarmup.rate = function(self, t, base, g)
  local o, after = self.opts, self.opts.after
  if t < o.steps then
    local first = after and after:rate(0, base, g) or base
    return first * (self.start_factor + (1 - self.start_factor) * t / o.steps)
  end
  return after and after:rate(t - o.steps, base, g) or base
end
M.LinearWarmup.apply = function(self)
  local after = self.opts.after
  if after and self.last_epoch >= self.opts.steps then
    after.last_epoch = self.last_epoch - self.opts.steps
    after:apply()
  else
    Schedule.apply(self)
  end
end
M.LinearWarmup.state_dict, M.LinearWarmup.load_state_dict = nested_state, nested_load

-- ---- by what the training does -------------------------------------------------------------------------------------

--- Lowers the rate when a measure stops improving: step(value) once per epoch. Options: mode "min" or "max", factor 0.1,
--- patience 10, threshold 1e-4, threshold_mode "rel" or "abs", cooldown 0, min_lr 0, eps 1e-8.
class("ReduceLROnPlateau", {
  mode = { type = "string", default = "min" }, factor = number(0.1, 0), patience = whole(10, 0), threshold = number(1e-4, 0),
  threshold_mode = { type = "string", default = "rel" }, cooldown = whole(0, 0), min_lr = number(0, 0), eps = number(1e-8, 0),
}, nil, function(self, _, level)
  local o, who = self.opts, "ReduceLROnPlateau"
  if o.mode ~= "min" and o.mode ~= "max" then fail(who, level, "option 'mode' must be \"min\" or \"max\", got '%s'", o.mode) end
  if o.threshold_mode ~= "rel" and o.threshold_mode ~= "abs" then
    fail(who, level, "option 'threshold_mode' must be \"rel\" or \"abs\", got '%s'", o.threshold_mode)
  end
  if o.factor >= 1 then fail(who, level, "option 'factor' must be below 1, got %s", o.factor) end
  self.best = o.mode == "min" and math.huge or -math.huge
  self.num_bad_epochs, self.cooldown_counter = 0, 0
end)
M.ReduceLROnPlateau.rate = false -- not a function of the step
M.ReduceLROnPlateau.keeps = { "best", "num_bad_epochs", "cooldown_counter" }
M.ReduceLROnPlateau.apply = function() end
local function better(self, value)
  local o = self.opts
  if self.best == math.huge or self.best == -math.huge then return o.mode == "min" and value < self.best or o.mode == "max" and value > self.best end
  if o.threshold_mode == "rel" then
    return o.mode == "min" and value < self.best * (1 - o.threshold) or o.mode == "max" and value > self.best * (1 + o.threshold)
  end
  return o.mode == "min" and value < self.best - o.threshold or o.mode == "max" and value > self.best + o.threshold
end
function M.ReduceLROnPlateau:step(value)
  if type(value) ~= "number" then
    local ok, item = pcall(function() return value:item() end)
    if not ok or type(item) ~= "number" then
      fail("ReduceLROnPlateau.step", 2, "expected the measured value, got %s", type(value))
    end
    value = item
  end
  local o = self.opts
  self.last_epoch = self.last_epoch + 1
  if better(self, value) then
    self.best, self.num_bad_epochs = value, 0
  else
    self.num_bad_epochs = self.num_bad_epochs + 1
  end
  if self.cooldown_counter > 0 then
    self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0
  end
  if self.num_bad_epochs > o.patience then
    for _, group in ipairs(self.optimizer.param_groups) do
      local lower = math.max(group.lr * o.factor, o.min_lr)
      if group.lr - lower > o.eps then group.lr = lower end
    end
    self.cooldown_counter, self.num_bad_epochs = o.cooldown, 0
  end
end

return M
