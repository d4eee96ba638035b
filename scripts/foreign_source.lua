-- Networks trained elsewhere, repurposed: a ResNet-20 of PyTorch (CIFAR-10), a network of MXNet that learned MNIST (from Xfer's tests), a
-- MobileNet in ONNX. Each one is read by what its file holds, looked at, and used as the source of a logistic regression on its features.
--
--   scion scripts/foreign_source.lua --out result

local scion = require "scion"
local data, show = scion.data, scion.show

local args = scion.cli.parse {
  name = "foreign_source", about = "Repurposes networks of PyTorch, MXNet and ONNX.",
  options = { { "dir", "DIR", "data directory with models/ and datasets/; default: the shared data" },
    { "splits", "N", "stratified splits", default = 5, min = 1 } },
}
local root = args.dir or data.data_dir() or error("no data directory was found; give --dir", 0)
local splits = args.quick and 2 or args.splits
scion.seed(args.seed)

-- Accuracy of logistic regression on a layer, over stratified splits with 60 % to learn from.
local function repurpose(net, layer, iterator)
  local accuracies = {}
  for split = 1, splits do
    local train, test = iterator:split(0.6, { seed = args.seed + split })
    local rp = scion.LrRepurposer { source_model = net, feature_layer_names = { layer } }
    rp:repurpose(train)
    accuracies[split] = 100 * rp:accuracy(test)
  end
  return accuracies
end
local rows, out, labels, means, spreads = {}, { script = "foreign_source", seed = args.seed, splits = splits }, {}, {}, {}
local function report(name, key, net, layer, task, accuracies)
  local line, mean, spread = show.mean_spread(accuracies)
  rows[#rows + 1] = { name, #net:layer_names(), layer, task, line }
  labels[#labels + 1], means[#means + 1], spreads[#spreads + 1] = name, mean, spread
  out[key] = mean / 100
end

-- ---- PyTorch: weights of a network that is described here -----------------------------------------------------------------

local resnet = scion.models.resnet_cifar { depth = 20 }
local loaded = resnet:load_state_dict(scion.load(root .. "/models/formats/resnet20_zip.pt"), { strict = false })
resnet:eval()
print(("PyTorch  resnet20_zip.pt: %d tensors matched, %d missing, %d left over"):format(#loaded.loaded, #loaded.missing, #loaded.unexpected))
local normalise = { mean = { 0.485, 0.456, 0.406 }, std = { 0.229, 0.224, 0.225 } }
local sketches = data.image_folder { dir = root .. "/datasets/xfer_demos/test_images_sketch", size = 32, crop = 1, normalise = normalise, batch_size = 16 }
if args.quick then sketches = sketches:take_per_class(8, { seed = args.seed }) end
report("PyTorch ResNet-20", "pytorch", resnet, "flatten", "sketches from photos", repurpose(resnet, "flatten", sketches))

-- ---- MXNet: symbol and parameters ------------------------------------------------------------------------------------------

-- It learned the digits of MNIST; those of the US mail are other hands, and 16 by 16: ten of each are learned from.
local digits = scion.load(root .. "/models/mxnet/test_mnist_model-symbol.json")
digits:eval()
local mh = scion.ModelHandler(digits)
print("MXNet    test_mnist_model: " .. tostring(mh.layer_names))
print("         " .. tostring(mh.layer_types))
local usps = scion.io.read_npz(root .. "/datasets/usps/usps.npz")
local function mail(split)
  local x = usps["x_" .. split]:to("f32"):add(1):div(2):reshape(-1, 1, 16, 16)
  x = scion.nn.interpolate(x, { size = { 20, 20 }, mode = "bilinear" }):pad { 4, 4, 4, 4 }
  return data.tensors { x = x, labels = usps["y_" .. split]:to("i64"):tolist(), batch_size = 100 }
end
local letters, held_out = mail "train", mail "test"
local pixels = scion.nn.Sequential { scion.nn.Flatten { name = "pixels" }, scion.nn.Linear(784, 10) }
local function few_shots(net, layer)
  local accuracies = {}
  for split = 1, splits do
    local rp = scion.LrRepurposer { source_model = net, feature_layer_names = { layer } }
    rp:repurpose(letters:take_per_class(10, { seed = args.seed + split }))
    accuracies[split] = 100 * rp:accuracy(held_out)
  end
  return accuracies
end
local _, pixel_mean = show.mean_spread(few_shots(pixels, "pixels"))
print(("         digits of the mail: %.1f %% by the untouched network, %.1f %% by logistic regression on the pixels of ten each"):format(
  100 * digits:evaluate(held_out).accuracy, pixel_mean))
out.mxnet_pixels = pixel_mean / 100
report("MXNet, MNIST", "mxnet", digits, "activation1", "digits of the mail", few_shots(digits, "activation1"))

-- ---- ONNX: the whole network -------------------------------------------------------------------------------------------------

local mobilenet = scion.load(root .. "/models/imagenet/mobilenet_v1_0.75_224.onnx")
mobilenet:eval()
local _, feature = scion.repurpose.graph.head(mobilenet)
local pictures = data.image_folder { dir = root .. "/datasets/xfer_demos/test_sketches", size = 224, crop = 1, normalise = "symmetric", batch_size = 8 }
report("ONNX MobileNet", "onnx", mobilenet, feature, "sketches", repurpose(mobilenet, feature, pictures))

print(show.table({ "source", "layers", "feature layer", "task", { title = "accuracy %", align = "right" } }, rows,
  { title = ("logistic regression, %d splits (Xfer's Gluon demo: 98.7 on MNIST by a network that learned MNIST)"):format(splits) }))
if args.out then
  scion.io.make_dir(args.out)
  scion.plot.bars { labels = labels, values = means, errors = spreads, x_label = "accuracy %", title = "Networks trained elsewhere", out = args.out .. "/foreign_source.svg" }
end
print(scion.json.encode(out))
