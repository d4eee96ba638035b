-- Nets as ONNX files: read back they compute the same, and so does ONNX Runtime where a Python that has it is named by SCION_PYTHON.
local helper = require "spec.helper"
local scion = require "scion"
local nn, models = scion.nn, scion.models

local CHECK <const> = [[
import sys, numpy, onnx, onnxruntime
onnxruntime.set_default_logger_severity(4)
path, n_in, n_out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
onnx.checker.check_model(path, full_check=True)
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
names = [i.name for i in session.get_inputs()]
got = session.run(None, {name: numpy.load(f"{path}.in{k}.npy") for k, name in enumerate(names)})
assert len(got) == n_out and len(names) == n_in
for k, y in enumerate(got):
    want = numpy.load(f"{path}.out{k}.npy")
    assert want.shape == y.shape, (k, want.shape, y.shape)
    assert numpy.abs(want.astype("d") - y.astype("d")).max() <= 1e-4 * max(1e-6, numpy.abs(want.astype("d")).max()), f"output {k}"
]]

local function input(...) return nn.input("x", { shape = { ... }, dtype = "f32" }) end
local function all(x, list) return nn.Graph(x, list) end

-- A repurposer of three classes (or of numbers) on 4 features, as the graph that its file holds.
local function repurposed(name, options, numbers)
  return function()
    local x, labels = scion.randn(45, 4), {}
    for i = 1, 45 do
      local k = i % 3 + 1
      x[i][k] = x[i][k] + 2
      labels[i] = numbers and x[i][1] - x[i][2] or ({ "ant", "bee", "wasp" })[k]
    end
    local all_options = { source_model = nn.Sequential { nn.Linear(4, 6, { name = "fc" }), nn.Tanh { name = "act" } }, feature_layer_names = { "act", "fc" } }
    for key, value in pairs(options or {}) do all_options[key] = value end
    local rp = scion[name](all_options)
    rp:repurpose(scion.data.tensors { x = x, labels = labels, batch_size = 15 })
    return rp:to_net(), { scion.randn { 5, 4 } }
  end
end

