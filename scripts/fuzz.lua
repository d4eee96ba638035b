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
local function shell(...) return os.execute(table.concat({ ... }, " ")) end

local SEEDS <const> = dofile(arg[0]:match "^(.-)[^/]*$" .. "fuzz_seeds.lua")

-- Real files, where they exist: reader -> patterns below SCION_DATA. What is longer than the fuzzer's inputs is left out.
local FOUND <const> = { onnx = { "conformance/mnist_8/*.onnx" }, npy = { "models/formats/*.npy" }, weights = { "models/mxnet/*.v0" } }

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
    "a,b,c\n1,2,3\n4,5,6\n", '"q, ""x""";2;3\r\n"y";5;6\r\n', "1\t2\n3\t4\n" } },
  xfer = { read = through_file(function(path)
    local net = scion.nn.Sequential { scion.nn.Identity { name = "same" } }
    return scion.repurpose.load_xfer(path, { source_model = net }):predict_label(scion.ones(1, 2))
  end), word = "", seeds = {
    '{"repurposer_class":"LrRepurposer","feature_layer_names":["same"],"c":1.0,"target_model":{"model":{"parameters":{"C":1.0},"attributes":{"classes_":' ..
      '["int64",[3,7]],"coef_":["float64",[[1.0,-2.0]]],"intercept_":["float64",[0.0]],"n_iter_":["int32",[9]]}}}}',
    '{"repurposer_class":"SvmRepurposer","feature_layer_names":["same"],"c":1.0,"target_model":{"model":{"parameters":{"C":1.0,"kernel":"rbf","degree":3,"coef0":0.0},' ..
      '"attributes":{"classes_":["int64",[3,7]],"support_vectors_":["float64",[[1.0,0.0],[0.0,1.0]]],"_dual_coef_":["float64",[[1.0,-1.0]]],"_intercept_":' ..
      '["float64",[0.5]],"_n_support":["int32",[1,1]],"_gamma":0.5,"shape_fit_":["tuple",[2,2]]}}}}' } } }

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
for _, name in ipairs { "json", "csv", "xfer" } do
  if not args.only or args.only == name then
    local line, message = fuzz_lua(name, LUA_READERS[name])
    print(line or "FAILED " .. message)
    failures = failures + (line and 0 or 1)
  end
end
print(failures == 0 and "no findings" or failures .. " readers failed")
os.exit(failures == 0 and 0 or 1, true)
