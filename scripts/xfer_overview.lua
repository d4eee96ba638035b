-- Sketches of cars, cheese, houses and trees from 24 examples: a network that learned ImageNet photos is repurposed in three ways.
-- First what the untouched network calls them, then logistic regression on its features, a new last layer on frozen
-- layers, and a Gaussian process, over several stratified splits.
--
--   scion scripts/xfer_overview.lua --out result

local scion = require "scion"
local data, show = scion.data, scion.show

local args = scion.cli.parse {
  name = "xfer_overview", about = "Repurposes an ImageNet network for 40 sketches of four things, 24 to learn from.",
  options = { { "source", "NET", "ImageNet network (ONNX), MobileNet or SqueezeNet; default: the shared SqueezeNet" },
    { "data", "DIR", "sketches, one folder per class; default: the shared ones" },
    { "splits", "N", "stratified splits into 24 and 16", default = 10, min = 1 } },
}
local root = data.data_dir()
local function shared(path)
  if not root then error("no data directory was found; give --source and --data", 0) end
  return root .. "/" .. path
end
local path = args.source or shared "models/imagenet/squeezenet1.1.onnx"
local squeeze = path:find("squeezenet", 1, true) ~= nil
local splits = args.quick and 2 or args.splits

-- ---- source and sketches --------------------------------------------------------------------------------------------

local source = scion.load(path)
source:eval()
local dir = args.data or shared "datasets/xfer_demos/test_sketches"
local sketches = data.image_folder { dir = dir, size = squeeze and 227 or 224, crop = 1, normalise = squeeze and "caffe" or "symmetric", batch_size = 8 }
local head, feature = scion.repurpose.graph.head(source)
if squeeze then feature = source:outputs()[1] end
print(("source  %s, features from '%s'"):format(path:match("[^/]*$"), feature))
print(("data    %d sketches: %s"):format(#sketches.dataset, table.concat(sketches.classes, ", ")))

-- ---- without transfer -------------------------------------------------------------------------------------------------

local names = scion.json.decode(scion.io.read_file(shared "datasets/xfer_demos/imagenet1000-class-to-human.json"))
local scores, ids = scion.features.collect(source, sketches, source:outputs(), { cache = true })
local said = scores[1]:reshape(#ids, -1):argmax(2):tolist()
local truth, called = sketches.dataset:labels(), {}
for i, label in ipairs(truth) do
  local name = names[tostring(said[i] - 1)]:match("^[^,]*")
  called[label] = called[label] or {}
  called[label][name] = (called[label][name] or 0) + 1
end
print("\nThe untouched network calls them:")
for _, label in ipairs(sketches.classes) do
  local list = {}
  for name, count in pairs(called[label]) do list[#list + 1] = { name, count } end
  table.sort(list, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  for k, item in ipairs(list) do list[k] = ("%s (%d)"):format(item[1], item[2]) end
  print(("  %-7s %s"):format(label, table.concat(list, ", ", 1, math.min(4, #list))))
end

-- ---- three repurposers ----------------------------------------------------------------------------------------------------

local above = 0
for _, layer in ipairs(source:layers()) do above = layer.name == head and 1 or above > 0 and above + 1 or 0 end
if squeeze then above = 0 end
local methods = {
  { "logistic regression", function() return scion.LrRepurposer { source_model = source, feature_layer_names = { feature } } end },
  { "random-freeze", function(seed)
    return scion.NeuralNetworkRandomFreezeRepurposer { source_model = source, fixed_layers = scion.repurpose.graph.upstream(source, { feature }),
      num_layers_to_drop = above, num_epochs = 40, optimizer_params = { lr = 3e-3 }, seed = seed }
  end },
  { "Gaussian process", function(seed) return scion.GpRepurposer { source_model = source, feature_layer_names = { feature }, apply_l2_norm = true, seed = seed } end },
}
local accuracies, seconds, last = {}, {}, {}
for m in ipairs(methods) do accuracies[m], seconds[m] = {}, 0 end
for split = 1, splits do
  local train, test = sketches:split(0.6, { seed = args.seed + split - 1 })
  for m, method in ipairs(methods) do
    local start = scion.progress.now()
    local rp = method[2](args.seed + split - 1)
    rp:repurpose(train:with { shuffle = true, seed = args.seed + split })
    accuracies[m][split] = 100 * rp:accuracy(test)
    seconds[m] = seconds[m] + scion.progress.now() - start
    last[m] = { rp = rp, test = test }
  end
end
local rows, means, spreads, labels = {}, {}, {}, {}
for m, method in ipairs(methods) do
  local text, mean, spread = show.mean_spread(accuracies[m])
  rows[m] = { method[1], text, math.min(table.unpack(accuracies[m])), ("%.2f s"):format(seconds[m] / splits) }
  labels[m], means[m], spreads[m] = method[1], mean, spread
end
print("")
print(show.table({ "method", { title = "accuracy %", align = "right" }, { title = "worst", format = "%.1f" }, { title = "time per split", align = "right" } }, rows,
  { title = ("%d splits, %d to learn from, %d to be tested on (Xfer on VGG-19, one split: 93.8 for all three)"):format(splits,
    math.floor(0.6 * #sketches.dataset + 0.5), #sketches.dataset - math.floor(0.6 * #sketches.dataset + 0.5)) }))
local lr, test = last[1].rp, last[1].test
if args.out then scion.io.make_dir(args.out) end
print(lr:reliability(test, args.out and { out = args.out .. "/xfer_overview_reliability.svg" } or nil))
if args.out then
  scion.plot.bars { labels = labels, values = means, errors = spreads, x_label = "accuracy %", title = "Sketches from 24 examples",
    out = args.out .. "/xfer_overview.svg" }
  lr:save(args.out .. "/sketches.scion")
  print("wrote " .. args.out .. "/xfer_overview.svg, xfer_overview_reliability.svg, sketches.scion")
end
print(scion.json.encode { script = "xfer_overview", seed = args.seed, splits = splits, lr = means[1] / 100, random_freeze = means[2] / 100, gp = means[3] / 100 })
