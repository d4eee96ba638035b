-- Few-shot Omniglot: n-way k-shot episodes on characters never seen in training. Without Omniglot (see datasets/omniglot.lua) the same runs on
-- Fashion-MNIST's classes, five to learn from and five held out.
--
--   scion scripts/omniglot.lua --method protonet --ways 20
--   scion scripts/omniglot.lua --method maml --ways 5 --iterations 5000 --checkpoint maml.st --resume
--   scion scripts/omniglot.lua --method relation --weights omniglot_feature_encoder_5way_1shot.pkl,omniglot_relation_network_5way_1shot.pkl
--
-- The last measures the relation network of Sung et al. as its authors trained it (github.com/floodsung/LearningToCompare_FSL). Which
-- characters they held out is not told, so some of those measured may have been among those it learned from.

local scion = require "scion"
local nn, meta = scion.nn, scion.meta
local print = scion.mpi.rank() == 0 and print or function() end -- mpirun -n N: one rank tells

local METHODS <const> = { "maml", "fomaml", "anil", "metasgd", "maml++", "reptile", "protonet", "matching", "relation" }
local args = scion.cli.parse {
  name = "omniglot", about = "Few-shot classification of handwritten characters.",
  options = { { "method", "NAME", "what to run", choices = METHODS, default = "protonet" },
    { "ways", "N", "classes of a task", default = 5, min = 2 }, { "shots", "K", "support drawings of a class", default = 1, min = 1 },
    { "train_ways", "N", "classes of a training episode (metric methods; default 30)", type = "integer", min = 2 },
    { "iterations", "N", "meta-steps", type = "integer", min = 1 }, { "meta_batch", "N", "tasks of a meta-step", type = "integer", min = 1 },
    { "inner_steps", "N", "inner steps in training", type = "integer", min = 1 }, { "lr", "RATE", "inner learning rate", type = "number" },
    { "meta_lr", "RATE", "outer learning rate (not reptile)", default = 1e-3 },
    { "episodes", "N", "held-out tasks measured", default = 600, min = 1 }, { "validate_every", "N", "meta-steps between measurements", default = 500, min = 1 },
    { "filters", "N", "channels of the four layers", default = 64, min = 1 },
    { "weights", "FILES", "trained encoder and relation network (method relation): measured as they are", type = "list" }, { "dir", "DIR", "where Omniglot lies" },
    { "checkpoint", "FILE", "kept up to date" }, { "resume", nil, "go on from the checkpoint" }, { "log", "FILE", "JSON lines" } },
}
if scion.mpi.rank() > 0 then args.out = nil end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
local method, quick = args.method, args.quick
local metric = method == "protonet" or method == "matching" or method == "relation"
if quick then args.filters, args.episodes = args.weights and 64 or 8, 4 end
if args.weights and (method ~= "relation" or #args.weights ~= 2) then
  error("omniglot: --weights takes the files of an encoder and of a relation network, for --method relation", 0)
end

-- ---- data ---------------------------------------------------------------------------------------------------

local here = arg[0]:match("^(.*)/scripts/[^/]*$") or "."
local omniglot = dofile(here .. "/datasets/omniglot.lua")
local set, train_classes, test_classes, side, what
if omniglot.find(args.dir) then
  set = omniglot.read { dir = args.dir, alphabets = quick and 4 or nil, quiet = quick }
  local valid
  train_classes, valid, test_classes = omniglot.split(set, 0)
  if quick then table.move(valid, 1, #valid, #test_classes + 1, test_classes) end
  side, what = 28, "Omniglot"
else
  set = scion.data.fashion_mnist { split = "train" }.dataset
  local classes = set.classes
  train_classes, test_classes = { table.unpack(classes, 1, 5) }, { table.unpack(classes, 6, 10) }
  side, what = 28, "Fashion-MNIST classes (Omniglot is not here)"
  args.ways = math.min(args.ways, 5)
end
if args.ways > #test_classes then args:fail("ways", ("%d, there are %d classes held out"):format(args.ways, #test_classes)) end
-- The authors of the trained networks give them paper = 1, ink = 0, brought to mean 0 and variance 1 over their training drawings.
local function as_trained(x) return x:mul(-1):add(1 - 0.92206):mul(1 / 0.08426) end
local function episodes(classes, ways, shots, queries, seed, rotations)
  return meta.tasks.episodes { data = set, classes = classes, ways = math.min(ways, #classes * (rotations == "classes" and 4 or 1)), shots = shots, queries = queries,
    seed = seed, rotations = rotations, augment = args.weights and as_trained or nil }
end

-- ---- networks ------------------------------------------------------------------------------------------------

local F <const> = args.filters
-- Four blocks of convolution, batch norm, ReLU: halved by pooling (metric methods, 64 numbers an image) or by strides (MAML's own).
local function blocks(strided, n)
  local list, channels = {}, 1
  for _ = 1, n or 4 do
    list[#list + 1] = nn.Conv2d(channels, F, 3, { padding = 1, stride = strided and 2 or 1 })
    list[#list + 1] = nn.BatchNorm2d(F)
    list[#list + 1] = nn.ReLU()
    if not strided then list[#list + 1] = nn.MaxPool2d(2) end
    channels = F
  end
  return list
end
local function embedding()
  local list = blocks(false)
  list[#list + 1] = nn.Flatten()
  return nn.Sequential(list)
end
local function classifier()
  local list = blocks(true)
  list[#list + 1] = nn.GlobalAvgPool2d()
  list[#list + 1] = nn.Linear(F, args.ways)
  return nn.Sequential(list)
end
-- Sung et al.: two blocks keep 5 x 5 maps, two more and two linear layers tell how related a pair is.
local function relation_nets()
  local function block(inside, pad, pool)
    local layers = { nn.Conv2d(inside, F, 3, { padding = pad }), nn.BatchNorm2d(F, { momentum = 1 }), nn.ReLU() }
    if pool then layers[#layers + 1] = nn.MaxPool2d(2) end
    return layers
  end
  local function join(parts)
    local all = {}
    for _, part in ipairs(parts) do table.move(part, 1, #part, #all + 1, all) end
    return nn.Sequential(all)
  end
  return join { block(1, 0, true), block(F, 0, true), block(F, 1), block(F, 1) },
    join { block(2 * F, 1, true), block(F, 1, true), { nn.Flatten(), nn.Linear(F, 8), nn.ReLU(), nn.Linear(8, 1), nn.Sigmoid() } }
end

-- ---- methods -------------------------------------------------------------------------------------------------

scion.seed(args.seed)
local twenty = args.ways > 5
local inner = { lr = args.lr or (twenty and 0.1 or 0.4), inner_steps = args.inner_steps or (twenty and 5 or 1) }
local MAKE <const> = {
  maml = function() return meta.MAML { model = classifier(), lr = inner.lr, inner_steps = inner.inner_steps, meta_lr = args.meta_lr, seed = args.seed } end,
  fomaml = function() return meta.FOMAML { model = classifier(), lr = inner.lr, inner_steps = inner.inner_steps, meta_lr = args.meta_lr, seed = args.seed } end,
  anil = function() return meta.ANIL { model = classifier(), lr = inner.lr, inner_steps = inner.inner_steps, meta_lr = args.meta_lr, seed = args.seed } end,
  metasgd = function() return meta.MetaSGD { model = classifier(), lr = inner.lr, inner_steps = inner.inner_steps, meta_lr = args.meta_lr, seed = args.seed } end,
  ["maml++"] = function() return meta.MAMLPlusPlus { model = classifier(), lr = inner.lr, inner_steps = args.inner_steps or 5, meta_lr = args.meta_lr, seed = args.seed } end,
  reptile = function()
    return meta.Reptile { model = classifier(), inner_optimizer = { kind = "adam", betas = { 0, 0.999 } }, lr = args.lr or 1e-3, keep_state = true,
      inner_steps = args.inner_steps or 5, batch_size = twenty and 20 or 10, meta_lr = 1, seed = args.seed }
  end,
  protonet = function() return meta.PrototypicalNet { model = embedding(), meta_lr = args.meta_lr, seed = args.seed } end,
  matching = function() return meta.MatchingNet { model = embedding(), meta_lr = args.meta_lr, seed = args.seed } end,
  relation = function()
    local encoder, relation = relation_nets()
    if args.weights then -- layer2.0 and layer2.1 there: the second convolution and the second batch norm
      for i, net in ipairs { encoder, relation } do
        net:load_weights(args.weights[i], { rename = function(name)
          local block, part, what = name:match("^layer(%d)%.(%d)%.(.*)$")
          if not block then return (name:gsub("^fc1", "linear"):gsub("^fc2", "linear_2")) end
          return ("%s%s.%s"):format(part == "0" and "conv2d" or "batchnorm2d", block == "1" and "" or "_" .. block, what)
        end })
      end
    end
    -- trained and used with the statistics of the items at hand; the running ones in the files are those of one training batch
    return meta.RelationNet { model = encoder, relation = relation, bn = args.weights and "batch" or nil, meta_lr = args.meta_lr, seed = args.seed }
  end,
}
local algorithm = MAKE[method]()
local iterations = args.weights and 0 or args.iterations or (quick and 3) or (metric and 2000 or 5000)
local meta_batch = args.meta_batch or (metric and 1 or quick and 2 or twenty and 16 or method == "reptile" and 5 or 32)
local train
if metric then
  train = episodes(train_classes, args.train_ways or (quick and 5 or 30), args.shots, 5, args.seed, "classes")
elseif method == "reptile" then -- 10 drawings of a class to train on
  train = episodes(train_classes, args.ways, quick and 5 or 9, 1, args.seed, "classes")
else
  train = episodes(train_classes, args.ways, args.shots, twenty and 2 or 1, args.seed, "random")
end
local test = episodes(test_classes, args.ways, args.shots, quick and 2 or 5, 1)
-- adapting at test time: MAML takes 3 steps, Reptile 50
local test_steps = not metric and (method == "reptile" and (quick and 5 or 50) or math.max(3, inner.inner_steps)) or nil
print(("%s, %s, %d-way %d-shot: %s, %d held out"):format(what, method, args.ways, args.shots,
  args.weights and "trained by its authors" or ("%d classes to learn from"):format(#train_classes), #test_classes))

local begun = scion.clock()
local curve = {}
local function measure(step, n)
  local r = algorithm:evaluate(test, { n = n, steps = test_steps })
  local parts = {}
  for _, kind in ipairs { "transductive", "inductive" } do
    if r[kind] then parts[#parts + 1] = ("%s %.2f +- %.2f %%"):format(kind, 100 * r[kind].accuracy, 100 * r[kind].ci95) end
  end
  print(("step %d (%.0f s): %s over %d tasks"):format(step, scion.clock() - begun, table.concat(parts, ", "), n))
  curve[#curve + 1] = { step = step, accuracy = r.accuracy, seconds = scion.clock() - begun }
  return r
end
if not args.weights then
  algorithm:fit(train, { meta_steps = iterations, meta_batch_size = meta_batch, checkpoint = args.checkpoint, resume = args.resume, log = args.log, label = method,
    meta_lr_schedule = function(t)
      if method == "reptile" then return 1 - t end
      if metric then return 0.5 ^ (t * 5 // 1) end -- halved five times
      return t < 0.5 and 1 or 0.525 + 0.475 * math.cos(2 * math.pi * (t - 0.5)) -- the second half anneals to a twentieth, as MAML++ does
    end,
    on_step = function(_, step)
      if step % args.validate_every == 0 and step < iterations then measure(step, math.min(100, args.episodes)) end
    end })
end
if not args.weights then iterations = algorithm.meta_steps_done end -- fewer after Ctrl-C
local result = measure(iterations, args.episodes)
if args.out then
  local xs, ys = {}, {}
  for i, point in ipairs(curve) do xs[i], ys[i] = point.step, point.accuracy end
  scion.plot.lines { series = { { label = method, x = xs, y = ys } }, x_label = "meta-step", y_label = "accuracy", out = args.out .. "/omniglot.svg" }
  if algorithm.model then algorithm.model:save(args.out .. "/omniglot.scion") end
end
print(scion.json.encode { script = "omniglot", method = method, ways = args.ways, shots = args.shots, iterations = iterations, accuracy = result.accuracy,
  ci95 = result.ci95, transductive = result.transductive and result.transductive.accuracy, inductive = result.inductive and result.inductive.accuracy,
  seconds = scion.clock() - begun })
