local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local function raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find(text, 1, true), tostring(message))
end

-- Bright on the left, on the right, or in the middle; labels 3, 7, 9.
local function pictures(n, seed)
  scion.seed(seed)
  local x = scion.rand(n, 1, 8, 8):mul(0.5)
  local y = {}
  scion.no_grad(function()
    for i = 1, n do
      local k = (i - 1) % 3
      y[i] = ({ 3, 7, 9 })[k + 1]
      x[i]:narrow(3, 1 + 3 * k - (k == 2 and 1 or 0), 3):add_(1)
    end
  end)
  return scion.data.tensors { x = x, labels = y, batch_size = 10, shuffle = true, seed = seed }
end

local function source()
  scion.seed(11)
  return nn.Sequential { nn.Conv2d(1, 6, 3, { padding = 1, name = "conv1" }), nn.BatchNorm2d(6, { name = "bn1" }), nn.ReLU { name = "relu1" },
    nn.Conv2d(6, 6, 3, { padding = 1, name = "conv10" }), nn.ReLU { name = "relu2" }, nn.MaxPool2d(2, { name = "pool" }), nn.Flatten { name = "flatten" },
    nn.Linear(96, 5, { name = "fc" }), nn.Softmax { dim = 2, name = "softmax" } }
end

local train, test = pictures(60, 1), pictures(30, 2)
local function made(class, opts)
  opts.source_model = opts.source_model or source()
  opts.seed = opts.seed or 4
  return scion[class](opts)
end

