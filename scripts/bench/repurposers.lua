-- How long repurposers take: 1,000 pictures of CIFAR-10, features of an ImageNet MobileNet at 224 pixels. Extraction (once, then cached) and
-- fitting are timed apart; accuracy on pictures that were not learned from. --out writes the features, so that
-- scripts/bench/repurposers_sklearn.py fits scikit-learn's models to the same numbers. --cpu takes processor time, for a machine with other
-- work (with one thread: SCION_THREADS=1).
--
--   scion scripts/bench/repurposers.lua --out result; python3 scripts/bench/repurposers_sklearn.py result

local scion = require "scion"
local data, show = scion.data, scion.show

local args = scion.cli.parse {
  name = "bench/repurposers", about = "Times every repurposer on 1,000 pictures of CIFAR-10.",
  options = { { "source", "NET", "ImageNet network that takes -1..1 at 224; default: the shared MobileNet" },
    { "cpu", nil, "processor time in place of the clock's" },
    { "train", "N", "pictures to learn from", default = 1000, min = 100 }, { "test", "N", "pictures to be tested on", default = 1000, min = 100 } },
}
local root = data.data_dir()
local source = scion.load(args.source or (root or error("no data directory was found; give --source", 0)) .. "/models/imagenet/mobilenet_v1_0.75_224.onnx")
source:eval()
local clock = args.cpu and os.clock or scion.progress.now
local n_train, n_test = args.quick and 100 or args.train, args.quick and 100 or args.test
local function pictures(split, n)
  local zip = ("%s/datasets/cifar10/cifar10-%s-png.zip"):format(root, split)
  return data.image_folder { zip = zip, size = 224, crop = 1, normalise = "symmetric", batch_size = 32 }:take_per_class(n // 10, { seed = args.seed })
end
local train, test = pictures("train", n_train), pictures("test", n_test)
local _, feature = scion.repurpose.graph.head(source)

local start = clock()
local cache = scion.features.shared_cache()
local values, ids = scion.features.collect(source, train, { feature }, { cache = cache })
local extraction = clock() - start
local test_values, test_ids = scion.features.collect(source, test, { feature }, { cache = cache })
print(("features '%s' (%s) of %d pictures in %.1f s: %.1f pictures/s"):format(feature, table.concat(values[1].shape, "×"), #ids, extraction, #ids / extraction))

local rows, out = {}, { script = "bench/repurposers", cpu = args.cpu, train = n_train, extraction = extraction }
local function measure(name, make)
  start = clock()
  local rp = make()
  rp:repurpose(train)
  local fitting = clock() - start
  start = clock()
  local accuracy = rp:accuracy(test)
  local predicting = clock() - start
  rows[#rows + 1] = { name, fitting, predicting, 100 * accuracy }
  out[name] = { fitting = fitting, predicting = predicting, accuracy = accuracy }
end
local function on_features(class, opts)
  return function()
    local options = { source_model = source, feature_layer_names = { feature }, cache = cache }
    for key, value in pairs(opts or {}) do options[key] = value end
    return scion[class](options)
  end
end
measure("LrRepurposer", on_features("LrRepurposer", { class_weight = "none", c = 0.1 }))
measure("SvmRepurposer, linear", on_features("SvmRepurposer", { c = 0.01 }))
measure("SvmRepurposer, RBF", on_features("SvmRepurposer", { kernel = "rbf", c = 10 }))
measure("KnnRepurposer", on_features "KnnRepurposer")
measure("NearestPrototypeRepurposer", on_features "NearestPrototypeRepurposer")
measure("BnnRepurposer", on_features("BnnRepurposer", { num_epochs = args.quick and 5 or 50, batch_size = 50 }))
measure("GpRepurposer", on_features("GpRepurposer"))
measure("NeuralNetworkRandomFreezeRepurposer", function()
  return scion.NeuralNetworkRandomFreezeRepurposer { source_model = source, fixed_layers = scion.repurpose.graph.upstream(source, { feature }), num_layers_to_drop = 1,
    num_epochs = 20, batch_size = 32, seed = args.seed }
end)
print(show.table({ "repurposer", { title = "fitting s", format = "%.2f" }, { title = "1,000 predictions s", format = "%.2f" }, { title = "accuracy %", format = "%.1f" } }, rows,
  { title = ("%d pictures of CIFAR-10 to learn from, %d to be tested on"):format(#ids, #test_ids) }))
if args.out then
  os.execute(("mkdir -p '%s'"):format((args.out:gsub("'", "'\\''"))))
  scion.io.save_npz(args.out .. "/features.npz", { train = values[1]:reshape(#ids, -1), train_ids = ids, test = test_values[1]:reshape(#test_ids, -1), test_ids = test_ids })
  local file = assert(io.open(args.out .. "/repurposers.json", "w"))
  file:write(scion.json.encode(out), "\n")
  file:close()
end
print(scion.json.encode(out))
