-- Files of weights: PyTorch's two forms, safetensors, npz, MXNet's params; loading by name; what scion.load makes of files.
local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

-- ---- a writer of PyTorch's old form, for cases that real files lack -----------------------------------------------

local function text(s) return "X" .. string.pack("<I4", #s) .. s end
local function int(v) return "J" .. string.pack("<i4", v) end
local function tuple(...) return "(" .. table.concat { ... } .. "t" end
local function global(module, name) return ("c%s\n%s\n"):format(module, name) end
local function storage(kind, key, n) return tuple(text "storage", global("torch", kind .. "Storage"), text(key), text "cpu", int(n), "N") .. "Q" end
local function ints(list)
  local out = {}
  for i, v in ipairs(list) do out[i] = int(v) end
  return tuple(table.unpack(out))
end
local function tensor(kind, key, n, offset, size, stride)
  return global("torch._utils", "_rebuild_tensor_v2") .. tuple(storage(kind, key, n), int(offset), ints(size), ints(stride), "\x89", global("collections",
    "OrderedDict") .. ")R") .. "R"
end
local function dict(entries)
  local out = { "}(" }
  for _, e in ipairs(entries) do out[#out + 1] = text(e[1]) .. e[2] end
  return table.concat(out) .. "u"
end
local PROTO <const> = "\x80\x02"
local MAGIC <const> = PROTO .. "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
local function legacy(object, storages)
  local keys, data = {}, {}
  for i, s in ipairs(storages) do
    keys[i] = text(s[1])
    data[i] = string.pack("<i8", s[2]) .. s[3]
  end
  return MAGIC .. PROTO .. "M\xe9\x03." .. PROTO .. dict { { "little_endian",
    "\x88" } } .. "." .. PROTO .. object .. "." .. PROTO .. "](" .. table.concat(keys) .. "e." .. table.concat(data)
end
local function f32(...) return string.pack("<" .. ("f"):rep(select("#", ...)), ...) end

describe("PyTorch files", function()
  local dir = helper.tmpdir()
  local function read(bytes) return scion.io.read_weights(helper.write_file(dir .. "/t.pth", bytes)) end
  local six = { { "a", 6, f32(1, 2, 3, 4, 5, 6) } }

  it("with shared storages and strided tensors are read", function()
    local t = read(legacy(dict { { "whole", tensor("Float", "a", 6, 0, { 2, 3 }, { 3, 1 }) }, { "turned", tensor("Float", "a", 6, 0, { 3, 2 }, { 1, 3 }) },
      { "tail", tensor("Float", "a", 6, 4, { 2 }, { 1 }) }, { "repeated", tensor("Float", "a", 6, 1, { 2, 2 }, { 0, 1 }) }, { "scalar", tensor("Float", "a", 6, 5,
        {}, {}) } }, six))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t.whole:tolist())
    assert.same({ { 1, 4 }, { 2, 5 }, { 3, 6 } }, t.turned:tolist())
    assert.same({ 5, 6 }, t.tail:tolist())
    assert.same({ { 2, 3 }, { 2, 3 } }, t.repeated:tolist())
    assert.equal(6, t.scalar:item())
  end)

  it("give the state dictionary of a checkpoint, past placeholders of other classes", function()
    local inner = dict { { "fc.weight", tensor("Float", "a", 6, 0, { 2, 3 }, { 3, 1 }) } }
    local t = read(legacy(dict { { "epoch", int(3) }, { "args", global("argparse", "Namespace") .. ")\x81" .. dict { { "lr", "G" .. string.pack(">d", 0.1) } } .. "b" },
      { "state_dict", inner } }, six))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t["fc.weight"]:tolist())
  end)

  it("with storages of every number type are read", function()
    for kind, case in pairs { Double = { "f64", "<d", 2.5 }, Long = { "i64", "<i8", -7 }, Int = { "i32", "<i4", -7 }, Short = { "i16", "<i2", -7 }, Char = { "i8", "<i1", -7 },
      Byte = { "u8", "<I1", 200 }, Half = { "f16", "<I2", 0x4100 }, BFloat16 = { "bf16", "<I2", 0x4020 } } do
      local t = read(legacy(dict { { "x", tensor(kind, "a", 1, 0, { 1 }, { 1 }) } }, { { "a", 1, string.pack(case[2], case[3]) } })).x
      assert.equal(case[1], t.dtype)
      assert.equal((kind == "Half" or kind == "BFloat16") and 2.5 or case[3], t:to("f64")[1])
    end
  end)

  it("that hold a whole module, or reach beyond their storage, are refused in words", function()
    local module = global("models", "Net") .. ")\x81" .. dict { { "_modules", "}" }, { "_parameters", "}" } } .. "b"
    assert.error_matches(function() read(legacy(module, {})) end, "whole pickled module %(models Net%).*state_dict")
    -- PyTorch before 1.6 wraps the class in a persistent id that carries its source
    local wrapped = tuple(text "module", global("models", "Net"), text "net.py", text "class Net: pass") .. "Q)\x81" ..
      dict { { "_modules", "}" }, { "_parameters", "}" } } .. "b"
    assert.error_matches(function() read(legacy(wrapped, {})) end, "whole pickled module %(models Net%).*state_dict")
    assert.error_matches(function() read(legacy(dict { { "x", tensor("Float", "a", 6, 3, { 2, 2 }, { 2, 1 }) } }, six)) end, "beyond its storage")
    assert.error_matches(function() read(legacy(dict { { "x", tensor("Float", "a", 6, 0, { 2, 3 }, { -3, 1 }) } }, six)) end, "strides")
    assert.error_matches(function() read(legacy(dict { { "x", tensor("Float", "b", 6, 0, { 2 }, { 1 }) } }, six)) end, "'a' is used by no tensor")
    assert.error_matches(function() read(legacy(dict { { "x", int(1) } }, {})) end, "without tensors")
    assert.error_matches(function() read(legacy(dict { { "x", tensor("ComplexFloat", "a", 6, 0, { 2 }, { 1 }) } }, six)) end, "ComplexFloatStorage")
  end)

  it("execute nothing: calls stay inert records", function()
    local evil = global("posix", "system") .. tuple(text "touch " .. text(dir .. "/executed")) .. "R"
    pcall(read, legacy(dict { { "x", evil } }, {}))
    assert.is_false(helper.exists(dir .. "/executed"))
  end)

  it("are refused at every truncation, and survive damage", function()
    local whole = legacy(dict { { "w", tensor("Float", "a", 6, 0, { 2, 3 }, { 3, 1 }) } }, six)
    for n = 0, #whole - 1 do assert.is_false(pcall(read, whole:sub(1, n)), "cut to " .. n .. " bytes") end
    math.randomseed(9)
    for _ = 1, 500 do
      local at = math.random(#whole)
      pcall(read, whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1))
    end
  end)

  it("of real networks load, in every format alike", function()
    local root = helper.data "models/formats"
    local reference = scion.io.read_weights(root .. "/resnet20.safetensors")
    for _, name in ipairs { "resnet20_zip.pt", "resnet20_legacy.pth", "resnet20.npz", "resnet20_deflate.npz" } do
      local tensors, _, names = scion.io.read_weights(root .. "/" .. name)
      assert.equal(116, #names)
      for key, t in pairs(reference) do assert.is_true(t:to("f64"):eq(tensors[key]:to("f64")):all():item(), name .. ": " .. key) end
    end
    local zip = helper.read_file(root .. "/resnet20_zip.pt")
    for _, n in ipairs { 0, 3, 100, 5000, #zip // 2, #zip - 30, #zip - 1 } do assert.is_false(pcall(read, zip:sub(1, n))) end
    local files = { "cifar10_resnet/resnet20-12fca82f.th", "cifar10_resnet/resnet32-d509ac18.th", "cifar10_resnet/resnet44-014dd654.th",
      "fewshot_omniglot/omniglot_feature_encoder_5way_1shot.pkl", "fewshot_omniglot/omniglot_relation_network_5way_5shot.pkl" }
    for _, name in ipairs(files) do assert.is_table(scion.load(helper.data("models/" .. name))) end
  end)
end)

-- ---- MXNet -------------------------------------------------------------------------------------------------------------

describe("MXNet's params", function()
  local dir = helper.tmpdir()
  local function list(records, names)
    local out = { string.pack("<I8I8I8", 0x112, 0, #records), table.concat(records), string.pack("<I8", #names) }
    for _, n in ipairs(names) do out[#out + 1] = string.pack("<s8", n) end
    return table.concat(out)
  end
  local function read(records, names) return scion.io.read_weights(helper.write_file(dir .. "/x-0000.params", list(records, names))) end
  local data = f32(1, 2, 3, 4, 5, 6)
  local v0 = string.pack("<I4I4I4i4i4i4", 2, 2, 3, 1, 0, 0) .. data
  local v1 = string.pack("<I4I4i8i8i4i4i4", 0xF993fac8, 2, 2, 3, 1, 0, 0) .. data
  local v2 = string.pack("<I4i4I4i8i8i4i4i4", 0xF993fac9, 0, 2, 2, 3, 1, 0, 0) .. data
  local v3 = string.pack("<I4i4i4i4i4i4", 0xF993faca, 0, 0, 1, 0, 1) .. string.pack("<d", 2.5)
  local rows = string.pack("<I4i4 i4i8i8 i4i8i8 i4i4i4 i4 i4i8", 0xF993fac9, 1, 2, 1, 3, 2, 4, 3, 1, 0, 0, 6, 1, 1) .. f32(7, 8, 9) .. string.pack("<i8", 2)
  local csr = string.pack("<I4i4 i4i8 i4i8i8 i4i4i4 i4 i4i8 i4 i4i8", 0xF993fac9, 2, 1, 2, 2, 2, 3, 1, 0, 0, 6, 1, 3, 6, 1, 2) .. f32(5, 6) .. string.pack("<i8i8i8",
    0, 1, 2) .. string.pack("<i8i8", 2, 0)

  it("of every version are read: oldest, V1, V2, np-shaped V3, row-sparse and compressed rows", function()
    local t = read({ v0, v1, v2, v3, rows, csr }, { "arg:a", "aux:b", "c", "d", "e", "f" })
    for _, name in ipairs { "a", "b", "c" } do assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t[name]:tolist()) end
    assert.equal(2.5, t.d:item())
    assert.same({ { 0, 0, 0 }, { 0, 0, 0 }, { 7, 8, 9 }, { 0, 0, 0 } }, t.e:tolist())
    assert.same({ { 0, 0, 5 }, { 6, 0, 0 } }, t.f:tolist())
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, read({ v0 }, {})["0"]:tolist())
  end)
  it("are refused at every truncation, and survive damage", function()
    local whole = list({ v0, v1, v2, v3, rows, csr }, { "a", "b", "c", "d", "e", "f" })
    for n = 0, #whole - 1 do
      assert.is_false(pcall(scion.io.read_weights, helper.write_file(dir .. "/t.params", whole:sub(1, n))), "cut to " .. n)
    end
    math.randomseed(3)
    for _ = 1, 500 do
      local at = math.random(#whole)
      pcall(scion.io.read_weights, helper.write_file(dir .. "/t.params", whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1)))
    end
  end)
end)

describe("MXNet's symbols", function()
  local dir = helper.tmpdir()
  local function save(name, nodes, heads, arrays)
    helper.write_file(("%s/%s-symbol.json"):format(dir, name), ('{"nodes":[%s],"arg_nodes":[0],"heads":[%s]}'):format(table.concat(nodes, ","), heads))
    local records, names = {}, {}
    for _, a in ipairs(arrays) do
      names[#names + 1] = a[1]
      local dims = a[2].shape
      records[#records + 1] = string.pack("<I4i4I4", 0xF993fac9, 0, #dims) .. string.pack(("<" .. ("i8"):rep(#dims)), table.unpack(dims)) .. string.pack("<i4i4i4",
        1, 0, 0) .. f32(table.unpack(a[2]:reshape(-1):tolist()))
    end
    local out = { string.pack("<I8I8I8", 0x112, 0, #records), table.concat(records), string.pack("<I8", #names) }
    for _, n in ipairs(names) do out[#out + 1] = string.pack("<s8", n) end
    helper.write_file(("%s/%s-0003.params"):format(dir, name), table.concat(out))
    return scion.load(("%s/%s-symbol.json"):format(dir, name))
  end
  local function var(name) return ('{"op":"null","name":"%s","inputs":[]}'):format(name) end

  it("keep MXNet's defaults: eps 1e-3, fixed gamma, statistics that old files leave out of the graph", function()
    local one, x = scion.tensor { 4, 9 }, scion.randn { 2, 2, 3, 3 }
    local net = save("bn", { var "data", var "bn_gamma", var "bn_beta", '{"op":"BatchNorm","name":"bn","param":{},"inputs":[[0,0],[1,0],[2,0]],"backward_source_id":-1}' }, "[3,0]",
      { { "arg:bn_gamma", scion.tensor { 5, 5 } }, { "arg:bn_beta", scion.tensor { 1, 2 } }, { "aux:bn_moving_mean", scion.tensor { 0.5, -0.5 } }, { "aux:bn_moving_var", one } })
    local expected = (x - scion.tensor({ 0.5, -0.5 }):reshape(1, 2, 1, 1)) / (one:reshape(1, 2, 1, 1) + 1e-3):sqrt() + scion.tensor({ 1, 2 }):reshape(1, 2, 1, 1)
    assert.allclose(net(x), expected, { rtol = 1e-5, atol = 1e-6 })
  end)
  it("pool by both conventions, sum, and flatten before products", function()
    local x = scion.randn { 1, 1, 6, 6 }
    local function pool(attrs) return save("p", { var "data", ('{"op":"Pooling","name":"p","attrs":{%s},"inputs":[[0,0,0]]}'):format(attrs) }, "[1,0,0]",
      { { "unused", scion.ones { 1 } } })(x) end
    assert.same({ 1, 1, 2, 2 }, { table.unpack(pool('"kernel":"(3, 3)","stride":"(2, 2)","pool_type":"max"').shape) })
    assert.same({ 1, 1, 3, 3 }, { table.unpack(pool('"kernel":"(3, 3)","stride":"(2, 2)","pool_type":"max","pooling_convention":"full"').shape) })
    assert.allclose(pool('"kernel":"[2,2]","stride":"[2,2]","pool_type":"sum"'), nn.AvgPool2d(2)(x) * 4, { rtol = 1e-5 })
    assert.allclose(pool('"kernel":"(7, 7)","global_pool":"True","pool_type":"avg"'):reshape(1), x:mean():reshape(1), { rtol = 1e-5 })
    local w = scion.randn { 3, 36 }
    local fc = save("fc", { var "data", var "fc_weight",
      '{"op":"FullyConnected","name":"fc","attrs":{"num_hidden":"3","no_bias":"True"},"inputs":[[0,0,0],[1,0,0]]}' }, "[2,0,0]", { { "arg:fc_weight", w } })
    assert.allclose(fc(x), x:reshape(1, 36):matmul(w:transpose(1, 2)), { rtol = 1e-4, atol = 1e-5 })
  end)
  it("are refused at every truncation", function()
    save("cut", { var "data", '{"op":"Activation","name":"a","attrs":{"act_type":"relu"},"inputs":[[0,0,0]]}' }, "[1,0,0]", { { "other", scion.ones { 1 } } })
    local whole = helper.read_file(dir .. "/cut-symbol.json")
    for n = 0, #whole - 1 do
      helper.write_file(dir .. "/cut-symbol.json", whole:sub(1, n))
      assert.is_false(pcall(scion.load, dir .. "/cut-symbol.json"), "cut to " .. n)
    end
  end)
  it("open without parameters: to be looked at, edited, given weights and trained", function()
    local nodes = { var "data", var "c_weight", var "c_bias", '{"op":"Convolution","name":"c","attrs":{"kernel":"(3, 3)","num_filter":"4"},"inputs":[[0,0,0],[1,0,0],[2,0,0]]}',
      var "bn_gamma", var "bn_beta", var "bn_moving_mean", var "bn_moving_var", '{"op":"BatchNorm","name":"bn","inputs":[[3,0,0],[4,0,0],[5,0,0],[6,0,0],[7,0,0]]}',
      var "p_gamma", '{"op":"LeakyReLU","name":"p","attrs":{"act_type":"prelu"},"inputs":[[8,0,0],[9,0,0]]}',
      var "fc_weight", var "fc_bias", '{"op":"FullyConnected","name":"fc","attrs":{"num_hidden":"3"},"inputs":[[10,0,0],[11,0,0],[12,0,0]]}',
      var "softmax_label", '{"op":"SoftmaxOutput","name":"softmax","inputs":[[13,0,0],[14,0,0]]}' }
    local path, text = dir .. "/bare-symbol.json", ('{"nodes":[%s],"arg_nodes":[0],"heads":[[15,0,0]]}'):format(table.concat(nodes, ","))
    helper.write_file(path, text)
    local net = scion.load(path)
    assert.same({ "data" }, { net:inputs()[1].name, net:inputs()[2] })
    assert.same({ "c", "bn", "p", "fc.flatten", "fc", "softmax" }, { table.unpack(net:layer_names()) })
    assert.same({ 4, 0, 3, 3 }, { table.unpack(net["c.weight"].shape) })
    assert.error_matches(function() net(scion.rand { 2, 1, 5, 5 }) end, "layer 'c' .*no weights yet.*materialise")
    net:save(dir .. "/bare.scion") -- still waiting after a round trip
    net = scion.load(dir .. "/bare.scion"):materialise { 2, 1, 5, 5 }
    assert.same({ 2, 3 }, { table.unpack(net(scion.rand { 2, 1, 5, 5 }).shape) })
    assert.same({ 3, 36 }, { table.unpack(net["fc.weight"].shape) })
    for _, e in ipairs(net:entries()) do
      if e.name == "bn.gamma" then assert.is_true(e.frozen) end
    end
    local trained = {} -- weights by PyTorch's names tell the sizes
    for name, tensor in pairs(net:state_dict()) do trained[name:gsub("bn%.gamma", "bn.weight"):gsub("bn%.beta", "bn.bias"):gsub("moving_", "running_")] = tensor end
    local other = scion.load(path)
    assert.equal(0, #other:load_weights(trained).missing)
    local x = scion.rand { 2, 1, 5, 5 }
    assert.allclose(other:eval()(x), net:eval()(x))
    assert.is_false(other["bn.gamma"].requires_grad)
    trained["c.weight"] = scion.rand { 5, 1, 3, 3 }
    assert.error_matches(function() scion.load(path):load_weights(trained) end, "c.weight is .*5, 1, 3, 3.* in the file, .*4, 0, 3, 3.* in the net")
    local mh = scion.ModelHandler(scion.load(path))
    mh:drop_layer_top(2)
    mh:add_layer_top { nn.FullyConnected { name = "new", num_hidden = 2 }, nn.SoftmaxOutput { name = "out" } }
    local it = scion.data.tensors { x = scion.rand { 8, 1, 5, 5 }, labels = { 3, 7, 3, 7, 3, 7, 3, 7 }, batch_size = 4 }
    mh:get_module(it):fit(it, { num_epochs = 1, progress = false })
    assert.error_matches(function() scion.load(path, { epoch = 1 }) end, "bare%-0001.params")
    for _, wrong in ipairs { '"num_filter":"0"', '"num_filter":"-3"', '"num_filter":"99999999999999"',
      '"kernel":"(0, 3)","num_filter":"4"', '"kernel":"(3, 3)","num_filter":"4","num_group":"3"' } do
      helper.write_file(path, (text:gsub('"kernel":"%(3, 3%)","num_filter":"4"', '"kernel":"(3, 3)",' .. wrong)))
      pcall(scion.load, path)
    end
  end)
  it("say what they lack", function()
    assert.error_matches(function() save("m", { var "data", var "fc_weight",
      '{"op":"FullyConnected","name":"fc","attrs":{"no_bias":"True"},"inputs":[[0,0,0],[1,0,0]]}' }, "[2,0,0]",
      { { "other", scion.ones { 1 } } }) end, "lack 'fc_weight', which layer 'fc' needs")
    assert.error_matches(function() save("u", { var "data", '{"op":"Wobble","name":"w","inputs":[[0,0,0]]}' }, "[1,0,0]", { { "other", scion.ones { 1 } } }) end, "'w' %(Wobble%)")
    assert.error_matches(function() scion.load(dir .. "/m-symbol.json", { epoch = 7 }) end, "m%-0007.params")
  end)
  it("of Xfer's own test network have its layers and numbers", function()
    local root = helper.data "models/mxnet"
    local net = scion.load(root .. "/testnetv1-symbol.json")
    assert.same({ "conv1", "act1", "conv2", "act2", "pool1", "flatten1", "fullyconnected0", "softmaxoutput1" }, { table.unpack(net:layer_names()) })
    assert.same({ 2, 10 }, { table.unpack(scion.load(root .. "/test_mnist_model-0010.params")(scion.rand { 2, 1, 28, 28 }).shape) })
    assert.same({ 128 }, { table.unpack(scion.load(root .. "/legacy_ndarray.v0")["0"].shape) })
  end)
end)

-- ---- by name ------------------------------------------------------------------------------------------------------------

describe("net:load_weights", function()
  local function net() return nn.Sequential({ nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1) }, { naming = "index" }) end
  local function weights(prefix) return { [prefix .. "0.weight"] = scion.ones { 2, 3 }, [prefix .. "0.bias"] = scion.zeros { 2 },
    [prefix .. "2.weight"] = scion.ones({ 1, 2 }, { dtype = "f64" }),
    [prefix .. "2.bias"] = scion.zeros { 1 } } end

  it("matches by name, takes off module. and what all names share, and converts types", function()
    for _, prefix in ipairs { "", "module.", "module.net.", "backbone.", "model.net.", "a.module.b." } do
      local n = net()
      local report = n:load_weights(weights(prefix))
      assert.equal(4, #report.loaded)
      assert.equal(6, n(scion.ones { 1, 3 }):item())
    end
  end)
  it("tells what matched, was missing, left over and of another shape", function()
    local w = weights ""
    w["2.bias"], w["0.bias"], w.extra = nil, scion.zeros { 5 }, scion.zeros { 1 }
    assert.error_matches(function() net():load_weights(w) end, "2 tensors matched, 1 missing, 1 left over, 1 of another shape")
    local report = net():load_weights(w, { strict = false })
    assert.same({ "2.bias" }, { table.unpack(report.missing) })
    assert.same({ "extra" }, { table.unpack(report.unexpected) })
    assert.is_truthy(report.mismatched[1]:find "^0.bias is .*5.* in the file, .*2.* in the net$")
    assert.is_truthy(tostring(report):find "left over: extra")
  end)
  it("knows what MXNet calls parameters", function()
    local n = nn.Sequential { nn.Conv2d(2, 3, 1, { name = "conv" }), nn.BatchNorm2d(3, { name = "bn" }) }
    local w = { ["arg:conv_weight"] = scion.rand { 3, 2, 1, 1 }, ["arg:conv_bias"] = scion.rand { 3 }, ["arg:bn_gamma"] = scion.rand { 3 },
      ["arg:bn_beta"] = scion.rand { 3 }, ["aux:bn_moving_mean"] = scion.rand { 3 }, ["aux:bn_moving_var"] = scion.rand { 3 } }
    assert.equal(6, #n:load_weights(w).loaded)
    assert.allclose(n["bn.running_var"], w["aux:bn_moving_var"])
    w["bn.weight"] = w["arg:bn_gamma"] -- the exact name comes first, and the other is left over
    assert.same({ "arg:bn_gamma" }, { table.unpack(n:load_weights(w, { strict = false }).unexpected) })
  end)
  it("renames by rules and functions, and refuses what matches nothing", function()
    local w = { ["fc1.w"] = scion.ones { 2, 3 }, ["fc1.b"] = scion.zeros { 2 }, ["fc2.w"] = scion.ones { 1, 2 }, ["fc2.b"] = scion.zeros { 1 } }
    local rules = { { "^fc1", "0" }, { "^fc2", "2" }, { "%.w$", ".weight" }, { "%.b$", ".bias" } }
    assert.equal(4, #net():load_weights(w, { rename = rules }).loaded)
    assert.error_matches(function() net():load_weights(w, { strict = false }) end, "not one name matches")
    assert.error_matches(function() net():load_weights(7) end, "expected a file name or a table of tensors, got number")
    assert.error_matches(function() net():load_weights({}, { stict = true }) end, "unknown option 'stict'")
  end)
end)

describe("the residual networks for CIFAR-10", function()
  local function right(net)
    local test = scion.data.cifar10 { split = "test", batch_size = 250, normalise = "imagenet", dir = helper.data "datasets/cifar10" }
    local n = 0
    net:eval()
    scion.no_grad(function()
      for x, t in test do n = n + net(x):argmax(2):eq(t):sum():item() end
    end)
    return n
  end
  it("of 56 layers from its old PyTorch file get 1,882 of 2,000 images right #slow", function()
    local net = scion.models.resnet_cifar { depth = 56 }
    local report = net:load_weights(helper.data "models/cifar10_resnet/resnet56-4bfd9763.th")
    assert.equal("module.", report.prefix)
    local n = right(net)
    assert.is_true(math.abs(n - 1882) <= 2, n .. " right")
  end)
  it("of 20 layers give the same logits from all six formats, and 1,846 right #slow", function()
    local root = helper.data "models/formats"
    local x, expected = scion.io.read_npy(root .. "/resnet20_input.npy"), scion.io.read_npy(root .. "/resnet20_logits.npy")
    local counted
    for _, name in ipairs { "resnet20_zip.pt", "resnet20_legacy.pth", "resnet20.npz", "resnet20_deflate.npz", "resnet20.safetensors" } do
      local net = scion.models.resnet_cifar { depth = 20 }
      net:load_weights(root .. "/" .. name)
      net:eval()
      local y = scion.no_grad(net, x)
      assert.is_true((y - expected):abs():max():item() <= 1e-3 * expected:abs():max():item(), name)
      counted = counted or net
    end
    local n = right(counted)
    assert.is_true(math.abs(n - 1846) <= 2, n .. " right")
  end)
end)
