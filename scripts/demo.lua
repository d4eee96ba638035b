-- make demo: the main job on real data. A source network learns Fashion-MNIST photos; then it is repurposed for line
-- drawings of them from 10 and from 2 images a class, and compared with what one would do without it.
--
-- Rows: the untouched source; logistic regression on raw pixels; the same network from scratch on the few images; logistic
-- regression on the source's features; its lower layers frozen; all of it fine-tuned. Scratch, frozen and fine-tuned share
-- network, steps, batch, augmentation, optimiser and rate. One more row pair shows that transfer does not always pay.

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "demo", about = "Photos of clothes -> drawings of clothes, from 10 and from 2 images a class.",
  options = { { "seeds", "N", "repetitions with other images and weights", default = 5, min = 1 },
    { "epochs", "N", "passes of the source network over the photos", default = 2, min = 1 } },
}
local clock = scion.progress.now
local begun = clock()
local here = arg[0]:match("^(.*)/scripts/[^/]*$") or "."
local drawings = dofile(here .. "/datasets/drawings.lua")

local SEEDS = args.quick and 1 or args.seeds
local FEW = { 10, 2 }                                     -- images a class
local TUNE = { steps = args.quick and 10 or 150, batch = 32, lr = 2e-3 }

-- ---- data ---------------------------------------------------------------------------------------------------

local photos = data.fashion_mnist { split = "train" }
local photos_test = data.fashion_mnist { split = "test" }
if args.quick then photos, photos_test = photos:head(2000), photos_test:head(500) end
local drawn, drawn_test = drawings.of(photos), drawings.of(photos_test)

-- Random shifts by up to two pixels and mirroring, one choice per image: rows and columns are looked up in the padded image.
local function jitter(x, keys)
  local rng = data.rng.new(args.seed, keys.seed, keys.epoch, keys.batch)
  local n, size = #x, x:size(3)
  local dy, dx, flip = {}, {}, {}
  for i = 1, n do
    dy[i], dx[i] = rng:integer(5) - 1, rng:integer(5) - 1
    flip[i] = rng:integer(2) == 1
  end
  local padded = x:pad { 2, 2, 2, 2 }
  local wide = size + 4
  local line = scion.arange(0, size, { dtype = "i64" })
  local mirrored = scion.tensor(flip):reshape(n, 1)
  local columns = scion.where(mirrored, line:neg():add(size - 1):reshape(1, size), line:reshape(1, size))
    :add(scion.tensor(dx, { dtype = "i64" }):reshape(n, 1))
  local rows = line:reshape(1, size):add(scion.tensor(dy, { dtype = "i64" }):reshape(n, 1))
  local index = rows:reshape(n, size, 1):mul(wide):add(columns:reshape(n, 1, size)):reshape(n, size * size):add(1)
  return padded:reshape(n, wide * wide):gather(2, index):reshape(n, 1, size, size)
end

-- Photos for the source also get random contrast and, half of them, inverted brightness, so that its features look at
-- shapes and not at fabric. (The drawings do not need it; all networks trained on them get shifts and mirroring alike.)
local function photo_augmentation(x, y, keys)
  x = jitter(x, keys)
  local n = #x
  local function per_image(low, high) return scion.rand(n, 1, 1, 1):mul(high - low):add(low) end
  local harder = x:sub(per_image(0.2, 0.8)):mul(per_image(1, 4)):add(0.5):clamp(0, 1)
  x = scion.where(per_image(0, 1):lt(0.5), harder, x)
  x = scion.where(per_image(0, 1):lt(0.5), x:neg():add(1), x)
  return x, y
end
local function few_augmentation(x, y, keys) return jitter(x, keys), y end

-- ---- networks -----------------------------------------------------------------------------------------------

