-- Simple regret of the searches of scion.hpo, beside random search, on functions with known minima; medians over seeds. With
-- --peers PYTHON, Optuna, scikit-optimize and GPyOpt run the same functions where that Python has them (hpo_peers.py); several
-- interpreters may be named, GPyOpt needs an older NumPy than the others.
--
--   scion scripts/bench/hpo.lua --seeds 20 --functions branin,hartmann6 --methods gp,tpe,random
--
-- Every seed has its own start; Ackley's optimum lies off the centre, elsewhere for each seed. Time per suggestion is processor
-- time of ask alone, refits included, mean over the run.

local scion = require "scion"

local HARTMANN <const> = { alpha = { 1.0, 1.2, 3.0, 3.2 } }
HARTMANN[3] = { a = { { 3, 10, 30 }, { 0.1, 10, 35 }, { 3, 10, 30 }, { 0.1, 10, 35 } },
  p = { { 3689, 1170, 2673 }, { 4699, 4387, 7470 }, { 1091, 8732, 5547 }, { 381, 5743, 8828 } } }
HARTMANN[6] = { a = { { 10, 3, 17, 3.5, 1.7, 8 }, { 0.05, 10, 17, 0.1, 8, 14 }, { 3, 3.5, 1.7, 10, 17, 8 }, { 17, 8, 0.05, 10, 0.1, 14 } },
  p = { { 1312, 1696, 5569, 124, 8283, 5886 }, { 2329, 4135, 8307, 3736, 1004, 9991 }, { 2348, 1451, 3522, 2883, 3047, 6650 },
    { 4047, 8828, 8732, 5743, 1091, 381 } } }

local function branin(x, y)
  return (y - 5.1 / (4 * math.pi ^ 2) * x ^ 2 + 5 / math.pi * x - 6) ^ 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10
end
local function hartmann(d, x)
  local sum = 0
  for i = 1, 4 do
    local inner = 0
    for k = 1, d do inner = inner + HARTMANN[d].a[i][k] * (x[k] - 1e-4 * HARTMANN[d].p[i][k]) ^ 2 end
    sum = sum - HARTMANN.alpha[i] * math.exp(-inner)
  end
  return sum
