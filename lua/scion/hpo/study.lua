-- A study: the trials of a search, asked for and told.
--
--   local study = scion.hpo.study { log = "sketches.study", direction = "maximize", space = space, sampler = "gp", seed = 1 }
--   local trial = study:ask()              -- nil, reason when the space is exhausted
--   study:tell(trial, accuracy)            -- or study:fail(trial, reason); trial:report(step, value), trial:should_stop()
--   study:optimize(f, { n_trials = 50 })   -- a loop over these
--
-- The study is its log: one JSON line an event, on the disk before the call returns. Opening the file replays it. Trials of
-- processes that have ended are given out again first, with the same number and parameters, so a search that was killed goes on
-- as if it had not been: suggestions depend on the seed, the number of the trial and the events before it, on nothing else.
-- Several processes may open one log: each event is written under a lock. Without `log` the study lives in memory.

local check = require "scion.check"
local class = require "scion.class"
local journal = require "scion.journal"
local json = require "scion.json"
local rng = require "scion.data.rng"
local spaces = require "scion.hpo.space"

local VERSION <const> = 1

local Trial = class.class("Trial")
local Study = class.class("Study")
local M = { Study = Study, Trial = Trial }

local DIRECTIONS <const> = { "minimize", "maximize" }
local OPTS <const> = {
  space = check.table(), domain = check.table(),   -- the list of parameters, under either name
  log = check.string {},                           -- file; default: none
  direction = check.either({ check.choice(DIRECTIONS), check.list { of = check.choice(DIRECTIONS), min_length = 1 } }),
  sampler = check.either({ check.string(), check.table() }, { default = "gp" }),
  pruner = check.either { check.string(), check.table() },
  seed = check.integer { default = 0 },
  warm_start = check.table(),                      -- studies (or one) whose trials the sampler may learn from
  retries = check.integer { default = 2, min = 0 }, -- how often a trial is given out again after its process was killed
}

-- ---- trials ------------------------------------------------------------------------------------------------------

Trial.__tostring = function(self)
  local value = self.value and (" = %.6g"):format(self.value) or self.values and " = " .. table.concat(self.values, ", ") or ""
  return ("trial %d, %s%s: %s"):format(self.id, self.state, value, tostring(self.params))
end

--- Tells the study an intermediate value at a step (an epoch, a number of examples); larger steps later.
function Trial:report(step, value)
  check.arg("report", "step", step, check.number { required = true, min = 0 })
  check.arg("report", "value", value, check.test("a number", function(v) return type(v) == "number" end, { required = true }))
  if self.state ~= "running" then error(("report: trial %d is %s"):format(self.id, self.state), 2) end
  self.study:_write { event = "reported", trial = self.id, step = step, value = self.study._number(value) }
  if self.on_report then self.on_report(self, step, value) end -- successive halving pauses here
end

--- Should training stop, by the study's pruner? A trial that stops is told with study:prune(trial), or by returning
--- from the objective of optimize.
function Trial:should_stop()
  if self.stop then return true end
  local pruner = self.study.pruner
  if not pruner or #self.reports == 0 then return false end
  if self.study.journal then self.study.journal:sync() end
  self.stop = pruner:should_stop(self.study, self) or false
  return self.stop
end

-- ---- opening ------------------------------------------------------------------------------------------------------

-- Infinity and NaN have no JSON: they travel as texts.
function Study._number(v)
  if v ~= v then return "nan" end
  if v == math.huge then return "inf" elseif v == -math.huge then return "-inf" end
  return v
end
local function read_number(v)
  if v == "nan" then return 0 / 0 elseif v == "inf" then return math.huge elseif v == "-inf" then return -math.huge end
  return v
end

--- opts: space (or domain), log, direction ("minimize", "maximize", or a list of them for several objectives), sampler ("gp",
--- "tpe", "random", "sobol", "grid", "cma_es", or a sampler of scion.hpo with options), pruner ("median", "asha",
--- "hyperband", or one with options), seed, warm_start, retries.
function Study:init(opts)
  local o = check.opts("hpo.study", opts, OPTS, 4)
  if o.space and o.domain then error("hpo.study: give 'space' or 'domain', they are one thing", 3) end
  if not (o.space or o.domain) then error("hpo.study: option 'space' is required", 3) end
  self.space = spaces.new(o.space or o.domain, "hpo.study", 3)
  self.directions = type(o.direction) == "table" and o.direction or { o.direction or "minimize" }
  self.direction = #self.directions == 1 and self.directions[1] or nil
  self.seed, self.retries = o.seed, o.retries
  self.trials, self.keys, self.queue = {}, {}, {}
  self.n_finished, self.last_worker = 0, 0
  self.owned = {}
  local samplers, pruners = require "scion.hpo.samplers", require "scion.hpo.pruners"
  self.sampler = samplers.make(o.sampler, self, 4)
  self.pruner = o.pruner and pruners.make(o.pruner, 4) or nil
  self.earlier = {}
  if o.warm_start then
    for _, study in ipairs(class.is_a(o.warm_start, Study) and { o.warm_start } or o.warm_start) do
      self:_learn_from(study)
    end
  end
  if not o.log then return end
  local header = { event = "study", version = VERSION, directions = json.array(self.directions), space = self.space:describe(), seed = self.seed,
    sampler = self.sampler.name }
  self.expected, self.log_path = header, o.log
  self.journal = journal.open(o.log, function(event) self:_apply(event) end)
  self.journal:transaction(function()
    if not self.opened then self.journal:append(header) end
  end)