local function network(n_classes)
  local function block(i, from, to)
    return nn.Conv2d(from, to, 3, { padding = 1, bias = false, name = "conv" .. i }), nn.BatchNorm2d(to, { name = "norm" .. i }),
      nn.ReLU { name = "relu" .. i }, nn.MaxPool2d(2, { name = "pool" .. i })
  end
  local layers = {}
  for i, widths in ipairs { { 1, 16 }, { 16, 32 }, { 32, 64 } } do
    for _, layer in ipairs { block(i, widths[1], widths[2]) } do layers[#layers + 1] = layer end
  end
  for _, layer in ipairs { nn.Flatten { name = "flatten" }, nn.Linear(576, 128, { name = "fc1" }), nn.ReLU { name = "relu_fc" },
    nn.Linear(128, n_classes, { name = "fc2" }) } do layers[#layers + 1] = layer end
  return nn.Sequential(layers)
end

local function train_source(train, classes)
  scion.seed(args.seed)
  local net = network(#classes)
  net:set_attr("classes", scion.json.encode(scion.json.array { table.unpack(classes) }))
  net:fit(train:with { batch_size = 128, shuffle = true, seed = args.seed, last_batch = "drop", transform = photo_augmentation },
    { epochs = args.epochs, optimizer = "adam", lr = 4e-3, schedule = "one_cycle", metrics = { "accuracy" }, label = "source network:" })
  net:eval()
  return net
end

local function accuracy(net, test)
  return 100 * net:evaluate(test:in_order(500), { loss = "none", metrics = { "accuracy" } }).accuracy
end

-- ---- the ways to solve the target task -------------------------------------------------------------------------

local TRAINING = { steps = TUNE.steps, optimizer = "adamw", optimizer_params = { lr = TUNE.lr, weight_decay = 0 }, schedule = "one_cycle" }

local function with_training(opts)
  for name, value in pairs(TRAINING) do opts[name] = value end
  return opts
end

local WAYS = {
  { "untouched source", function(source, _, test) return 100 * (source and accuracy(source, test) or 0) / 100 end, needs_same_classes = true },
  { "logistic regression on raw pixels", function(_, few, test)
    local raw = nn.Sequential { nn.Flatten { name = "pixels" } }
    local rp = scion.LrRepurposer { source_model = raw, feature_layer_names = { "pixels" }, standardise = false }
    return 100 * rp:repurpose(few):accuracy(test)
  end },
  { "trained from scratch", function(_, few, test, seed)
    scion.seed(seed)
    local net = network(#few.classes)
    net:fit(few:with { transform = few_augmentation }, { steps = TUNE.steps, optimizer = "adamw",
      optimizer_params = TRAINING.optimizer_params, schedule = TRAINING.schedule, progress = false })
    net:eval()
    return accuracy(net, test)
  end },
  { "logistic regression on features", function(source, few, test)
    local rp = scion.LrRepurposer { source_model = source, feature_layer_names = { "flatten", "relu_fc" }, c = 0.01 }
    return 100 * rp:repurpose(few):accuracy(test)
  end },
  { "lower layers frozen", function(source, few, test, seed)
    local rp = scion.NeuralNetworkRandomFreezeRepurposer(with_training { source_model = source, num_layers_to_drop = 1,
      fixed_layers = { "conv1", "norm1", "conv2", "norm2" }, head = "source", seed = seed })
    return 100 * rp:repurpose(few:with { transform = few_augmentation }):accuracy(test)
  end },
  { "fine-tuned", function(source, few, test, seed)
    local rp = scion.NeuralNetworkFineTuneRepurposer(with_training { source_model = source, transfer_layer_name = "relu_fc",
      head = "source", seed = seed })
    rp:repurpose(few:with { transform = few_augmentation })
    return 100 * rp:accuracy(test), rp
  end },
}

-- ---- the experiment ---------------------------------------------------------------------------------------------

local function experiment(source, train, test, ways, few_counts, label)
  local results = {}
  local bar = scion.progress.new { label = label, unit = "run", total = #ways * SEEDS * #few_counts }
  local last
  for _, k in ipairs(few_counts) do
    results[k] = {}
    for w, way in ipairs(ways) do
      local scores, seconds = {}, 0
      local repeats = way.needs_same_classes and 1 or SEEDS
      for seed = 1, repeats do
        local few = train:with { batch_size = math.min(TUNE.batch, k * #train.classes), shuffle = true, seed = seed, last_batch = "drop" }
          :take_per_class(k, { seed = seed })
        local start = clock()
        local score, rp = way[2](source, few, test, seed)
        seconds = seconds + clock() - start
        scores[seed] = score
        last = rp or last
        bar:step(1)
      end
      bar:step(SEEDS - repeats)
      results[k][w] = { scores = scores, seconds = seconds / repeats }
    end
  end
  bar:finish()
  return results, last
end

local source = train_source(photos, photos.classes)
local photo_accuracy = accuracy(source, photos_test)
local source_seconds = clock() - begun
scion.progress.say("the source network gets %.1f %% of %d unseen photos right", photo_accuracy, #photos_test.dataset)
local results, tuned = experiment(source, drawn, drawn_test, WAYS, FEW, "drawings")

-- Five classes to five others: features of sandals, shirts, sneakers, bags and boots learned from other clothes.
local first, second = {}, {}
for i, label in ipairs(photos.classes) do table.insert(i <= 5 and first or second, label) end
local half_source = train_source(photos:only(first), first)
local half = experiment(half_source, photos:only(second), photos_test:only(second), { WAYS[2], WAYS[3], WAYS[4], WAYS[6] }, { 10 },
  "classes 0-4 to 5-9")

-- ---- report ----------------------------------------------------------------------------------------------------

local function mean(list) return select(2, show.mean_spread(list)) end
local rows = {}
for w, way in ipairs(WAYS) do
  local row = { way[1] }
  for _, k in ipairs(FEW) do
    local r = results[k][w]
    row[#row + 1] = #r.scores > 1 and show.mean_spread(r.scores) or ("%.1f"):format(r.scores[1])
    row[#row + 1] = ("%.2f"):format(r.seconds)
  end
  rows[w] = row
end
rows[#rows + 1] = "-"
for i, name in ipairs { "raw pixels", "scratch", "features", "fine-tuned" } do
  rows[#rows + 1] = { "classes 0-4 to 5-9, photos: " .. name, (show.mean_spread(half[10][i].scores)), ("%.2f"):format(half[10][i].seconds), "", "" }
end
print(("\nFashion-MNIST photos to line drawings: accuracy (%%) on %d drawn test images, mean ± spread over %d seeds")
  :format(#drawn_test.dataset, SEEDS))
print(show.table({ "method", { title = "10 a class", align = "right" }, { title = "s", align = "right" },
  { title = "2 a class", align = "right" }, { title = "s", align = "right" } }, rows))
local scratch10, scratch2 = mean(results[10][3].scores), mean(results[2][3].scores)
print(("over scratch: fine-tuned %+.1f and %+.1f, frozen %+.1f, features %+.1f points at 10 and 2 images a class"):format(
  mean(results[10][6].scores) - scratch10, mean(results[2][6].scores) - scratch2, mean(results[10][5].scores) - scratch10,
  mean(results[10][4].scores) - scratch10))

-- A picture of the last fine-tuned network's answers.
local out = args.out or "build"
os.execute(("mkdir -p '%s'"):format(out))
local shown = drawn_test:head(30):in_order(30)
local x = shown:next()
local predicted, truth = tuned:predict_label(shown), shown:labels()
local captions, colours = {}, {}
for i, label in ipairs(predicted) do
  local right = label == truth[i]
  captions[i] = right and label or ("%s\nnot %s"):format(truth[i], label)
  colours[i] = right and scion.plot.GOOD or scion.plot.BAD
end
local picture = out .. "/demo.svg"
scion.plot.images { images = x, captions = captions, colours = colours, columns = 10, scale = 3, out = picture,
  title = ("Drawings named from %d examples a class (%s)"):format(FEW[#FEW], "green right, orange wrong") }
print(("picture: %s    source network: %.1f %% of the photos, %s    in all: %s"):format(picture, photo_accuracy,
  show.seconds(source_seconds), show.seconds(clock() - begun)))
local json = { script = "demo", seed = args.seed, seeds = SEEDS, photo_accuracy = photo_accuracy, seconds = clock() - begun }
for _, k in ipairs(FEW) do
  for w, way in ipairs(WAYS) do json[("%s, %d"):format(way[1], k)] = mean(results[k][w].scores) end
end
print(scion.json.encode(json))