local CASES <const> = {
  lr_repurposer = repurposed "LrRepurposer",
  svm_repurposer = repurposed("SvmRepurposer", { kernel = "rbf" }),
  svm_repurposer_votes = repurposed("SvmRepurposer", { kernel = "poly", enable_probability_estimates = false }),
  gp_repurposer = repurposed "GpRepurposer",
  gp_repurposer_numbers = repurposed("GpRepurposer", { kernel = "matern52" }, true),
  bnn_repurposer = repurposed("BnnRepurposer", { num_epochs = 3 }),
  knn_repurposer = repurposed("KnnRepurposer", { weights = "distance" }),
  knn_repurposer_cosine = repurposed("KnnRepurposer", { metric = "cosine" }, true),
  prototype_repurposer = repurposed "NearestPrototypeRepurposer",
  ridge_repurposer = repurposed("RidgeRepurposer", {}, true),
  activations = function()
    local x, list = input(-1, 6), {}
    for _, name in ipairs { "ReLU", "ReLU6", "Sigmoid", "Tanh", "GELU", "SiLU", "ELU", "SELU", "CELU", "LeakyReLU", "Softplus", "Softsign", "Hardswish", "Hardsigmoid", "Mish",
      "LogSigmoid", "Tanhshrink", "Hardshrink", "Softshrink", "Hardtanh" } do list[#list + 1] = nn[name] { name = name } (x) end
    return all(x, list), { scion.randn { 3, 6 } * 2 }
  end,
  normalisation = function()
    local x = input(-1, 4, 6, 6)
    return all(x, { nn.GroupNorm(2, 4)(x), nn.InstanceNorm2d(4)(x), nn.LayerNorm { 6, 6 }(x), nn.LocalResponseNorm(3)(x), nn.BatchNorm2d(4)(x), nn.normalize(x, { dim = 2 }) }),
      { scion.randn { 2, 4, 6, 6 } }
  end,
  pooling = function()
    local x = input(-1, 4, 8, 8)
    return all(x, { nn.MaxPool2d(3, { stride = 2, padding = 1, ceil_mode = true })(x), nn.AvgPool2d(3, { stride = 2, padding = 1, count_include_pad = false })(x),
      nn.avg_pool2d(x, { kernel = { 2, 2 }, divisor_override = 1 }), nn.AdaptiveAvgPool2d(4)(x), nn.AdaptiveMaxPool2d(1)(x), nn.lp_pool2d(x, { kernel = { 2, 2 } }),
      nn.global_avg_pool(x) }), { scion.randn { 2, 4, 8, 8 } }
  end,
  windows = function()
    local x = input(-1, 4, 9, 9)
    return all(x, { nn.Conv2d(4, 6, 3, { stride = 2, padding = 1, groups = 2 })(x), nn.Conv2d(4, 4, 3, { dilation = 2 })(x), nn.PReLU(4)(x),
      nn.ConvTranspose2d(4, 3, 3, { stride = 2, padding = 1, output_padding = 1 })(x), nn.interpolate(x, { scale_factor = 2 }), nn.interpolate(x, { size = { 5, 7 },
        mode = "bilinear" }),
      nn.interpolate(x, { scale_factor = 2, mode = "bilinear", align_corners = true }), nn.interpolate(x, { scale_factor = 2, mode = "bicubic" }),
      nn.pixel_shuffle(x, { upscale_factor = 2 }), nn.channel_shuffle(x, { groups = 2 }) }), { scion.randn { 2, 4, 9, 9 } }
  end,
  shapes = function()
    local x = input(-1, 4, 6)
    return all(x, { nn.reshape(x, { shape = { -1, 24 } }), nn.permute(x, { dims = { 1, 3, 2 } }), nn.unsqueeze(x, { dim = 2 }), nn.flatten(x, { start_dim = 1, end_dim = 2 }),
      nn.unflatten(x, { dim = 3, sizes = { 2, 3 } }), nn.narrow(x, { dim = 3, start = 2, length = 3 }), nn.slice(x, { dim = 3, start = 1, stop = 5, step = 2 }),
      nn.select(x, { dim = 2, index = 2 }), nn.flip(x, { dims = { 3 } }), nn.cat({ x, x }, { dim = 2 }), nn.stack({ x, x }, { dim = 2 }), nn.pad(x, { pad = { 1, 2 } }),
      nn.pad(x, { pad = { 1, 2 }, mode = "reflect" }), nn.tile(x, { times = { 1, 2, 1 } }), nn.transpose(x, { dim0 = 2, dim1 = 3 }), nn.tril(x), nn.cumsum(x, { dim = 3 }) }),
      { scion.randn { 2, 4, 6 } }
  end,
  reductions = function()
    local x = input(-1, 4, 6)
    return all(x, { nn.sum(x, { dim = 2 }), nn.mean(x, { dim = { 2, 3 }, keepdim = true }), nn.amax(x, { dim = 3 }), nn.amin(x, { dim = 3 }), nn.prod(x, { dim = 2 }),
      nn.logsumexp(x, { dim = 3 }), nn.argmax(x, { dim = 3 }), nn.softmax(x, { dim = 2 }), nn.log_softmax(x, { dim = 3 }), (nn.topk(x, { k = 2, dim = 3 })) }),
        { scion.randn { 2, 4, 6 } }
  end,
  attention = function()
    local x = input(-1, 5, 8)
    return all(x, { nn.TransformerEncoderLayer(8, 2, 16)(x), nn.MultiheadAttention(8, 2, { is_causal = true })(x, x, x) }), { scion.randn { 2, 5, 8 } }
  end,
  recurrent = function()
    local x, list = input(-1, 5, 4), {}
    for i, make in ipairs { nn.LSTM, nn.GRU, nn.RNN } do
      for k, options in ipairs { { batch_first = true }, { batch_first = true, num_layers = 2, bidirectional = true }, { bias = false, batch_first = true } } do
        options.name = ("cell%d_%d"):format(i, k)
        for _, y in ipairs { make(4, 3, options)(x) } do list[#list + 1] = y end
      end
    end
    list[#list + 1] = (nn.RNN(4, 3, { nonlinearity = "relu", bidirectional = true, name = "rectified" })(x))
    return all(x, list), { scion.randn { 2, 5, 4 } }
  end,
  recurrent_from_states = function()
    local x, h, c = input(5, -1, 4), nn.input("h", { shape = { 2, -1, 3 }, dtype = "f32" }), nn.input("c", { shape = { 2, -1, 3 }, dtype = "f32" })
    local y, hn, cn = nn.LSTM(4, 3, { num_layers = 2, state = true })(x, h, c)
    local g = nn.GRU(4, 3, { bidirectional = true, state = true })(x, h)
    return nn.Graph({ x, h, c }, { y, hn, cn, g }), { scion.randn { 5, 2, 4 }, scion.randn { 2, 2, 3 }, scion.randn { 2, 2, 3 } }
  end,
  uneven_pooling = function()
    local x = input(-1, 4, 13, 9)
    return all(x, { nn.AdaptiveAvgPool2d(6)(x), nn.AdaptiveMaxPool2d { 5, 7 }(x), nn.adaptive_avg_pool2d(x, { size = { 3, 9 } }) }), { scion.randn { 2, 4, 13, 9 } }
  end,
  grid = function()
    local x, g = input(-1, 3, 6, 5), nn.input("g", { shape = { -1, 4, 7, 2 }, dtype = "f32" })
    local list = {}
    for _, mode in ipairs { "bilinear", "nearest", "bicubic" } do
      for _, padding in ipairs { "zeros", "border", "reflection" } do
        if mode ~= "bicubic" or padding == "zeros" then
          for _, corners in ipairs { true, false } do list[#list + 1] = nn.grid_sample(x, g, { mode = mode, padding_mode = padding, align_corners = corners }) end
        end
      end
    end
    return nn.Graph({ x, g }, list), { scion.randn { 2, 3, 6, 5 }, scion.rand { 2, 4, 7, 2 } * 2.4 - 1.2 }
  end,
  grouped_attention = function()
    local q, k, past, cos = input(-1, 4, 3, 8), nn.input("k", { shape = { -1, 2, 3, 8 }, dtype = "f32" }), nn.input("p", { shape = { -1, 2, 5, 8 }, dtype = "f32" }),
      nn.input("c", { shape = { -1, 3, 4 }, dtype = "f32" })
    local turned = nn.rotary_embedding(q, cos, cos)
    local y, present = nn.grouped_attention(turned, k, k, nil, past, past, { is_causal = true, softcap = 3 })
    return nn.Graph({ q, k, past, cos }, { y, present, nn.rotary_embedding(q, cos, cos, { interleaved = true }) }), { scion.randn { 2, 4, 3, 8 }, scion.randn { 2, 2, 3, 8 },
      scion.randn { 2, 2, 5, 8 }, scion.rand { 2, 3, 4 } }
  end,
  mlp = function() return models.mlp { inputs = 8, outputs = 3, hidden = { 16, 8 }, dropout = 0.2 }, { scion.randn { 4, 8 } } end,
  text_cnn = function() return models.text_cnn { vocabulary = 50, num_classes = 4, embedding = 16, filters = 8 }, { scion.randint(1, 51, { 2, 12 }) } end,
  bert = function()
    return models.bert { vocabulary = 50, layers = 1, heads = 2, width = 16, positions = 16, num_classes = 3, mask = true }, { scion.randint(1, 51, { 2, 7 }),
      scion.ones({ 2, 7 }, { dtype = "bool" }) }
  end,
  vit = function() return models.vit { image = 16, patch = 8, layers = 1, heads = 2, width = 16, num_classes = 5 }, { scion.randn { 2, 3, 16, 16 } } end,
  resnet = function() return models.resnet_cifar { depth = 20 }, { scion.randn { 2, 3, 32, 32 } } end,
  mobilenet = function() return models.mobilenet_v3 { size = "small", num_classes = 10 }, { scion.randn { 1, 3, 64, 64 } } end,
  squeezenet = function() return models.squeezenet { num_classes = 10 }, { scion.randn { 1, 3, 64, 64 } } end,
}

describe("net:save_onnx", function()
  local dir = helper.tmpdir()
  local python = os.getenv "SCION_PYTHON"
  for name, make in pairs(CASES) do
    it("of " .. name .. " gives a file that computes the same", function()
      scion.seed(3)
      local net, inputs = make()
      local path = ("%s/%s.onnx"):format(dir, name)
      net:eval()
      for key, b in net:named_buffers() do
        if key:find "running_var" then b:copy_(scion.rand(b.shape) + 0.5) elseif key:find "running_mean" then b:copy_(scion.randn(b.shape) * 0.1) end
      end
      local shapes = {}
      for i, x in ipairs(inputs) do shapes[i] = { table.unpack(x.shape) } end
      net:save_onnx(path, shapes)
      local want, got = { scion.no_grad(net, table.unpack(inputs)) }, { scion.no_grad(scion.load(path), table.unpack(inputs)) }
      assert.equal(#want, #got)
      for i, y in ipairs(want) do
        -- positions count from 1 in a net built here and from 0 in an imported one
        assert.allclose(got[i]:to("f64"), y:to("f64"), { rtol = 1e-4, atol = 1e-5 })
      end
      if not python then return end
      for i, x in ipairs(inputs) do scion.io.save_npy(("%s.in%d.npy"):format(path, i - 1), x) end
      for i, y in ipairs(want) do scion.io.save_npy(("%s.out%d.npy"):format(path, i - 1), y:contiguous()) end
      local result = helper.run { python, helper.write_file(dir .. "/check.py", CHECK), path, tostring(#inputs), tostring(#want) }
      assert(result.code == 0, result.err)
    end)
  end

  it("of an imported network, cut and with a new head, keeps the free batch", function()
    local x = input(-1, 3, 8, 8)
    local net = nn.Graph(x, nn.Linear(4, 2, { name = "head" })(nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "pool" })(nn.Conv2d(3, 4, 3,
      { name = "conv" })(x)))))
    net:eval()
    net:save_onnx(dir .. "/a.onnx")
    local cut = scion.load(dir .. "/a.onnx"):extract { to = { "flatten" } }
    local grafted = nn.Graph(x, nn.Linear(4, 7, { name = "graft" })(cut(x)))
    grafted:eval()
    local a = scion.randn { 5, 3, 8, 8 }
    local loss = grafted(a):square():sum()
    loss:backward()
    grafted:save_onnx(dir .. "/b.onnx")
    assert.allclose(scion.no_grad(scion.load(dir .. "/b.onnx"), a), scion.no_grad(grafted, a), { rtol = 1e-5, atol = 1e-6 })
  end)

  -- Operations that ONNX has neither a node nor a short recipe for.
  local NO_WORD = {}
  for name in ([[
  avg_pool1d_grad avg_pool2d_grad avg_pool3d_grad bernoulli binary_cross_entropy binary_cross_entropy_with_logits bincount bucketize cholesky cholesky_solve
  conv1d_grad_weight conv2d_grad_weight conv3d_grad_weight corrcoef cosine_embedding_loss cov cross cross_entropy ctc_loss cummax cummin cumprod diag_embed diff
  digamma dropout_train eigh embed_diagonal embed_slice embedding_bag embedding_grad exponential gaussian_nll_loss hinge_embedding_loss hinge_loss histc
  huber_loss isin kl_div kron kthvalue l1_loss lgamma linear_grad linear_scan log_expected_improvement log_normal logcumsumexp lstsq margin_ranking_loss median
  masked_scatter masked_select matrix_norm matrix_power matrix_rank max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices max_pool_gather
  max_pool_scatter max_unpool1d max_unpool2d max_unpool3d median_dim mode mse_loss multi_margin_loss multilabel_soft_margin_loss nll_loss nonzero normal
  normal_log_density pad_grad pinv poisson_nll_loss polygamma put qr quantile rand rand_like randint randn randn_like randperm recurrent renorm resize_dim
  resize_dim_grad rrelu searchsorted select_scatter slice_scatter sliding_window smooth_l1_loss soft_margin_loss solve_triangular svd
  trapezoid triplet_margin_loss trunc_normal uniform unique unique_consecutive]]):gmatch "%S+" do NO_WORD[name] = true end

  it("of every operation gives a file that computes the same, or is known to be none", function()
    local checked, path = 0, dir .. "/op.onnx"
    for _, name in ipairs(scion.op_names()) do
      local info, index, written, refused = scion.op_info(name), 1, 0, nil
      while true do
        local apply, inputs, _, params = scion.op_sample(name, index)
        if not apply or index > 4 then break end
        index = index + 1
        local net, values, given = scion._net_new(), {}, {}
        for i, t in ipairs(inputs) do
          values[i] = false
          if t then
            given[#given + 1] = t.dtype == "f64" and t:to("f32") or t
            values[i] = net:add_input("in" .. i, { shape = { table.unpack(t.shape) }, dtype = given[#given].dtype })
          end
        end
        -- some samples hold only for their own numbers: those that are told by the values of an input, and f64 alone
        local runs, want = pcall(function()
          net:set_outputs { (net:add_node("op", "Op", name, params, values)) }
          return scion.no_grad(net:eval(), table.unpack(given))
        end)
        if runs and want:numel() > 0 and want:dim() > 0 and not info.random then
          local ok, why = pcall(net.save_onnx, net, path)
          if ok then
            local got = scion.no_grad(scion.load(path), table.unpack(given))
            local same = got:to("f64"):allclose(want:to("f64"), { rtol = 1e-3, atol = 1e-4, equal_nan = true })
            assert.is_true(same, ("%s, sample %d"):format(name, index - 1))
            written = written + 1
          elseif tostring(why):find("no counterpart", 1, true) then
            refused = why
          end
        end
      end
      if refused then assert.is_true(NO_WORD[name], tostring(refused)) elseif written > 0 then assert.is_nil(NO_WORD[name], name) end
      checked = checked + written
    end
    assert.is_true(checked > 500, tostring(checked))
  end)

  it("counts items of a free batch", function()
    local x = input(-1, 4, 3)
    local function spread(v, dim) return nn.std(v, { dim = dim, keepdim = true }) end
    local net = nn.Graph(x, { spread(x, { 1 }), spread(x, { 1, 3 }), spread(x, { 2 }), nn.sort(x, { dim = 1 }), nn.roll(x, { shifts = { 1 }, dims = { 2 } }) })
    net:eval():save_onnx(dir .. "/free.onnx")
    local a = scion.randn { 5, 4, 3 }
    local want, got = { scion.no_grad(net, a) }, { scion.no_grad(scion.load(dir .. "/free.onnx"), a) }
    for i, y in ipairs(want) do assert.allclose(got[i], y, { rtol = 1e-4, atol = 1e-5 }) end
    assert.error_matches(function() nn.Graph(x, nn.roll(x, { shifts = { 1 }, dims = { 1 } })):save_onnx(dir .. "/free.onnx") end, "rolls along a size that is free")
  end)

  it("knows the sizes of the data that the net was trained or repurposed on", function()
    local function net() return nn.Sequential { nn.Conv2d(1, 2, 3, { name = "conv" }), nn.Flatten { name = "flat" }, nn.Linear(32, 3, { name = "fc" }) } end
    local data = scion.data.tensors { x = scion.randn(6, 1, 6, 6), labels = { 1, 2, 3, 1, 2, 3 }, batch_size = 3 }
    local x = scion.randn(5, 1, 6, 6)
    local function same(a) return assert.allclose(scion.no_grad(scion.load(dir .. "/t.onnx"), x), scion.no_grad(a, x), { rtol = 1e-4, atol = 1e-5 }) end
    local trained = net()
    assert.error_matches(function() trained:save_onnx(dir .. "/t.onnx") end, "the shape of input 'x' is not known")
    assert.error_matches(function() trained:save_onnx(dir .. "/t.onnx", { { 1, 1, 6, 6 }, { 1 } }) end, "2 shapes given, the net has 1")
    assert.error_matches(function() trained:save_onnx(dir .. "/t.onnx", { size = 6 }) end, "got a table with the key 'size'")
    same(trained:eval():save_onnx(dir .. "/t.onnx", { 1, 1, 6, 6 }))
    trained:train():fit(data, { progress = false })
    same(trained:eval():save_onnx(dir .. "/t.onnx"))
    assert.truthy(trained:summary():find("(1, 2, 4, 4)", 1, true))
    local module = scion.ModelHandler(net()):get_module(data)
    same(module:eval():save_onnx(dir .. "/t.onnx"))
    local rp = scion.LrRepurposer { source_model = net(), feature_layer_names = { "flat" } }:repurpose(data)
    rp:save(dir .. "/t.scion")
    same(scion.load(dir .. "/t.scion"):to_net():save_onnx(dir .. "/t.onnx"))
    rp = scion.NeuralNetworkFineTuneRepurposer { source_model = net(), transfer_layer_name = "flat", num_epochs = 1 }:repurpose(data)
    same(rp:to_net():save_onnx(dir .. "/t.onnx"))
    local words = scion.tensor({ { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }, { dtype = "i64" }) -- integers stay integers
    local text = nn.Sequential { nn.Embedding(10, 4, { name = "e" }), nn.LSTM(4, 3, { batch_first = true, name = "l" }) }
    rp = scion.LrRepurposer { source_model = text, feature_layer_names = { "l" } }:repurpose(scion.data.tensors { x = words, labels = { 1, 2, 1 } })
    rp:to_net():save_onnx(dir .. "/t.onnx")
    assert.allclose(scion.load(dir .. "/t.onnx")(words), rp:predict_probability(words), { rtol = 1e-4, atol = 1e-5 })
    text:eval():save_onnx(dir .. "/t.onnx", { 1, 3, dtype = "i64" })
    -- one input declared, the other seen
    local a, b = nn.input("a", { shape = { -1, 2 } }), nn.input("b")
    local two = nn.Graph({ a, b }, nn.add(nn.Linear(2, 3, { name = "la" })(a), nn.Linear(4, 3, { name = "lb" })(b)))
    local pairs_of = scion.data.tensors { x = { scion.randn(4, 2), scion.randn(4, 4) }, labels = { 1, 2, 3, 1 } }
    two:fit(pairs_of, { progress = false })
    two:eval():save_onnx(dir .. "/t.onnx")
    local x1, x2 = scion.randn(5, 2), scion.randn(5, 4)
    assert.allclose(scion.no_grad(scion.load(dir .. "/t.onnx"), x1, x2), scion.no_grad(two, x1, x2), { rtol = 1e-4, atol = 1e-5 })
  end)

  it("names the layer that ONNX has no word for, and what it must know", function()
    local x = input(-1, 4)
    local odd = nn.Graph(x, nn.Lambda(function(t) return t * 2 end, { name = "mine" })(x))
    assert.error_matches(function() odd:save_onnx(dir .. "/x.onnx") end, "layer 'mine' %(Lambda%) cannot be written as ONNX")
    local once = nn.Graph(x, (nn.unique(x, { name = "once" })))
    assert.error_matches(function() once:save_onnx(dir .. "/x.onnx") end, "'once'.*no counterpart of 'unique'")
    local later = nn.Graph(x, (nn.unique(nn.Linear(4, 3, { name = "fc" })(x), { name = "once" })))
    assert.error_matches(function() later:save_onnx(dir .. "/x.onnx") end, "what feeds it can be written: net:extract { to = { \"fc\" } }")
    later:extract({ to = { "fc" } }):save_onnx(dir .. "/fc.onnx")
    local loose = nn.Sequential { nn.Linear(2, 2) }
    assert.error_matches(function() loose:save_onnx(dir .. "/x.onnx") end, "the shape of input 'x' is not known")
    assert.is_false(helper.exists(dir .. "/x.onnx"))
  end)
end)
