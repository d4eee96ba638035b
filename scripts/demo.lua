-- make demo: the main job on real data. A source network learns Fashion-MNIST photos; then it is repurposed for line
-- drawings of them from 10 and from 2 images a class, and compared with what one would do without it.
--
-- Scratch, frozen and fine-tuned share network, steps, batches, augmentation, optimiser and schedule. Each has the learning rate
-- that was best for it among RATES on drawn training images that none of them learns from: --tune repeats that choice.

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "demo", about = "Photos of clothes -> drawings of clothes, from 10 and from 2 images a class.",
  options = { { "seeds", "N", "repetitions with other images and weights", default = 5, min = 1 },
    { "epochs", "N", "passes of the source network over the photos", default = 1, min = 1 },
    { "tune", nil, "choose the learning rates anew, on training images, and leave" } },
}
local clock = scion.progress.now
local begun = clock()
local here = arg[0]:match("^(.*)/scripts/[^/]*$") or "."
local drawings = dofile(here .. "/datasets/drawings.lua")

local SEEDS = args.quick and 1 or args.seeds
local FEW = { 10, 2 }                                     -- images a class
local STEPS, BATCH = args.quick and 10 or 100, 32
local RATES = { 1e-3, 2e-3, 4e-3, 8e-3 }
local RATE = { [10] = { scratch = 4e-3, frozen = 1e-3, tuned = 1e-3 }, [2] = { scratch = 1e-3, frozen = 1e-3, tuned = 1e-3 } }

-- ---- data ---------------------------------------------------------------------------------------------------

local photos = data.fashion_mnist { split = "train" }
local photos_test = data.fashion_mnist { split = "test" }
if args.quick then photos, photos_test = photos:head(2000), photos_test:head(500) end
local drawn, drawn_test = drawings.of(photos), drawings.of(photos_test)

-- Whatever learns from few images sees them shifted by up to two pixels and mirrored.
local SHIFTED = { { "random_crop", 28, padding = 2 }, { "random_flip" } }
-- Photos for the source also change brightness and contrast and, half of them, black for white, so that its features look at
-- shapes and not at fabric. (Drawings are black and white: there is nothing of the kind to change in them.)
local PHOTO = { SHIFTED[1], SHIFTED[2], { "color_jitter", brightness = 0.6, contrast = 2 }, { "random_invert" } }

-- ---- networks -----------------------------------------------------------------------------------------------

