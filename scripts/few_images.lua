-- The few-images question: on classes never seen before, from a handful of images each, how fast does a network learn that
--   * starts from scratch,
--   * was trained on other classes the usual way and is fine-tuned (new head),
--   * or had its start meta-learned (Reptile: 10 meta-batches for every pass of the other)?
-- The three share network, inner optimiser, batches and steps. Fashion-MNIST: five classes to learn from, five held out, or Omniglot with --omniglot.
--
--   scion scripts/few_images.lua --shots 5 --out plots

local scion = require "scion"
local nn, meta = scion.nn, scion.meta
local print = scion.mpi.rank() == 0 and print or function() end -- mpirun -n N: one rank tells

local args = scion.cli.parse {
  name = "few_images", about = "A meta-learned start against a fine-tuned start against scratch, on unseen classes.",
  options = { { "shots", "K", "images of a class", default = 5, min = 1 }, { "ways", "N", "classes of a task", default = 5, min = 2 },
    { "steps", "N", "steps on a new task", default = 50, min = 1 }, { "tasks", "N", "new tasks measured", default = 30, min = 1 },
    { "iterations", "N", "meta-steps", default = 600, min = 1 }, { "omniglot", nil, "characters of Omniglot instead of clothes" },
    { "dir", "DIR", "where Omniglot lies" }, { "seeds", "N", "repetitions", default = 1, min = 1 } },
}
if scion.mpi.rank() > 0 then args.out = nil end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
if args.quick then args.steps, args.tasks, args.iterations = 4, 2, 3 end
local F <const> = args.quick and 8 or 32

local set, known, unseen
if args.omniglot then
  local here = arg[0]:match("^(.*)/scripts/[^/]*$") or "."
  local omniglot = dofile(here .. "/datasets/omniglot.lua")
  set = args:try("dir", omniglot.read, { dir = args.dir, alphabets = args.quick and 4 or nil, quiet = args.quick })
  local valid
  known, valid, unseen = omniglot.split(set, 0)
  table.move(valid, 1, #valid, #unseen + 1, unseen)
else
  set = scion.data.fashion_mnist { split = "train" }.dataset
  local order = scion.data.rng.new(args.seed, 5):permutation(#set.classes)
  known, unseen = {}, {}
  for i, k in ipairs(order) do table.insert(i <= 5 and known or unseen, set.classes[k]) end
end
local ways = math.min(args.ways, #known, #unseen)

local function net(classes)
  local list, channels = {}, 1
  for _ = 1, 3 do
    list[#list + 1] = nn.Conv2d(channels, F, 3, { padding = 1 })
    list[#list + 1] = nn.BatchNorm2d(F)
    list[#list + 1] = nn.ReLU()
    list[#list + 1] = nn.MaxPool2d(2)
    channels = F
  end
  list[#list + 1] = nn.Flatten()
  list[#list + 1] = nn.Linear(F * 9, classes, { name = "head" })
  return nn.Sequential(list)
end

local INNER <const> = { inner_optimizer = { kind = "adam", betas = { 0, 0.999 } }, lr = 2e-3 }

-- Accuracy on the queries after every few steps, from a start { model, params }.
local CHECKPOINTS = {}
for _, s in ipairs { 0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120 } do
  if s <= args.steps then CHECKPOINTS[#CHECKPOINTS + 1] = s end
end
local function curve(start, tasks)
  local sums = {}
  for i = 1, #CHECKPOINTS do sums[i] = 0 end
  for _, task in ipairs(tasks) do
    local scope <close> = scion.scope()
    local learner = start()
    local at, step = 1, 0
    while at <= #CHECKPOINTS do
      if step == CHECKPOINTS[at] then
        sums[at] = sums[at] + scion.no_grad(function()
          learner:calibrate(task.support_x)
          return learner:forward(task.query_x, { mode = "eval" }):argmax(2):eq(task.query_y):to("f32"):mean():item()
        end)
        at = at + 1
      end
      learner:adapt(nn.cross_entropy(learner(task.support_x), task.support_y))
      step = step + 1
    end
  end
  for i = 1, #sums do sums[i] = sums[i] / #tasks end
  return sums
end

local begun = scion.clock()
local total = { scratch = {}, finetuned = {}, ["meta-learned"] = {} }
local NAMES <const> = { "scratch", "finetuned", "meta-learned" }
for k = 1, args.seeds do
  local seed = args.seed + k - 1
  scion.seed(seed)
  local test = meta.tasks.episodes { data = set, classes = unseen, ways = ways, shots = args.shots, seed = 100 + seed,
    queries = args.omniglot and math.min(10, 20 - args.shots) or 15 }
  local tasks = test:tasks(1, args.tasks)
  -- the usual source network: all known classes, as many images as the meta-learner sees
  local source = net(#known)
  local train = set:only(known):iterator { batch_size = 64, shuffle = true, seed = seed }
  source:fit { data = train, steps = math.max(2, args.iterations * 2), optimizer = "adam", lr = 1e-3, label = "source", progress = not args.quick }
  -- the meta-learned start
  local model = net(ways)
  local reptile = meta.Reptile { model = model, inner_optimizer = INNER.inner_optimizer, lr = INNER.lr, inner_steps = 5, batch_size = 2 * ways, meta_lr = 1,
    keep_state = true, seed = seed }
  local episodes = meta.tasks.episodes { data = set, classes = known, ways = ways, shots = args.shots, queries = math.max(1, math.min(10, 20 - args.shots)), seed = seed }
  reptile:fit(episodes, { meta_steps = args.iterations, meta_batch_size = 3, label = "meta-learning", meta_lr_schedule = function(t) return 1 - t end, progress = not args.quick })
  if scion.progress.interruptions() > 0 then os.exit(130) end -- Ctrl-C
  local STARTS <const> = {
    scratch = function() return meta.Reptile { model = net(ways), inner_optimizer = INNER.inner_optimizer, lr = INNER.lr }:clone { cut = true } end,
    finetuned = function()
      local fresh = net(ways)
      local trunk = source:state_dict()
      trunk["head.weight"], trunk["head.bias"] = nil, nil
      fresh:load_state_dict(trunk, { strict = false })
      return meta.Reptile { model = fresh, inner_optimizer = INNER.inner_optimizer, lr = INNER.lr }:clone { cut = true }
    end,
    ["meta-learned"] = function() return reptile:clone { cut = true } end,
  }
  for _, name in ipairs(NAMES) do
    for i, v in ipairs(curve(STARTS[name], tasks)) do total[name][i] = (total[name][i] or 0) + v / args.seeds end
  end
end

print(("accuracy %% on %d new tasks of %d unseen classes, %d images a class"):format(args.tasks, ways, args.shots))
local head = { ("%-13s"):format("steps") }
for _, s in ipairs(CHECKPOINTS) do head[#head + 1] = ("%6d"):format(s) end
print(table.concat(head))
local series = {}
for i, name in ipairs(NAMES) do
  local row = { ("%-13s"):format(name) }
  for _, v in ipairs(total[name]) do row[#row + 1] = ("%6.1f"):format(100 * v) end
  print(table.concat(row))
  series[i] = { label = name, x = CHECKPOINTS, y = total[name] }
end
if args.out then
  scion.plot.lines { series = series, x_label = "steps on the new task", y_label = "accuracy on unseen images", out = args.out .. "/few_images.svg",
    title = ("%d images of each of %d unseen classes"):format(args.shots, ways) }
end
print(scion.json.encode { script = "few_images", shots = args.shots, ways = ways, steps = CHECKPOINTS, accuracy = total, seconds = scion.clock() - begun })