end
local function ackley(x)
  local squares, cosines = 0, 0
  for _, v in ipairs(x) do squares, cosines = squares + v * v, cosines + math.cos(2 * math.pi * v) end
  return -20 * math.exp(-0.2 * math.sqrt(squares / #x)) - math.exp(cosines / #x) + 20 + math.exp(1)
end
local function rosenbrock(x)
  local sum = 0
  for i = 1, #x - 1 do sum = sum + 100 * (x[i + 1] - x[i] ^ 2) ^ 2 + (1 - x[i]) ^ 2 end
  return sum
end

-- Where the optimum of a shifted function lies: in the middle half of the box, off the centre, by a fixed recipe that
-- hpo_peers.py repeats: frac(seed * golden ratio + k * sqrt 2).
local function shift(seed, k, half)
  local u = (seed * 0.6180339887498949 + k * 1.4142135623730951) % 1
  return (u < 0.5 and -1 or 1) * (0.1 + 0.4 * ((2 * u) % 1)) * half
end

local function box(d, low, high)
  local space = {}
  for k = 1, d do space[k] = { name = "x" .. k, type = "continuous", domain = { low, high } } end
  return space
end
local function vector(p, d)
  local x = {}
  for k = 1, d do x[k] = p["x" .. k] end
  return x
end

local mixed = box(3, 0, 1)
for k = 1, 10 do mixed[#mixed + 1] = { name = "b" .. k, type = "categorical", domain = { 0, 1 } } end
local branches = { { name = "branch", type = "categorical", domain = { "branin", "hartmann3" } },
  { name = "u", type = "continuous", domain = { -5, 10 }, when = { branch = "branin" } },
  { name = "v", type = "continuous", domain = { 0, 15 }, when = { branch = "branin" } } }
for k = 1, 3 do branches[#branches + 1] = { name = "x" .. k, type = "continuous", domain = { 0, 1 }, when = { branch = "hartmann3" } } end

local FUNCTIONS <const> = {
  branin = { space = { { name = "x1", domain = { -5, 10 } }, { name = "x2", domain = { 0, 15 } } }, n = 50, best = 0.39788735772973816,
    f = function(p) return branin(p.x1, p.x2) end },
  camel = { space = { { name = "x1", domain = { -3, 3 } }, { name = "x2", domain = { -2, 2 } } }, n = 50, best = -1.031628453489877,
    f = function(p) local x, y = p.x1, p.x2 return (4 - 2.1 * x ^ 2 + x ^ 4 / 3) * x ^ 2 + x * y + (-4 + 4 * y ^ 2) * y ^ 2 end },
  hartmann3 = { space = box(3, 0, 1), n = 50, best = -3.86278214782076, f = function(p) return hartmann(3, vector(p, 3)) end },
  hartmann6 = { space = box(6, 0, 1), n = 100, best = -3.32236801141551, f = function(p) return hartmann(6, vector(p, 6)) end },
  ackley5 = { space = box(5, -5, 5), n = 75, best = 0, f = function(p, seed)
    local x = vector(p, 5)
    for k = 1, 5 do x[k] = x[k] - shift(seed, k, 5) end
    return ackley(x)
  end },
  rosenbrock4 = { space = box(4, -5, 10), n = 75, best = 0, f = function(p) return rosenbrock(vector(p, 4)) end },
  -- AckleyMixed (BoTorch) with 10 binary parameters: minimum 0 where all are 0.
  ackley_mixed = { space = mixed, n = 60, best = 0, f = function(p)
    local x = vector(p, 3)
    for k = 1, 10 do x[3 + k] = p["b" .. k] end
    return ackley(x)
  end },
  -- Two branches: Branin (minimum 0.4) or Hartmann3 + 3.5 (minimum -0.36).
  branches = { space = branches, n = 60, best = -3.86278214782076 + 3.5, f = function(p)
    if p.branch == "branin" then return branin(p.u, p.v) end
    return hartmann(3, vector(p, 3)) + 3.5
  end },
}
local ORDER <const> = { "branin", "camel", "hartmann3", "hartmann6", "ackley5", "rosenbrock4", "ackley_mixed", "branches" }

local args = scion.cli.parse {
  name = "bench/hpo", about = "Regret and time of hyper-parameter search on functions with known minima.",
  options = { { "seeds", "N", "repetitions", default = 20, min = 1 }, { "first", "N", "the first seed", default = 1, min = 1 },
    { "functions", "LIST", "which of " .. table.concat(ORDER, ","), type = "list" },
    { "methods", "LIST", "samplers", type = "list" }, { "n", "N", "evaluations, in place of each function's own", type = "integer" },
    { "peers", "LIST", "compare with the Python libraries that these interpreters have", type = "list" },
    { "peer-seeds", "N", "repetitions of the peers that take minutes (all but Optuna TPE); default --seeds", type = "integer", min = 1 } },
}
local seeds = args.quick and 2 or args.seeds

local function run(name, method, seed, n)
  local problem = FUNCTIONS[name]
  local study = scion.hpo.study { space = problem.space, sampler = method, seed = seed }
  local best, regrets, spent = math.huge, {}, 0
  for i = 1, n do
    local t = os.clock()
    local trial = study:ask()
    spent = spent + os.clock() - t
    local y = problem.f(trial.params, seed)
    study:tell(trial, y)
    best = math.min(best, y)
    regrets[i] = best - problem.best
  end
  return regrets, spent / n
end

local function quantile(list, q)
  table.sort(list)
  return list[math.max(1, math.min(#list, math.ceil(q * #list)))]
end
local function median(list)
  table.sort(list)
  return (list[(#list + 1) // 2] + list[#list // 2 + 1]) / 2
end

local MARKS <const> = { 20, 30, 40, 50, 75, 100, 150, 200 }
local columns = { "function", "method", "seeds" }
for _, mark in ipairs(MARKS) do columns[#columns + 1] = { title = "n=" .. mark, format = "%.3g" } end
columns[#columns + 1] = { title = "mean", format = "%.3g" }
columns[#columns + 1] = { title = "90 %", format = "%.3g" }
columns[#columns + 1] = { title = "ms/ask", format = "%.2f" }

local rows = {}
local function add(name, method, all, seconds)
  local n = #all[1]
  local row, last = { name, method, #all }, {}
  for m, mark in ipairs(MARKS) do
    local at = {}
    for _, regrets in ipairs(all) do at[#at + 1] = regrets[mark] end
    row[3 + m] = mark <= n and median(at) or ""
  end
  local sum = 0
  for k, regrets in ipairs(all) do last[k], sum = regrets[n], sum + regrets[n] end
  row[#MARKS + 4], row[#MARKS + 5], row[#MARKS + 6] = sum / #all, quantile(last, 0.9), seconds and 1000 * seconds or ""
  rows[#rows + 1] = row
  print(scion.json.encode { ["function"] = name, method = method, seeds = #all, n = n, median = median(last),
    mean = sum / #all, ms_per_ask = seconds and 1000 * seconds or nil })
end

for _, name in ipairs(args.functions or ORDER) do
  local n = args.quick and 20 or args.n or FUNCTIONS[name].n
  for _, method in ipairs(args.methods or { "gp", "tpe", "cma_es", "random" }) do
    local all, seconds = {}, 0
    for seed = args.first, args.first + seeds - 1 do
      local regrets, each = run(name, method, seed, n)
      all[#all + 1], seconds = regrets, seconds + each / seeds
    end
    add(name, method, all, seconds)
  end
  for _, python in ipairs(args.peers or {}) do
    local here = arg[0]:match("^(.*)/[^/]*$") or "."
    local pipe = assert(io.popen(("'%s' -W ignore '%s/hpo_peers.py' %s %d %d %d %d"):format(python, here, name, seeds, n, args.first,
      math.min(seeds, args.peer_seeds or seeds))))
    for line in pipe:lines() do -- one JSON object a method: { method, regrets = [[...]], seconds }
      local result = scion.json.decode(line)
      add(name, result.method, result.regrets, result.seconds)
    end
    pipe:close()
  end
  rows[#rows + 1] = "-"
end
print(scion.show.table(columns, rows, { title = "Simple regret: median over the seeds; mean and 90 % quantile at the end" }))