local function network(n_classes)
  local layers, from = {}, 1
  for i, to in ipairs { 16, 24, 48 } do
    for _, layer in ipairs { nn.Conv2d(from, to, 3, { padding = 1, bias = false, name = "conv" .. i }),
      nn.BatchNorm2d(to, { name = "norm" .. i }), nn.ReLU { name = "relu" .. i }, nn.MaxPool2d(2, { name = "pool" .. i }) } do
      layers[#layers + 1] = layer
    end
    from = to
  end
  for _, layer in ipairs { nn.Flatten { name = "flatten" }, nn.Linear(9 * from, 128, { name = "fc1" }), nn.ReLU { name = "relu_fc" },
    nn.Linear(128, n_classes, { name = "fc2" }) } do layers[#layers + 1] = layer end
  return nn.Sequential(layers)
end

local function train_source(train, label)
  scion.seed(args.seed)
  local net = network(#train.classes)
  net:set_attr("classes", scion.json.encode(scion.json.array { table.unpack(train.classes) }))
  net:fit(train:augment(PHOTO):with { batch_size = 64, shuffle = true, seed = args.seed, last_batch = "drop" },
    { epochs = args.epochs, optimizer = "adam", lr = 3e-3, schedule = "one_cycle", metrics = { "accuracy" }, label = label })
  return net:eval()
end

local function accuracy(net, test)
  return 100 * net:evaluate(test:in_order(100), { loss = "none", metrics = { "accuracy" } }).accuracy
end

-- ---- the ways to solve the target task -------------------------------------------------------------------------

-- What scratch, frozen and fine-tuned have in common.
local function training(rate)
  return { steps = STEPS, optimizer = "adamw", optimizer_params = { lr = rate, weight_decay = 0 }, schedule = "one_cycle" }
end
local function with(opts, more)
  for name, value in pairs(more) do opts[name] = value end
  return opts
end

-- Each takes the source, the few images, the test set, a seed and the rates, and gives the accuracy and what was made.
local untouched, raw, scratch, features, frozen, tuned = 1, 2, 3, 4, 5, 6
local WAYS = {
  { "untouched source", function(source, _, test) return accuracy(source, test) end, once = true },
  { "logistic regression on raw pixels", function(_, few, test)
    local pixels = nn.Sequential { nn.Flatten { name = "pixels" } }
    local rp = scion.LrRepurposer { source_model = pixels, feature_layer_names = { "pixels" }, standardise = false }
    return 100 * rp:repurpose(few):accuracy(test)
  end },
  { "trained from scratch", function(_, few, test, seed, rate)
    scion.seed(seed)
    local net = network(#few.classes)
    net:fit(few:augment(SHIFTED), with(training(rate.scratch), { progress = false }))
    return accuracy(net:eval(), test)
  end },
  { "logistic regression on features", function(source, few, test)
    local rp = scion.LrRepurposer { source_model = source, feature_layer_names = { "flatten", "relu_fc" }, c = 0.01 }
    return 100 * rp:repurpose(few):accuracy(test)
  end },
  { "lower layers frozen", function(source, few, test, seed, rate)
    local rp = scion.NeuralNetworkRandomFreezeRepurposer(with(training(rate.frozen), { source_model = source,
      num_layers_to_drop = 1, fixed_layers = { "conv1", "norm1", "conv2", "norm2" }, head = "source", seed = seed }))
    return 100 * rp:repurpose(few:augment(SHIFTED)):accuracy(test)
  end },
  { "fine-tuned", function(source, few, test, seed, rate)
    local rp = scion.NeuralNetworkFineTuneRepurposer(with(training(rate.tuned), { source_model = source,
      transfer_layer_name = "relu_fc", head = "source", seed = seed }))
    return 100 * rp:repurpose(few:augment(SHIFTED)):accuracy(test), rp
  end },
}

local function few_of(train, k, seed)
  return train:with { batch_size = math.min(BATCH, k * #train.classes), shuffle = true, seed = seed, last_batch = "drop" }
    :take_per_class(k, { seed = seed })
end

-- All ways with every number of images: results[k][way] = { scores =, seconds = }, and the last thing that was made.
local function experiment(source, train, test, ways, label)
  local runs = 0
  for _, w in ipairs(ways) do runs = runs + (WAYS[w].once and 1 or SEEDS) * #label.few end
  local bar <close> = scion.progress.new { label = label.text, unit = "run", total = runs }
  local results, last = {}, nil
  for _, k in ipairs(label.few) do
    results[k] = {}
    for _, w in ipairs(ways) do
      local scores, seconds = {}, 0
      for seed = 1, WAYS[w].once and 1 or SEEDS do
        local start = clock()
        local score, made = WAYS[w][2](source, few_of(train, k, seed), test, seed, RATE[k])
        scores[seed], seconds, last = score, seconds + clock() - start, made or last
        bar:step(1, ("%s, %d a class: %.1f %%"):format(WAYS[w][1], k, score))
      end
      results[k][w] = { scores = scores, seconds = seconds / #scores }
    end
  end
  bar:finish("")
  return results, last
end

local function mean(result) return select(2, show.mean_spread(result.scores)) end

local source = train_source(photos, "source network, all ten classes:")
local photo_accuracy = accuracy(source, photos_test)
local source_seconds = clock() - begun
scion.progress.say("the source network gets %.1f %% of %d unseen photos right", photo_accuracy, #photos_test.dataset)

if args.tune then -- on the last 5,000 drawings; the few are taken from the others
  local n, learn, held_out = #drawn.dataset, {}, {}
  for i = 1, n do table.insert(i <= n - math.min(5000, n // 4) and learn or held_out, i) end
  local rows = {}
  for _, k in ipairs(FEW) do
    for _, w in ipairs { scratch, frozen, tuned } do
      local row = { WAYS[w][1], k }
      for _, rate in ipairs(RATES) do
        local scores = {}
        for seed = 1, SEEDS do -- other images and weights than the ones of the table
          scores[seed] = WAYS[w][2](source, few_of(drawn:subset(learn), k, 100 + seed), drawn:subset(held_out), 100 + seed,
            { scratch = rate, frozen = rate, tuned = rate })
        end
        row[#row + 1] = show.mean_spread(scores)
      end
      rows[#rows + 1] = row
      scion.progress.say("%s", table.concat(row, "  "))
    end
  end
  local columns = { "method", "images a class" }
  for i, rate in ipairs(RATES) do columns[i + 2] = { title = ("rate %g"):format(rate), align = "right" } end
  print(show.table(columns, rows))
  return
end

local results, made = experiment(source, drawn, drawn_test, { untouched, raw, scratch, features, frozen, tuned },
  { text = "drawings", few = FEW })

-- Five classes to five others: what photos of some clothes teach about photos of others.
local first, second = {}, {}
for i, label in ipairs(photos.classes) do table.insert(i <= 5 and first or second, label) end
local half = experiment(train_source(photos:only(first), "source network, classes 0-4:"), photos:only(second),
  photos_test:only(second), { scratch, tuned }, { text = "classes 0-4 to 5-9", few = { 10 } })

-- ---- report ----------------------------------------------------------------------------------------------------

local function cells(result)
  return #result.scores > 1 and show.mean_spread(result.scores) or ("%.1f"):format(result.scores[1]), ("%.2f"):format(result.seconds)
end
local rows = {}
for w, way in ipairs(WAYS) do
  rows[w] = { way[1] }
  for i, k in ipairs(FEW) do rows[w][2 * i], rows[w][2 * i + 1] = cells(results[k][w]) end
end
rows[#rows + 1] = "-"
rows[#rows + 1] = { ("classes 0-4 to 5-9, fine-tuned (scratch %s)"):format((cells(half[10][scratch]))), cells(half[10][tuned]) }
print(("\nFashion-MNIST photos to line drawings: accuracy (%%) on %d drawn test images, mean ± spread over %d seeds")
  :format(#drawn_test.dataset, SEEDS))
print(show.table({ "method", { title = "10 a class", align = "right" }, { title = "s", align = "right" },
  { title = "2 a class", align = "right" }, { title = "s", align = "right" } }, rows))
local function over(w, k) return mean(results[k][w]) - mean(results[k][scratch]) end
print(("over scratch: fine-tuned %+.1f (10 a class) and %+.1f (2), frozen %+.1f and %+.1f, features %+.1f and %+.1f points"):format(
  over(tuned, 10), over(tuned, 2), over(frozen, 10), over(frozen, 2), over(features, 10), over(features, 2)))

-- A picture of the last fine-tuned network's answers.
local out = args.out or "build"
scion.io.make_dir(out)
local shown = drawn_test:head(30):in_order(30)
local x = shown:next()
local predicted, truth = made:predict_label(shown), shown:labels()
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
  for w, way in ipairs(WAYS) do json[("%s, %d"):format(way[1], k)] = mean(results[k][w]) end
end
json["classes 0-4 to 5-9: fine-tuned, 10"], json["classes 0-4 to 5-9: scratch, 10"] = mean(half[10][tuned]), mean(half[10][scratch])
print(scion.json.encode(json))
