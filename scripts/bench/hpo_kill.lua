-- A study killed again and again: workers that search Branin's function with a common log are ended by SIGKILL at random moments
-- and begun again until the trials are done. Then the log is read: no trial may be lost or repeated, every value must be that of its
-- point, and one worker alone must have made the very trials of a search that nobody disturbed.
--
--   scion scripts/bench/hpo_kill.lua --trials 100
--
-- First one process at a time, then --processes of them at once. Needs a shell and timeout (coreutils).

local scion = require "scion"

local args = scion.cli.parse {
  name = "bench/hpo_kill", about = "Kills a search at random moments, resumes it, and counts its trials.",
  options = { { "trials", "N", "of the study", default = 100, min = 1 }, { "processes", "N", "that share the study in the second part", default = 3, min = 2 },
    { "sampler", "NAME", "of the study", default = "gp" }, { "worker", "LOG", "(used by the script itself: search with this log)" } },
}
local n_trials = args.quick and 12 or args.trials

local space = { { name = "x1", domain = { -5, 10 } }, { name = "x2", domain = { 0, 15 } } }
local function branin(p)
  return (p.x2 - 5.1 / (4 * math.pi ^ 2) * p.x1 ^ 2 + 5 / math.pi * p.x1 - 6) ^ 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(p.x1) + 10
end
local function open(log) return scion.hpo.study { log = log, space = space, sampler = args.sampler, seed = args.seed, retries = 1000000 } end

if args.worker then
  open(args.worker):optimize(function(p, trial)
    local y = branin(p)
    for step = 1, 3 do -- a training loop of a few milliseconds
      local sum = 0
      for i = 1, 100000 do sum = sum + i % 7 end
      trial:report(step, y + 1 / step)
    end
    return y
  end, { max_trials = n_trials, progress = false })
  return
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
local program = arg[-1] or "scion"
local directory = os.tmpname()
os.remove(directory)
assert(os.execute("mkdir " .. quote(directory)))
local function command(log)
  return ("%s %s --worker %s --trials %d --seed %d --sampler %s%s"):format(quote(program), quote(arg[0]), quote(log), n_trials, args.seed, args.sampler,
    args.quick and " --quick" or "")
end
local function finished(log)
  local study = open(log)
  study:close()
  return study.n_finished, study
end

-- The undisturbed search, which also tells how long one takes.
local clock = scion.progress.now
local begun = clock()
assert(os.execute(command(directory .. "/calm")))
local seconds = clock() - begun
local _, calm = finished(directory .. "/calm")

local random = scion.data.rng.new(args.seed, 0xdead)
local rows, failed = {}, false
for _, processes in ipairs { 1, args.processes } do
  local log = ("%s/killed%d"):format(directory, processes)
  local kills, study = 0, nil
  for round = 1, 10000 do
    local lines = {}
    for w = 1, processes do -- between a moment after the start and a tenth of the whole search; longer while nothing gets done
      local life = (0.01 + 0.1 * random:uniform()) * seconds * (1 + round / 50)
      lines[w] = ("{ timeout -s KILL %.3f %s; echo $? >> %s; } &"):format(life, command(log), quote(log .. ".status"))
    end
    lines[#lines + 1] = "wait"
    os.execute(("exec 2>/dev/null\n%s"):format(table.concat(lines, "\n")))
    local n
    n, study = finished(log)
    if n >= n_trials and #study.trials == n then break end
  end
  for status in io.lines(log .. ".status") do
    if status == "137" then kills = kills + 1 end
  end
  local lost, repeated, wrong, as_calm, resumed, keys = 0, 0, 0, 0, 0, {}
  for i = 1, n_trials do
    local trial = study.trials[i]
    if not trial or trial.state ~= "complete" then
      lost = lost + 1
    else
      local key = tostring(trial.params.x1) .. " " .. tostring(trial.params.x2)
      repeated = repeated + (keys[key] and 1 or 0)
      keys[key] = true
      wrong = wrong + (trial.value ~= branin(trial.params) and 1 or 0)
      resumed = resumed + (trial.attempts > 1 and 1 or 0)
      as_calm = as_calm + (scion.json.encode(trial.params) == scion.json.encode(calm.trials[i].params) and 1 or 0)
    end
  end
  local told = {} -- by the text of the log itself: each trial is asked and told once
  for line in io.lines(log) do
    local event = scion.json.decode(line)
    if event.event == "asked" or event.event == "told" then
      local key = event.event .. event.trial
      if told[key] then repeated = repeated + 1 end
      told[key] = true
    end
  end
  local extra = #study.trials - n_trials
  failed = failed or lost + repeated + wrong + extra > 0 or processes == 1 and as_calm < n_trials
  rows[#rows + 1] = { processes, kills, #study.trials, resumed, lost, repeated, wrong, processes == 1 and as_calm or "", study:best_trial().value }
end
os.execute("rm -rf " .. quote(directory))
print(scion.show.table({ "processes", "kills", "trials", "cut short and run again", "lost", "repeated", "wrong value",
  "as if undisturbed", { title = "best", format = "%.6f" } },
  rows, { title = ("%d trials, sampler %s, seed %d"):format(n_trials, args.sampler, args.seed) }))
if failed then error("hpo_kill: trials were lost, repeated or changed", 0) end
