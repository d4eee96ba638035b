-- Repurposers of one's own: k nearest neighbours on features (a MetaModelRepurposer with five methods), and two added layers on a frozen
-- network (a NeuralNetworkRepurposer with one). Both are compared on small splits of sketches made from photos.
--
--   scion scripts/custom_repurposers.lua --out result

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "custom_repurposers", about = "Two repurposers written from scratch on an ImageNet network.",
  options = { { "source", "NET", "network file; default: the shared SqueezeNet" },
    { "data", "DIR", "pictures, one folder per class; default: the shared sketches from photos" },
    { "splits", "N", "stratified splits, 60 % to learn from", default = 10, min = 1 }, { "per-class", "N", "pictures of each class", default = 45, min = 4 } },
}
local root = data.data_dir()
local function shared(path)
  if not root then error("no data directory was found; give --source and --data", 0) end
  return root .. "/" .. path
end
local splits, per_class = args.quick and 2 or args.splits, args.quick and 6 or args.per_class

-- ---- k nearest neighbours -----------------------------------------------------------------------------------------------

local KNNRepurposer = scion.class("KNNRepurposer", scion.MetaModelRepurposer)
KNNRepurposer.OPTIONS = { n_neighbors = 5 }

function KNNRepurposer:_train_model_from_features(features, labels)
  self.features, self.labels = features, labels
  return "the training data themselves"
end

function KNNRepurposer:_predict_probability_from_features(features)
  local _, near = features:cdist(self.features):topk(self.options.n_neighbors, 2, false)
  local votes = self.labels:index_select(1, near:reshape(-1)):reshape(#features, -1)
  local shares = {}
  for k = 1, #self.classes do shares[k] = votes:eq(k):to("f32"):mean(2) end
  return scion.stack(shares, 2)
end

function KNNRepurposer:_predict_label_from_features(features) return self:_predict_probability_from_features(features):argmax(2) end

function KNNRepurposer:serialize() return { features = self.features, labels = self.labels } end
function KNNRepurposer:deserialize(_, state) self.features, self.labels, self.target_model = state.features, state.labels, "as saved" end

-- ---- two layers on a frozen network ------------------------------------------------------------------------------------------

local Add2FC = scion.class("Add2FullyConnectedRepurposer", scion.NeuralNetworkRepurposer)
Add2FC.OPTIONS = { feature_layer = "", num_nodes = 64 }

function Add2FC:_create_target_module(train_iterator)
  local mh = scion.ModelHandler(self.source_model)
  mh:cut_after(self.options.feature_layer)
  local below = mh.layer_names
  mh:add_layer_top { nn.FullyConnected { name = "fc1_added", num_hidden = self.options.num_nodes }, nn.Activation { name = "relu_added", act_type = "relu" },
    nn.FullyConnected { name = "fc2_added", num_hidden = #self.classes }, nn.SoftmaxOutput { name = "softmax_added" } }
  return mh:get_module(train_iterator, { fixed_layer_parameters = mh:get_layer_parameters(below) })
end

for _, class in ipairs { KNNRepurposer, Add2FC } do scion.repurpose.register(class) end

-- ---- both on the same splits ------------------------------------------------------------------------------------------------------

local source = scion.load(args.source or shared "models/imagenet/squeezenet1.1.onnx")
source:eval()
local feature = source:outputs()[1]
local pictures = data.image_folder { dir = args.data or shared "datasets/xfer_demos/test_images_sketch", size = 227, crop = 1, normalise = "caffe",
  batch_size = 16 }:take_per_class(per_class, { seed = args.seed })
local methods = {
  { "KNN (5), as written here", function() return KNNRepurposer { source_model = source, feature_layer_names = { feature } } end },
  { "two added layers", function(seed) return Add2FC { source_model = source, feature_layer = feature, num_epochs = 30, optimizer_params = { lr = 1e-3 }, seed = seed } end },
  { "LrRepurposer, for comparison", function() return scion.LrRepurposer { source_model = source, feature_layer_names = { feature } } end },
}
local accuracies, last = {}, {}
for m in ipairs(methods) do accuracies[m] = {} end
for split = 1, splits do
  local train, test = pictures:split(0.6, { seed = args.seed + split - 1 })
  for m, method in ipairs(methods) do
    local rp = method[2](args.seed + split)
    rp:repurpose(train:with { shuffle = true, seed = split })
    accuracies[m][split] = 100 * rp:accuracy(test)
    last[m] = { rp = rp, test = test }
  end
end
local rows, labels, means, spreads = {}, {}, {}, {}
for m, method in ipairs(methods) do
  local text, mean, spread = show.mean_spread(accuracies[m])
  rows[m], labels[m], means[m], spreads[m] = { method[1], text }, method[1], mean, spread
end
print(show.table({ "repurposer", { title = "accuracy %", align = "right" } }, rows,
  { title = ("%d splits of %d pictures in %d classes (Xfer on VGG-19, one split of 20 photos: 87.5 for both)"):format(splits, #pictures.dataset, #pictures.classes) }))

-- Saved, loaded and asked again: the same answers.
local path = (args.out or os.tmpname()) .. (args.out and "/knn.scion" or "")
if args.out then scion.io.make_dir(args.out) end
last[1].rp:save(path)
local again = scion.load(path)
assert(again:predict_probability(last[1].test):allclose(last[1].rp:predict_probability(last[1].test)))
print("saved and loaded: the same probabilities")
if args.out then
  scion.plot.bars { labels = labels, values = means, errors = spreads, x_label = "accuracy %", title = "Repurposers of one's own", out = args.out .. "/custom_repurposers.svg" }
else
  os.remove(path)
end
print(scion.json.encode { script = "custom_repurposers", seed = args.seed, splits = splits, knn = means[1] / 100, add2fc = means[2] / 100, lr = means[3] / 100 })
