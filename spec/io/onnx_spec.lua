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
