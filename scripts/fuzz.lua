-- Damaged files into every reader; `make fuzz` runs it. The readers in C are driven by build/fuzz/hosts/fuzz (spec/hosts/fuzz.c),
-- which learns from coverage which damage leads to new code; those in Lua are driven here. Seeds are made on the spot,
-- and found below SCION_DATA where it exists. Ends with a table; any finding is kept in build/fuzz/work and fails the run.
local scion = require "scion"

local args = scion.cli.parse {
  name = "fuzz", about = "Damages files and gives them to every reader.",
  options = { { "inputs", "N", "damaged files for each reader", default = 20000 },
              { "only", "NAME", "one reader" },
              { "fuzzer", "PROGRAM", "the driver of the readers in C", default = "build/fuzz/hosts/fuzz" },
              { "work", "DIR", "seeds and findings", default = "build/fuzz/work" } } }

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
end
local function read(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read("a")
  if file then file:close() end
  return bytes
end
local function hex(text) return (text:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end
local function shell(...) return os.execute(table.concat({ ... }, " ")) end

-- ---- seeds -----------------------------------------------------------------------------------------------------

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

local SEEDS <const> = {
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
  onnx = function(dir)
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

-- Real files, where they exist: reader -> patterns below SCION_DATA. What is longer than the fuzzer's inputs is left out.
local FOUND <const> = { onnx = { "conformance/mnist_8/*.onnx" }, npy = { "models/formats/*.npy" } }

local function make_seeds(reader)
  local dir = ("%s/%s"):format(args.work, reader)
  shell("rm -rf", quote(dir), "&& mkdir -p", quote(dir))
  if SEEDS[reader] then SEEDS[reader](dir) end
  local root = os.getenv("SCION_DATA") or "../shared/data"
  for _, pattern in ipairs(FOUND[reader] or {}) do
    shell("find", quote(root .. "/" .. pattern:match("^(.*)/")), "-maxdepth 1 -name", quote(pattern:match("[^/]*$")), "-size -128k -exec cp {}", quote(dir), "\\; 2>/dev/null")
  end
  return dir
end

-- ---- readers in Lua ---------------------------------------------------------------------------------------------

local function through_file(f)
  return function(text)
    local path = args.work .. "/input.txt"
    write(path, text)
    return f(path)
  end
end
-- name -> reader, and what its messages begin with
local LUA_READERS <const> = {
  json = { read = function(text) return require("scion.json").decode(text) end, word = "json", seeds = {
    '{"a":[1,2.5e3,-0,true,null,"x\\u00e9\\n"],"b":{}}', '[[[[[]]]]]', '"text"', "-12.5e-3" } },
  csv = { read = through_file(function(path) return scion.data.csv { path = path, target = 1 } end), word = "data.csv", seeds = {
    "a,b,c\n1,2,3\n4,5,6\n", '"q, ""x""";2;3\r\n"y";5;6\r\n', "1\t2\n3\t4\n" } } }

local WORDS <const> = { "", '"', "\\", "[", "]", "{", "}", ",", ";", "\n", "\r", "\0", "1e999", "-", "nan", "\255", "\\ud800", "null", 
  ("["):rep(5000), ("9"):rep(400), (","):rep(3000) }
local function damage(text)
  for _ = 1, math.random(3) do
    local at, length = math.random(#text + 1), math.random(0, 8)
    local kind = math.random(4)
    if kind == 1 then text = text:sub(1, at - 1)
    elseif kind == 2 then text = text:sub(1, at - 1) .. WORDS[math.random(#WORDS)] .. text:sub(at + length)
    elseif kind == 3 then text = text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1)
    else text = text:sub(1, at - 1) .. text:sub(at, at + length):rep(math.random(3)) .. text:sub(at) end
  end
  return text
end

local function fuzz_lua(name, reader)
  local accepted, slowest = 0, 0
  for i = 1, args.inputs do
    local seed = reader.seeds[i % #reader.seeds + 1]
    local text = i <= #reader.seeds and seed or damage(seed)
    local start = os.clock()
    local ok, message = pcall(reader.read, text)
    slowest = math.max(slowest, os.clock() - start)
    accepted = accepted + (ok and 1 or 0)
    if (not ok and not tostring(message):find(reader.word, 1, true)) or slowest > 5 or (i <= #reader.seeds and not ok) then
      write(("%s/crash-%s"):format(args.work, name), text)
      return nil, ("%s, input %d: %s, %.1f s"):format(name, i, message, slowest)
    end
  end
  return ("%s: %d inputs, %d accepted, %.3f s at most"):format(name, args.inputs, accepted, slowest)
end

-- ---- the run ------------------------------------------------------------------------------------------------------

math.randomseed(args.seed)
shell("mkdir -p", quote(args.work))
local failures = 0
local list = io.popen(quote(args.fuzzer) .. " --list")
local names = {}
for name in list:lines() do names[#names + 1] = name end
assert(list:close(), "cannot run " .. args.fuzzer)
for _, name in ipairs(names) do
  if not args.only or args.only == name then
    local ok = shell(quote(args.fuzzer), name, quote(make_seeds(name)), tostring(args.inputs), tostring(args.seed), quote(args.work))
    if not ok then
      failures = failures + 1
      print(("%s: FAILED, see %s/crash-%s"):format(name, args.work, name))
    end
  end
end
for _, name in ipairs { "json", "csv" } do
  if not args.only or args.only == name then
    local line, message = fuzz_lua(name, LUA_READERS[name])
    print(line or "FAILED " .. message)
    failures = failures + (line and 0 or 1)
  end
end
print(failures == 0 and "no findings" or failures .. " readers failed")
os.exit(failures == 0 and 0 or 1, true)