end

Study.__tostring = function(self)
  local best = #self.directions == 1 and self:best_trial()
  return ("study: %d trials, %d finished%s"):format(#self.trials, self.n_finished, best and ", best " .. tostring(best) or "")
end

-- Trials of another study that fit this space; the rest is left out.
function Study:_learn_from(study)
  if not class.is_a(study, Study) then error("hpo.study: warm_start must be studies, got " .. check.describe(study), 4) end
  for _, trial in ipairs(study.trials) do
    if trial.state == "complete" and trial.value then
      local ok, params = pcall(self.space.validate, self.space, "warm_start", trial.params)
      if ok then
        local sign = study.direction == self.direction and 1 or -1
        self.earlier[#self.earlier + 1] = { params = params, value = sign * trial.value, study = study }
      end
    end
  end
end

-- ---- events ---------------------------------------------------------------------------------------------------------

local HANDLERS = {}

function HANDLERS.study(self, e)
  if e.version ~= VERSION then error(("hpo.study: the log is of version %s, this program reads %d"):format(tostring(e.version), VERSION), 0) end
  local mine = self.expected
  for _, name in ipairs { "space", "directions" } do
    if json.encode(e[name]) ~= json.encode(mine[name]) then
      local what = name == "directions" and "direction" or name
      error(("hpo.study: %s was begun with another %s:\n  there %s\n  here  %s"):format(self.log_path, what,
        json.encode(e[name]), json.encode(mine[name])), 0)
    end
  end
  self.seed = e.seed
  self.opened = true
end

function HANDLERS.queued(self, e) self.queue[#self.queue + 1] = self.space:params(e.params) end

function HANDLERS.asked(self, e)
  local trial = Trial()
  trial.id, trial.study, trial.state, trial.reports, trial.attempts = e.trial, self, "running", {}, 1
  trial.params, trial.worker, trial.model, trial.bracket = self.space:params(e.params), e.worker, e.model, e.bracket
  for _, p in ipairs(self.space) do -- 1.0 of JSON and 1 are one value
    local value = trial.params[p.name]
    if p.type == "continuous" and value then trial.params[p.name] = value + 0.0 end
  end
  if e.queued then self.queue_used = (self.queue_used or 0) + 1 end
  self.trials[trial.id] = trial
  self.keys[self.space:key(trial.params)] = trial
  self.last_worker = math.max(self.last_worker, e.worker)
end

function HANDLERS.resumed(self, e)
  local trial = self.trials[e.trial]
  trial.worker, trial.reports, trial.stop, trial.released = e.worker, {}, nil, nil
  trial.attempts = trial.attempts + 1
  self.last_worker = math.max(self.last_worker, e.worker)
end

function HANDLERS.released(self, e)
  local trial = self.trials[e.trial]
  trial.released = true
  trial.attempts = trial.attempts - 1
end

function HANDLERS.reported(self, e)
  local trial = self.trials[e.trial]
  trial.reports[#trial.reports + 1] = { step = e.step, value = read_number(e.value) }
end

local function finish(self, trial, state)
  if trial.state == "running" then self.n_finished = self.n_finished + 1 end
  trial.state = state
end
function HANDLERS.told(self, e)
  local trial = self.trials[e.trial]
  trial.values = e.values
  trial.value = #e.values == 1 and e.values[1] or nil
  finish(self, trial, e.pruned and "pruned" or "complete")
end
function HANDLERS.failed(self, e)
  local trial = self.trials[e.trial]
  trial.reason = e.reason
  finish(self, trial, "failed")
end

function Study:_apply(event)
  local handler = HANDLERS[event.event]
  if not handler then error(("hpo.study: unknown event '%s' in the log"):format(tostring(event.event)), 0) end
  if event.trial and event.event ~= "asked" and not self.trials[event.trial] then
    error(("hpo.study: the log names trial %s before it was asked"):format(tostring(event.trial)), 0)
  end
  handler(self, event)
end

function Study:_write(event)
  if not self.journal then return self:_apply(event) end
  self.journal:transaction(function() self.journal:append(event) end)
end

local function locked(self, fn, ...)
  if self.journal then return self.journal:transaction(fn, ...) end
  return fn(...)
end

-- ---- asking ------------------------------------------------------------------------------------------------------------

-- This process's number: held by a lock on the file, so that others see when it has ended.
function Study:_worker()
  if self.worker then return self.worker end
  local id = self.last_worker + 1
  while self.journal and not self.journal.file:claim(id) do id = id + 1 end
  self.worker = id
  return id
end

function Study:_orphan()
  for _, trial in ipairs(self.trials) do
    if trial.state == "running" then
      if trial.released then return trial end
      if self.journal and trial.worker ~= self.worker and not self.journal.file:claimed(trial.worker) then return trial end
    end
  end
end

--- Gives up a trial that was interrupted: the next ask, here or in another process, gives it out again. It costs no retry.
function Study:release(trial)
  trial = self:_trial("release", trial)
  self:_write { event = "released", trial = trial.id }
end

--- Puts a point in front: the next ask gives it.
function Study:enqueue(params)
  params = self.space:validate("enqueue", params, 2)
  local plain = {}
  for name, value in pairs(params) do plain[name] = value end
  self:_write { event = "queued", params = plain }
  return self
end

--- The next trial to run, with trial.params; or nil and a reason when every point of a finite space has been tried.
---@return table? trial
---@return string? reason
function Study:ask() return self:_ask() end

-- With a limit: no fresh trial when the study has so many, those that other processes run included.
function Study:_ask(limit)
  return locked(self, function()
    local worker = self:_worker()
    while true do
      local orphan = self:_orphan()
      if not orphan then break end
      if orphan.attempts <= self.retries then
        self:_write { event = "resumed", trial = orphan.id, worker = worker }
        return orphan
      end
      self:_write { event = "failed", trial = orphan.id, reason = ("its process ended %d times"):format(orphan.attempts) }
    end
    local id = #self.trials + 1
    if limit and id > limit then return nil, "all trials done" end
    local queued = self.queue[(self.queue_used or 0) + 1]
    local params, model = queued, nil
    if not params then
      local reason
      params, model = self:_suggest(id)
      if not params then
        reason = model
        return nil, reason
      end
    end
    local plain = {}
    for name, value in pairs(params) do plain[name] = value end
    self:_write { event = "asked", trial = id, params = plain, worker = worker, model = model, queued = queued and true or nil,
      bracket = self.pruner and self.pruner.bracket and self.pruner:bracket(id, self.seed) or nil }
    return self.trials[id]
  end)
end

-- A fresh point: the sampler's, unless it has been tried; then others of its own, then any that has not.
function Study:_suggest(id)
  local n_points = self.space:count()
  local n_tried = 0
  if n_points < math.huge then
    for _ in pairs(self.keys) do n_tried = n_tried + 1 end
    if n_tried >= n_points then return nil, ("exhausted: all %d points of the space have been tried"):format(n_points) end
  end
  local random = rng.new(self.seed, id, 0x5ca1e)
  local params, model = self.sampler:suggest(self, id, random)
  if not params then return nil, model end
  if not self.keys[self.space:key(params)] then return params, model end
  for _ = 1, 64 do
    params = self.space:sample(random)
    if not self.keys[self.space:key(params)] then return params, model end
  end
  if n_points == math.huge then return params, model end -- a continuous space does not repeat by chance
  local rest = random:integer(n_points - n_tried)
  for point in self.space:points() do
    if not self.keys[self.space:key(point)] then
      rest = rest - 1
      if rest == 0 then return point, model end
    end
  end
end

--- Several trials at once, for parallel workers; each takes the others, still running, into account.
---@return table[] trials  fewer than n when the space is exhausted
function Study:ask_batch(n)
  check.arg("ask_batch", "n", n, check.integer { required = true, min = 1 })
  local trials = {}
  for i = 1, n do
    trials[i] = self:ask()
    if not trials[i] then break end
  end
  return trials
end

-- ---- telling --------------------------------------------------------------------------------------------------------------

function Study:_trial(where, trial)
  local given = trial
  if math.type(trial) == "integer" then trial = self.trials[trial] end
  if not class.is_a(trial, Trial) or trial.study ~= self then
    error(("%s: expected a trial of this study (or its number), got %s"):format(where, check.describe(given)), 3)
  end
  if trial.state ~= "running" then error(("%s: trial %d is already %s"):format(where, trial.id, trial.state), 3) end
  return trial
end

--- The value of a trial: a number, or a list of them for several objectives. NaN and infinities make it a failed trial.
---@return boolean complete
function Study:tell(trial, value)
  trial = self:_trial("tell", trial)
  local values = type(value) == "table" and value or { value }
  if #values ~= #self.directions then
    error(("tell: the study has %d objective%s, got %s"):format(#self.directions, #self.directions == 1 and "" or "s", check.describe(value)), 2)
  end
  for _, v in ipairs(values) do
    if type(v) ~= "number" then error("tell: the value must be a number, got " .. check.describe(v), 2) end
    if v ~= v or math.abs(v) == math.huge then
      self:_write { event = "failed", trial = trial.id, reason = "the objective is " .. Study._number(v) }
      return false
    end
  end
  self:_write { event = "told", trial = trial.id, values = json.array(table.move(values, 1, #values, 1, {})) }
  return true
end

--- Records that a trial cannot be evaluated. It is never repeated; samplers take it for a bad place.
function Study:fail(trial, reason)
  trial = self:_trial("fail", trial)
  self:_write { event = "failed", trial = trial.id, reason = tostring(reason or "no reason given") }
end

--- Records that a trial was stopped early; its last report is its value.
function Study:prune(trial)
  trial = self:_trial("prune", trial)
  local last = trial.reports[#trial.reports]
  if not last or last.value ~= last.value or math.abs(last.value) == math.huge then
    return self:fail(trial, "stopped before it reported a finite value")
  end
  self:_write { event = "told", trial = trial.id, values = json.array { last.value }, pruned = true }
end

-- ---- reading ----------------------------------------------------------------------------------------------------------------

--- Sign that makes values something to minimise.
function Study:sign(objective) return self.directions[objective or 1] == "maximize" and -1 or 1 end

--- The complete trial with the best value; nil when there is none.
function Study:best_trial()
  if #self.directions > 1 then error("best_trial: the study has several objectives; see study:pareto()", 2) end
  local best
  for _, trial in ipairs(self.trials) do
    if trial.state == "complete" and (not best or self:sign() * trial.value < self:sign() * best.value) then best = trial end
  end
  return best
end

--- Complete trials that no other beats in every objective.
function Study:pareto()
  local front = {}
  for _, a in ipairs(self.trials) do
    local beaten = a.state ~= "complete"
    for _, b in ipairs(beaten and {} or self.trials) do
      if b.state == "complete" and b ~= a then
        local no_worse, better = true, false
        for k = 1, #self.directions do
          local x, y = self:sign(k) * b.values[k], self:sign(k) * a.values[k]
          no_worse, better = no_worse and x <= y, better or x < y
        end
        if no_worse and (better or b.id < a.id) then
          beaten = true
          break
        end
      end
    end
    if not beaten then front[#front + 1] = a end
  end
  return front
end

--- Runs trials; see scion.hpo.optimize.
function Study:optimize(f, opts) return require("scion.hpo.optimize").optimize(self, f, opts) end

--- A text for the terminal: counts, the best trials, failures.
function Study:summary() return require("scion.hpo.optimize").summary(self) end

local function plot(self, name, out) return require("scion.plot.study")[name](self, { out = out }) end

--- Values of the trials in their order and the best so far. The drawings are SVG, written to `out` where it is given.
---@param out? string
function Study:plot_history(out) return plot(self, "history", out) end
--- Distance between consecutive points, and the best value so far.
---@param out? string
function Study:plot_convergence(out) return plot(self, "convergence", out) end
--- Mean and uncertainty of the surrogate and the acquisition, for one or two parameters.
---@param out? string
function Study:plot_acquisition(out) return plot(self, "acquisition", out) end
--- Every trial as a line over one axis per parameter.
---@param out? string
function Study:plot_parallel(out) return plot(self, "parallel", out) end
--- Value against each parameter, a panel each.
---@param out? string
function Study:plot_slices(out) return plot(self, "slices", out) end
--- The share of the variance that each parameter explains; see scion.hpo.importance.
---@param out? string
function Study:plot_importance(out) return plot(self, "importance", out) end
--- All trials of a study of two objectives, and those that none beats in both.
---@param out? string
function Study:plot_pareto(out) return plot(self, "pareto", out) end

--- One self-contained HTML page: summary, plots, table of trials. Written to `out`; its text is returned.
function Study:report(out) return require("scion.hpo.report").html(self, { out = out }) end

--- Reads what other processes have written.
function Study:sync()
  if self.journal then self.journal:sync() end
  return self
end

--- Closes the log; the study stays readable, what is told afterwards is in memory alone.
function Study:close()
  if self.journal then self.journal:close() end
  self.journal = nil
end

return M
