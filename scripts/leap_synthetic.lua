-- Leap on the linear tasks of Xfer's demo: four regressions in the plane, a net of one layer without bias, 10 meta-steps of 7 epochs.
-- Losses in Xfer's units (mean half squared error divided by the batch size). --as_xfer accumulates as Xfer's code did.
--
--   scion scripts/leap_synthetic.lua --seeds 10 --out plots

local scion = require "scion"
local nn, meta = scion.nn, scion.meta
local print = scion.mpi.rank() == 0 and print or function() end -- mpirun -n N: one rank tells

local args = scion.cli.parse {
  name = "leap_synthetic", about = "Leap on four linear regression tasks, as Xfer's demo runs it.",
  options = { { "seeds", "N", "repetitions with other data and weights", default = 10, min = 1 },
    { "meta_steps", "N", "outer updates", default = 10, min = 2 }, { "epochs", "N", "passes over a task's data", default = 7, min = 1 },
    { "meta_lr", "RATE", "outer learning rate", type = "number" }, { "lr", "RATE", "learning rate within tasks", default = 0.005 },
    { "meta_batch", "N", "tasks of a meta-step (default: all; 3 with --as_xfer)", type = "integer", min = 1 },
    { "as_xfer", nil, "reproduce Xfer's accumulation and its printed decay (meta batch 3, meta learning rate 1e-4)" } },
}
if scion.mpi.rank() > 0 then args.out = nil end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long

local seeds = args.quick and 2 or args.seeds
local meta_lr = args.meta_lr or (args.as_xfer and 1e-4 or 2e-3)
local begun = scion.clock()

local function run(seed)
  scion.seed(seed)
  local tasks = meta.tasks.linear { seed = seed }
  local net = nn.Linear(2, 1, { bias = false })
  nn.init.normal_(net.weight, 0, 1)
  local lmr = meta.LeapMetaRepurposer { model = net, num_meta_steps = args.meta_steps, num_epochs = args.epochs, batch_size = 4, seed = seed,
    task_optimizer_params = { lr = args.lr }, meta_optimizer_params = { lr = meta_lr }, as_xfer = args.as_xfer,
    log_params = seed == args.seed, verbosity = seed == args.seed and 2 or 0 }
  lmr:repurpose(tasks, { meta_batch_size = args.meta_batch or (args.as_xfer and 3 or nil) })
  if scion.progress.interruptions() > 0 then os.exit(130) end -- Ctrl-C
  local means, initial = {}, {}
  for step, by_task in ipairs(lmr.meta_logger.losses) do
    means[step] = lmr.meta_logger:mean_loss(step)
    local sum, n = 0, 0
    for _, losses in pairs(by_task) do sum, n = sum + losses[1], n + 1 end
    initial[step] = sum / n
  end
  return lmr, means, initial
end

local runs, starts = {}, {}
for k = 1, seeds do
  local seed = args.seed + k - 1
  local lmr, means, initial = run(seed)
  runs[k], starts[k] = means, initial
  if k == 1 and args.out then
    lmr.meta_logger:plot_losses(args.out .. "/leap_losses.svg")
    lmr.meta_logger:plot_params("weight", args.out .. "/leap_paths.svg")
  end
end

local function mean_sd(step, of)
  local sum, square = 0, 0
  for _, means in ipairs(of) do sum = sum + means[step] end
  local mean = sum / #of
  for _, means in ipairs(of) do square = square + (means[step] - mean) ^ 2 end
  return mean, #of > 1 and math.sqrt(square / (#of - 1)) or 0
end

print(("\nmean over %d seeds; Xfer prints 48.640 at meta-step 0 and 28.392 at 9"):format(seeds))
print("meta-step  first epoch   last epoch")
local last, spread
for step = 1, args.meta_steps do
  local first = mean_sd(step, starts)
  last, spread = mean_sd(step, runs)
  print(("%9d  %11.3f  %8.3f +- %.3f"):format(step - 1, first, last, spread))
end
print(scion.json.encode { script = "leap_synthetic", seeds = seeds, meta_lr = meta_lr, as_xfer = args.as_xfer, final = last, sd = spread,
  seconds = scion.clock() - begun })
