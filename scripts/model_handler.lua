-- Looking at a network and operating on it: layers and types, features of two layers and how they fall into groups (PCA, k-means),
-- other layers at both ends, training after surgery, undo.
--
--   scion scripts/model_handler.lua --out result

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "model_handler", about = "Inspects, cuts and extends an ImageNet network, and trains what comes out.",
  options = { { "source", "NET", "network file; default: the shared SqueezeNet" },
    { "data", "DIR", "pictures, one folder per class; default: the shared sketches from photos" },
    { "per-class", "N", "pictures of each class", default = 16, min = 4 }, { "epochs", "N", "passes after surgery", default = 20, min = 1 } },
}
local root = data.data_dir()
local function shared(path)
  if not root then error("no data directory was found; give --source and --data", 0) end
  return root .. "/" .. path
end
local per_class, epochs = args.quick and 5 or args.per_class, args.quick and 2 or args.epochs
scion.seed(args.seed)
if args.out then scion.io.make_dir(args.out) end

-- ---- inspection -----------------------------------------------------------------------------------------------------

local source = scion.load(args.source or shared "models/imagenet/squeezenet1.1.onnx")
source:eval()
local mh = scion.ModelHandler(source)
print(mh)
print("layers        " .. tostring(mh.layer_names))
print("convolutions  " .. #mh:get_layer_names_matching_type "Convolution")
local first, last = mh.layer_names[1], mh.layer_names[#mh.layer_names]
print(("first, last   %s: %s; %s: %s"):format(first, (mh:get_layer_type(first)), last, (mh:get_layer_type(last))))
print("parameters    " .. tostring(mh:get_layer_parameters { first }))
if args.out then mh:visualize_net(args.out .. "/network.svg") end

-- ---- features of two layers ------------------------------------------------------------------------------------------------

local pictures = data.image_folder { dir = args.data or shared "datasets/xfer_demos/test_images_sketch", size = 227, crop = 1, normalise = "caffe",
  batch_size = 16 }:take_per_class(per_class, { seed = args.seed })
local outputs = mh.output_names[1]
local inner = mh.layer_names[#mh.layer_names - 3]
local features, labels, ids = mh:get_layer_output { data_iterator = pictures, layer_names = { inner, outputs }, cache = true }
print("\n" .. tostring(features))

-- The first n principal components, with the share of the variance that the first two hold, and k-means with as many groups as classes.
local function project(x, n)
  local z = x:sub(x:mean(1)):to("f64")
  local u, s = scion.svd(z)
  local share = s:square():div(s:square():sum())
  return u:narrow(2, 1, n):mul(s:narrow(1, 1, n)), share[1], share[2]
end
local function k_means(x, k, rounds)
  local rng = data.rng.new(args.seed, 3)
  local best, best_cost
  for _ = 1, 8 do
    local centres = x:index_select(1, scion.tensor(table.move(rng:permutation(#x), 1, k, 1, {}), { dtype = "i64" }))
    local group, cost
    for _ = 1, rounds do
      local distance = x:cdist(centres)
      group = distance:argmin(2)
      cost = distance:min(2):square():sum():item()
      local member = scion.zeros(#x, k, { dtype = x.dtype }):scatter_(2, group:reshape(-1, 1), scion.ones(#x, 1, { dtype = x.dtype }))
      local count = member:sum(1):reshape(-1, 1)
      centres = scion.where(count:gt(0), member:t():matmul(x):div(count:clamp(1, math.huge)), centres)
    end
    if not best_cost or cost < best_cost then best, best_cost = group, cost end
  end
  return best
end
local points, first_share, second_share = project(features[outputs], 10)
local groups = k_means(points, #pictures.classes, 20):tolist()
-- Share of pictures in a group whose most frequent class is theirs.
local counts, class_of, right = {}, {}, 0
for i, group in ipairs(groups) do
  counts[group] = counts[group] or {}
  counts[group][labels[i]] = (counts[group][labels[i]] or 0) + 1
end
for group, by_class in pairs(counts) do
  local largest = 0
  for _, class in ipairs(pictures.classes) do
    if (by_class[class] or 0) > largest then largest, class_of[group] = by_class[class], class end
  end
  right = right + largest
end
local purity = right / #groups
print(("k-means on ten principal components of '%s': %.0f %% of the pictures lie with their class"):format(outputs, 100 * purity))
if args.out then
  -- Dots: what pictures show; rings about them: the class that most of their group shows.
  local series, rings, rows, place = {}, {}, points:tolist(), {}
  for k, class in ipairs(pictures.classes) do
    series[k], place[class] = { label = class, x = {}, y = {} }, k
    rings[k] = { x = {}, y = {}, colour = scion.plot.COLOURS[k], radius = 7, hollow = true }
  end
  for i, label in ipairs(labels) do
    for _, s in ipairs { series[place[label]], rings[place[class_of[groups[i]]]] } do
      table.insert(s.x, rows[i][1])
      table.insert(s.y, rows[i][2])
    end
  end
  for _, ring in ipairs(rings) do
    if #ring.x > 0 then series[#series + 1] = ring end
  end
  scion.plot.scatter { series = series, title = ("Ring as dot: k-means agrees, on %.0f %% of the pictures"):format(100 * purity), radius = 4,
    x_label = ("first component, %.0f %% of the variance"):format(100 * first_share), y_label = ("second, %.0f %%"):format(100 * second_share),
    out = args.out .. "/features.svg" }
end

-- ---- surgery and training -----------------------------------------------------------------------------------------------------

mh:cut_after(inner)
print("\ndropped       " .. tostring(mh:drop_layer_bottom(1)))
print("taken back    " .. tostring(mh:undo()))
mh:add_layer_bottom { nn.Convolution { name = "convolution1", kernel = { 1, 1 }, num_filter = 3 } } -- other colours
mh:add_layer_top { nn.Pooling { name = "pool", pool_type = "avg", global_pool = true }, nn.FullyConnected { name = "fullyconnected1", num_hidden = #pictures.classes },
  nn.SoftmaxOutput { name = "softmax" } }
print("\nSurgery:\n" .. tostring(mh:changes()))
local train, test = pictures:split(0.7, { seed = args.seed })
local fixed = {}
for _, name in ipairs(mh:get_layer_names_matching_type "Convolution") do
  if name ~= "convolution1" then fixed[#fixed + 1] = name end
end
local module = mh:get_module(train, { fixed_layer_parameters = mh:get_layer_parameters(fixed) })
local history = module:fit(train:with { shuffle = true }, { num_epochs = epochs, lr = 3e-3, schedule = "cosine", metrics = { "accuracy" }, validation = test, progress = false })
local final = history.epochs[#history.epochs]
print(("\nafter %d epochs: loss %.3f, training accuracy %.1f %%, %d held-out pictures %.1f %%"):format(#history.epochs, final.loss, 100 * final.accuracy,
  #test.dataset, 100 * final.val_accuracy))
if args.out then
  local losses, held_out = {}, {}
  for i, record in ipairs(history.epochs) do losses[i], held_out[i] = record.loss, record.val_loss end
  scion.plot.lines { series = { { label = "training", y = losses }, { label = "held out", y = held_out } }, x_label = "epoch", y_label = "loss",
    title = "Training after surgery", out = args.out .. "/training.svg" }
  scion.ModelHandler(module):visualize_net(args.out .. "/after_surgery.svg")
end
print("taken back: " .. tostring(mh:undo(3)))
print(tostring(mh:changes()))
print(scion.json.encode { script = "model_handler", seed = args.seed, purity = purity, loss = final.loss, accuracy = final.accuracy,
  val_accuracy = final.val_accuracy, items = #ids })
