local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

-- Xfer's test network in small: the same layers and names.
local function test_net()
  local net = nn.Sequential { nn.Convolution { name = "conv1", kernel = { 4, 4 }, num_filter = 3 }, nn.Activation { name = "act1", act_type = "relu" },
    nn.Convolution { name = "conv2", kernel = { 3, 3 }, num_filter = 3 }, nn.Activation { name = "act2", act_type = "tanh" },
    nn.Pooling { name = "pool1", pool_type = "sum", kernel = { 4, 4 } }, nn.Flatten { name = "flatten1" },
    nn.FullyConnected { name = "fullyconnected0", num_hidden = 4 }, nn.SoftmaxOutput { name = "softmaxoutput1" } }
  return net:materialise { 1, 3, 12, 12 }
end

-- flatten -> 3 layers | 2 layers -> plus -> softmax
local function diamond()
  local x = nn.input("data", { shape = { -1, 2, 2 } })
  local flat = nn.Flatten { name = "flatten" }(x)
  local a = nn.Linear(4, 4, { name = "a3" })(nn.Linear(4, 4, { name = "a2" })(nn.Linear(4, 4, { name = "a1" })(flat)))
  local b = nn.Linear(4, 4, { name = "b2" })(nn.Linear(4, 4, { name = "b1" })(flat))
  return nn.Graph(x, nn.Softmax { name = "softmax" }(nn.add(a, b, { name = "plus" })))
end

local function raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find(text, 1, true), tostring(message))
end

