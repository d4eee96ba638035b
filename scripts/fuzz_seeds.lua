-- Seeds for scripts/fuzz.lua: for every reader a function that writes small whole files into a folder.
local scion = require "scion"

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
end
local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("a")
  file:close()
  return bytes
end
local function hex(text) return (text:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end
local function shell(...) return os.execute(table.concat({ ... }, " ")) end

-- Pictures of 8 x 8 pixels: a gradient as baseline, progressive and CMYK JPEG and as GIF.
local PICTURES <const> = {
  ["baseline.jpg"] = "ffd8ffe000104a46494600010100000100010000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3" ..
    "abadab6780bcc9baa6c799a8aba4ffc0000b080008000801011100ffc40014000100000000000000000000000000000002ffc4001d10010001030500000000000000000000000201031121" ..
    "00041261b1ffda0008010100003f0030051dc5a9832166389336eb057bafffd9",
  ["colour.jpg"] = "ffd8ffe000104a46494600010100000100010000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3" ..
    "abadab6780bcc9baa6c799a8aba4ffdb0043011c1e1e2823284e2b2b4ea46e5d6ea4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4a4" ..
    "a4a4a4a4a4a4a4a4ffc00011080008000803012200021101031101ffc4001500010100000000000000000000000000000002ffc4001d100002010403000000000000000000000000020103" ..
    "0411211261b1ffc4001501010100000000000000000000000000000001ffc4001511010100000000000000000000000000000001ffda000c03010002110311003f009844a3718a68b28db8" ..
    "e2ab38eb4ade800a57ffd9",
  ["progressive.jpg"] = "ffd8ffe000104a46494600010100000100010000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3" ..
    "abadab6780bcc9baa6c799a8aba4ffc2000b080008000801011100ffc40014000100000000000000000000000000000001ffda00080101000000013fffc400151001010000000000000000" ..
    "0000000000000231ffda00080101000105028bffc4001510010100000000000000000000000000000021ffda0008010100063f028fffc40019100100020300000000000000000000000001" ..
    "00112151d1ffda0008010100013f21a310a741c67fffda00080101000000107fffc4001910000300030000000000000000000000000111210061b1ffda0008010100013f100b0ab0616a74" ..
    "cfffd9",
  ["cmyk.jpg"] = "ffd8ffee000e41646f626500640000000000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b586909ea3abad" ..
    "ab6780bcc9baa6c799a8aba4ffc000140800080008044311004d11005911004b1100ffc400160001010100000000000000000000000000020106ffc4002010010100010304030000000000" ..
    "00000000020103001121041251b13181a1ffda000e0443004d0059004b00003f008b1e3c598ac207629f049bb5fa8bf6e81070f5160068bc9ed32ed3c7057bd120e1ea2c00d1793da65da7" ..
    "8e0af7ad36bfffd9",
  ["picture.gif"] = "47494638376108000800810000c0c0c08080804040400000002c00000000080008000008210007081428a0a0800008030058b870e000830713326c3810624285131d5a4c1810003b",
  ["bad.jpg"] = "ffd8ffe0",
}

-- ONNX by hand: enough of protocol buffers for one small network.
local function varint(v)
  local out = {}
  repeat
    local low = v & 127
    v = v >> 7
    out[#out + 1] = string.char(v ~= 0 and low | 128 or low)
  until v == 0
  return table.concat(out)
end
local function field(number, value)
  if type(value) == "number" then return varint(number << 3) .. varint(value) end
  return varint(number << 3 | 2) .. varint(#value) .. value
end
local function onnx_node(op, inputs, output, attributes)
  local out = {}
  for _, name in ipairs(inputs) do out[#out + 1] = field(1, name) end
  return field(1, table.concat(out) .. field(2, output) .. field(3, output) .. field(4, op) .. (attributes or ""))
end
local function onnx_tensor(name, shape, values)
  local out = {}
  for _, d in ipairs(shape) do out[#out + 1] = field(1, d) end
  return field(5, table.concat(out) .. field(2, 1) .. field(8, name) .. field(9, string.pack("<" .. ("f"):rep(#values), table.unpack(values))))
end
local function onnx_value(number, name, dims)
  local out = {}
  for _, d in ipairs(dims) do out[#out + 1] = field(1, field(1, d)) end
  return field(number, field(1, name) .. field(2, field(1, field(1, 1) .. field(2, table.concat(out)))))
end
local function onnx_ints(name, list)
  local out = { field(1, name) }
  for _, v in ipairs(list) do out[#out + 1] = field(8, v) end
  return field(5, table.concat(out) .. field(20, 7))
end
local function onnx_int(name, v) return field(5, field(1, name) .. field(3, v) .. field(20, 2)) end
local function onnx_model(graph) return field(1, 7) .. field(7, graph .. field(2, "g")) .. field(8, field(1, "") .. field(2, 13)) end

local function net_seeds(dir)
  local nn = scion.nn
  nn.Sequential { nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Softmax(2) }:save(dir .. "/mlp")
  nn.Sequential { nn.Conv2d(1, 2, 3, { padding = 1 }), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten() }:eval():save(dir .. "/conv")
  local x = nn.input("x")
  local net = nn.Graph(x, nn.add(nn.Linear(4, 4)(x), x))
  net:set_attr("classes", '["a","b"]')
  net:save(dir .. "/graph")
end

-- ---- archives, PyTorch, MXNet by hand ------------------------------------------------------------------------------

local function crc32(bytes)
  local crc = 0xffffffff
  for i = 1, #bytes do
    crc = crc ~ bytes:byte(i)
    for _ = 1, 8 do crc = crc >> 1 ~ ((crc & 1) * 0xedb88320) end
  end
  return crc ~ 0xffffffff
end
-- A zip of stored members { { name, bytes }, ... }.
local function zip(members)
  local out, directory, at = {}, {}, 0
  for _, m in ipairs(members) do
    local name, bytes = m[1], m[2]
    local same = string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, 0, 0, 0, crc32(bytes), #bytes, #bytes, #name, 0)
    out[#out + 1] = "PK\3\4" .. same .. name .. bytes
    directory[#directory + 1] = "PK\1\2" .. string.pack("<I2", 20) .. same .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, at) .. name
    at = at + #out[#out]
  end
  local list = table.concat(directory)
  return table.concat(out) .. list .. "PK\5\6" .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #members, #members, #list, at, 0)
end

local PROTO <const> = "\x80\x02"
local function text(s) return "X" .. string.pack("<s4", s) end
local function int(v) return "J" .. string.pack("<i4", v) end
local function tuple(...) return "(" .. table.concat { ... } .. "t" end
local function global(module, name) return ("c%s\n%s\n"):format(module, name) end
local function dict(entries)
  local out = { "}(" }
  for _, e in ipairs(entries) do out[#out + 1] = text(e[1]) .. e[2] end
  return table.concat(out) .. "u"
end
local function ints(list)
  local out = {}
  for i, v in ipairs(list) do out[i] = int(v) end
  return tuple(table.unpack(out))
end
local function torch_tensor(key, n, offset, size, stride)
  local storage = tuple(text "storage", global("torch", "FloatStorage"), text(key), text "cpu", int(n), "N") .. "Q"
  return global("torch._utils", "_rebuild_tensor_v2") .. tuple(storage, int(offset), ints(size), ints(stride), "\x89", global("collections", "OrderedDict") .. ")R") .. "R"
end
local SIX <const> = string.pack("<ffffff", 1, 2, 3, 4, 5, 6)
local STATE <const> = dict { { "w", torch_tensor("0", 6, 0, { 2, 3 }, { 3, 1 }) }, { "t", torch_tensor("0", 6, 0, { 3, 2 }, { 1, 3 }) },
  { "b", torch_tensor("1", 2, 1, { 1 }, { 1 }) } }
local function torch_seeds(dir)
  local two = string.pack("<ff", 7, 8)
  write(dir .. "/legacy", PROTO .. "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." .. PROTO .. "M\xe9\x03." .. PROTO .. dict { { "little_endian", "\x88" } } .. "." .. PROTO ..
    dict { { "epoch", int(3) }, { "state_dict", STATE } } .. "." .. PROTO .. "](" .. text "0" .. text "1" .. "e." .. string.pack("<i8", 6) .. SIX .. string.pack("<i8", 2) .. two)
  write(dir .. "/zip", zip { { "archive/data.pkl", PROTO .. STATE .. "." }, { "archive/byteorder", "little" }, { "archive/data/0", SIX }, { "archive/data/1", two },
    { "archive/version", "3\n" } })
end

local function mxnet_list(records, names)
  local out = { string.pack("<I8I8I8", 0x112, 0, #records), table.concat(records), string.pack("<I8", #names) }
  for _, n in ipairs(names) do out[#out + 1] = string.pack("<s8", n) end
  return table.concat(out)
end
local function mxnet_array(shape, values)
  return string.pack("<I4i4I4", 0xF993fac9, 0, #shape) .. string.pack("<" .. ("i8"):rep(#shape), table.unpack(shape)) .. string.pack("<i4i4i4", 1, 0, 0) ..
    string.pack("<" .. ("f"):rep(#values), table.unpack(values))
end
local function mxnet_seeds(dir)
  local v0 = string.pack("<I4I4I4i4i4i4", 2, 2, 3, 1, 0, 0) .. SIX
  local v1 = string.pack("<I4I4i8i8i4i4i4", 0xF993fac8, 2, 2, 3, 1, 0, 0) .. SIX
  local v3 = string.pack("<I4i4i4i4i4i4d", 0xF993faca, 0, 0, 1, 0, 1, 2.5)
  local rows = string.pack("<I4i4 i4i8i8 i4i8i8 i4i4i4 i4 i4i8", 0xF993fac9, 1, 2, 1, 3, 2, 4, 3, 1, 0, 0, 6, 1, 1) .. string.pack("<fffi8", 7, 8, 9, 2)
  local csr = string.pack("<I4i4 i4i8 i4i8i8 i4i4i4 i4 i4i8 i4 i4i8", 0xF993fac9, 2, 1, 2, 2, 2, 3, 1, 0, 0, 6, 1, 3, 6, 1, 2) .. string.pack("<ffi8i8i8i8i8", 5, 6, 0, 1, 2, 2, 0)
  write(dir .. "/versions", mxnet_list({ v0, v1, mxnet_array({ 2, 3 }, { 1, 2, 3, 4, 5, 6 }), v3, rows, csr }, { "arg:a", "aux:b", "c", "d", "e", "f" }))
  write(dir .. "/nameless", mxnet_list({ v0 }, {}))
end

local function symbol_seeds(dir)
  local function var(name) return ('{"op":"null","name":"%s","inputs":[]}'):format(name) end
  local function symbol(nodes, last) return ('{"nodes":[%s],"arg_nodes":[0],"heads":[[%d,0,0]]}'):format(table.concat(nodes, ","), last) end
  write(dir .. "/conv", symbol({ var "data", var "w",
    '{"op":"Convolution","name":"c","attrs":{"kernel":"(3, 3)","num_filter":"2","no_bias":"True","pad":"(1, 1)"},"inputs":[[0,0,0],[1,0,0]]}',
    '{"op":"Activation","name":"a","attrs":{"act_type":"relu"},"inputs":[[2,0,0]]}',
    '{"op":"Pooling","name":"p","attrs":{"kernel":"(2, 2)","stride":"(2, 2)","pool_type":"max"},"inputs":[[3,0,0]]}' }, 4) .. "\0" ..
    mxnet_list({ mxnet_array({ 2, 1, 3, 3 }, { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0 }) }, { "arg:w" }))
  write(dir .. "/old", symbol({ var "data", var "g", var "b", '{"op":"BatchNorm","name":"bn","param":{},"inputs":[[0,0],[1,0],[2,0]],"backward_source_id":-1}', var "f_weight",
    '{"op":"FullyConnected","name":"f","param":{"num_hidden":"2","no_bias":"True"},"inputs":[[3,0],[4,0]]}', var "s_label",
    '{"op":"SoftmaxOutput","name":"s","param":{},"inputs":[[5,0],[6,0]]}' }, 7) .. "\0" ..
    mxnet_list({ mxnet_array({ 2 }, { 1, 1 }), mxnet_array({ 2 }, { 0, 0 }), mxnet_array({ 2 }, { 0, 0 }), mxnet_array({ 2 }, { 1, 1 }),
      mxnet_array({ 2, 2 }, { 1, 2, 3, 4 }) }, { "arg:g", "arg:b", "aux:bn_moving_mean", "aux:bn_moving_var", "arg:f_weight" }))
end

-- Functions, branches, loops, quantised and recurrent layers.
local function graph(list) return table.concat(list) .. field(2, "g") end
local function onnx_graph(name, g) return field(5, field(1, name) .. field(6, g) .. field(20, 5)) end
local function named(number, name) return field(number, field(1, name)) end
local function onnx_seeds(dir)
  local nn = scion.nn
  local x = nn.input("x", { shape = { -1, 4, 6 }, dtype = "f32" })
  nn.Graph(x, { (nn.LSTM(6, 3, { batch_first = true, bidirectional = true })(x)), nn.MultiheadAttention(6, 2)(x, x, x), nn.LayerNorm(6)(x) })
    :save_onnx(dir .. "/sequence", { { 1, 4, 6 } })
  local p = nn.input("p", { shape = { -1, 2, 7, 5 }, dtype = "f32" })
  nn.Graph(p, { nn.AdaptiveAvgPool2d(3)(p), nn.interpolate(p, { scale_factor = 2, mode = "bilinear" }), nn.pad(p, { pad = { 1, 2 } }), nn.argmax(p, { dim = 2 }),
    nn.GroupNorm(2, 2)(p),
    nn.ConvTranspose2d(2, 2, 2)(p) }):save_onnx(dir .. "/picture", { { 1, 2, 7, 5 } })
  local slope = field(5, field(1, "alpha") .. field(21, "slope") .. field(20, 1))
  local fn = field(1, "F") .. field(4, "a") .. field(5, "r") .. field(6, "slope") .. field(9, field(1, "") .. field(2, 13)) ..
    onnx_node("Relu", { "a" }, "t"):gsub("^\10", "\58") ..
    onnx_node("LeakyRelu", { "t" }, "r", slope):gsub("^\10", "\58") .. field(10, "d")
  write(dir .. "/function", onnx_model(onnx_node("F", { "x" }, "y", field(7, "d") .. field(5, field(1, "slope") .. "\21\0\0\128\63" .. field(20, 1))) ..
    onnx_value(11, "x", { 2 }) .. onnx_value(12, "y", { 2 })) .. field(25, fn))
  local yes = graph { onnx_node("Relu", { "x" }, "p"), named(12, "p") }
  local no = graph { onnx_node("Neg", { "x" }, "q"), named(12, "q") }
  write(dir .. "/if", onnx_model(onnx_node("ReduceMax", { "x" }, "m", onnx_int("keepdims", 0)) .. onnx_node("Greater", { "m", "z" }, "c") ..
    onnx_node("If", { "c" }, "y", onnx_graph("then_branch", yes) .. onnx_graph("else_branch", no)) ..
    field(5, field(2, 1) .. field(8, "z") .. field(9, "\0\0\0\0")) .. onnx_value(11, "x", { 2 }) ..
    onnx_value(12, "y", { 2 })))
  local body = graph { onnx_node("Add", { "v", "x" }, "n"), onnx_node("Identity", { "go" }, "on"),
    named(11, "i"), named(11, "go"), named(11, "v"), named(12, "on"), named(12, "n") }
  write(dir .. "/loop", onnx_model(onnx_node("Loop", { "count", "", "x" }, "y", onnx_graph("body", body)) ..
    field(5, field(2, 7) .. field(8, "count") .. field(9, string.pack("<i8", 3))) ..
    onnx_value(11, "x", { 2 }) .. onnx_value(12, "y", { 2 })))
  local step = graph { onnx_node("Add", { "s", "e" }, "t"), named(11, "s"), named(11, "e"), named(12, "t") }
  write(dir .. "/scan", onnx_model(onnx_node("Scan", { "x0", "x" }, "y", onnx_graph("body", step) .. onnx_int("num_scan_inputs", 1)) .. onnx_tensor("x0", { 2 }, { 0, 0 }) ..
    onnx_value(11, "x", { 3, 2 }) .. onnx_value(12, "y", { 2 })))
  write(dir .. "/quantised", onnx_model(onnx_node("QuantizeLinear", { "x", "s", "z" }, "q") .. onnx_node("DequantizeLinear", { "q", "s", "z" }, "y") ..
    field(5, field(2, 1) .. field(8, "s") .. field(9, string.pack("<f", 0.5))) .. field(5, field(2, 2) .. field(8, "z") .. field(9, "\128")) .. onnx_value(11, "x", { 4 }) ..
    onnx_value(12, "y", { 4 })))
end

return {
  npy = function(dir)
    for _, dtype in ipairs { "f32", "f64", "i64", "u8", "bool", "f16" } do scion.io.save_npy(("%s/%s"):format(dir, dtype), scion.ones(2, 3):to(dtype)) end
    write(dir .. "/fortran", "\147NUMPY\1\0\118\0" .. ("{'descr': '>f4', 'fortran_order': True, 'shape': (2, 2), }"):format() .. (" "):rep(59) .. "\n" .. ("\63\128\0\0"):rep(4))
  end,
  zip = function(dir)
    scion.io.save_npz(dir .. "/stored", { a = scion.ones(2, 2), b = scion.arange(4) })
    scion.io.save_npz(dir .. "/deflated", { a = scion.ones(64), b = scion.arange(4) }, true)
  end,
  idx = function(dir)
    write(dir .. "/bytes", string.pack(">I4I4I4", 0x0802, 2, 3) .. "abcdef")
    write(dir .. "/floats", string.pack(">I4I4ff", 0x0D01, 2, 1, 2))
    shell("gzip -c", quote(dir .. "/bytes"), ">", quote(dir .. "/bytes.gz"))
  end,
  gzip = function(dir)
    write(dir .. "/plain", "plain text")
    shell("printf '%s' hellohellohellohello | gzip -c >", quote(dir .. "/text.gz"))
    shell("head -c 3000 /dev/zero | gzip -c >", quote(dir .. "/zeros.gz"))
  end,
  safetensors = function(dir)
    scion.io.save_safetensors(dir .. "/two", { a = scion.ones(2, 2), ["b.c"] = scion.arange(3) }, { format = "x", note = '"quoted"' })
    scion.io.save_safetensors(dir .. "/none", {})
    scion.io.save_safetensors(dir .. "/types", { a = scion.ones(3):to("f16"), b = scion.ones(3):to("bool"), c = scion.zeros(0) })
  end,
  net = net_seeds,
  weights = function(dir)
    torch_seeds(dir)
    mxnet_seeds(dir)
  end,
  mapped = function(dir)
    torch_seeds(dir)
    scion.io.save_safetensors(dir .. "/safetensors", { a = scion.ones(2, 2), b = scion.ones(3):to("bool"), c = scion.arange(3) })
    scion.io.save_npz(dir .. "/npz", { a = scion.ones(2, 2), b = scion.arange(4) })
  end,
  symbol = symbol_seeds,
  pictures = function(dir)
    scion.plot.images { images = scion.rand(1, 3, 4, 4), out = dir .. "/.grid.png" }
    local png = read(dir .. "/.grid.png")
    os.remove(dir .. "/.grid.png")
    write(dir .. "/folders", zip { { "a/1.png", png }, { "b/2.jpg", hex(PICTURES["baseline.jpg"]) }, { "b/", "" }, { "readme.txt", "text" } })
    write(dir .. "/flat", zip { { "p6.ppm", "P6\n2 2\n255\n" .. ("\1\2\3"):rep(4) }, { "bad.png", "no picture" } })
  end,
  onnx = function(dir)
    onnx_seeds(dir)
    write(dir .. "/conv", onnx_model(onnx_node("Conv", { "x", "w" }, "c", onnx_ints("pads", { 1, 1, 1, 1 })) .. onnx_node("Relu", { "c" }, "r") ..
      onnx_node("GlobalAveragePool", { "r" }, "p") .. onnx_node("Flatten", { "p" }, "f") .. onnx_node("Gemm", { "f", "m", "b" }, "y", onnx_int("transB", 1)) ..
      onnx_tensor("w", { 2, 1, 3, 3 }, { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0 }) .. onnx_tensor("m", { 2, 2 }, { 1, 2, 3, 4 }) ..
      onnx_tensor("b", { 2 }, { 1, 2 }) .. onnx_value(11, "x", { 1, 1, 4, 4 }) .. onnx_value(12, "y", { 1, 2 })))
    write(dir .. "/shapes", onnx_model(onnx_node("Transpose", { "x" }, "t", onnx_ints("perm", { 1, 0 })) .. onnx_node("Concat", { "t", "t" }, "c", onnx_int("axis", 1)) ..
      onnx_node("Softmax", { "c" }, "s") .. onnx_node("ReduceMean", { "s" }, "y", onnx_ints("axes", { 1 })) .. onnx_value(11, "x", { 2, 3 }) .. onnx_value(12, "y", { 3, 1 })))
  end,
  image = function(dir)
    for name, text in pairs(PICTURES) do write(dir .. "/" .. name, hex(text)) end
    scion.plot.images { images = scion.rand(1, 3, 4, 4), out = dir .. "/grid.png" }
    write(dir .. "/p5.pgm", "P5\n4 4\n255\n" .. ("\1\2\3\4"):rep(4))
    write(dir .. "/p6.ppm", "P6\n# a comment\n2 2\n65535\n" .. ("\1\2\3\4\5\6"):rep(4))
    write(dir .. "/grey.tga", "\0\0\3\0\0\0\0\0\0\0\0\0\4\0\4\0\8\0" .. ("\9"):rep(16))
    write(dir .. "/rle.tga", "\0\0\10\0\0\0\0\0\0\0\0\0\4\0\4\0\24\0" .. ("\131\1\2\3"):rep(4))
    write(dir .. "/picture.bmp", "BM" .. string.pack("<I4I4I4I4i4i4I2I2I4I4I4I4I4I4", 54 + 48, 0, 54, 40, 4, 4, 1, 24, 0, 48, 1, 1, 0, 0) .. ("\1\2\3"):rep(16))
  end,
}
