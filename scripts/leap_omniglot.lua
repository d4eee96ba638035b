-- Leap's multi-shot Omniglot (Flennerhag et al. 2019, section 4.1), scaled to two cores: an alphabet is a task of 20 characters, 15 drawings of each to
-- train on and 5 held out; 20 alphabets to learn from, 10 held out. No augmentation, 32 filters, 50 inner steps of batches of 20, meta-batch 5.
-- Reported on the held-out alphabets after 50 steps: error of the held-out drawings by the running statistics of the batch norms, as in the paper; the same
-- error by the statistics of all training drawings under the final weights; and AUC, the mean training loss over the steps.
--
-- Convolutions start by He's rule, which the paper leaves open. Batch norm makes their size free, and the smaller they are the farther a step of
-- 0.1 turns them: from PyTorch's smaller numbers the running statistics, means over some ten steps, are those of weights long gone (half of the
-- error after 50 steps is theirs, in PyTorch as here).
--
--   scion scripts/leap_omniglot.lua --methods none,leap,reptile,fomaml,finetune --seeds 3

local scion = require "scion"
local nn, meta = scion.nn, scion.meta
local print = scion.mpi.rank() == 0 and print or function() end -- mpirun -n N: one rank tells

local args = scion.cli.parse {
  name = "leap_omniglot", about = "Leap beside Reptile, FOMAML and multi-head fine-tuning on alphabets of Omniglot.",
  options = { { "methods", "LIST", "of none, leap, reptile, fomaml, finetune, warp", type = "list", default = { "none", "leap", "reptile", "fomaml", "finetune" } },
    { "seeds", "N", "repetitions", default = 3, min = 1 }, { "meta_steps", "N", "outer updates", default = 30, min = 1 },
    { "steps", "K", "inner steps", default = 50, min = 2 }, { "filters", "N", "channels", default = 32, min = 1 },
    { "alphabets", "N", "to learn from", default = 20, min = 1 }, { "held_out", "N", "to measure", default = 10, min = 1 },
    { "dir", "DIR", "where Omniglot lies" } },
}
if scion.mpi.rank() > 0 then args.out = nil end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
if type(args.methods) == "string" then args.methods = { args.methods } end
local ways = 20
if args.quick then args.seeds, args.meta_steps, args.steps, args.filters, args.alphabets, args.held_out, ways = 1, 1, 3, 4, 2, 2, 5 end

local here = arg[0]:match("^(.*)/scripts/[^/]*$") or "."
local omniglot = dofile(here .. "/datasets/omniglot.lua")
local set, what
if omniglot.find(args.dir) then
  set, what = omniglot.read { dir = args.dir, alphabets = args.quick and 5 or nil, quiet = args.quick }, "Omniglot"
