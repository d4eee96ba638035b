-- Grafts a new task onto a trained network: pictures in one folder per class, and out comes a network that names them.
--
--   scion scripts/repurpose.lua --source mobilenet.onnx --data photos --method lr --out result

local scion = require "scion"
local show = scion.show

local args = scion.cli.parse {
  name = "repurpose", about = "Repurposes a trained network for your own pictures (DIR holds one folder per class).",
  options = {
    { "source", "NET", "network file: scion's own, ONNX, ...", required = true },
    { "data", "DIR", "training pictures, one folder per class", required = true },
    { "test", "DIR", "test pictures; without it a fifth of the training pictures is held out" },
    { "method", "NAME", "on features: lr (logistic regression), svm, gp (Gaussian process), bnn (Bayesian network), knn, prototype (class means); " ..
      "finetune: everything learns; freeze: what is above --layers learns",
      choices = { "lr", "svm", "gp", "bnn", "knn", "prototype", "finetune", "freeze" }, default = "lr" },
    { "layers", "A,B", "on features: layers to take them from; finetune: last layer to keep; freeze: layers to keep fixed (all before them too)",
      type = "list" },
    { "size", "N", "side of the pictures that the network takes; default: what the network says, or 224", type = "integer", min = 1 },
    { "crop", "SHARE", "part of the shorter side kept by the central crop; default: what the network says, or 0.875", type = "number" },
    { "normalise", "NAME", "symmetric (-1..1), imagenet, caffe (BGR minus mean) or none (0..1); default: what the network says, or symmetric",
      choices = { "symmetric", "imagenet", "caffe", "none" } },
    { "epochs", "N", "passes over the data (finetune, freeze)", default = 5, min = 1 },
    { "lr", "RATE", "learning rate; default 1e-4 for finetune (the trained weights move little), 1e-3 for freeze", type = "number" },
    { "c", "C", "inverse strength of the penalty (lr, svm); default 1, of svm 0.01", type = "number" },
    { "batch", "N", "pictures a batch", default = 16, min = 1 },
    { "augment", nil, "random crops and mirroring (finetune, freeze)" },
    { "skip-unreadable", nil, "leave unreadable pictures out instead of stopping" },
  },
  examples = { "scion scripts/repurpose.lua --source mobilenet.onnx --data ants_bees/train --test ants_bees/val --out result",
    "scion scripts/predict.lua --model result picture.jpg" },
}
local clock = scion.progress.now
local begun = clock()
args.lr = args.lr or (args.method == "finetune" and 1e-4 or 1e-3)
if args.lr <= 0 then args:fail("lr", "must be above 0") end
args.c = args.c or (args.method == "svm" and 0.01 or 1.0)
if args.c <= 0 then args:fail("c", "must be above 0") end
scion.seed(args.seed)

-- ---- the source network and the pictures ------------------------------------------------------------------------

local source = args:try("source", scion.load, args.source)
local known                                                -- what the network's file says about its pictures
if scion.is_a(source, scion.Repurposer) then
  known, source = source.preprocessing, source.target_model
elseif scion.is_net(source) then
  local text = source:attr "preprocessing"
  known = text and scion.json.decode(text)
end
if not scion.is_net(source) then args:fail("source", args.source .. " holds no network") end
known = known or {}
source:eval()
local input = source:inputs()[1].shape
local says_size = input and #input == 4 and input[3] > 0 and input[4] > 0
local grey = input and #input == 4 and input[2] == 1
local size = args.size or known.size or says_size and (input[3] == input[4] and input[3] or { input[3], input[4] }) or 224
local normalise = args.normalise
if not normalise and known.mean then
  normalise = { mean = known.mean, std = known.std, channels = known.channels ~= "grey" and known.channels or nil }
elseif grey and (normalise == "symmetric" or not normalise and not known.kind) then
  normalise = { mean = { 0.5 }, std = { 0.5 } }
elseif not normalise then
  normalise = known.kind and "none" or "symmetric"
end
if args.quick then args.epochs = 1 end

local function pictures(option, dir, opts)
  opts.dir, opts.size, opts.crop = dir, size, args.crop or known.crop or 0.875
  opts.normalise = normalise ~= "none" and normalise or nil
  opts.channels = grey and "grey" or nil
  opts.on_error = args.skip_unreadable and "skip" or "error"
  opts.batch_size = args.batch
  return args:try(option, scion.data.image_folder, opts)
