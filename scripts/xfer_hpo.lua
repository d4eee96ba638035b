-- Xfer's demo of hyper-parameter search: four classes of sketches, a network trained on photographs with random-freeze (all layers
-- but the last keep their weights), and Bayesian optimisation of the learning rate in 7 steps; then of learning rate and optimiser.
--
-- Each split has 24 sketches to search with and 16 for testing. A trial is cross-validated: four heads, each trained on 18 sketches
-- and judged by the other 6; at the end the best setting is trained on all 24 and tested once. The frozen trunk runs once for each
-- sketch (scion.features), so a trial costs four heads.
--
-- What is not searched was chosen by the cross-validated score of the best trial (mean of 10 splits, first and second search; test
-- sketches had no part in it): 6 epochs at a constant rate .953 and .957; under a cosine 6 epochs .975 and .952, 12 epochs .988 and
-- .987, 20 epochs .971 and .958.

local scion = require "scion"
local data, show = scion.data, scion.show

local args = scion.cli.parse {
  name = "xfer_hpo", about = "Learning rate, then learning rate and optimiser, of a random-freeze repurposer for sketches.",
  options = { { "source", "NET", "ImageNet network (ONNX) with a linear last layer; default: the shared MobileNetV2" },
    { "data", "DIR", "sketches, one folder per class; default: the shared ones" },
    { "splits", "N", "random splits of the sketches", default = 10, min = 1 }, { "iterations", "N", "steps of each search", default = 7, min = 1 },
    { "epochs", "N", "of training in a trial", default = 12, min = 1 }, { "schedule", "NAME", "of the learning rate", default = "cosine" },
    { "folds", "N", "of cross-validation", default = 4, min = 2 } },
}
local root = data.data_dir()
local function shared(path)
  if not root then args:fail(nil, "no data directory was found; give --source and --data") end
  return root .. "/" .. path
end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
local splits = args.quick and 1 or args.splits
local clock = scion.progress.now
local begun = clock()

local path = args.source or shared "models/imagenet/mobilenet_v2_1.0_224_dequantised.onnx"
local source = args:try("source", scion.load, path)
source:eval()
local sketches = args:try("data", data.image_folder, { dir = args.data or shared "datasets/xfer_demos/test_sketches", size = 224, crop = 1, normalise = "symmetric",
  batch_size = 8 })
local set = sketches.dataset
local head, feature = scion.repurpose.graph.head(source)
local fixed = scion.repurpose.graph.upstream(source, { feature })
local above = 0
for _, layer in ipairs(source:layers()) do above = layer.name == head and 1 or above > 0 and above + 1 or 0 end
scion.features.collect(source, sketches, { feature }, { cache = true }) -- once for all that follows
print(("%s up to '%s' seen by %d sketches, %.1f s"):format(path:match("[^/]*$"), feature, #set, clock() - begun))

local optimizers = { "sgd", "adam" }

local function train(part, params, seed)
  local name = optimizers[params.optimizer or 1]
  local rp = scion.NeuralNetworkRandomFreezeRepurposer { source_model = source, fixed_layers = fixed, num_layers_to_drop = above, num_epochs = args.epochs,
    batch_size = 1, optimizer = name, optimizer_params = { lr = params.learning_rate, momentum = name == "sgd" and 0.9 or nil },
    schedule = args.schedule, seed = seed }
  return rp:repurpose(part:iterator { batch_size = 1, shuffle = true, seed = seed })
end
local function measure(rp, part)
  local measures = rp:evaluate(part:iterator { batch_size = 16 }).measures
  return measures.accuracy, measures.log_loss
end

-- Equal shares of every class: 6 to search with, in folds as equal, the rest for testing.
local function split(seed)
  local random, search, testing, folds, of_class = data.rng.new(seed, 0x5b117), {}, {}, {}, {}
  for i, id in ipairs(set:ids()) do
    of_class[id] = of_class[id] or {}
    table.insert(of_class[id], i)
  end
  for _, members in ipairs(of_class) do
    random:shuffle(members)
    for k, i in ipairs(members) do table.insert(k <= 6 and search or testing, i) end
  end
  for f = 1, args.folds do
    local inside, outside = {}, {}
    for k, i in ipairs(search) do table.insert(k % args.folds + 1 == f and outside or inside, i) end
    folds[f] = { set:subset(inside), set:subset(outside) }
  end
  return set:subset(search), set:subset(testing), folds
end
local function cross_validate(folds, params, seed)
  local accuracy, loss = 0, 0
  for _, fold in ipairs(folds) do
    local a, l = measure(train(fold[1], params, seed), fold[2])
    accuracy, loss = accuracy + a / #folds, loss + math.min(l, 4) / #folds
  end
  return accuracy - 0.05 * loss -- 24 sketches: many settings have equal accuracies
end

local domains = {
  { { name = "learning_rate", type = "continuous", domain = { 1e-6, 1 }, scale = "log" } },
  { { name = "learning_rate", type = "continuous", domain = { 1e-6, 1 }, scale = "log" }, { name = "optimizer", type = "discrete", domain = { 1, 2 } } },
}
local names = { "learning rate", "learning rate and optimiser" }
local table_rows, accuracies, scores = {}, { {}, {} }, { {}, {} }
for seed = 1, splits do
  local searched, testing, folds = split(args.seed + seed)
  for k, domain in ipairs(domains) do
    local search = scion.hpo.BayesianOptimization { domain = domain, maximize = true, seed = seed, initial_design_numdata = 3,
      f = function(params) return cross_validate(folds, params, seed) end }
    search:run_optimization { max_iter = args.iterations, verbosity = false }
    local best = search.x_opt
    local accuracy = measure(train(searched, best, seed), testing)
    table.insert(accuracies[k], accuracy)
    table.insert(scores[k], search.fx_opt)
    table_rows[#table_rows + 1] = { seed, names[k], best.learning_rate, optimizers[best.optimizer or 1], search.fx_opt, accuracy }
    if args.out and seed == 1 then
      search:plot_acquisition(("%s/search_%d.svg"):format(args.out, k))
      search:report(("%s/search_%d.html"):format(args.out, k))
    end
  end
end
print(show.table({ "split", "search", { title = "rate", format = "%.2e" }, "optimiser", { title = "score", format = "%.3f" },
  { title = "test", format = "%.4f" } }, table_rows))
for k, name in ipairs(names) do
  local _, mean, spread = show.mean_spread(accuracies[k])
  local _, score = show.mean_spread(scores[k])
  print(scion.json.encode { search = name, cross_validation = score, splits = splits, iterations = args.iterations, test_accuracy = mean,
    spread = spread, seconds = clock() - begun })
end
