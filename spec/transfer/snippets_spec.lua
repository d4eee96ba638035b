local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

-- A network with VGG-19's caffe names (conv1_1 ... relu5_2 ... fc8), thin enough for a spec.
local function thin_vgg()
  scion.seed(2)
  local list, channels = {}, 3
  for block, count in ipairs { 2, 2, 4, 4, 4 } do
    for i = 1, count do
      list[#list + 1] = nn.Conv2d(channels, 4, 3, { padding = 1, name = ("conv%d_%d"):format(block, i) })
      list[#list + 1] = nn.ReLU { name = ("relu%d_%d"):format(block, i) }
      channels = 4
    end
    list[#list + 1] = nn.MaxPool2d(2, { name = "pool" .. block })
  end
  list[#list + 1] = nn.Flatten { name = "flatten" }
  for i, name in ipairs { "6", "7", "8" } do
    list[#list + 1] = nn.Linear(i == 1 and 16 or 12, i == 3 and 10 or 12, { name = "fc" .. name })
    if i < 3 then
      list[#list + 1] = nn.ReLU { name = "relu" .. name }
      list[#list + 1] = nn.Dropout(0.5, { name = "drop" .. name })
    end
  end
  return nn.Sequential(list)
end

local function pictures(side)
  scion.seed(3)
  return scion.data.tensors { x = scion.randn(8, 3, side or 64, side or 64), labels = { "ant", "bee", "ant", "bee", "ant", "bee", "ant", "bee" }, batch_size = 4 }
end

describe("Xfer's way of saying it", function()
  it("repurposes by logistic regression", function()
    local source = nn.Sequential { nn.Linear(4, 6, { name = "fc1" }), nn.Tanh { name = "t1" }, nn.Linear(6, 5, { name = "fc2" }), nn.Linear(5, 3, { name = "fc3" }) }
    local train_iterator = scion.data.tensors { x = scion.randn(12, 4), labels = { 3, 7, 9, 3, 7, 9, 3, 7, 9, 3, 7, 9 } }
    local test_iterator = train_iterator:head(5)

    local rp = scion.LrRepurposer { source_model = source, feature_layer_names = { "fc2", "fc3" } }
    rp:repurpose(train_iterator)
    local predictions = rp:predict_label(test_iterator)

    assert.equal(5, #predictions)
    for _, label in ipairs(predictions) do assert.truthy(label == 3 or label == 7 or label == 9) end
  end)

  it("looks at a network and takes features out of it", function()
    local dir = helper.tmpdir()
    local source, it = thin_vgg(), pictures()
    local mh = scion.ModelHandler(source)
    assert.truthy(tostring(mh.layer_names):find("conv1_1, relu1_1", 1, true))
    assert.equal("Activation", (mh:get_layer_type "relu5_2"))
    assert.equal(16, #mh:get_layer_names_matching_type "Convolution")
    mh:visualize_net(dir .. "/net.svg")
    local features, labels = mh:get_layer_output { data_iterator = it, layer_names = { "fc6", "fc8" } }
    assert.same({ 8, 12 }, features.fc6:size() and { features.fc6:size(1), features.fc6:size(2) })
    assert.same({ 8, 10 }, { features.fc8:size(1), features.fc8:size(2) })
    assert.same({ "ant", "bee", "ant", "bee", "ant", "bee", "ant", "bee" }, labels:tolist())
  end)

  it("operates on a network", function()
    local source, it = thin_vgg(), pictures()
    local mh = scion.ModelHandler(source)
    mh:drop_layer_top(4)
    mh:drop_layer_bottom(1)
    local conv1   = scion.nn.Convolution { name = "convolution1", kernel = { 20, 20 }, num_filter = 4 }
    local fc      = scion.nn.FullyConnected { name = "fullyconnected1", num_hidden = 4 }
    local softmax = scion.nn.SoftmaxOutput { name = "softmax" }
    mh:add_layer_bottom { conv1 }
    mh:add_layer_top { fc, softmax }

    local names = mh.layer_names
    assert.equal("convolution1", names[1])
    assert.equal("relu1_1", names[2])
    assert.equal("softmax", names[#names])
    assert.equal("fullyconnected1", names[#names - 1])
    assert.equal("relu6", names[#names - 3])
    -- 45 pixels are left after the new layer: fc6 fits only as a random layer
    assert.has_error(function() mh:get_module(it) end)
    local mod = mh:get_module(it, { random_layer_parameters = mh:get_layer_parameters { "fc6" } })
    mod:fit(it, { num_epochs = 1, progress = false })
    mod:eval()
    local x = it.dataset.x:narrow(1, 1, 4)
    assert.allclose(mod(x):sum(2), scion.ones(4), { rtol = 1e-5 })
  end)

  it("freezes and re-initialises parameters", function()
    local source, it = thin_vgg(), pictures()
    local mh = scion.ModelHandler(source)
    local mod = mh:get_module(it, { fixed_layer_parameters  = mh:get_layer_parameters { "conv1_1" },
                                    random_layer_parameters = mh:get_layer_parameters { "fc6", "fc7" } })
    mod:fit(it, { num_epochs = 5, progress = false })
    assert.allclose(mod["conv1_1.weight"], source["conv1_1.weight"], { rtol = 0, atol = 0 })
    assert.is_false(mod["fc6.weight"]:allclose(source["fc6.weight"]))
    assert.is_false(mod["conv1_2.weight"]:allclose(source["conv1_2.weight"]))
    local larger = mh:get_module(pictures(96), { random_layer_parameters = mh:get_layer_parameters { "fc6" } })
    assert.same({ 12, 36 }, { larger["fc6.weight"]:size(1), larger["fc6.weight"]:size(2) })
  end)
end)

describe("a repurposer of one's own", function()
  local KNNRepurposer = scion.class("KNNRepurposer", scion.MetaModelRepurposer)
  KNNRepurposer.OPTIONS = { n_neighbors = 3 }
  function KNNRepurposer:_train_model_from_features(features, labels)
    self.features, self.labels = features, labels
    return "k nearest neighbours"
  end
  function KNNRepurposer:_predict_probability_from_features(features)
    local _, near = features:cdist(self.features):topk(self.options.n_neighbors, 2, false)
    local votes = self.labels:index_select(1, near:reshape(-1)):reshape(#features, -1)
    return scion.stack({ votes:eq(1):to("f32"):mean(2), votes:eq(2):to("f32"):mean(2) }, 2)
  end
  function KNNRepurposer:_predict_label_from_features(features) return self:_predict_probability_from_features(features):argmax(2) end
  function KNNRepurposer:get_params()
    local params = scion.MetaModelRepurposer.get_params(self)
    params.n_neighbors = self.options.n_neighbors
    return params
  end
  local prefix
  function KNNRepurposer:serialize(file_prefix)
    prefix = file_prefix
    return { features = self.features, labels = self.labels, note = "kept as data" }
  end
  function KNNRepurposer:deserialize(file_prefix, state)
    self.features, self.labels, self.note, self.target_model = state.features, state.labels, state.note, file_prefix
  end

  local source = nn.Sequential { nn.Linear(2, 4, { name = "fc1" }), nn.Tanh { name = "t1" }, nn.Linear(4, 2, { name = "fc2" }) }
  scion.seed(8)
  local x = scion.cat({ scion.randn(20, 2):add(2), scion.randn(20, 2):sub(2) }, 1)
  local labels = {}
  for i = 1, 40 do labels[i] = i <= 20 and "up" or "down" end
  local data = scion.data.tensors { x = x, labels = labels, batch_size = 8 }

  local function raises(text, fn, ...)
    local ok, message = pcall(fn, ...)
    assert.is_false(ok)
    assert.truthy(tostring(message):find(text, 1, true), tostring(message))
  end

  it("predicts, is saved by serialize, and loads through the registry", function()
    local rp = KNNRepurposer { source_model = source, feature_layer_names = { "t1" }, n_neighbors = 5 }
    rp:repurpose(data)
    assert.is_true(rp:accuracy(data) > 0.9)
    local p = rp:predict_probability(data)
    local path = helper.tmpdir() .. "/knn.scion"
    rp:save(path)
    assert.equal(path, prefix)
    raises("holds a KNNRepurposer, which is not registered", scion.load, path)
    scion.repurpose.register(KNNRepurposer)
    local loaded = scion.load(path)
    assert.equal("kept as data", loaded.note)
    assert.equal(5, loaded.options.n_neighbors)
    assert.allclose(loaded:predict_probability(data), p)
    assert.same(rp:predict_label(data):tolist(), loaded:predict_label(data):tolist())
    rp:save(path, { save_source = false })
    raises("was saved without its source network", scion.load, path)
    assert.allclose(scion.load(path, { source_model = source }):predict_probability(data), p)
    assert.equal(3, #rp:cross_validate(data, { folds = 3 }).folds)
  end)
end)

describe("a repurposer whose state is plain", function()
  local Centres = scion.class("Centres", scion.MetaModelRepurposer)
  function Centres:_train_model_from_features(features, ids)
    local one_hot = ids:one_hot():to("f32")
    return { centres = { one_hot:t():matmul(features) / one_hot:sum(1):unsqueeze(2) }, note = "means" }
  end
  function Centres:_predict_probability_from_features(features) return (-features:cdist(self.target_model.centres[1])):softmax(2) end
  local source = nn.Sequential { nn.Flatten { name = "state" } }
  local data = scion.data.tensors { x = scion.tensor { { 0, 1 }, { 1, 0 }, { 5, 6 }, { 6, 5 } }, labels = { "low", "low", "high", "high" } }
  local rp = Centres { source_model = source, feature_layer_names = { "state" } }:repurpose(data)

  it("needs serialize alone: its fields come back, tensors within tables too", function()
    scion.repurpose.register(Centres)
    local path = helper.tmpdir() .. "/centres.scion"
    local ok, message = pcall(rp.save, rp, path)
    assert.is_false(ok)
    assert.truthy(message:find("snippets_spec.*define serialize%(self, file_prefix%)") or message:find("^Centres: .*define serialize"), message)
    function Centres:serialize() return { target_model = self.target_model } end
    rp:save(path)
    local t, spread = rp:calibrate(data), rp:predict_probability(data)
    assert.is_true(t < 1) -- these few are all right
    rp:save(path)
    local loaded = scion.load(path)
    assert.allclose(loaded:predict_probability(data), spread)
    assert.equal("means", loaded.target_model.note)
    assert.same({ "low", "low", "high", "high" }, loaded:predict_label(data):tolist())
    assert.equal(#source:entries(), #loaded.source_model:entries())
    assert.same({ 32, 2 }, loaded.provide_data[1].shape)
    assert.equal("x (32, 2)", tostring(loaded.provide_data[1]))
    function Centres:serialize() return { loop = self.loop } end
    rp.loop = { centres = scion.ones(1) }
    rp.loop.again = rp.loop
    ok, message = pcall(rp.save, rp, path)
    assert.is_false(ok)
    assert.truthy(message:find("serialize returned 'loop', a table that files cannot hold: .*refers to itself"), message)
  end)

  it("says what its labels must be", function()
    function Centres:_predict_label_from_features() return "low" end
    local ok, message = pcall(rp.predict_label, rp, data)
    Centres._predict_label_from_features = nil
    assert.is_false(ok)
    local right = Centres._predict_probability_from_features
    for _, wrong in ipairs { function() return scion.ones(3, 2) end, function(_, f) return scion.ones(#f, 3) end, function() return { 1 } end } do
      Centres._predict_probability_from_features = wrong
      local fine, why = pcall(rp.predict_label, rp, data)
      assert.is_false(fine)
      assert.truthy(why:find("_predict_probability_from_features must return a tensor (4, 2), got", 1, true), why)
    end
    Centres._predict_probability_from_features = right
    local fine, why = pcall(scion.repurpose.register, scion.class("LrRepurposer", scion.MetaModelRepurposer))
    assert.is_false(fine)
    assert.truthy(why:find("LrRepurposer is a repurposer of scion's own", 1, true), why)
    assert.truthy(message:find("_predict_label_from_features must return a tensor of class ids or a list of labels, got 'low'", 1, true), message)
  end)
end)

describe("a network repurposer of one's own", function()
  it("builds its module with a ModelHandler inside, and is saved as a graph", function()
    local Add2FC = scion.class("Add2FullyConnectedRepurposer", scion.NeuralNetworkRepurposer)
    function Add2FC:_create_target_module(train_iterator)
      local mh = scion.ModelHandler(self.source_model)
      mh:drop_layer_top(1)
      mh:add_layer_top { nn.FullyConnected { name = "fc_a", num_hidden = 8 }, nn.Activation { name = "act_a", act_type = "relu" },
        nn.FullyConnected { name = "fc_b", num_hidden = #self.classes }, nn.SoftmaxOutput { name = "prob" } }
      return mh:get_module(train_iterator, { fixed_layer_parameters = mh:get_layer_parameters { "fc1" } })
    end
    local source = nn.Sequential { nn.Linear(2, 4, { name = "fc1" }), nn.Tanh { name = "t1" }, nn.Linear(4, 2, { name = "fc2" }) }
    scion.seed(9)
    local x = scion.cat({ scion.randn(30, 2):add(2), scion.randn(30, 2):sub(2) }, 1)
    local labels = {}
    for i = 1, 60 do labels[i] = i <= 30 and 3 or 9 end
    local data = scion.data.tensors { x = x, labels = labels, batch_size = 10, shuffle = true }
    local rp = Add2FC { source_model = source, num_epochs = 20, optimizer_params = { lr = 2e-2 } }
    rp:repurpose(data)
    assert.is_true(rp.cached) -- fc1 is frozen: its output is computed once
    local Wide = scion.class("Wide", scion.NeuralNetworkRepurposer)
    function Wide:_create_target_module() return nn.Sequential { nn.Linear(2, 5) } end
    local fine, why = pcall(function() Wide { source_model = source }:repurpose(data) end)
    assert.is_false(fine)
    assert.truthy(why:find("Wide: the target module gives (5) for an item, expected (2): the data have the classes {3, 9}", 1, true), why)
    assert.is_true(rp:accuracy(data) > 0.95)
    local path = helper.tmpdir() .. "/add2.scion"
    rp:save(path)
    assert.has_error(function() scion.load(path) end)
    scion.repurpose.register(Add2FC)
    assert.allclose(scion.load(path):predict_probability(data), rp:predict_probability(data), { rtol = 1e-4, atol = 1e-6 })
  end)
end)
