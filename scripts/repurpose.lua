-- Grafts a new task onto a trained network: pictures in one folder per class, and out comes a network that names them.
--
--   scion scripts/repurpose.lua --source mobilenet.onnx --data photos --method lr --out result

local scion = require "scion"
local show = scion.show

local args = scion.cli.parse {
  name = "repurpose", about = "Repurposes a trained network for your own pictures (DIR holds one folder per class).",
  options = {
    { "source", "NET", "network file: scion's own or ONNX", required = true },
    { "data", "DIR", "training pictures", required = true },
    { "test", "DIR", "test pictures; without it a fifth of the training pictures is held out" },
    { "method", "NAME", "lr: logistic regression on features; finetune; freeze: only what is above --layers learns",
      choices = { "lr", "finetune", "freeze" }, default = "lr" },
    { "layers", "A,B", "lr: layers to take features from; finetune: last layer to keep; freeze: layers to keep fixed (all before them too)",
      type = "list" },
    { "size", "N", "side of the pictures that the network takes; default: what the network says, or 224", type = "integer", min = 1 },
    { "crop", "SHARE", "part of the shorter side kept by the central crop", default = 0.875 },
    { "normalise", "NAME", "symmetric (-1..1), imagenet, caffe (BGR minus mean) or none", choices = { "symmetric", "imagenet", "caffe", "none" },
      default = "symmetric" },
    { "epochs", "N", "passes over the data (finetune, freeze)", default = 5, min = 1 },
    { "lr", "RATE", "learning rate; default 1e-4 for finetune (the trained weights move little), 1e-3 for freeze", type = "number" },
    { "c", "C", "inverse strength of the penalty (lr)", default = 1.0 },
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
scion.seed(args.seed)

-- ---- the source network and the pictures ------------------------------------------------------------------------

local source = scion.load(args.source)
if scion.is_a(source, scion.Repurposer) then source = source.target_model end
if not scion.is_net(source) then error(("--source: %s holds no network"):format(args.source), 0) end
source:eval()
local input = source:inputs()[1].shape
local size = args.size or (input and #input == 4 and input[3] > 0 and input[3]) or 224
if args.quick then args.epochs = 1 end

local function pictures(dir, opts)
  opts.dir, opts.size, opts.crop = dir, size, args.crop
  opts.normalise = args.normalise ~= "none" and args.normalise or nil
  opts.on_error = args.skip_unreadable and "skip" or "error"
  opts.batch_size = args.batch
  return scion.data.image_folder(opts)
end
local train = pictures(args.data, { shuffle = true, seed = args.seed, augment = args.augment and args.method ~= "lr" or nil })
local test
if args.test then
  test = pictures(args.test, { classes = { table.unpack(train.classes) } })
else
  train, test = train:split(0.8, { seed = args.seed })
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

local head, features = scion.repurpose.graph.head(source)
local rp
if args.method == "lr" then
  rp = scion.LrRepurposer { source_model = source, feature_layer_names = args.layers or { features }, c = args.c, progress = true }
elseif args.method == "finetune" then
  rp = scion.NeuralNetworkFineTuneRepurposer { source_model = source, transfer_layer_name = args.layers and args.layers[1] or features,
    num_epochs = args.epochs, optimizer_params = { lr = args.lr }, head = "regression", seed = args.seed, progress = true }
else
  -- Fixed: the named layers and all that comes before them; default: everything but the last layer with weights.
  local fixed = scion.repurpose.graph.upstream(source, args.layers or { features })
  local above = 0
  for _, layer in ipairs(source:layers()) do above = (layer.name == head) and 1 or above > 0 and above + 1 or 0 end
  rp = scion.NeuralNetworkRandomFreezeRepurposer { source_model = source, fixed_layers = fixed, num_layers_to_drop = above,
    num_epochs = args.epochs, optimizer_params = { lr = args.lr }, seed = args.seed, progress = true }
end
local start = clock()
rp:repurpose(train)
local training = clock() - start
start = clock()
local result = rp:evaluate(test)
local testing = clock() - start

-- ---- report -----------------------------------------------------------------------------------------------------------

print("")
print(result.confusion)
print(("\n%s: %.2f %% of %d test pictures right"):format(args.method, 100 * result.accuracy, #result.truth))
if args.method == "lr" then
  local c = rp:convergence()
  print(("logistic regression %s after %d iterations"):format(c.converged and "converged" or "did NOT converge", c.iterations))
end
print(("time: training %s, test %s (%.1f pictures/s), in all %s"):format(show.seconds(training), show.seconds(testing),
  #result.truth / testing, show.seconds(clock() - begun)))
if args.out then
  os.execute(("mkdir -p '%s'"):format((args.out:gsub("'", "'\\''"))))
  local path = args.out .. "/model.scion"
  rp:save(path)
  print("wrote " .. path)
end
print(scion.json.encode { script = "repurpose", method = args.method, accuracy = result.accuracy, test = #result.truth,
  train = #train.dataset, seconds = clock() - begun, training_seconds = training, seed = args.seed })
