-- The architectures: parameter counts as published (torchvision's documentation), names as in the published state dictionaries, shapes.
local scion = require "scion"
local models = scion.models

local COUNTS <const> = {
  { "alexnet", {}, 61100840 }, { "vgg", { depth = 11 }, 132863336 }, { "vgg", { depth = 16, batch_norm = true }, 138365992 }, { "resnet", { depth = 18 }, 11689512 },
  { "resnet", { depth = 50 }, 25557032 }, { "squeezenet", { version = "1.0" }, 1248424 }, { "squeezenet", {}, 1235496 }, { "mobilenet_v2", {}, 3504872 },
  { "mobilenet_v3", {}, 5483032 }, { "mobilenet_v3", { size = "small" }, 2542856 }, { "densenet", {}, 7978856 }, { "efficientnet", {}, 5288548 },
  { "efficientnet", { size = "lite0" }, 4652008 }, { "mobilenet_v1", {}, 4231976 }, { "resnet_cifar", {}, 269722 }, { "lenet", {}, 61706 }, { "vit", {}, 86567656 },
}

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
