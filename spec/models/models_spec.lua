-- The architectures: parameter counts as published (torchvision's documentation), names as in the published state dictionaries, shapes, and the logits
-- that torchvision's own networks give for the same weights (spec/golden/make_models.py).
local helper = require "spec.helper"
local scion = require "scion"
local models = scion.models

local COUNTS <const> = {
  { "alexnet", {}, 61100840 }, { "vgg", { depth = 11 }, 132863336 }, { "vgg", { depth = 16, batch_norm = true }, 138365992 }, { "resnet", { depth = 18 }, 11689512 },
  { "resnet", { depth = 50 }, 25557032 }, { "squeezenet", { version = "1.0" }, 1248424 }, { "squeezenet", {}, 1235496 }, { "mobilenet_v2", {}, 3504872 },
  { "mobilenet_v3", {}, 5483032 }, { "mobilenet_v3", { size = "small" }, 2542856 }, { "densenet", {}, 7978856 }, { "efficientnet", {}, 5288548 },
  { "efficientnet", { size = "lite0" }, 4652008 }, { "mobilenet_v1", {}, 4231976 }, { "resnet_cifar", {}, 269722 }, { "lenet", {}, 61706 }, { "vit", {}, 86567656 },
}

-- The numbers of make_models.py's `formula`.
local PERIOD <const> = 1000003
local function formula(n, seed)
  local j = scion.arange(0, math.min(n, PERIOD), 1, { dtype = "f64" })
  j = (j * j + j * 7919 + 104729 * seed):remainder(PERIOD)
  j = (j * j + j * 31):remainder(PERIOD) / PERIOD - 0.5
  if n > PERIOD then j = j:tile((n + PERIOD - 1) // PERIOD):narrow(1, 1, n) end
  return j
end
local function fill(net)
  local list = {}
  for _, e in ipairs(net:entries()) do if e.kind ~= "const" then list[#list + 1] = e end end
  table.sort(list, function(a, b) return a.name < b.name end)
  scion.no_grad(function()
    for i, e in ipairs(list) do
      local t = e.tensor
      local u = formula(t:numel(), i)
      if e.name:find "running_var$" then u = u + 1
      elseif e.name:find "running_mean$" then u = u * 0.2
      elseif #t.shape >= 2 and e.name:find "weight$" then u = u * math.sqrt(24 * t.shape[1] / t:numel())
      elseif e.name:find "weight$" then u = u * 0.5 + 1
      else u = u * 0.2 end
      t:copy_(u:reshape(t.shape):to(t.dtype))
    end
  end)
  return #list
end
-- Large ones take seconds: they are compared when SCION_SLOW is set, and by make_models.py --through.
local QUICK <const> = { squeezenet1_0 = true, squeezenet1_1 = true, mobilenet_v2 = true, mobilenet_v3_small = true, mobilenet_v3_large = true, resnet18 = true, densenet121 = true,
  efficientnet_b0 = true }

describe("torchvision's networks and ours", function()
  for _, case in ipairs(dofile "spec/golden/models.lua") do
    local name, family, options, size = table.unpack(case)
    if QUICK[name] or os.getenv "SCION_SLOW" then
      it(("give the same logits: %s"):format(name), function()
        local net = models[family](options)
        assert.equal(case.entries, fill(net))
        net:eval()
        local x = (formula(2 * 3 * size * size, 777) * 2):reshape(2, 3, size, size):to "f32"
        local y = scion.no_grad(net, x)
        local far = 1e-4 * case.largest
        assert.allclose(y[1]:narrow(1, 1, 4), case.first, { rtol = 0, atol = far })
        assert.allclose(y[2]:narrow(1, -4, 4), case.last, { rtol = 0, atol = far })
        assert.allclose(y:to("f64"):square():sum():sqrt():item(), case.norm, { rtol = 1e-4 })
      end)
    end
  end
end)

describe("networks from elsewhere", function()
  it("have the tensors of our architectures: MobileNetV1 and the ResNets for CIFAR", function()
    local function tensors(net)
      local list, count = {}, 0
      for _, e in ipairs(net:entries()) do
        if e.kind ~= "const" then list[#list + 1] = e.kind .. " " .. table.concat(e.tensor.shape, "x") end
        if e.kind == "param" then count = count + e.tensor:numel() end
      end
      return list, count
    end
    -- layer by layer; the file pads to the right and below alone where it halves (Keras), so that logits differ
    local theirs, their_count = tensors(scion.load(helper.data "models/imagenet/mobilenet_v1_0.75_224.onnx"))
    local ours, our_count = tensors(models.mobilenet_v1 { width = 0.75 })
    assert.same(theirs, ours)
    assert.equal(their_count, our_count)
    for _, case in ipairs { { 20, "resnet20-12fca82f.th" }, { 32, "resnet32-d509ac18.th" }, { 44, "resnet44-014dd654.th" }, { 56, "resnet56-4bfd9763.th" } } do
      local net = models.resnet_cifar { depth = case[1] }
      local report = net:load_weights(helper.data("models/cifar10_resnet/" .. case[2]))
      assert.equal(0, #report.missing + #report.unexpected + #report.mismatched)
    end
  end)
end)

describe("scion.models", function()
  for _, case in ipairs(COUNTS) do
    local name, opts, count = table.unpack(case)
    local words = {}
    for k, v in pairs(opts) do words[#words + 1] = k .. " = " .. tostring(v) end
    it(("%s { %s } has %d parameters #slow"):format(name, table.concat(words, ", "), count), function()
      assert.equal(count, (models[name](opts):n_parameters()))
    end)
  end

  it("have torchvision's parameter names", function()
    local function has(net, names)
      local entries = {}
      for _, e in ipairs(net:entries()) do entries[e.name] = true end
      for _, name in ipairs(names) do assert(entries[name], name .. " is missing") end
    end
    has(models.mobilenet_v3 { size = "small", num_classes = 2 }, { "features.0.0.weight", "features.1.block.1.fc1.bias", "features.4.block.2.fc2.weight",
      "features.12.1.running_var", "classifier.3.bias" })
    has(models.densenet { num_classes = 2 }, { "features.conv0.weight", "features.denseblock3.denselayer24.norm2.weight", "features.transition1.conv.weight",
      "features.norm5.bias", "classifier.weight" })
    has(models.squeezenet { num_classes = 2 }, { "features.12.expand3x3.weight", "classifier.1.bias" })
    has(models.efficientnet { num_classes = 2 }, { "features.1.0.block.1.fc1.weight", "features.7.0.block.3.1.weight", "features.8.0.weight", "classifier.1.weight" })
    has(models.vit { image = 16, patch = 8, layers = 1, heads = 2, width = 16 }, { "class_token", "encoder.pos_embedding", "conv_proj.weight",
      "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
      "encoder.layers.encoder_layer_0.self_attention.out_proj.bias", "encoder.layers.encoder_layer_0.mlp.3.weight", "encoder.ln.weight", "heads.head.weight" })
    has(models.bert { vocabulary = 9, layers = 1, heads = 2, width = 8, num_classes = 2 }, { "embeddings.word_embeddings.weight",
      "embeddings.position_embeddings.weight", "embeddings.LayerNorm.bias",
      "encoder.layer.0.attention.self.query.weight", "encoder.layer.0.attention.output.dense.bias", "encoder.layer.0.output.LayerNorm.weight", "pooler.dense.weight",
        "classifier.bias" })
    has(models.resnet_cifar { depth = 20, shortcut = "B" }, { "layer1.0.conv1.weight", "layer2.0.shortcut.0.weight", "layer3.2.bn2.running_mean", "linear.bias" })
  end)

  it("are found under torchvision's functions too", function()
    local function same(a, b) assert.same({ (a:n_parameters()) }, { (b:n_parameters()) }) end
    same(models.resnet18 { num_classes = 3 }, models.resnet { depth = 18, num_classes = 3 })
    same(models.resnet20(), models.resnet_cifar { depth = 20 })
    same(models.squeezenet1_0 {}, models.squeezenet { version = "1.0" })
    same(models.mobilenet_v3_small {}, models.mobilenet_v3 { size = "small" })
    same(models.efficientnet_lite0 { num_classes = 2 }, models.efficientnet { size = "lite0", num_classes = 2 })
    assert.error_matches(function() return models.resnext50 {} end, "there is no 'resnext50' %(did you mean 'resnet50'%?%)")
    assert.error_matches(function() return models.resnet18(5) end, "options must be a table, got 5")
  end)

  it("give the right shapes, train, and refuse wrong options", function()
    local cases = { { models.lenet {}, { 2, 1, 28, 28 }, 10 }, { models.resnet_cifar { depth = 20 }, { 2, 3, 32, 32 }, 10 }, { models.mlp { inputs = 5,
      outputs = 3 }, { 2, 5 }, 3 },
      { models.vit { image = 16, patch = 8, layers = 1, heads = 2, width = 16, num_classes = 4 }, { 2, 3, 16, 16 }, 4 },
      { models.mobilenet_v3 { size = "small", num_classes = 6 }, { 2, 3, 32, 32 }, 6 }, { models.efficientnet { size = "lite0", num_classes = 7 }, { 2, 3, 32, 32 }, 7 } }
    for _, case in ipairs(cases) do
      local y = case[1](scion.randn(case[2]))
      assert.same({ 2, case[3] }, { table.unpack(y.shape) })
      y:square():sum():backward()
      for _, p in ipairs(case[1]:parameters()) do assert.is_truthy(p.grad) end
    end
    assert.same({ 2, 4, 8 }, { table.unpack(models.bert { vocabulary = 9, layers = 1, heads = 2, width = 8 }(scion.randint(1, 10, { 2, 4 })).shape) })
    assert.same({ 2, 3 }, { table.unpack(models.text_cnn { vocabulary = 9, num_classes = 3, filters = 4 }(scion.randint(1, 10, { 2, 6 })).shape) })
    assert.error_matches(function() models.resnet { deph = 18 } end, "unknown option 'deph'")
    assert.error_matches(function() models.vit { image = 30, patch = 16 } end, "no multiple of the patch")
  end)
end)
