local helper = require "spec.helper"
local scion = require "scion"

-- ---- a writer of small models -------------------------------------------------------------------------

local function varint(v)
  local out = {}
  repeat
    local low = v & 127
    v = v >> 7
    out[#out + 1] = string.char(v ~= 0 and low | 128 or low)
  until v == 0
  return table.concat(out)
end
local function bytes(number, text) return varint(number << 3 | 2) .. varint(#text) .. text end
local function int(number, v) return varint(number << 3) .. varint(v) end
local function tensor(name, shape, values)
  local dims = {}
  for i, d in ipairs(shape) do dims[i] = int(1, d) end
  return table.concat(dims) .. int(2, 1) .. bytes(8, name) .. bytes(9, string.pack(("<" .. ("f"):rep(#values)), table.unpack(values)))
end
local function ints(name, list)
  local out = { bytes(1, name) }
  for _, v in ipairs(list) do out[#out + 1] = int(8, v) end
  return table.concat(out) .. int(20, 7)
end
local function node(op, inputs, outputs, name, attributes)
  local out = {}
  for _, i in ipairs(inputs) do out[#out + 1] = bytes(1, i) end
  for _, o in ipairs(outputs) do out[#out + 1] = bytes(2, o) end
  out[#out + 1] = bytes(3, name or "") .. bytes(4, op)
  for _, a in ipairs(attributes or {}) do out[#out + 1] = bytes(5, a) end
  return table.concat(out)
end
local function value(name, dims)
  local shape = {}
  for i, d in ipairs(dims) do shape[i] = bytes(1, type(d) == "string" and bytes(2, d) or int(1, d)) end
  return bytes(1, name) .. bytes(2, bytes(1, int(1, 1) .. bytes(2, table.concat(shape))))
end
local function model(nodes, initialisers, inputs, outputs, opset)
  local graph = {}
  for _, n in ipairs(nodes) do graph[#graph + 1] = bytes(1, n) end
  graph[#graph + 1] = bytes(2, "g")
  for _, t in ipairs(initialisers) do graph[#graph + 1] = bytes(5, t) end
  for _, i in ipairs(inputs) do graph[#graph + 1] = bytes(11, i) end
  for _, o in ipairs(outputs) do graph[#graph + 1] = bytes(12, o) end
  return int(1, 7) .. bytes(7, table.concat(graph)) .. bytes(8, bytes(1, "") .. int(2, opset or 13))
end

describe("an ONNX file", function()
  local dir = helper.tmpdir()
  local small = model({ node("Conv", { "x", "features.0.weight" }, { "c" }, "/features/features.0/Conv", { ints("pads", { 1, 1, 1, 1 }) }),
    node("Relu", { "c" }, { "r" }, "/features/features.1/Relu"), node("GlobalAveragePool", { "r" }, { "p" }, "/pool/GlobalAveragePool"),
    node("Flatten", { "p" }, { "f" }, "/Flatten"), node("Gemm", { "f", "fc.weight", "fc.bias" }, { "y" }, "/fc/Gemm", { bytes(1, "transB") .. int(3, 1) .. int(20, 2) }) },
    { tensor("features.0.weight", { 2, 1, 3, 3 }, { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0 }), tensor("fc.weight", { 2, 2 }, { 1, 2, 3, 4 }),
      tensor("fc.bias", { 2 }, { 10, 20 }) }, { value("x", { "N", 1, 4, 4 }) }, { value("y", { "N", 2 }) })

  it("becomes a net of named layers that runs, trains and is saved", function()
    local net = scion.nn.load(helper.write_file(dir .. "/small.onnx", small))
    assert.same({ "features.0", "features.1", "pool", "flatten", "fc" }, { table.unpack(net:layer_names()) })
    assert.equal("Conv2d", net:layer("features.0").type)
    assert.equal("Linear", net:layer("fc").type)
    local x = scion.arange(0, 32):reshape(2, 1, 4, 4) - 8
    local by_hand = scion.stack({ x:relu():mean({ 2, 3, 4 }), (-x):relu():mean({ 2, 3, 4 }) }, 2)
    local y = net(x)
    assert.allclose(y, by_hand:matmul(scion.tensor { { 1, 3 }, { 2, 4 } }) + scion.tensor { 10, 20 })
    y:sum():backward()
    local grads = {}
    for name, p in net:named_parameters() do grads[name] = p.grad end
    assert.same({ 2, 1, 3, 3 }, { table.unpack(grads["features.0.weight"].shape) })
    net:save(dir .. "/small.scion")
    assert.is_true(scion.nn.load(dir .. "/small.scion")(x):eq(net(x)):all():item())
  end)

  it("computes what depends on no input at once", function()
    local net = scion.nn.load(helper.write_file(dir .. "/c.onnx", model({ node("Add", { "a", "b" }, { "s" }, "add"), node("Mul", { "x", "s" }, { "y" }, "mul") },
      { tensor("a", { 2 }, { 1, 2 }), tensor("b", { 2 }, { 3, 4 }) }, { value("x", { "N", 2 }) }, { value("y", { "N", 2 }) })))
    assert.equal(1, #net:layer_names())
    assert.same({ { 4, 6 } }, net(scion.ones(1, 2)):tolist())
  end)

  it("says which operators are unknown, and where", function()
    local path = helper.write_file(dir .. "/u.onnx", model({ node("Frobnicate", { "x" }, { "t" }, "n1"), node("Wobble", { "t" }, { "y" }, "n2") }, {},
      { value("x", { 1 }) }, { value("y", { 1 }) }))
    assert.error_matches(function() scion.nn.load(path) end, "Frobnicate %('n1'%), Wobble %('n2'%)")
  end)

  it("whose nodes lack inputs is refused, whatever the operator", function()
    local names = { "Scan", "Loop", "If", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv",
      "Attention", "RotaryEmbedding", "GridSample", "RNN", "Upsample", "ScatterND", "LpPool", "EyeLike", "NonZero", "MeanVarianceNormalization", "SoftmaxCrossEntropyLoss",
      "NegativeLogLikelihoodLoss", "RMSNormalization", "LpNormalization", "Shrink", "Mod", "IsInf", "CastLike", "ReduceMin", "ReduceProd",
      "ReduceLogSumExp", "Size", "SpaceToDepth" }
    for name in pairs(require("spec.io.onnx_cases").CORE) do names[#names + 1] = name end
    for _, name in ipairs(names) do
      for _, opset in ipairs { 7, 13, 21 } do
        for _, inputs in ipairs { {}, { "" }, { "", "x" }, { "x", "", "x" }, { "", "", "", "x" } } do
          helper.write_file(dir .. "/lack.onnx", model({ node(name, inputs, { "y" }, "n") }, {}, { value("x", { "N", 2 }) }, { value("y", { "N", 2 }) }, opset))
          local ok, net = pcall(scion.nn.load, dir .. "/lack.onnx")
          if ok then pcall(net, scion.ones(2, 2)) end
          assert.is_false(ok and #inputs == 0 and name ~= "Constant", name)
        end
      end
    end
  end)

  it("is refused at every truncation and with any byte changed, or read as something else, without harm", function()
    for n = 0, #small - 1 do
      helper.write_file(dir .. "/t.onnx", small:sub(1, n))
      local ok = pcall(scion.nn.load, dir .. "/t.onnx")
      assert.is_false(ok and n < #small - 12, "cut to " .. n .. " bytes")
    end
    math.randomseed(5)
    for _ = 1, 300 do
      local at = math.random(#small)
      helper.write_file(dir .. "/t.onnx", small:sub(1, at - 1) .. string.char(math.random(0, 255)) .. small:sub(at + 1))
      pcall(scion.nn.load, dir .. "/t.onnx")
    end
  end)

  -- ---- functions, branches, loops ------------------------------------------------------------------------------

  local function float(name, v) return bytes(1, name) .. varint(2 << 3 | 5) .. string.pack("<f", v) .. int(20, 1) end
  local function graph_attribute(name, graph) return bytes(1, name) .. bytes(6, graph) .. int(20, 5) end
  local function graph(nodes, inputs, outputs, initialisers)
    local out = { bytes(2, "g") }
    for _, n in ipairs(nodes) do out[#out + 1] = bytes(1, n) end
    for _, t in ipairs(initialisers or {}) do out[#out + 1] = bytes(5, t) end
    for _, i in ipairs(inputs) do out[#out + 1] = bytes(11, bytes(1, i)) end
    for _, o in ipairs(outputs) do out[#out + 1] = bytes(12, bytes(1, o)) end
    return table.concat(out)
  end
  local function number(name, dtype, data) return int(2, dtype) .. bytes(8, name) .. bytes(9, data) end -- a scalar

  it("with functions of its own has them written out, with the caller's attributes and the function's defaults", function()
    -- Twice(x, w) = Leaky(Leaky(x w)), the slope given by the caller or 0.5
    local slope = bytes(1, "alpha") .. bytes(21, "slope") .. int(20, 1)
    local twice = table.concat { bytes(1, "Twice"), bytes(4, "a"), bytes(4, "b"), bytes(5, "r"), bytes(11, float("slope", 0.5)), bytes(9, bytes(1, "") .. int(2, 13)),
      bytes(7, node("MatMul", { "a", "b" }, { "t" })), bytes(7, node("LeakyRelu", { "t" }, { "u" }, "", { slope })), bytes(7, node("LeakyRelu", { "u" }, { "r" }, "", { slope })),
      bytes(10, "my.domain") }
    local function call(input, weight, output, name, attributes) return node("Twice", { input, weight }, { output }, name, attributes) .. bytes(7, "my.domain") end
    local whole = model({ call("x", "one.weight", "h", "one"), call("h", "two.weight", "y", "two", { float("slope", 0.25) }) },
      { tensor("one.weight", { 2, 2 }, { 1, -1, 2, 3 }), tensor("two.weight", { 2, 1 }, { 1, -1 }) }, { value("x", { "N", 2 }) }, { value("y", { "N", 1 }) }) .. bytes(25, twice)
    local net = scion.nn.load(helper.write_file(dir .. "/f.onnx", whole))
    local x = scion.tensor { { 1, 2 }, { -3, 1 } }
    local function leaky(t, s) return t:relu() - (-t):relu() * s end
    local h = leaky(leaky(x:matmul(scion.tensor { { 1, -1 }, { 2, 3 } }), 0.5), 0.5)
    assert.allclose(net(x), leaky(leaky(h:matmul(scion.tensor { { 1 }, { -1 } }), 0.25), 0.25))
    local names = {}
    for name in net:named_parameters() do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "one.weight", "two.weight" }, names)
    -- a function that calls itself is refused, and so is one that would be written out without end
    local endless = table.concat { bytes(1, "Loop_"), bytes(4, "a"), bytes(5, "r"), bytes(7, node("Loop_", { "a" }, { "r" }) .. bytes(7, "d")), bytes(10, "d") }
    local bad = model({ node("Loop_", { "x" }, { "y" }) .. bytes(7, "d") }, {}, { value("x", { 1 }) }, { value("y", { 1 }) }) .. bytes(25, endless)
    assert.error_matches(function() scion.nn.load(helper.write_file(dir .. "/e.onnx", bad)) end, "more than 16 deep")
    local function doubling(name, inner) -- runs `inner` eight times
      local nodes = {}
      for i = 1, 8 do nodes[i] = bytes(7, node(inner, { i == 1 and "a" or "v" .. i - 1 }, { "v" .. i }) .. bytes(7, inner == "Neg" and "" or "d")) end
      return bytes(25, table.concat { bytes(1, name), bytes(4, "a"), bytes(5, "v8"), table.concat(nodes), bytes(10, "d") })
    end
    local many = model({ node("F5", { "x" }, { "y" }) .. bytes(7, "d") }, {}, { value("x", { 1 }) }, { value("y", { 1 }) }) .. doubling("F1", "Neg") .. doubling("F2", "F1") ..
      doubling("F3", "F2") .. doubling("F4", "F3") .. doubling("F5", "F4")
    assert.error_matches(function() scion.nn.load(helper.write_file(dir .. "/m.onnx", many)) end, "come to more than %d+ layers")
  end)

  it("with If takes the known branch, or chooses between both when the condition is computed", function()
    local yes, no = graph({ node("Relu", { "x" }, { "p" }) }, {}, { "p" }), graph({ node("Mul", { "x", "half" }, { "q" }) }, {}, { "q" }, { tensor("half", { 1 }, { 0.5 }) })
    local branches = { graph_attribute("then_branch", yes), graph_attribute("else_branch", no) }
    local x = scion.tensor { { -2, 4 } }
    for known = 0, 1 do
      local net = scion.nn.load(helper.write_file(dir .. "/i.onnx", model({ node("If", { "c" }, { "y" }, "choose", branches) }, { number("c", 9, string.char(known)) },
        { value("x", { "N", 2 }) }, { value("y", { "N", 2 }) })))
      assert.equal(1, #net:layer_names())
      assert.allclose(net(x), known == 1 and scion.tensor { { 0, 4 } } or scion.tensor { { -1, 2 } })
    end
    local net = scion.nn.load(helper.write_file(dir .. "/j.onnx", model({ node("ReduceSum", { "x" }, { "s" }, "", { bytes(1, "keepdims") .. int(3, 0) .. int(20, 2) }),
      node("Greater", { "s", "z" }, { "c" }), node("If", { "c" }, { "y" }, "choose", branches) }, { number("z", 1, string.pack("<f", 0)) },
      { value("x", { "N", 2 }) }, { value("y", { "N", 2 }) })))
    assert.allclose(net(x), scion.tensor { { 0, 4 } })
    assert.allclose(net(-x), scion.tensor { { 1, -2 } })
    local odd = graph({ node("ReduceSum", { "x" }, { "q" }) }, {}, { "q" })
    assert.error_matches(function()
      scion.nn.load(helper.write_file(dir .. "/k.onnx", model({ node("ReduceSum", { "x" }, { "s" }), node("Greater", { "s", "z" }, { "c" }),
        node("If", { "c" }, { "y" }, "choose", { branches[1], graph_attribute("else_branch", odd) }) }, { number("z", 1, string.pack("<f", 0)) }, { value("x", { "N", 2 }) },
        { value("y", { "N", 2 }) })))
    end, "If 'choose': .*branches differ in shape")
  end)

  it("with Loop is written out turn by turn when their number is known", function()
    local body = graph({ node("Mul", { "v", "w" }, { "next" }, "scale"), node("Identity", { "go" }, { "on" }) }, { "i", "go", "v" }, { "on", "next", "next" })
    local function looped(count, inputs)
      return model({ node("Loop", { count, "", "x" }, { "last", "all" }, "loop", { graph_attribute("body", body) }) },
        { number("n", 7, string.pack("<i8", 3)), tensor("w", { 1 }, { 2 }) },
        inputs, { value("last", { "N" }), value("all", { 3, "N" }) })
    end
    local net = scion.nn.load(helper.write_file(dir .. "/l.onnx", looped("n", { value("x", { "N" }) })))
    local last, all = net(scion.tensor { 1, 5 })
    assert.allclose(last, scion.tensor { 8, 40 })
    assert.allclose(all, scion.tensor { { 2, 10 }, { 4, 20 }, { 8, 40 } })
    local count = 0
    for _ in net:named_parameters() do count = count + 1 end
    assert.equal(1, count) -- the turns share the weight
    local free = bytes(1, "m") .. bytes(2, bytes(1, int(1, 7) .. bytes(2, "")))
    assert.error_matches(function() scion.nn.load(helper.write_file(dir .. "/l.onnx", looped("m", { value("x", { "N" }), free }))) end,
      "Loop 'loop': its number of turns is computed")
    local forever = graph({ node("Neg", { "v" }, { "next" }), node("Identity", { "go" }, { "on" }) }, { "i", "go", "v" }, { "on", "next" })
    assert.error_matches(function()
      scion.nn.load(helper.write_file(dir .. "/l.onnx", model({ node("Loop", { "", "", "x" }, { "y" }, "loop", { graph_attribute("body", forever) }) }, {}, { value("x", { 1 }) },
        { value("y", { 1 }) })))
    end, "come to more than %d+ layers")
  end)

  -- ---- real networks -----------------------------------------------------------------------------------------

  for file, case in pairs { ["mobilenet_v1_0.75_224"] = "input_tabby_224_rgb_pm1", ["mobilenet_v2_1.0_224_dequantised"] = "input_tabby_224_rgb_pm1",
    ["squeezenet1.1"] = "input_tabby_227_bgr_caffe" } do
    it("of " .. file .. " gives the stored logits", function()
      local root = helper.data "models/imagenet"
      local net = scion.nn.load(("%s/%s.onnx"):format(root, file))
      local expected = scion.io.read_npy(("%s/%s_ort_logits.npy"):format(root, file))
      local y = scion.no_grad(function() return net(scion.io.read_npy(("%s/%s.npy"):format(root, case))) end)
      local gap = (y - expected):abs():max():item() / expected:abs():max():item()
      assert.is_true(gap <= 1e-3, "gap " .. gap)
    end)
  end

  it("of ResNet-20 gives the stored logits and knows CIFAR-10", function()
    local root = helper.data "models/formats"
    local net = scion.nn.load(root .. "/resnet20_cifar10.onnx")
    local expected = scion.io.read_npy(root .. "/resnet20_logits.npy")
    local y = net(scion.io.read_npy(root .. "/resnet20_input.npy"))
    assert.is_true((y - expected):abs():max():item() <= 1e-3 * expected:abs():max():item())
    local test = scion.data.cifar10 { split = "test", batch_size = 250, normalise = "imagenet", dir = helper.data "datasets/cifar10" }
    local right = 0
    scion.no_grad(function()
      for x, t in test do right = right + net(x):argmax(2):eq(t):sum():item() end
    end)
    assert.is_true(math.abs(right - 1846) <= 2, right .. " of 2000 right")
  end)
end)