local function entries(net)
  local names = {}
  for _, e in ipairs(net:entries()) do names[#names + 1] = e.name end
  return table.concat(names, " ")
end
local function names_of(mh) return table.concat(mh.layer_names, " ") end

describe("ModelHandler: looking", function()
  scion.seed(1)
  local mh = scion.ModelHandler(test_net())

  it("lists layers in the order of the graph, and their types under both vocabularies", function()
    assert.equal("conv1 act1 conv2 act2 pool1 flatten1 fullyconnected0 softmaxoutput1", names_of(mh))
    assert.equal("Convolution Activation Convolution Activation Pooling Flatten FullyConnected SoftmaxOutput", table.concat(mh.layer_types, " "))
    assert.same({ "Convolution", "Conv2d" }, { mh:get_layer_type "conv1" })
    assert.same({ "Activation", "Tanh" }, { mh:get_layer_type "act2" })
    assert.truthy(tostring(mh.layer_names):find("conv1, act1", 1, true))
    raises("conv9 layer does not exist in model (did you mean 'conv1'?)", mh.get_layer_type, mh, "conv9")
  end)

  it("tells the layers below a name that is none", function()
    local block = nn.Sequential({ nn.Linear(2, 3, { name = "a" }), nn.ReLU { name = "b" } }, { name = "block" })
    local grouped = scion.ModelHandler(nn.Sequential { block, nn.Linear(3, 1, { name = "top" }) })
    assert.error_matches(function() grouped:get_layer_parameters { "block" } end, "block layer does not exist in model %(it is a group of 2 layers: block.a ... block.b%)")
    assert.error_matches(function() grouped:get_layer_type "tip" end, "did you mean 'top'")
    assert.error_matches(function() scion.LrRepurposer { source_model = grouped.net, feature_layer_names = { "block" } } end, "group of 2 layers")
  end)

  it("finds layers by type, whatever the case", function()
    assert.same({ "conv1", "conv2" }, mh:get_layer_names_matching_type("CONVOLUTION"):tolist())
    assert.same({ "conv1", "conv2" }, mh:get_layer_names_matching_type("Conv2d"):tolist())
    assert.same({ "act1" }, mh:get_layer_names_matching_type("relu"):tolist())
    assert.same({}, mh:get_layer_names_matching_type("BatchNorm"):tolist())
  end)

  it("knows exactly which parameters a layer owns", function()
    assert.same({ "conv1.weight", "conv1.bias" }, mh:get_layer_parameters({ "conv1" }):tolist())
    assert.equal(6, #mh:get_layer_parameters(mh.layer_names))
    local net = nn.Sequential { nn.Linear(2, 2, { name = "conv1" }), nn.Linear(2, 2, { name = "conv10" }), nn.Linear(2, 2, { name = "conv1_1" }) }
    assert.same({ "conv1.weight", "conv1.bias" }, scion.ModelHandler(net):get_layer_parameters({ "conv1" }):tolist())
    raises("layer_names must be passed as list. Instead got type: string", mh.get_layer_parameters, mh, "conv1")
    raises("layer does not exist", mh.get_layer_parameters, mh, { "conv" })
  end)

  it("needs a net", function()
    raises("expected a net, got 'net'", scion.ModelHandler, "net")
    raises("one of cpu", function() return scion.ModelHandler(test_net(), { context_function = "tpu" }) end)
    assert.equal("pixels", scion.ModelHandler(test_net(), { data_name = "pixels" }).input_names[1])
  end)
end)

describe("ModelHandler on Xfer's test network", function()
  it("knows it by Xfer's words, and cuts it", function()
    local net = scion.load(helper.data "models/mxnet/testnetv1-symbol.json")
    local mh = scion.ModelHandler(net)
    assert.equal("conv1 act1 conv2 act2 pool1 flatten1 fullyconnected0 softmaxoutput1", names_of(mh))
    assert.equal("Convolution Activation Convolution Activation Pooling Flatten FullyConnected SoftmaxOutput", table.concat(mh.layer_types, " "))
    assert.equal(6, #mh:get_layer_parameters(mh.layer_names))
    local it_ = scion.data.tensors { x = scion.rand(3, 3, 224, 224), labels = { 0, 1, 2 }, batch_size = 2 }
    local f = mh:get_layer_output { data_iterator = it_, layer_names = { "flatten1", "fullyconnected0" } }
    assert.same({ 3, 46225 }, { f.flatten1:size(1), f.flatten1:size(2) })
    raises("Cannot add layer above output layer 'softmaxoutput1'", mh.add_layer_top, mh, { nn.FullyConnected { name = "fc1", num_hidden = 20 } })
    mh:drop_layer_top(1)
    mh:add_layer_top { nn.FullyConnected { name = "fc1", num_hidden = 20 }, nn.Convolution { name = "conv1_1", kernel = 1, num_filter = 2 } }
    assert.equal("conv1_1", mh.layer_names[#mh.layer_names])
    mh = scion.ModelHandler(net)
    mh:drop_layer_bottom(3)
    assert.equal("act2 pool1 flatten1 fullyconnected0 softmaxoutput1", names_of(mh))
    local small = scion.data.tensors { x = scion.rand(2, 3, 120, 120), labels = { 0, 1 } }
    raises("ModelArchitectureError: Weight shape mismatch: Expected shape=(4, 12321), Actual shape=(4, 46225)", function()
      scion.ModelHandler(net):get_module(small)
    end)
  end)
end)

describe("ModelHandler: dropping", function()
  it("takes layers and their parameters away from the top and the bottom", function()
    local source = test_net()
    local mh = scion.ModelHandler(source)
    mh:drop_layer_top(1)
    assert.equal("conv1 act1 conv2 act2 pool1 flatten1 fullyconnected0", names_of(mh))
    assert.truthy(entries(mh.net):find("fullyconnected0.weight", 1, true))
    mh:drop_layer_top(2)
    assert.equal("conv1 act1 conv2 act2 pool1", names_of(mh))
    assert.falsy(entries(mh.net):find("fullyconnected0", 1, true))
    mh:drop_layer_bottom(1)
    assert.equal("act1 conv2 act2 pool1", names_of(mh))
    assert.equal("conv2.weight conv2.bias", (entries(mh.net):gsub(" ?pool1%S*", "")))
    mh:drop_layer_bottom(2)
    assert.equal("act2 pool1", names_of(mh))
    assert.equal("x", mh.input_names[1])
    assert.equal(8, #source:layer_names()) -- the source is what it was
  end)

  it("refuses to drop all layers", function()
    for _, method in ipairs { "drop_layer_top", "drop_layer_bottom" } do
      local mh = scion.ModelHandler(test_net())
      raises("Cannot drop 8 layers. Model only has 8 layers", mh[method], mh, 8)
      assert.equal(8, #mh.layer_names)
      local one = scion.ModelHandler(nn.Sequential { nn.Linear(2, 2, { name = "fc" }) })
      raises("Cannot drop 1 layers. Model only has 1 layers", one[method], one, 1)
      raises("at least 1", one[method], one, 0)
    end
  end)

  it("says which branches meet where dropping is ambiguous, and drops whole blocks", function()
    local mh = scion.ModelHandler(diamond())
    mh:drop_layer_top(1)
    raises("ambiguity. Layer drop: 1. 'plus' (Add) joins the branches 'a3', 'b2'", mh.drop_layer_top, mh, 1)
    mh = scion.ModelHandler(diamond())
    raises("ambiguity. Layer drop: 2.", mh.drop_layer_top, mh, 2)
    raises("drop 7 layers to take the whole block away", mh.drop_layer_top, mh, 3)
    mh:drop_layer_top(7)
    assert.equal("flatten", names_of(mh))
    mh:undo()
    mh:drop_layer_top(3, { branch = "b1" })
    assert.equal("flatten b1", names_of(mh))
    mh = scion.ModelHandler(diamond())
    mh:drop_layer_bottom(1)
    raises("ambiguity. Layer drop: 1. 'data' is read by 'a1', 'b1'", mh.drop_layer_bottom, mh, 1)
    mh:undo()
    raises("ambiguity. Layer drop: 2. 'flatten' is read by 'a1', 'b1'", mh.drop_layer_bottom, mh, 2)
    mh:drop_layer_bottom(7)
    assert.equal("softmax", names_of(mh))
    assert.same({ "data" }, mh.input_names:tolist())
  end)

  it("asks which output or input is meant", function()
    local x = nn.input("data")
    local h = nn.Linear(4, 4, { name = "body" })(x)
    local net = nn.Graph(x, { nn.Linear(4, 2, { name = "left" })(h), nn.ReLU { name = "act" }(nn.Linear(4, 3, { name = "right" })(h)) })
    local mh = scion.ModelHandler(net)
    raises("The model has 2 outputs: 'left', 'act'", mh.drop_layer_top, mh, 1)
    raises("The model has 2 outputs", mh.add_layer_top, mh, { nn.ReLU { name = "r" } })
    mh:drop_layer_top(1, { output = "act" })
    assert.same({ "left", "right" }, mh.output_names:tolist())
    mh:drop_layer_bottom(1)
    assert.equal("left right", names_of(mh))
    local a, b = nn.input("a"), nn.input("b")
    local two = scion.ModelHandler(nn.Graph({ a, b }, nn.add(nn.Linear(2, 2, { name = "fa" })(a), nn.Linear(2, 2, { name = "fb" })(b), { name = "sum" })))
    raises("The model has 2 inputs: 'a', 'b'", two.drop_layer_bottom, two, 1)
    two:drop_layer_bottom(1, { input = "b" })
    assert.equal("fa sum", names_of(two))
    assert.equal(2, #two.input_names)
    raises("joins it with 'fa'", two.drop_layer_bottom, two, 1, { input = "b" })
  end)

  it("drops one layer at either end of a residual network", function()
    local net = scion.models.resnet { depth = 18, num_classes = 4 }
    local mh = scion.ModelHandler(net)
    local n = #mh.layer_names
    assert.same({ "fc" }, mh:drop_layer_top(1):tolist())
    assert.same({ "conv1" }, mh:drop_layer_bottom(1):tolist())
    assert.equal(n - 2, #mh.layer_names)
  end)
end)

describe("ModelHandler: adding and rewiring", function()
  local function flat_net()
    return nn.Sequential { nn.Linear(4, 5, { name = "one" }), nn.ReLU { name = "act" }, nn.Linear(5, 3, { name = "two" }) }
  end

  it("adds at the top in the order of the list", function()
    local mh = scion.ModelHandler(flat_net())
    mh:add_layer_top { nn.FullyConnected { name = "fc1", num_hidden = 20 }, nn.Activation { name = "act9", act_type = "relu" } }
    mh:add_layer_top { nn.FullyConnected { name = "fc2", num_hidden = 2 } }
    assert.equal("one act two fc1 act9 fc2", names_of(mh))
    assert.truthy(tostring(mh:summary { 1, 4 }):find("fc1", 1, true)) -- waiting layers are given sizes for the table
    local net = mh:get_module { 1, 4 }
    assert.same({ 20, 3 }, net["fc1.weight"].shape:tolist())
    assert.same({ 7, 2 }, net(scion.randn(7, 4)).shape:tolist())
    mh:add_layer_top { nn.SoftmaxOutput { name = "softmax" } }
    raises("Cannot add layer above output layer 'softmax'", mh.add_layer_top, mh, { nn.ReLU { name = "late" } })
    mh:undo()
    raises("must be a list of layers. Instead got type: string", mh.add_layer_top, mh, "layer")
    raises("element 2 is 3", mh.add_layer_bottom, mh, { nn.ReLU { name = "r" }, 3 })
  end)

  it("adds at the bottom: a list in its order, a later call below", function()
    local mh = scion.ModelHandler(test_net())
    mh:add_layer_bottom { nn.Convolution { name = "a", kernel = 1, num_filter = 2 }, nn.Convolution { name = "b", kernel = 1, num_filter = 3 } }
    mh:add_layer_bottom { nn.Convolution { name = "c", kernel = 1, num_filter = 3 } }
    assert.equal("c a b conv1 act1 conv2 act2 pool1 flatten1 fullyconnected0 softmaxoutput1", names_of(mh))
    assert.same({ "x" }, mh.input_names:tolist())
    local net = mh:get_module { 2, 3, 12, 12 }
    assert.same({ 2, 4 }, net(scion.randn(2, 3, 12, 12)).shape:tolist())
    assert.same({ 2, 3, 1, 1 }, net["a.weight"].shape:tolist())
  end)

  it("refuses names that clash or could be taken for parameters", function()
    local mh = scion.ModelHandler(test_net())
    local function add(name) mh:add_layer_bottom { nn.ReLU { name = name } } end
    for _, name in ipairs { "conv2", "x" } do raises(("Layer name '%s' conflicts with name already in model"):format(name), add, name) end
    for name, part in pairs { prob_label = "_label", conv3_output = "_output", conv3_weight = "_weight", conv3_moving_mean = "_moving_mean",
      conv3_beta_q = "_beta" } do
      raises(("Layer name cannot contain '%s'"):format(part), add, name)
    end
    raises("conflicts", mh.add_layer_top, scion.ModelHandler(flat_net()), { nn.ReLU { name = "same" }, nn.ReLU { name = "same" } })
    add("conv3")
    add("weighted")
    assert.equal(10, #mh.layer_names)
  end)

  it("cuts after and before a named layer, either side", function()
    local mh = scion.ModelHandler(test_net())
    mh:cut_after "act1"
    assert.equal("conv1 act1", names_of(mh))
    mh:undo()
    mh:cut_before "act1"
    assert.equal("conv1", names_of(mh))
    mh:undo()
    mh:cut_after("pool1", { keep = "top" })
    assert.equal("flatten1 fullyconnected0 softmaxoutput1", names_of(mh))
    assert.same({ "x" }, mh.input_names:tolist())
    mh:undo()
    mh:cut_before("fullyconnected0", { keep = "top" })
    assert.equal("fullyconnected0 softmaxoutput1", names_of(mh))
    mh = scion.ModelHandler(diamond())
    raises("'plus' (Add) reads 2 values: 'a3', 'b2'", mh.cut_before, mh, "plus")
    raises("nope layer does not exist in model", mh.cut_after, mh, "nope")
  end)

  it("inserts, replaces and renames", function()
    local source = flat_net()
    local x = scion.randn(3, 4)
    local mh = scion.ModelHandler(source)
    mh:insert_layer_after("act", nn.Linear(5, 5, { name = "mid" }))
    mh:insert_layer_before("two", { nn.Tanh { name = "tanh" } })
    assert.equal("one act mid tanh two", names_of(mh))
    mh:replace_layer("act", nn.Sigmoid {})
    assert.same({ "Activation", "Sigmoid" }, { mh:get_layer_type "act" })
    mh:replace_layer("tanh", nn.Dropout(0.5, { name = "drop" }))
    assert.equal("one act mid drop two", names_of(mh))
    mh:rename_layer("two", "head")
    assert.same({ "head.weight", "head.bias" }, mh:get_layer_parameters({ "head" }):tolist())
    local net = mh:get_module(x.shape:tolist())
    net:eval()
    local expected = source["one.weight"]:matmul(x:t()):t():add(source["one.bias"]):sigmoid()
    expected = expected:matmul(net["mid.weight"]:t()):add(net["mid.bias"]):matmul(source["two.weight"]:t()):add(source["two.bias"])
    assert.allclose(net(x), expected, { rtol = 1e-4, atol = 1e-5 })
    raises("reads 1 values and gives 1, the new layer reads 2", mh.replace_layer, mh, "mid", nn.Bilinear(2, 2, 2))
    raises("conflicts", mh.rename_layer, mh, "head", "one")
  end)

  it("takes another network in, and gives it back", function()
    local mh = scion.ModelHandler(test_net())
    local part = mh.net:extract { to = { "act1" } }
    mh:update_sym(part)
    assert.equal("conv1 act1", names_of(mh))
    assert.same({ "conv1.weight", "conv1.bias" }, mh:get_layer_parameters(mh.layer_names):tolist())
    assert.equal("conv1.weight conv1.bias", entries(mh.net))
    assert.equal(6, #mh:changes().removed)
    mh:undo()
    assert.equal(8, #mh.layer_names)
    raises("update_net: expected a net, got 5", mh.update_sym, mh, 5)
  end)

  it("copies a branch of another network", function()
    local mh = scion.ModelHandler(flat_net())
    local other = nn.Sequential { nn.Linear(4, 6, { name = "stem" }), nn.ReLU { name = "act" }, nn.Linear(6, 3, { name = "top" }) }
    local values = mh:copy_branch { source = other, to = "top", at = { "x" }, prefix = "other", join = "cat", with = "two" }
    assert.same({ "other.top" }, values:tolist())
    assert.same({ 2, 6 }, mh:get_module({ 2, 4 })(scion.randn(2, 4)).shape:tolist())
    mh:undo()
    mh:copy_branch { source = other, from = { "act" }, to = "top", at = { "x" }, prefix = "o" } -- 4 into 6 does not fit
    raises("Weight shape mismatch: Expected shape=(3, 4), Actual shape=(3, 6)", mh.get_module, mh, { 2, 4 })
    mh:undo()
    raises("conflicts with name already in model (give a prefix)", mh.copy_branch, mh, { source = other, to = "top", at = { "x" } })
    raises("unknown option", mh.copy_branch, mh, { source = other, too = "top" })
  end)

  it("takes edits back and tells what changed", function()
    local mh = scion.ModelHandler(test_net())
    local hash = mh.net:hash()
    mh:drop_layer_top(2)
    mh:rename_layer("conv1", "first")
    mh:add_layer_top { nn.FullyConnected { name = "fc", num_hidden = 2 } }
    local changes = mh:changes()
    assert.equal(1, #changes.added)
    assert.equal("fc", changes.added[1].name)
    assert.equal(2, #changes.removed)
    assert.same({ name = "first", was = "conv1" }, changes.renamed[1])
    assert.equal(0, #changes.rewired)
    assert.truthy(tostring(changes):find("- softmaxoutput1: SoftmaxOutput", 1, true), tostring(changes))
    assert.equal(3, #mh:undo(3))
    assert.equal(hash, mh.net:hash())
    assert.equal("no changes", tostring(mh:changes()))
    raises("there are 0 edits to take back", mh.undo, mh)
  end)
end)

describe("ModelHandler: modules", function()
  local function data(n, side)
    scion.seed(3)
    return scion.data.tensors { x = scion.randn(n or 6, 3, side or 12, side or 12), labels = { 3, 7, 9, 3, 7, 9 }, batch_size = 4 }
  end

  it("keeps the source's values but for the random ones", function()
    local source = test_net()
    local mh = scion.ModelHandler(source)
    local mod = mh:get_module(data(), { fixed_layer_parameters = { "conv1_weight", "conv1_bias" },
      random_layer_parameters = mh:get_layer_parameters { "conv2" } })
    assert.allclose(mod["conv1.weight"], source["conv1.weight"])
    assert.allclose(mod["fullyconnected0.weight"], source["fullyconnected0.weight"])
    assert.is_false(mod["conv2.weight"]:allclose(source["conv2.weight"]))
    assert.is_false(mod["conv1.weight"].requires_grad)
    assert.is_true(mod["conv2.weight"].requires_grad)
    local before = source["conv2.weight"]:clone()
    mod:fit(data(), { num_epochs = 2, progress = false })
    assert.allclose(source["conv2.weight"], before) -- training a module leaves the source alone
    assert.allclose(mod["conv1.weight"], source["conv1.weight"])
  end)

  it("warns in the order fixed, random", function()
    local result = helper.run { "scion", "-e", [[
      local net = scion.nn.Sequential { scion.nn.Linear(2, 2, { name = "conv1" }) }
      scion.ModelHandler(net):get_module({ 1, 2 }, { fixed_layer_parameters = { "conv1_weight", "conv1_foo" },
        random_layer_parameters = { "conv2_foo", "conv3_bar" } })]] }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.err:find("Could not find layer parameters: conv1_foo.*Could not find layer parameters: conv2_foo, conv3_bar"), result.err)
  end)

  it("refuses a layer that is both fixed and random, and data that do not fit", function()
    local mh = scion.ModelHandler(test_net())
    raises("layer 'conv1' is both fixed (conv1.bias) and random (conv1.weight)", mh.get_module, mh, data(),
      { fixed_layer_parameters = { "conv1.bias" }, random_layer_parameters = { "conv1.weight" } })
    raises("ModelArchitectureError: Weight shape mismatch: Expected shape=(4, 300), Actual shape=(4, 48)", mh.get_module, mh, data(6, 18))
    raises("expected an iterator", mh.get_module, mh, 5)
    raises("must be a list. Instead got type: string", mh.get_module, mh, data(), { fixed_layer_parameters = "conv1" })
    local mod = mh:get_module(data(6, 18), { random_layer_parameters = mh:get_layer_parameters { "fullyconnected0" } })
    assert.same({ 4, 300 }, mod["fullyconnected0.weight"].shape:tolist())
  end)

  it("keeps frozen batch norms frozen", function()
    local net = nn.Sequential { nn.Conv2d(3, 4, 3, { name = "conv" }), nn.BatchNorm2d(4, { name = "bn" }), nn.BatchNorm2d(4, { name = "free" }),
      nn.Flatten { name = "flat" }, nn.Linear(400, 3, { name = "fc" }) }
    local mh = scion.ModelHandler(net)
    local mod = mh:get_module(data(), { fixed_layer_parameters = mh:get_layer_parameters { "conv", "bn" } })
    mod:fit(data(), { num_epochs = 1, progress = false })
    assert.allclose(mod["bn.running_mean"], net["bn.running_mean"])
    assert.is_false(mod["free.running_mean"]:allclose(net["free.running_mean"]))
  end)

  it("trains a net that ends in softmax on the scores before it", function()
    local x = scion.cat({ scion.randn(40, 2):add(2), scion.randn(40, 2):sub(2) }, 1)
    local y = {}
    for i = 1, 80 do y[i] = i <= 40 and "a" or "b" end
    local it = scion.data.tensors { x = x, labels = y, batch_size = 20, shuffle = true }
    local mh = scion.ModelHandler(nn.Sequential { nn.Linear(2, 2, { name = "fc" }) })
    mh:add_layer_top { nn.SoftmaxOutput { name = "softmax" } }
    local mod = mh:get_module(it)
    local history = mod:fit(it, { num_epochs = 30, lr = 0.1, metrics = { "accuracy" }, progress = false })
    assert.is_true(history.epochs[30].accuracy > 0.97)
    assert.is_true(history.epochs[30].loss < 0.1) -- the loss of probabilities would not go below 0.31
    assert.allclose(mod(x):sum(2), scion.ones(80), { rtol = 1e-5 })
  end)
end)

describe("ModelHandler: features", function()
  local net = test_net()
  local mh = scion.ModelHandler(net)
  scion.seed(4)
  local x = scion.randn(6, 3, 12, 12)
  local function data(batch, last) return scion.data.tensors { x = x, labels = { 0, 0, 1, 1, 2, 2 }, batch_size = batch, last_batch = last or "keep" } end

  it("gives the layers asked for in their order, flattened, with labels", function()
    local f, labels, ids = mh:get_layer_output { data_iterator = data(4), layer_names = { "fullyconnected0", "flatten1" } }
    assert.same({ 6, 4 }, f.fullyconnected0.shape:tolist())
    assert.same({ 6, 48 }, f.flatten1.shape:tolist())
    assert.same({ 0, 0, 1, 1, 2, 2 }, labels:tolist())
    assert.same({ 1, 1, 2, 2, 3, 3 }, ids:tolist())
    local order = {}
    for name in pairs(f) do order[#order + 1] = name end
    assert.same({ "fullyconnected0", "flatten1" }, order)
    assert.same({ 6, 3, 9, 9 }, mh:get_layer_output({ data_iterator = data(4), layer_names = { "conv1" }, flatten = false }).conv1.shape:tolist())
  end)

  it("cuts padded rows off, whatever the batch size, and begins at the beginning", function()
    local whole = mh:get_layer_output(data(6), { "fullyconnected0" })
    for _, batch in ipairs { 2, 4 } do
      for _, last in ipairs { "keep", "pad" } do
        local half = data(batch, last)
        half:next()
        local f, labels = mh:get_layer_output(half, { "fullyconnected0" })
        assert.allclose(f.fullyconnected0, whole.fullyconnected0, { rtol = 1e-4, atol = 1e-5 })
        assert.same({ 0, 0, 1, 1, 2, 2 }, labels:tolist())
      end
    end
  end)

  it("refuses what is no iterator, and names that are no list", function()
    raises("data_iterator must be an iterator", mh.get_layer_output, mh, { layer_names = { "conv1" } })
    raises("data_iterator must be an iterator (scion.data), got 'iter'", mh.get_layer_output, mh, "iter", { "conv1" })
    raises("Layers must be passed as list. Instead got type: string", mh.get_layer_output, mh, data(2), "conv1")
    raises("conv layer does not exist", mh.get_layer_output, mh, data(2), { "conv" })
  end)

  it("runs each batch once, and cached items never again", function()
    local runs = 0
    local counted = net:clone { share = true }
    local handle = counted:register_hook("conv1", function() runs = runs + 1 end)
    assert.truthy(handle)
    local features = scion.features
    features.collect(counted, data(2), { "conv1", "flatten1", "fullyconnected0" })
    assert.equal(3, runs)
    local cache = features.Cache {}
    local a = features.collect(net, data(4), { "flatten1" }, { cache = cache })
    assert.equal(6, cache.misses)
    -- what is frozen does not matter: features are computed in eval mode
    local frozen = net:clone()
    scion.repurpose.graph.freeze(frozen, { "conv1", "conv2" })
    features.collect(frozen, data(4), { "flatten1" }, { cache = cache })
    assert.equal(6, cache.misses)
    local folds = data(4).dataset:kfold(3)
    for _, fold in ipairs(folds) do
      local part = fold[1]:iterator { batch_size = 2 }
      local values, ids = features.collect(net, part, { "flatten1" }, { cache = cache })
      assert.allclose(values[1], a[1]:index_select(1, scion.tensor(fold[1].positions, { dtype = "i64" })))
      assert.same(fold[1]:ids(), ids:tolist())
    end
    assert.equal(6, cache.misses)
    -- other weights, other data: computed
    local other = net:clone()
    scion.no_grad(function() other["conv1.weight"]:mul_(2) end)
    features.collect(other, data(4), { "flatten1" }, { cache = cache })
    assert.equal(12, cache.misses)
    scion.no_grad(function() x[1] = x[1] + 1 end)
    local changed = features.collect(net, data(4), { "flatten1" }, { cache = cache })
    assert.equal(18, cache.misses)
    assert.is_false(changed[1]:allclose(a[1]))
  end)

  it("sees that a picture was drawn anew under its name", function()
    local dir = helper.tmpdir()
    scion.io.make_dir(dir .. "/a")
    local function draw(i, value) helper.write_file(("%s/a/%d.ppm"):format(dir, i), "P6\n12 12\n255\n" .. string.char(value):rep(432)) end
    for i = 1, 12 do draw(i, i) end
    local cache = scion.features.Cache { dir = dir .. "/cache" }
    local function flat()
      local pictures = scion.data.image_folder { dir = dir, size = 12, crop = 1, normalise = "symmetric", batch_size = 4, classes = { "a" } }
      return scion.features.collect(net, pictures, { "flatten1" }, { cache = cache })[1]
    end
    local before = flat()
    assert.allclose(flat(), before)
    assert.equal(12, cache.misses)
    draw(6, 250)
    local after = flat()
    assert.equal(24, cache.misses)
    assert.is_false(after:allclose(before))
  end)

  it("keeps features on disk, and streams them to a file", function()
    local dir = helper.tmpdir()
    local first = scion.features.Cache { dir = dir .. "/cache" }
    local a = scion.features.collect(net, data(4), { "flatten1", "conv1" }, { cache = first })
    local second = scion.features.Cache { dir = dir .. "/cache" }
    local b = scion.features.collect(net, data(4), { "flatten1", "conv1" }, { cache = second })
    assert.equal(0, second.misses)
    assert.allclose(a[2], b[2])
    local f, labels = mh:get_layer_output { data_iterator = data(4), layer_names = { "flatten1", "conv1" }, out = dir .. "/f.safetensors" }
    assert.allclose(f.flatten1, a[1])
    assert.same({ 6, 3 * 81 }, f.conv1.shape:tolist())
    assert.same({ 0, 0, 1, 1, 2, 2 }, labels:tolist())
    assert.is_nil(helper.read_file(dir .. "/f.safetensors.part"))
    local file = scion.features.File(dir .. "/f.safetensors", { layer = "flatten1" })
    assert.equal(6, #file)
    local x_rows, y_rows = file:get { 5, 6, 1 }
    assert.allclose(x_rows, a[1]:index_select(1, scion.tensor({ 5, 6, 1 }, { dtype = "i64" })))
    assert.same({ 3, 3, 1 }, y_rows:tolist())
    local seen = 0
    for batch in file:iterator { batch_size = 4, shuffle = true } do seen = seen + #batch end
    assert.equal(6, seen)
    raises("has no layer 'conv9' (it has {flatten1, conv1})", scion.features.File, dir .. "/f.safetensors", { layer = "conv9" })
    raises("holds no features", scion.features.File, helper.write_file(dir .. "/junk", ("x"):rep(50)))
    raises("cannot write", mh.get_layer_output, mh, { data_iterator = data(4), layer_names = { "conv1" }, out = dir .. "/no/f" })
  end)
end)

describe("ModelHandler: pictures", function()
  local dir = helper.tmpdir()

  it("draws as text, with branches, shapes and frozen layers", function()
    local mh = scion.ModelHandler(diamond())
    local text = mh:visualize_net(dir .. "/net.txt")
    for _, part in ipairs { "├─●", "●─╯", "plus", "Linear 4", "20" } do assert.truthy(text:find(part, 1, true), text) end
    assert.equal(text .. "\n", helper.read_file(dir .. "/net.txt"))
    local mod = mh:get_module({ 1, 2, 2 }, { fixed_layer_parameters = mh:get_layer_parameters { "a1" } })
    assert.truthy(scion.ModelHandler(mod):visualize_net(dir .. "/net.txt"):find("20  frozen", 1, true))
  end)

  it("draws by Graphviz", function()
    local mh = scion.ModelHandler(test_net())
    local dot = mh:visualize_net(dir .. "/net.dot", { input_shape = { 1, 3, 12, 12 } })
    assert.truthy(dot:find('"conv1" -> "act1" [label = " 3×9×9"]', 1, true), dot)
    assert.truthy(dot:find("147 parameters", 1, true), dot)
    raises("must end in .svg, .png, .pdf, .dot or .txt", mh.visualize_net, mh, "net.jpg")
    if not require("scion.model_handler.draw").has_graphviz() then return end
    for ending, magic in pairs { svg = "<?xml", png = "\x89PNG", pdf = "%PDF" } do
      mh:visualize_net(dir .. "/net." .. ending)
      assert.equal(magic, helper.read_file(dir .. "/net." .. ending):sub(1, #magic))
    end
  end)

  it("saves and loads the edited network", function()
    local mh = scion.ModelHandler(test_net())
    mh:drop_layer_top(1)
    mh:save_symbol(dir .. "/edited.scion")
    local loaded = scion.load(dir .. "/edited.scion")
    assert.same(mh.layer_names:tolist(), scion.ModelHandler(loaded).layer_names:tolist())
    mh:add_layer_top { nn.FullyConnected { name = "late", num_hidden = 2 } }
    mh:save(dir .. "/waiting.scion") -- layers that wait for their size are kept as such
    local again = scion.ModelHandler(scion.load(dir .. "/waiting.scion")):get_module { 1, 3, 12, 12 }
    assert.same({ 2, 4 }, again["late.weight"].shape:tolist())
  end)
end)
