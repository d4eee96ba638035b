-- study:optimize(f, opts): the loop over ask and tell, with a progress bar, failures recorded and Ctrl-C understood.

local check = require "scion.check"
local progress = require "scion.progress"
local show = require "scion.show"

local M = {}

local OPTS <const> = {
  n_trials = check.integer { min = 0 },             -- trials to finish in this call; under mpirun by all ranks together
  max_trials = check.integer { min = 0 },           -- stop when the study has so many, those of other processes included
  timeout = check.number { above = 0 },             -- seconds
  target = check.number {},                         -- stop when the best value is at least this good
  max_failures = check.integer { default = 10, min = 1 }, -- so many failed trials in a row are an error of the objective
  progress = true,
  on_trial = check.func {},                         -- called with each finished trial; returning false stops
}

-- Tells what the objective gave. Returns an error text when it gave something of the wrong kind.
local function record(study, trial, value)
  if trial.state ~= "running" then return end -- the objective told, failed or pruned it itself
  if value == nil then
    if trial.stop then return study:prune(trial) end
    local reason = "the objective returned nothing (expected a number)"
    study:fail(trial, reason)
    return reason
  end
  local kind_ok = type(value) == "number"
  if type(value) == "table" then
    kind_ok = #value == #study.directions
    for _, v in ipairs(value) do kind_ok = kind_ok and type(v) == "number" end
  elseif #study.directions > 1 then
    kind_ok = false
  end
  if not kind_ok then
    local reason = ("the objective must return %s, got %s%s"):format(
      #study.directions == 1 and "a number" or ("a list of %d numbers"):format(#study.directions), check.describe(value),
      require("scion").is_tensor(value) and " (t:item() is the number of a tensor)" or "")
    study:fail(trial, reason)
    return reason
  end
  if trial.stop then study:prune(trial) else study:tell(trial, value) end
end
M.record = record

--- What the log keeps of an error, whatever was raised.
function M.reason(value)
  if type(value) == "table" and getmetatable(value) == nil then value = show.record(value) end
  return tostring(value)
end

--- Runs one trial. Returns true when it was finished, false and the error when it was interrupted, "bug" and a text when the
--- objective does not keep its side.
function M.run_trial(study, trial, f)
  local caught = progress.interruptions()
  local result = table.pack(pcall(f, trial.params, trial))
  local ok, value = result[1], result[2]
  if result.n > 2 and #study.directions > 1 and type(value) == "number" then value = table.move(result, 2, result.n, 1, {}) end
  if not ok and progress.is_interrupt(value) or progress.interruptions() > caught then
    study:release(trial)
    return false, ok and "interrupted!" or value
  end
  if not ok then
    if trial.state == "running" then study:fail(trial, M.reason(value)) end
    return true
  end
  local bug = record(study, trial, value)
  if bug then return "bug", bug end
  return true
end

local function best_text(study)
  if #study.directions > 1 then return { front = #study:pareto() } end
  local best = study:best_trial()
  return best and { best = best.value, trial = best.id } or nil
end

-- Under mpirun the ranks are workers of one study, which they share through its log. Returns how many trials it has at the end.
local function share(study, mpi, o)
  if not study.journal then
    error(("optimize: the %d ranks of mpirun share a study through its file: give scion.hpo.study a log"):format(mpi.size()), 3)
  end
  mpi.barrier() -- all have opened it, none has asked
  study:sync()
  local wanted = o.n_trials and #study.trials + o.n_trials
  for _, trial in ipairs(study.trials) do -- left by processes that were killed: run again, and counted
    if wanted and trial.state == "running" then wanted = wanted - 1 end
  end
  mpi.barrier()
  return wanted and o.max_trials and math.min(wanted, o.max_trials) or wanted or o.max_trials
end