describe("NeuralNetworkFineTuneRepurposer", function()
  it("trains on a bare data set in random order, folds too: sorted classes would undo each other", function()
    local set = train.dataset
    local ids, order = set:ids(), {}
    for i = 1, #set do order[i] = i end
    table.sort(order, function(a, b) return ids[a] < ids[b] or ids[a] == ids[b] and a < b end)
    local sorted = set:subset(order)
    local function trained(data)
      local rp = made("NeuralNetworkFineTuneRepurposer", { steps = 12, batch_size = 10 })
      return rp:repurpose(data):predict_probability(test)
    end
    assert.allclose(trained(sorted), trained(sorted:iterator { batch_size = 64, shuffle = true, seed = 4 }))
    assert.is_false(trained(sorted):allclose(trained(sorted:iterator { batch_size = 64 })))
    local function folds(data) return made("NeuralNetworkFineTuneRepurposer", { steps = 12, batch_size = 10 }):cross_validate(data, { folds = 3 }).folds end
    assert.same(folds(sorted:iterator { batch_size = 64, shuffle = true, seed = 4 }), folds(sorted))
  end)

  it("keeps everything up to the layer, puts a new one on it, and learns", function()
    local src = source()
    local rp = made("NeuralNetworkFineTuneRepurposer", { source_model = src, transfer_layer_name = "relu1", num_epochs = 15, optimizer_params = { lr = 1e-2 } })
    rp:repurpose(train)
    assert.same({ "conv1", "bn1", "relu1", "flatten_features", "fc_from_fine_tune_repurposer" }, scion.ModelHandler(rp.target_model).layer_names:tolist())
    assert.is_true(rp:accuracy(test) > 0.9)
    assert.is_false(rp.target_model["conv1.weight"]:allclose(src["conv1.weight"]))
    assert.same({ 3, 7, 9 }, rp.classes:tolist())
    local p = rp:predict_probability(test)
    assert.allclose(p:sum(2), scion.ones(30), { rtol = 1e-5 })
    local path = helper.tmpdir() .. "/ft.scion"
    rp:save(path)
    local loaded = scion.load(path)
    assert.allclose(loaded:predict_probability(test), p, { rtol = 1e-4, atol = 1e-6 })
    assert.same(rp:predict_label(test):tolist(), loaded:predict_label(test):tolist())
    assert.equal(15, rp:convergence().epochs)
  end)

  it("refuses layers that are not there and counts that do not agree", function()
    raises("transfer_layer_name 'relu9' is not found in source_model", made, "NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "relu9" })
    local rp = made("NeuralNetworkFineTuneRepurposer", { target_class_count = 4 })
    raises("target_class_count is 4 but the data have 3 classes", rp.repurpose, rp, train)
    raises("cannot predict because target_model is not initialized", rp.predict_label, rp, test)
  end)

  it("takes rates by layer and by depth", function()
    local src = source()
    local rp = made("NeuralNetworkFineTuneRepurposer", { source_model = src, transfer_layer_name = "flatten", num_epochs = 2, layer_lr = { conv1 = 0 } })
    rp:repurpose(train)
    assert.allclose(rp.target_model["conv1.weight"], src["conv1.weight"], { rtol = 0, atol = 0 })
    assert.is_false(rp.target_model["conv10.weight"]:allclose(src["conv10.weight"]))
    raises("layer_lr names 'conv', which is no layer", function()
      made("NeuralNetworkFineTuneRepurposer", { layer_lr = { conv = 0.1 } }):repurpose(train)
    end)
    local tuning = require "scion.repurpose.tuning"
    local rates = {}
    for _, group in ipairs(tuning.groups("spec", source(), 1, 0.5)) do rates[#rates + 1] = group.lr end
    assert.same({ 0.125, 0.25, 0.5, 1.0 }, rates)
  end)

  it("unfreezes one layer after the other", function()
    local src = source()
    local seen = {}
    local rp
    rp = made("NeuralNetworkFineTuneRepurposer", { source_model = src, transfer_layer_name = "flatten", num_epochs = 4, gradual_unfreezing = 1,
      callbacks = { on_epoch_end = function(run)
        local moved = {}
        for _, name in ipairs { "conv1.weight", "bn1.running_mean", "conv10.weight" } do moved[#moved + 1] = not run.net[name]:allclose(src[name]) end
        seen[#seen + 1] = moved
      end } })
    rp:repurpose(train)
    assert.same({ false, false, false }, seen[1])
    assert.same({ false, false, true }, seen[2])
    assert.same({ false, true, true }, seen[3])
    assert.same({ true, true, true }, seen[4])
    for _, e in ipairs(rp.target_model:entries()) do assert.is_false(e.frozen) end
  end)

  it("measures on held-out data, stops early, calibrates", function()
    local rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 30, validation_split = 0.25, calibrate = true,
      optimizer_params = { lr = 1e-2 }, early_stopping = { patience = 2 } })
    rp:repurpose(train)
    assert.is_number(rp.history.epochs[1].val_accuracy)
    assert.is_true(#rp.history.epochs < 30)
    assert.is_number(rp.temperature)
    local path = helper.tmpdir() .. "/c.scion"
    rp:save(path)
    assert.allclose(scion.load(path):predict_probability(test), rp:predict_probability(test), { rtol = 1e-3, atol = 1e-5 })
    raises("calibrate needs validation data", function()
      made("NeuralNetworkFineTuneRepurposer", { calibrate = true, num_epochs = 1 }):repurpose(train)
    end)
  end)

  it("augments and mixes", function()
    local rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 12, optimizer_params = { lr = 1e-2 },
      augment = { shift = 1 }, mixup = 0.2, validation = test })
    rp:repurpose(train)
    assert.is_true(rp:accuracy(test) > 0.8)
    local seen
    rp = made("NeuralNetworkFineTuneRepurposer", { num_epochs = 1, augment = function(x, y) seen = true return x, y end })
    rp:repurpose(train)
    assert.is_true(seen)
    raises("augment changes images (N, C, H, W)", function()
      local net = nn.Sequential { nn.Linear(4, 4, { name = "a" }), nn.ReLU { name = "b" }, nn.Linear(4, 2, { name = "c" }) }
      made("NeuralNetworkFineTuneRepurposer", { source_model = net, augment = true, num_epochs = 1 }):repurpose(
        scion.data.tensors { x = scion.randn(6, 4), labels = { 1, 2, 1, 2, 1, 2 } })
    end)
  end)

  it("finds a learning rate, and draws how", function()
    local rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten" })
    local path = helper.tmpdir() .. "/lr.svg"
    local found = rp:find_learning_rate(train, { out = path, steps = 40, to = 10 })
    assert.is_true(found.lr > 1e-5 and found.lr < 1, tostring(found))
    assert.truthy(tostring(found):find("learning rate", 1, true))
    assert.truthy(helper.read_file(path):find("<svg", 1, true))
    assert.is_nil(rp.target_model)
    raises("to must be above from", rp.find_learning_rate, rp, train, { from = 1, to = 0.1 })
  end)

  it("begins anew when it is repurposed again", function()
    local opts = { transfer_layer_name = "flatten", num_epochs = 2, seed = 3 }
    local rp = made("NeuralNetworkFineTuneRepurposer", opts):repurpose(train)
    local fresh = rp:predict_probability(train)
    assert.is_true(math.abs(rp:calibrate(train) - 1) > 0.05)
    assert.is_false(fresh:allclose(rp:predict_probability(train)))
    rp:repurpose(train)
    assert.allclose(rp:predict_probability(train), fresh)
  end)

  it("warns when training has gone astray", function()
    local heard, emit = {}, scion.emit
    scion.emit = function(_, text) heard[#heard + 1] = text end
    local ok, message = pcall(function()
      for _, lr in ipairs { 1e-2, 20 } do
        made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 3, optimizer = "sgd", optimizer_params = { lr = lr },
          schedule = "constant" }):repurpose(train)
      end
    end)
    scion.emit = emit
    assert.is_true(ok, message)
    assert.equal(1, #heard)
    assert.truthy(heard[1]:find("the learning rate (20) may be too high", 1, true), heard[1])
  end)

  it("predicts numbers and sets of labels", function()
    local x = train.dataset.x
    local brightness = x:reshape(60, -1):mean(2):mul(100)
    local numbers = scion.data.tensors { x = x, targets = brightness, batch_size = 10, shuffle = true }
    local rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 60, optimizer_params = { lr = 1e-2 } })
    rp:repurpose(numbers)
    assert.is_true(rp:evaluate(numbers).r2 > 0.7, tostring(rp:evaluate(numbers).r2))
    local path = helper.tmpdir() .. "/n.scion"
    rp:save(path)
    assert.allclose(scion.load(path):predict(x), rp:predict(x), { rtol = 1e-4, atol = 1e-4 })
    -- labels that are numbers are learned as numbers, not as their ids
    local labelled = scion.data.tensors { x = x, labels = brightness:add(1000):tolist(), batch_size = 10, shuffle = true }
    rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 60, optimizer_params = { lr = 1e-2 }, task = "regression" })
    rp:repurpose(labelled)
    assert.is_true(rp:evaluate(labelled).r2 > 0.7, tostring(rp:evaluate(labelled).r2))
    local sides = scion.stack({ x:narrow(4, 1, 3):reshape(60, -1):mean(2):gt(0.8):to("f32"), x:narrow(4, 6, 3):reshape(60, -1):mean(2):gt(0.8):to("f32") }, 2)
    local labels = scion.data.tensors { x = x, targets = sides, batch_size = 10, shuffle = true }
    rp = made("NeuralNetworkFineTuneRepurposer", { transfer_layer_name = "flatten", num_epochs = 20, optimizer_params = { lr = 1e-2 }, task = "multi_label" })
    rp:repurpose(labels)
    assert.is_true(rp:evaluate(labels).f1 > 0.9)
    local function refused(text, opts, data)
      opts.transfer_layer_name, opts.task = "flatten", "multi_label"
      local ok, message = pcall(function() made("NeuralNetworkFineTuneRepurposer", opts):repurpose(data) end)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end
    refused("label_names has 1 names, the targets have 2 labels", { label_names = { "left" } }, labels)
    refused("multi_label targets must be 0 or 1", {}, scion.data.tensors { x = x, targets = sides * 2 })
    rp:save(path)
    assert.allclose(scion.load(path):predict_probability(x), rp:predict_probability(x), { rtol = 1e-4, atol = 1e-5 })
  end)

  it("begins at the beginning of the data, so that the same seed gives the same", function()
    local walk = pictures(60, 1)
    local function probabilities(rp) return rp:repurpose(walk):predict_probability(test) end
    local rp = made("NeuralNetworkFineTuneRepurposer", { num_epochs = 2 })
    local first = probabilities(rp)
    walk:next()
    assert.allclose(probabilities(rp), first, { rtol = 0, atol = 0 })
    assert.allclose(probabilities(made("NeuralNetworkFineTuneRepurposer", { num_epochs = 2 })), first, { rtol = 0, atol = 0 })
  end)

  it("begins with a converged last layer for every task", function()
    local x = train.dataset.x
    local brightness = x:reshape(60, -1):mean(2):mul(100)
    local numbers = scion.data.tensors { x = x, targets = brightness, batch_size = 10 }
    local sides = scion.stack({ x:narrow(4, 1, 3):reshape(60, -1):mean(2):gt(0.8):to("f32"), x:narrow(4, 6, 3):reshape(60, -1):mean(2):gt(0.8):to("f32") }, 2)
    local labels = scion.data.tensors { x = x, targets = sides, batch_size = 10 }
    local function begun(opts, data)
      opts.head, opts.num_epochs, opts.optimizer_params = "regression", 1, { lr = 1e-8 }
      opts.source_model = nn.Sequential { nn.Flatten { name = "flat" }, nn.Linear(64, 32, { name = "fc1" }), nn.ReLU { name = "act" }, nn.Linear(32, 5, { name = "fc2" }) }
      return made("NeuralNetworkFineTuneRepurposer", opts):repurpose(data):evaluate(data)
    end
    assert.is_true(begun({}, train).accuracy > 0.95)
    assert.is_true(begun({}, numbers).r2 > 0.3)
    assert.is_true(begun({ task = "multi_label" }, labels).f1 > 0.9)
  end)

  it("weighs classes, mixed up or not", function()
    for _, mixup in ipairs { false, 0.2 } do
      local function share(weight)
        local rp = made("NeuralNetworkFineTuneRepurposer", { num_epochs = 4, mixup = mixup or nil, class_weight = { [3] = weight, [7] = 1, [9] = 1 } })
        return rp:repurpose(pictures(60, 1)):predict_probability(test):mean(1):tolist()[1]
      end
      assert.is_true(share(30) > share(1) + 0.1)
    end
    local x = train.dataset.x
    local bright = x:reshape(60, -1):mean(2)
    local labels = scion.data.tensors { x = x, targets = scion.stack({ bright:gt(bright:mean()):to("f32"), x:narrow(4, 1, 3):reshape(60, -1):mean(2):gt(0.8):to("f32") }, 2) }
    local function mean(weight)
      local rp = made("NeuralNetworkFineTuneRepurposer", { num_epochs = 8, optimizer_params = { lr = 5e-3 }, task = "multi_label",
        label_names = { "bright", "left" }, class_weight = { bright = weight } })
      return rp:repurpose(labels):predict_probability(test):mean(1):tolist()[1]
    end
    assert.is_true(mean(30) > mean(1) + 0.1)
    raises("class_weight names 'dark', which is no label", function()
      made("NeuralNetworkFineTuneRepurposer", { task = "multi_label", class_weight = { dark = 2 } }):repurpose(labels)
    end)
    raises("class_weight is for classes", function()
      made("NeuralNetworkFineTuneRepurposer", { class_weight = "balanced" }):repurpose(scion.data.tensors { x = x, targets = bright })
    end)
  end)

  it("refuses settings that make no sense before it looks at the data", function()
    local FT = "NeuralNetworkFineTuneRepurposer"
    raises("optimizer_params.lr must be a number above 0, got -1", made, FT, { optimizer_params = { lr = -1 } })
    raises("optimizer_params.lr must be a number above 0, got 'fast'", made, FT, { optimizer_params = { learning_rate = "fast" } })
    raises("unknown optimizer 'sgdd' (known: adadelta", made, FT, { optimizer = "sgdd" })
    raises("layer_lr must give numbers of at least 0", made, FT, { layer_lr = { conv1 = -1 } })
    raises("loss 'huber' does not fit classes", function() made(FT, { loss = "huber" }):repurpose(train) end)
    raises("unknown schedule 'cosinus'", function() made(FT, { schedule = "cosinus" }):repurpose(train) end)
    raises("the learning rate (", function() made(FT, { optimizer = "sgd", optimizer_params = { lr = 1e6 }, num_epochs = 3 }):repurpose(train) end)
    raises("repurpose needs an iterator over a data set", function() made(FT, {}):repurpose(function() end) end)
    assert.same({ 5, { lr = 1e-3 } }, { made(FT, {}):get_params().num_epochs, made(FT, {}):get_params().optimizer_params })
  end)

  it("says that a loaded one has no source to be repurposed from again, unless it is given", function()
    local src, path = source(), helper.tmpdir() .. "/again.scion"
    made("NeuralNetworkFineTuneRepurposer", { source_model = src, num_epochs = 1 }):repurpose(train):save(path, { save_source = false })
    local loaded = scion.load(path)
    assert.equal(30, #loaded:predict_label(test))
    raises("the source network is not there", loaded.repurpose, loaded, train)
    assert.is_number(scion.load(path, { source_model = src }):repurpose(train):accuracy(test))
  end)

  it("takes networks of several inputs", function()
    scion.seed(5)
    local left, right = nn.input("left"), nn.input("right")
    local joined = nn.cat({ nn.Linear(4, 6, { name = "fa" })(left), nn.Linear(3, 6, { name = "fb" })(right) }, 2, { name = "joined" })
    local net = nn.Graph({ left, right }, nn.Linear(12, 3, { name = "out" })(joined))
    local a, b, labels = scion.randn(60, 4), scion.randn(60, 3), {}
    for i, v in ipairs(a:narrow(2, 1, 1):add(b:narrow(2, 1, 1)):reshape(-1):tolist()) do labels[i] = v > 0 and "plus" or "minus" end
    local data = scion.data.tensors { x = { a, b }, labels = labels, batch_size = 10, shuffle = true }
    local tuned = made("NeuralNetworkFineTuneRepurposer", { source_model = net, transfer_layer_name = "joined", num_epochs = 20, mixup = 0.1,
      optimizer_params = { lr = 2e-2 } }):repurpose(data)
    assert.is_true(tuned:accuracy(data) > 0.9)
    local frozen = made("NeuralNetworkRandomFreezeRepurposer", { source_model = net, num_layers_to_drop = 1, fixed_layers = { "fa", "fb" },
      num_epochs = 40, optimizer_params = { lr = 5e-2 } }):repurpose(data)
    assert.is_true(frozen.cached)
    assert.is_true(frozen:accuracy(data) > 0.9)
    assert.is_true(scion.LrRepurposer { source_model = net, feature_layer_names = { "fa", "joined" } }:repurpose(data):accuracy(data) > 0.9)
    raises("augment changes images, the data have 2 inputs", function()
      made("NeuralNetworkFineTuneRepurposer", { source_model = net, augment = true }):repurpose(data)
    end)
  end)

  it("predicts the same every time, dropout or not", function()
    local net = nn.Sequential { nn.Flatten { name = "flat" }, nn.Linear(64, 16, { name = "fc1" }), nn.Dropout(0.5, { name = "drop" }), nn.Linear(16, 4, { name = "fc2" }) }
    local rp = made("NeuralNetworkFineTuneRepurposer", { source_model = net, num_epochs = 2 })
    rp:repurpose(train)
    local first = rp:predict_probability(test)
    for _ = 1, 10 do assert.allclose(rp:predict_probability(test), first, { rtol = 0, atol = 0 }) end
  end)
end)