else -- groups of Fashion-MNIST classes, turned: five tasks of five classes
  what, ways = "turned Fashion-MNIST classes (Omniglot is not here)", 5
  local fashion = scion.data.fashion_mnist { split = "train" }.dataset
  local x, labels = {}, {}
  for turn = 0, 3 do
    for half = 0, 1 do
      local classes = { table.unpack(fashion.classes, half * 5 + 1, half * 5 + 5) }
      local part = fashion:only(classes):take_per_class(20)
      local all = {}
      for i = 1, #part do all[i] = i end
      local images, ids = part:get(all)
      for _ = 1, turn do images = images:transpose(-1, -2):flip(-2) end
      x[#x + 1] = images
      for _, id in ipairs(ids:tolist()) do labels[#labels + 1] = ("turn %d half %d/%s"):format(turn, half, classes[id]) end
    end
  end
  set = scion.data.tensors { x = scion.cat(x, 1), labels = labels }.dataset
end

-- warps: a convolution behind each block that only the outer loop moves
local function net(warps)
  local list, channels, F = {}, 1, args.filters
  for i = 1, 4 do
    local conv = nn.Conv2d(channels, F, 3, { padding = 1 })
    nn.init.kaiming_normal_(conv.weight)
    list[#list + 1] = conv
    list[#list + 1] = nn.MaxPool2d(2)
    list[#list + 1] = nn.BatchNorm2d(F)
    list[#list + 1] = nn.ReLU()
    if warps then list[#list + 1] = { "warp" .. i, nn.Conv2d(F, F, 3, { padding = 1 }) } end
    channels = F
  end
  list[#list + 1] = nn.Flatten()
  list[#list + 1] = nn.Linear(F, ways, { name = "head" })
  return nn.Sequential(list)
end

-- Trains a copy of `model` on a task, the paper's way: SGD 0.1, batches of 20, fresh statistics. Gives error, AUC, and the error by the training
-- drawings' statistics.
local function measure(adapter, task, seed)
  local learner = adapter:clone { cut = true, label = task.label }
  local batch, sum = meta.tasks.batches("leap_omniglot", task, 20, false, seed, 77), 0
  for _ = 1, args.steps do
    local scope <close> = scion.scope()
    local x, y = batch()
    sum = sum + learner:adapt(nn.cross_entropy(learner(x), y))
    adapter.keep(scope, { learner.params, learner.state })
  end
  return scion.no_grad(function()
    local function wrong() return 1 - learner:forward(task.query_x, { mode = "eval" }):argmax(2):eq(task.query_y):to("f32"):mean():item() end
    local running = wrong()
    learner:calibrate(task.support_x)
    return running, sum / args.steps, wrong()
  end)
end

-- One trunk with a head a task, batches of all tasks in turn: as many SGD steps as the other methods take.
local function finetune(model, tasks, seed)
  local joint = meta.MultiTask { model = model, head = "head", lr = 0.1, batch_size = 20, seed = seed }
  joint:fit(tasks, { meta_steps = args.meta_steps * 5 * args.steps, meta_batch_size = 1, progress = false })
  return joint
end

local TRAIN <const> = {
  none = function(model) return meta.Leap { model = model, lr = 0.1 } end,
  leap = function(model, tasks, seed)
    local leap = meta.Leap { model = model, lr = 0.1, inner_steps = args.steps, batch_size = 20, meta_lr = 0.1, seed = seed }
    leap:fit(tasks, { meta_steps = args.meta_steps, meta_batch_size = 5, label = "leap" })
    return leap
  end,
  reptile = function(model, tasks, seed)
    local reptile = meta.Reptile { model = model, lr = 0.1, inner_steps = args.steps, batch_size = 20, all_items = false, meta_lr = 1, seed = seed }
    reptile:fit(tasks, { meta_steps = args.meta_steps, meta_batch_size = 5, label = "reptile" })
    return reptile
  end,
  -- the gradient of the held-out drawings after the inner steps, at the parameters that these led to
  fomaml = function(model, tasks, seed)
    local fomaml = meta.FOMAML { model = model, lr = 0.1, inner_steps = math.min(5, args.steps), meta_optimizer = "sgd", meta_lr = 0.5, seed = seed,
      batched = false }
    fomaml:fit(tasks, { meta_steps = args.meta_steps, meta_batch_size = 5, label = "fomaml" })
    return fomaml
  end,
  finetune = finetune,
  warp = function(model, tasks, seed)
    local warp = meta.WarpLeap { model = model, warp = { "warp1", "warp2", "warp3", "warp4" }, warp_every = 5, lr = 0.1,
      inner_steps = args.steps, batch_size = 20, meta_lr = 0.1, seed = seed }
    warp:fit(tasks, { meta_steps = args.meta_steps, meta_batch_size = 5, label = "warp" })
    return warp
  end,
}

local function mean_sd(list)
  local sum, square = 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / #list
  for _, v in ipairs(list) do square = square + (v - mean) ^ 2 end
  return mean, #list > 1 and math.sqrt(square / (#list - 1)) or 0
end

for _, method in ipairs(args.methods) do
  if not TRAIN[method] then args:fail("methods", ("unknown method '%s' (known: fomaml, finetune, leap, none, reptile, warp)"):format(method)) end
end
print(("%s, %d meta-steps of 5 tasks, %d inner steps, %d filters, %d seeds"):format(what, args.meta_steps, args.steps, args.filters, args.seeds))
local rows = {}
for _, method in ipairs(args.methods) do
  local errors, aucs, settled, begun = {}, {}, {}, scion.clock()
  for k = 1, args.seeds do
    local seed = args.seed + k - 1
    local tasks = meta.tasks.alphabets { data = set, ways = ways, seed = seed }
    local n_train = math.min(args.alphabets, #tasks - args.held_out)
    local train, test = { table.unpack(tasks, 1, n_train) }, { table.unpack(tasks, #tasks - args.held_out + 1) }
    scion.seed(seed)
    local adapter = TRAIN[method](net(method == "warp"), train, seed)
    if scion.progress.interruptions() > 0 then os.exit(130) end -- Ctrl-C
    local e, a, s = {}, {}, {}
    for t, task in ipairs(test) do e[t], a[t], s[t] = measure(adapter, task, seed) end
    errors[k], aucs[k], settled[k] = mean_sd(e), mean_sd(a), mean_sd(s)
    scion.progress.say("%s, seed %d: error %.1f %% (%.1f %% by the training drawings' statistics), AUC %.3f", method, seed, 100 * errors[k],
      100 * settled[k], aucs[k])
  end
  local error_mean, error_sd = mean_sd(errors)
  local auc_mean, auc_sd = mean_sd(aucs)
  local settled_mean, settled_sd = mean_sd(settled)
  rows[#rows + 1] = { method = method, error = error_mean, error_sd = error_sd, auc = auc_mean, auc_sd = auc_sd, settled = settled_mean,
    settled_sd = settled_sd, seconds = scion.clock() - begun }
end
print("method     error %           by training statistics   AUC (mean training loss)   seconds")
for _, r in ipairs(rows) do
  print(("%-9s  %5.1f +- %4.1f     %5.1f +- %4.1f            %.3f +- %.3f             %7.0f"):format(r.method, 100 * r.error, 100 * r.error_sd,
    100 * r.settled, 100 * r.settled_sd, r.auc, r.auc_sd, r.seconds))
end
print(scion.json.encode { script = "leap_omniglot", seeds = args.seeds, rows = rows })
if args.out then
  local labels, values, errors = {}, {}, {}
  for i, r in ipairs(rows) do labels[i], values[i], errors[i] = r.method, 100 * r.error, 100 * r.error_sd end
  scion.plot.bars { labels = labels, values = values, errors = errors, x_label = "error % on held-out alphabets", out = args.out .. "/leap_omniglot.svg" }
end
