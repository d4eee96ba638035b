-- Successive halving and Hyperband with rungs that wait for each other (Jamieson and Talwalkar 2016; Li et al. 2018): n trials
-- run to a first budget, the best 1/factor of them go on to factor times that, and so on. Trials that wait are coroutines, paused
-- inside trial:report, so an objective is an ordinary training loop:
--
--   scion.hpo.successive_halving(study, function(params, trial)
--     for epoch = 1, 27 do ...; trial:report(epoch, accuracy); if trial:should_stop() then return end end
--     return accuracy
--   end, { n_trials = 27, min_resource = 1, max_resource = 27, factor = 3 })
--
-- Suggestions come from the study's sampler, whichever it is. The asynchronous variants are pruners (pruners.lua).

local check = require "scion.check"
local class = require "scion.class"
local optimize = require "scion.hpo.optimize"
local progress = require "scion.progress"

local M = {}

local OPTS <const> = {
  n_trials = check.integer { min = 1 },                    -- that begin; default factor ^ rungs, one survivor
  min_resource = check.number { default = 1, above = 0 },  -- first rung, in the steps that trials report
  max_resource = check.number { required = true, above = 0 },
  factor = check.integer { default = 3, min = 2 },
  progress = true,
}

-- Runs a trial until it has reported at step `rung` or ends. Returns "paused", "ended", or "interrupted".
local function advance(study, task, rung)
  task.rung = rung
  local trial = task.trial
  local caught = progress.interruptions()
  local ok, value = coroutine.resume(task.thread, trial.params, trial)
  if not ok and progress.is_interrupt(value) or progress.interruptions() > caught then return "interrupted" end
  if ok and coroutine.status(task.thread) ~= "dead" then return "paused" end
  if not ok then
    if trial.state == "running" then study:fail(trial, optimize.reason(value)) end
  else
    local bug = optimize.record(study, trial, value)
    if bug then error("successive_halving: " .. bug, 0) end
  end
  return "ended"
end

local function latest(study, task)
  local last = task.trial.reports[#task.trial.reports]
  local v = last and study:sign() * last.value
  return v and v == v and v or math.huge
end

-- One bracket; returns false when interrupted.
local function bracket(study, f, n, first, o, bar)
  local tasks = {}
  local function interrupted()
    for _, task in ipairs(tasks) do
      if task.trial.state == "running" then study:release(task.trial) end
    end
    study.stopped = "interrupted"
    local scion = require "scion"
    if scion.clear_interrupt then scion.clear_interrupt() end
    return false
  end
  for _ = 1, n do
    local trial, reason = study:ask()
    if not trial then
      study.stopped = reason
      break
    end
    local task = { trial = trial, thread = coroutine.create(f), rung = first }
    trial.on_report = function(_, step)
      if step >= task.rung and task.rung < o.max_resource then coroutine.yield() end
    end
    tasks[#tasks + 1] = task
    if advance(study, task, first) == "interrupted" then return interrupted() end
    bar:step(1)
  end
  local rung, waiting = first, {}
  for _, task in ipairs(tasks) do
    if task.trial.state == "running" then waiting[#waiting + 1] = task end
  end
  while #waiting > 0 do
    table.sort(waiting, function(a, b)
      local x, y = latest(study, a), latest(study, b)
      if x ~= y then return x < y end
      return a.trial.id < b.trial.id
    end)
    rung = rung * o.factor
    local next_waiting = {}
    local keep = math.max(1, #waiting // o.factor)
    for i, task in ipairs(waiting) do
      if i > keep then
        study:prune(task.trial)
        coroutine.close(task.thread)
      else
        local state = advance(study, task, rung)
        if state == "interrupted" then return interrupted() end
        if state == "paused" then next_waiting[#next_waiting + 1] = task end
      end
    end
    waiting = next_waiting
  end
  return true
end

local function check_study(where, study, f)
  local Study = require("scion.hpo.study").Study
  if not class.is_a(study, Study) then
    check.raise("%s: runs a study, %s(study, f, { max_resource = 27 }), got %s in its place; pruners are asha, hyperband and median", where, where,
      check.describe(study))
  end
  check.arg(where, "f", f, check.func { required = true })
end

--- One bracket of successive halving over a study. See the head of this file.
function M.successive_halving(study, f, opts)
  check_study("successive_halving", study, f)
  local o = check.opts("successive_halving", opts, OPTS)
  if o.max_resource < o.min_resource then error("successive_halving: max_resource is below min_resource", 2) end
  local rungs = math.floor(math.log(o.max_resource / o.min_resource) / math.log(o.factor) + 1e-9)
  local n = o.n_trials or math.tointeger(o.factor ^ rungs)
  local bar <close> = progress.new { label = "halving", total = n, unit = "trial", quiet = not o.progress }
  study.stopped = nil
  bracket(study, f, n, o.min_resource, o, bar)
  study.stopped = study.stopped or "all trials done"
  return study
end

--- Hyperband: brackets of successive halving, from many trials with a small first budget to few with the whole one.
--- opts as for successive_halving, without n_trials.
function M.hyperband(study, f, opts)
  check_study("run_hyperband", study, f)
  local o = check.opts("hyperband", opts, OPTS)
  if o.n_trials then error("hyperband: the numbers of trials follow from the budgets; leave n_trials out", 2) end
  if o.max_resource < o.min_resource then error("hyperband: max_resource is below min_resource", 2) end
  local s_max = math.floor(math.log(o.max_resource / o.min_resource) / math.log(o.factor) + 1e-9)
  local sizes, total = {}, 0
  for s = s_max, 0, -1 do
    sizes[#sizes + 1] = { n = math.ceil((s_max + 1) / (s + 1) * o.factor ^ s), first = o.max_resource / o.factor ^ s }
    total = total + sizes[#sizes].n
  end
  local bar <close> = progress.new { label = "hyperband", total = total, unit = "trial", quiet = not o.progress }
  study.stopped = nil
  for _, size in ipairs(sizes) do
    if not bracket(study, f, size.n, size.first, o, bar) or study.stopped then break end
  end
  study.stopped = study.stopped or "all trials done"
  return study
end

return M
