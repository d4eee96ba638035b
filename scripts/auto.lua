-- scion.repurpose.auto on five data sets, beside every built-in repurposer with its defaults on the last layer of every source; and
-- once on Fashion-MNIST to MNIST, where the right answer is not to transfer.
--
--   scion scripts/auto.lua --tasks hymenoptera,sketches --budget 60 --out auto

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local TASKS <const> = { "hymenoptera", "sketches", "caltech", "cifar10", "usps", "fashion_to_mnist" }
local args = scion.cli.parse {
  name = "auto", about = "Automatic repurposing against all repurposers at their defaults.",
  options = { { "tasks", "LIST", "of " .. table.concat(TASKS, ","), type = "list" }, { "budget", "SECONDS", "for each search, about", default = 60, min = 1 },
    { "per-class", "N", "examples of each class to learn from, at most", default = 20, min = 2 }, { "trials", "N", "of each search", default = 30, min = 4 } },
}
local root = data.data_dir()
if not root then error("no data directory was found (SCION_DATA)", 0) end
local per_class = args.quick and 4 or args.per_class
local test_items = args.quick and 50 or 500

-- ---- sources -------------------------------------------------------------------------------------------------------

local sources = {}
local function source(name)
  if sources[name] then return sources[name] end
  local net
  if name == "mobilenet" then
    net = scion.load(root .. "/models/imagenet/mobilenet_v2_1.0_224_dequantised.onnx")
  elseif name == "squeezenet" then
    net = scion.load(root .. "/models/imagenet/squeezenet1.1.onnx")
  else -- a small network for pictures of 28 x 28, trained here
    scion.seed(args.seed + 1)
    net = nn.Sequential { nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
      nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 10) }
    local train = name == "fashion" and data.fashion_mnist { split = "train", batch_size = 64, shuffle = true, seed = 1 }
      or data.mnist { split = "train", batch_size = 64, shuffle = true, seed = 1 }
    net:fit(args.quick and train:head(640) or train:head(20000), { epochs = 2, optimizer = "adam", progress = false })
  end
  net:eval()
  sources[name] = net
  return net
end

local function folder(path, normalise, size)
  return data.image_folder { dir = root .. "/datasets/" .. path, size = size or 224, crop = 1, normalise = normalise or "symmetric", batch_size = 8 }.dataset
