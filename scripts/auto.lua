-- scion.repurpose.auto on five data sets, beside every built-in repurposer with its defaults on the last layer of every source; and
-- on Fashion-MNIST to MNIST, where the right answer is not to transfer.
--
--   scion scripts/auto.lua --tasks hymenoptera,sketches --budget 60 --out auto

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local TASKS <const> = { "hymenoptera", "sketches", "caltech", "cifar10", "usps", "fashion_to_mnist" }
local args = scion.cli.parse {
  name = "auto", about = "Automatic repurposing against all repurposers at their defaults.",
  options = { { "tasks", "LIST", "of " .. table.concat(TASKS, ","), type = "list" }, { "budget", "SECONDS", "for each search, about", default = 120, min = 1 },
    { "per-class", "N", "examples of each class to learn from, at most", default = 20, min = 2 }, { "trials", "N", "of each search", default = 30, min = 4 },
    { "splits", "N", "draws of the examples to learn from; accuracies are means", default = 3, min = 1 } },
}
local root = data.data_dir()
if not root then args:fail(nil, "no data directory was found (SCION_DATA)") end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- before anything takes long
if args.quick then args.budget = math.min(args.budget, 5) end
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
    net:fit(train:head(args.quick and 640 or math.min(20000, #train.dataset)), { epochs = 2, optimizer = "adam", progress = false })
  end
  net:eval()
  sources[name] = net
  return net
end

local function folder(path, normalise, size)
  return data.image_folder { dir = root .. "/datasets/" .. path, size = size or 224, crop = 1, normalise = normalise or "symmetric", batch_size = 8 }.dataset
end
-- n items a class to learn from, others to test; elsewhere for each split.
local split = 1
local function cut(set, n, test)
  local random, of_class, few, rest = data.rng.new(args.seed, 76 + split), {}, {}, {}
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
    return few, test, { mnist = { net = source "mnist", n_labelled = 10000, classes = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 } } }
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
  local rows = {}
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
    end
    for _, class in ipairs(META) do
      measure(class, function() return scion[class] { source_model = net, feature_layer_names = { feature } } end)
    end
    if pixels <= 3 * 64 * 64 then
      for _, class in ipairs(NETWORKS) do measure(class, function() return scion[class] { source_model = net } end) end
    end
  end
  return rows
end

-- ---- all of it ------------------------------------------------------------------------------------------------------------

local rows, ties, n = {}, 0, 0
for _, task in ipairs(args.tasks or TASKS) do
  local load = LOADERS[task] or args:fail("tasks", ("unknown task '%s' (known: %s)"):format(task, table.concat(TASKS, ", ")))
  local mean, of_default, order, verdicts, longest, n_train = 0, {}, {}, 0, 0, 0
  local splits = args.quick and 1 or args.splits
  for k = 1, splits do
    split = k
    local few, test, list = args:try(nil, load)
    local begun = scion.progress.now()
    local rp, report = scion.repurpose.auto { source = list, train = few, budget = args.budget, n_trials = args.quick and 8 or args.trials, seed = args.seed,
      steps = args.quick and 20 or nil }
    local seconds = scion.progress.now() - begun
    local accuracy = rp:accuracy(test)
    print(("\n== %s, split %d: %d to learn from, %d to test, %.0f s, test accuracy %.1f %% ==\n%s"):format(
      task, k, #few, #test, seconds, 100 * accuracy, report))
    if args.out then report.study:report(("%s/%s.html"):format(args.out, task)) end
    mean, longest, n_train, verdicts = mean + accuracy / splits, math.max(longest, seconds), #few, verdicts + (report.transfer and 1 or 0)
    local each = defaults(few, test, list)
    for _, row in ipairs(each) do
      if not of_default[row[1]] then
        of_default[row[1]] = 0
        order[#order + 1] = row[1]
      end
      of_default[row[1]] = of_default[row[1]] + row[2] / 100 / splits
    end
  end
  local best_name, each = order[1], {}
  for i, name in ipairs(order) do
    each[i] = { name, 100 * of_default[name] }
    if of_default[name] > of_default[best_name] then best_name = name end
  end
  print(show.table({ "as it comes, on the last layer", { title = "test %", format = "%.1f" } }, each))
  local best = of_default[best_name]
  if task ~= "fashion_to_mnist" then
    n = n + 1
    if mean >= best - 0.005 then ties = ties + 1 end
  end
  rows[#rows + 1] = { task, n_train, ("%d of %d"):format(verdicts, splits), 100 * mean, 100 * best, best_name, longest }
  print(scion.json.encode { task = task, n_train = n_train, splits = splits, said_transfer = verdicts, auto = mean, best_default = best,
    best_default_name = best_name, longest_search = longest })
end
print(show.table({ "task", "items", "says transfer", { title = "auto %", format = "%.1f" }, { title = "best default %", format = "%.1f" },
  "which", { title = "longest search, s", format = "%.0f" } }, rows))
if n > 0 then print(("beats or ties the best default on %d of %d"):format(ties, n)) end