end
local train = pictures("data", args.data, { shuffle = true, seed = args.seed, augment = args.augment and (args.method == "finetune" or args.method == "freeze") or nil })
local test
if args.test then
  test = pictures("test", args.test, { classes = { table.unpack(train.classes) } })
else
  train, test = args:try("data", train.split, train, 0.8, { seed = args.seed })
end
if args.quick then
  local k = 6
  for _, n in ipairs(train:class_counts()) do k = math.min(k, n) end
  for _, n in ipairs(test:class_counts()) do k = math.min(k, n) end
  train, test = train:take_per_class(k), test:take_per_class(k)
end
print(("source  %s: %d layers, %d parameters"):format(args.source, #source:layer_names(), (source:n_parameters())))
print(("data    %d training and %d test pictures of %d classes: %s"):format(#train.dataset, #test.dataset, #train.classes,
  table.concat(train.classes, ", ")))

-- ---- the repurposer ------------------------------------------------------------------------------------------------

local head, features = args:try("source", scion.repurpose.graph.head, source)
for _, name in ipairs(args.layers or {}) do
  if not source:has_layer(name) then
    local near = scion.check.nearest(name, source:layer_names())
    args:fail("layers", ("the network has no layer '%s'%s; its layers: %s"):format(name, near and (" (did you mean '%s'?)"):format(near) or "",
      tostring(source:layer_names())))
  end
end
if args.method == "finetune" and args.layers and #args.layers > 1 then args:fail("layers", "finetune takes one layer, the last to keep") end
local ON_FEATURES <const> = { lr = "LrRepurposer", svm = "SvmRepurposer", gp = "GpRepurposer", bnn = "BnnRepurposer", knn = "KnnRepurposer",
  prototype = "NearestPrototypeRepurposer" }
local rp
if ON_FEATURES[args.method] then
  rp = args:try(nil, scion[ON_FEATURES[args.method]], { source_model = source, feature_layer_names = args.layers or { features }, seed = args.seed,
    c = (args.method == "lr" or args.method == "svm") and args.c or nil, progress = true })
elseif args.method == "finetune" then
  rp = args:try(nil, scion.NeuralNetworkFineTuneRepurposer, { source_model = source, transfer_layer_name = args.layers and args.layers[1] or features,
    num_epochs = args.epochs, optimizer_params = { lr = args.lr }, head = "regression", seed = args.seed, progress = true })
else
  -- Fixed: the named layers and all that comes before them; default: everything but the last layer with weights.
  local fixed = scion.repurpose.graph.upstream(source, args.layers or { features })
  local above = 0
  for _, layer in ipairs(source:layers()) do above = (layer.name == head) and 1 or above > 0 and above + 1 or 0 end
  rp = args:try(nil, scion.NeuralNetworkRandomFreezeRepurposer, { source_model = source, fixed_layers = fixed, num_layers_to_drop = above,
    num_epochs = args.epochs, optimizer_params = { lr = args.lr }, seed = args.seed, progress = true })
end
if args.out then args:try("out", scion.io.make_dir, args.out) end -- told before the work, not after it
local start = clock()
args:try(nil, rp.repurpose, rp, train)
local training = clock() - start
start = clock()
local result = args:try(nil, rp.evaluate, rp, test)
local testing = clock() - start

-- ---- report -----------------------------------------------------------------------------------------------------------

print("")
print(result.confusion)
print(("\n%s: %.2f %% of %d test pictures right"):format(args.method, 100 * result.accuracy, #result.truth))
local c = rp:convergence()
if (args.method == "lr" or args.method == "svm") and c then print(("%s after %d iterations"):format(c.converged and "converged" or "did NOT converge", c.iterations)) end
print(("time: training %s, test %s (%.1f pictures/s), in all %s"):format(show.seconds(training), show.seconds(testing),
  #result.truth / testing, show.seconds(clock() - begun)))
if args.out then
  local path = args.out .. "/model.scion"
  args:try("out", rp.save, rp, path)
  print(("wrote %s: scion scripts/predict.lua --model %s picture.jpg"):format(path, args.out))
else
  print("not kept: --out DIR writes the repurposed network")
end
print(scion.json.encode { script = "repurpose", method = args.method, accuracy = result.accuracy, test = #result.truth,
  train = #train.dataset, seconds = clock() - begun, training_seconds = training, seed = args.seed })