end
-- n items a class to learn from, others to test.
local function cut(set, n, test)
  local random, of_class, few, rest = data.rng.new(args.seed, 77), {}, {}, {}
  for i, id in ipairs(set:ids()) do
    of_class[id] = of_class[id] or {}
    table.insert(of_class[id], i)
  end
  for _, members in ipairs(of_class) do
    random:shuffle(members)
    for k, i in ipairs(members) do table.insert(k <= n and few or rest, i) end
  end
  if test then
    local ids = {}
    for i = 1, #test do ids[i] = i end
    random:shuffle(ids)
    return set:subset(few), test:subset(table.move(ids, 1, math.min(#ids, test_items), 1, {}))
  end
  random:shuffle(rest)
  return set:subset(few), set:subset(table.move(rest, 1, math.min(#rest, test_items), 1, {}))
end

-- Task -> training items, test items, sources { name = { net =, ... } }.
local LOADERS <const> = {
  hymenoptera = function()
    local few, test = cut(folder "hymenoptera/train", per_class, folder "hymenoptera/val")
    return few, test, { mobilenet = { net = source "mobilenet", n_labelled = 1281167 } }
  end,
  sketches = function()
    local few, test = cut(folder "xfer_demos/test_sketches", math.min(6, per_class))
    return few, test, { mobilenet = { net = source "mobilenet", n_labelled = 1281167 } }
  end,
  caltech = function()
    local few, test = cut(folder "xfer_demos/test_images_sketch", per_class)
    return few, test, { mobilenet = { net = source "mobilenet", n_labelled = 1281167 } }
  end,
  cifar10 = function()
    local few, test = cut(data.cifar10 { split = "train" }.dataset, per_class, data.cifar10 { split = "test" }.dataset)
    local net = scion.load(root .. "/models/formats/resnet20_cifar10.onnx")
    return few, test, { resnet20 = { net = net, n_labelled = 50000 } }
  end,
  usps = function() -- 16 x 16 pixels in -1 .. 1, made like MNIST's 28 x 28 in 0 .. 1
    local arrays = scion.io.read_npz(root .. "/datasets/usps/usps.npz")
    local function set(part)
      local x = nn.interpolate(arrays["x_" .. part]:to("f32"):unsqueeze(2), { size = { 28, 28 }, mode = "bilinear" }):add(1):mul(0.5)
      return data.tensors { x = x, y = arrays["y_" .. part]:to("i64"):tolist() }.dataset
    end
    local few, test = cut(set "train", per_class, set "test")
    return few, test, { mnist = { net = source "mnist", n_labelled = 20000, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 } } }
  end,
  fashion_to_mnist = function()
    local few, test = cut(data.mnist { split = "train" }.dataset, per_class, data.mnist { split = "test" }.dataset)
    return few, test, { fashion = { net = source "fashion", n_labelled = 20000, data = data.fashion_mnist { split = "test" }:head(500).dataset } }
  end,
}

-- ---- defaults ---------------------------------------------------------------------------------------------------------

local META <const> = { "LrRepurposer", "SvmRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer", "GpRepurposer", "BnnRepurposer" }
local NETWORKS <const> = { "NeuralNetworkFineTuneRepurposer" }

local function defaults(few, test, list)
  local best, best_name, rows = -1, nil, {}
  local names = {}
  for name in pairs(list) do names[#names + 1] = name end
  table.sort(names)
  local pixels = 1
  for x in few:head(1):iterator { batch_size = 1 } do pixels = x:numel() // x:size(1) end
  for _, name in ipairs(names) do
    local net = list[name].net
    local _, feature = scion.repurpose.graph.head(net)
    local function measure(label, make)
      local ok, accuracy = pcall(function() return make():repurpose(few:iterator { batch_size = 16, shuffle = true, seed = args.seed }):accuracy(test) end)
      if not ok then print(("  %s on %s: %s"):format(label, name, tostring(accuracy))) return end
      rows[#rows + 1] = { label .. " on " .. name, 100 * accuracy }
      if accuracy > best then best, best_name = accuracy, label .. " on " .. name end
    end
    for _, class in ipairs(META) do
      measure(class, function() return scion[class] { source_model = net, feature_layer_names = { feature } } end)
    end
    if pixels <= 3 * 64 * 64 then
      for _, class in ipairs(NETWORKS) do measure(class, function() return scion[class] { source_model = net } end) end
    end
  end
  return best, best_name, rows
end

-- ---- all of it ------------------------------------------------------------------------------------------------------------

local rows, reports, ties, n = {}, {}, 0, 0
for _, task in ipairs(args.tasks or TASKS) do
  local load = LOADERS[task] or error(("unknown task '%s' (known: %s)"):format(task, table.concat(TASKS, ", ")), 0)
  local few, test, list = load()
  local begun = scion.progress.now()
  local rp, report = scion.repurpose.auto { source = list, train = few, budget = args.budget, n_trials = args.quick and 8 or args.trials, seed = args.seed,
    steps = args.quick and 20 or nil }
  local seconds = scion.progress.now() - begun
  local accuracy = rp:accuracy(test)
  print(("\n== %s: %d to learn from, %d to test, %.0f s ==\n%s"):format(task, #few, #test, seconds, report))
  reports[#reports + 1] = ("%s\n%s\n"):format(task, tostring(report))
  if args.out then report.study:report(("%s_%s.html"):format(args.out, task)) end
  local best, best_name, each = defaults(few, test, list)
  print(show.table({ "as it comes, on the last layer", { title = "test %", format = "%.1f" } }, each))
  if task ~= "fashion_to_mnist" then
    n = n + 1
    if accuracy >= best - 0.005 then ties = ties + 1 end
  end
  rows[#rows + 1] = { task, #few, report.transfer and "transfer" or "do not transfer", 100 * accuracy, 100 * best, best_name, seconds }
  print(scion.json.encode { task = task, n_train = #few, transfer = report.transfer, auto = accuracy, best_default = best,
    best_default_name = best_name or "", seconds = seconds })
end
print(show.table({ "task", "items", "verdict", { title = "auto %", format = "%.1f" }, { title = "best default %", format = "%.1f" },
  "which", { title = "s", format = "%.0f" } }, rows))
if n > 0 then print(("beats or ties the best default on %d of %d"):format(ties, n)) end