--- Runs trials of f(params, trial), which returns the value (several values, or a list of them, for several objectives), reports intermediate values by
--- trial:report and may return early when trial:should_stop(). Errors, NaN and infinities become failed trials. Stops at
--- n_trials (default 100 when nothing else is given), max_trials, timeout, target, an exhausted space, or Ctrl-C, which leaves the
--- running trial to be run first by the next call, here or in another process. Under `mpirun -n N` the ranks run the trials between
--- them, through the study's log.
---@return table study itself; study.stopped says why it stopped
function M.optimize(study, f, opts)
  local o = check.opts("optimize", opts, OPTS)
  check.arg("optimize", "f", f, check.test("a function", function(v)
    return type(v) == "function" or type(v) == "table" and (getmetatable(v) or {}).__call ~= nil
  end, { required = true }))
  if not (o.n_trials or o.max_trials or o.timeout or o.target) then o.n_trials = 100 end
  if o.target and #study.directions > 1 then error("optimize: option 'target' is for one objective", 2) end
  local mpi = require("scion").mpi
  local ranks = mpi.size()
  if ranks > 1 then o.max_trials, o.n_trials = share(study, mpi, o), nil end
  local begun, done, failures = progress.now(), 0, 0
  local bar <close> = progress.new { label = "search", total = o.n_trials or o.max_trials, unit = "trial", quiet = not o.progress or mpi.rank() > 0 }
  study.stopped = nil
  while true do
    study:sync()
    if o.n_trials and done >= o.n_trials or o.max_trials and study.n_finished >= o.max_trials then
      study.stopped = "all trials done"
    elseif o.timeout and progress.now() - begun >= o.timeout then
      study.stopped = "time is up"
    elseif o.target then
      local best = study:best_trial()
      if best and study:sign() * best.value <= study:sign() * o.target then study.stopped = "target reached" end
    end
    if study.stopped then break end
    local trial, reason = study:_ask(o.max_trials)
    if not trial then
      study.stopped = reason
      break
    end
    local finished, message = M.run_trial(study, trial, f)
    if not finished then
      study.stopped = "interrupted"
      local scion = require "scion"
      if scion.clear_interrupt then scion.clear_interrupt() end
      if o.progress then progress.say("search interrupted in trial %d: the study goes on from there", trial.id) end
      break
    end
    if finished == "bug" then error("optimize: " .. message, 2) end
    done = done + 1
    failures = trial.state == "failed" and failures + 1 or 0
    if failures >= o.max_failures then
      error(("optimize: %d trials in a row failed; the last one: %s"):format(failures, trial.reason), 2)
    end
    bar:step(1, best_text(study))
    if o.on_trial and o.on_trial(trial) == false then
      study.stopped = "on_trial asked to stop"
      break
    end
  end
  if ranks > 1 then -- every rank sees the whole study
    mpi.barrier()
    study:sync()
  end
  return study
end

--- The study in a few lines: counts, the best trials, what the parameters matter.
function M.summary(study)
  local counts = { complete = 0, pruned = 0, failed = 0, running = 0 }
  for _, trial in ipairs(study.trials) do counts[trial.state] = counts[trial.state] + 1 end
  local lines = { ("%d trials: %d complete, %d stopped early, %d failed, %d running; %s, sampler %s"):format(#study.trials, counts.complete,
    counts.pruned, counts.failed, counts.running, table.concat(study.directions, " and "), study.sampler.name) }
  local list = {}
  for _, trial in ipairs(#study.directions > 1 and study:pareto() or study.trials) do
    if trial.state == "complete" then list[#list + 1] = trial end
  end
  table.sort(list, function(a, b)
    local x, y = study:sign() * a.values[1], study:sign() * b.values[1]
    if x ~= y then return x < y end
    return a.id < b.id
  end)
  local columns, rows = { "trial" }, {}
  for k = 1, #study.directions do columns[#columns + 1] = #study.directions == 1 and "value" or "value " .. k end
  for _, p in ipairs(study.space) do columns[#columns + 1] = p.name end
  for i = 1, math.min(#study.directions > 1 and 20 or 5, #list) do
    local trial = list[i]
    rows[i] = { trial.id }
    for _, v in ipairs(trial.values) do table.insert(rows[i], v) end
    for _, p in ipairs(study.space) do
      local value = trial.params[p.name]
      table.insert(rows[i], value == nil and "-" or type(value) == "number" and value or tostring(value))
    end
  end
  if #rows > 0 then
    lines[#lines + 1] = show.table(columns, rows, { title = #study.directions > 1 and "Pareto front:" or "Best:" })
  end
  for _, trial in ipairs(study.trials) do
    if trial.state == "failed" then
      lines[#lines + 1] = ("%d failed, the first: trial %d, %s"):format(counts.failed, trial.id, (trial.reason:gsub("\n.*", "")))
      break
    end
  end
  return table.concat(lines, "\n")
end

return M
