-- Few-shot sinusoid regression (Finn et al. 2017): squared error after 0, 1, 5 and 10 steps on held-out tasks, measured on 100 points of each curve.
-- Methods: maml, fomaml, reptile, metasgd, anil, or all.
--
--   scion scripts/sinusoid.lua --method maml --seeds 5 --iterations 15000
--   mpirun -n 2 scion scripts/sinusoid.lua --method maml --seeds 1             tasks shared between two processes

local scion = require "scion"
local nn, meta = scion.nn, scion.meta
local print = scion.mpi.rank() == 0 and print or function() end -- mpirun -n N: one rank tells

local args = scion.cli.parse {
  name = "sinusoid", about = "Learns to learn sinusoids from a few points.",
  options = { { "method", "NAME", "what to run", choices = { "maml", "fomaml", "reptile", "metasgd", "anil", "all" }, default = "maml" },
    { "seeds", "N", "repetitions", default = 5, min = 1 }, { "iterations", "N", "meta-steps", default = 15000, min = 1 },
    { "shots", "K", "support points of a task", default = 10, min = 1 }, { "tasks", "N", "held-out tasks measured", default = 1000, min = 1 },
    { "meta_batch", "N", "tasks of a meta-step", default = 25, min = 1 }, { "inner_steps", "N", "inner steps in training (not reptile)", default = 1, min = 1 },
    { "log", "FILE", "JSON lines of the first seed" } },
}
if scion.mpi.rank() > 0 then args.out = nil end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
if args.quick then args.seeds, args.iterations, args.tasks = 1, 60, 20 end

local function net()
  return nn.Sequential { nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1) }
end

local METHODS <const> = {
  maml = function(model) return meta.MAML { model = model, lr = 0.01, inner_steps = args.inner_steps } end,
  fomaml = function(model) return meta.FOMAML { model = model, lr = 0.01, inner_steps = args.inner_steps } end,
  metasgd = function(model) return meta.MetaSGD { model = model, lr = 0.01, inner_steps = args.inner_steps } end,
  anil = function(model) return meta.ANIL { model = model, lr = 0.01, inner_steps = args.inner_steps } end,
  -- 10 steps of SGD on all points, meta step size 1 falling to 0
  reptile = function(model) return meta.Reptile { model = model, lr = 0.01, inner_steps = 10, meta_lr = 1 } end,
}

local function mean_sd(list)
  local sum, square = 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / #list
  for _, v in ipairs(list) do square = square + (v - mean) ^ 2 end
  return mean, #list > 1 and math.sqrt(square / (#list - 1)) or 0
end

local STEPS <const> = { 0, 1, 5, 10 }
local held_out = meta.tasks.sinusoid { shots = args.shots, grid = 100, seed = 1000 }
local methods = args.method == "all" and { "maml", "fomaml", "metasgd", "reptile", "anil" } or { args.method }
print(("%d-shot, %d iterations of %d tasks, %d seeds; mean squared error over %d tasks"):format(args.shots, args.iterations, args.meta_batch, args.seeds, args.tasks))
local series = {}
for _, name in ipairs(methods) do
  local errors, milliseconds = {}, {}
  for _, steps in ipairs(STEPS) do errors[steps] = {} end
  for k = 1, args.seeds do
    local seed = args.seed + k - 1
    scion.seed(seed)
    local algorithm = METHODS[name](net())
    local train = meta.tasks.sinusoid { shots = args.shots, queries = args.shots, seed = seed }
    local begun = scion.clock()
    algorithm:fit(train, { meta_steps = args.iterations, meta_batch_size = args.meta_batch, label = ("%s seed %d"):format(name, seed), log = k == 1 and args.log or nil,
      meta_lr_schedule = name == "reptile" and function(t) return 1 - t end or nil })
    if scion.progress.interruptions() > 0 then os.exit(130) end -- Ctrl-C
    milliseconds[k] = (scion.clock() - begun) / args.iterations * 1000
    for _, steps in ipairs(STEPS) do
      local ok, result = pcall(algorithm.evaluate, algorithm, held_out, { n = args.tasks, steps = steps })
      errors[steps][k] = ok and result.loss or 0 / 0 -- learned rates may diverge for other numbers of steps than they were trained with
    end
  end
  local parts, line, json = {}, { label = name, x = {}, y = {} }, { script = "sinusoid", method = name, seeds = args.seeds, iterations = args.iterations, shots = args.shots }
  for i, steps in ipairs(STEPS) do
    local mean, sd = mean_sd(errors[steps])
    parts[i] = mean == mean and ("%d: %.3f +- %.3f"):format(steps, mean, sd) or ("%d: diverges"):format(steps)
    json["steps_" .. steps] = mean == mean and mean or "diverges"
    if mean == mean then line.x[#line.x + 1], line.y[#line.y + 1] = steps, mean end
  end
  series[#series + 1] = line
  json.ms = mean_sd(milliseconds)
  print(("%-8s  steps %s   %.2f ms an iteration"):format(name, table.concat(parts, "   "), json.ms))
  print(scion.json.encode(json))
end
if args.out then
  scion.plot.lines { series = series, x_label = "steps on a new task", y_label = "mean squared error", out = args.out .. "/sinusoid.svg",
    title = ("%d-shot sinusoids"):format(args.shots) }
end