describe("NeuralNetworkRandomFreezeRepurposer", function()
  it("drops, fixes, re-initialises exactly what is named", function()
    local src = source()
    local rp = made("NeuralNetworkRandomFreezeRepurposer", { source_model = src, fixed_layers = { "conv1", "bn1" }, random_layers = { "conv10" },
      num_layers_to_drop = 2, num_epochs = 12, optimizer_params = { lr = 1e-2 } })
    rp:repurpose(train)
    assert.same({ "conv1", "bn1", "relu1", "conv10", "relu2", "pool", "flatten", "new_fully_connected_layer" },
      scion.ModelHandler(rp.target_model).layer_names:tolist())
    for _, name in ipairs { "conv1.weight", "conv1.bias", "bn1.weight", "bn1.running_mean", "bn1.running_var" } do
      assert.allclose(rp.target_model[name], src[name], { rtol = 0, atol = 0 })
    end
    assert.is_false(rp.target_model["conv10.weight"]:allclose(src["conv10.weight"]))
    assert.is_true(rp.cached)
    assert.is_true(rp:accuracy(test) > 0.9)
    local path = helper.tmpdir() .. "/rf.scion"
    rp:save(path)
    assert.allclose(scion.load(path):predict_probability(test), rp:predict_probability(test), { rtol = 1e-4, atol = 1e-6 })
  end)

  it("runs the fixed part once, with validation too, and learns the same as without", function()
    local runs = { [true] = 0, [false] = 0 }
    local weights = {}
    for _, cache in ipairs { true, false } do
      local src = source()
      src:register_hook("conv1", function() runs[cache] = runs[cache] + 1 end)
      local rp = made("NeuralNetworkRandomFreezeRepurposer", { source_model = src, fixed_layers = { "conv1", "bn1", "relu1", "conv10" }, num_epochs = 6,
        cache_bytes = cache and 1 << 20 or 0, validation = test })
      rp:repurpose(pictures(60, 1)) -- the same order of batches
      assert.equal(cache, rp.cached)
      weights[#weights + 1] = rp.target_model["new_fully_connected_layer.weight"]
    end
    assert.allclose(weights[1], weights[2], { rtol = 1e-3, atol = 1e-4 })
  end)

  it("refuses wrong layers before it looks at the data", function()
    local function never() error("the data were asked for") end
    raises("fixed layer 'nope' is not found in source_model", made, "NeuralNetworkRandomFreezeRepurposer", { fixed_layers = { "nope" } })
    raises("random layer 'nope' is not found in source_model", made, "NeuralNetworkRandomFreezeRepurposer", { random_layers = { "nope" } })
    raises("layer 'conv1' is both fixed and random", made, "NeuralNetworkRandomFreezeRepurposer", { fixed_layers = { "conv1" }, random_layers = { "conv1" } })
    raises("option 'fixed_layers' must be a list", made, "NeuralNetworkRandomFreezeRepurposer", { fixed_layers = "conv1" })
    local rp = made("NeuralNetworkRandomFreezeRepurposer", { num_layers_to_drop = 9 })
    raises("cannot drop 9 layers, the model only has 9", rp.repurpose, rp, train)
    assert.is_function(never)
  end)
end)
