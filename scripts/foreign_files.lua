-- Every file of networks and weights below a folder: what scion.load makes of it, how long that takes and how much memory, each in a process
-- of its own; and a ResNet-20 that stands in six formats, counted on the test pictures of CIFAR-10.
--
--   scion scripts/foreign_files.lua                        all files of models/, then the count
--   scion scripts/foreign_files.lua --dir DIR --quick      the files alone
--   scion scripts/foreign_files.lua --file net.onnx        one file

local scion = require "scion"
local models, show = scion.models, scion.show

local args = scion.cli.parse {
  name = "foreign_files", about = "Loads every file of networks and weights that it finds.",
  options = { { "dir", "DIR", "data directory with models/ and datasets/; default: the shared data" }, { "file", "FILE", "load one file and say what it is" },
    { "mmap", "leave weights in their file (scion.load says at which price)" } },
}

local function status(key) -- in MB
  local file = io.open "/proc/self/status"
  local kb = file and file:read("a"):match(key .. ":%s+(%d+)")
  if file then file:close() end
  return kb and tonumber(kb) / 1024 or 0 / 0
end
-- What a file holds, in words.
local function describe(value)
  if type(value) == "string" then return value end
  if type(value) ~= "table" and value.layer_names then
    return ("network of %d layers, %d parameters"):format(#value:layer_names(), (value:n_parameters()))
  end
  local names, elements = 0, 0
  for _, t in pairs(value) do names, elements = names + 1, elements + t:numel() end
  if names == 1 then return ("one tensor of %d numbers"):format(elements) end
  return ("%d named tensors, %d numbers"):format(names, elements)
end
if args.file then
  local before, start = status "VmHWM", os.clock()
  local ok, value = pcall(scion.load, args.file, { mmap = args.mmap })
  local seconds = os.clock() - start
  if not ok and tostring(value):find("its parameters are looked for", 1, true) then ok, value = true, "a symbol of MXNet, whose parameters are in no file" end
  print(("%s\t%s\t%.3f\t%.1f"):format(ok and "ok" or "FAILED", ok and describe(value) or tostring(value):gsub("%s+", " "), seconds, status "VmHWM" - before))
  os.exit(ok and 0 or 1, true)
end

local root = args.dir or scion.data.data_dir() or error("no data directory was found; give --dir", 0)
local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
local function files(dir, out)
  for _, entry in ipairs(scion.io.list_dir(dir)) do
    local path = dir .. "/" .. entry.name
    if entry.kind == "directory" then files(path, out)
    elseif scion.io.file_format(path) or entry.name:find "%.v0$" then out[#out + 1] = path end
  end
  return out
end
local rows, failed, found = {}, 0, files(root .. "/models", {})
table.sort(found)
for _, path in ipairs(found) do
  local pipe = assert(io.popen(("%s %s --file %s%s 2>&1"):format(quote(arg[-1]), quote(arg[0]), quote(path), args.mmap and " --mmap" or "")))
  local line = pipe:read "a"
  pipe:close()
  local state, what, seconds, memory = line:match "(%w+)\t(.-)\t(.-)\t(%S+)"
  if state ~= "ok" then failed = failed + 1 end
  rows[#rows + 1] = { path:sub(#root + #"/models/" + 1), what or line:gsub("%s+", " "), seconds or "", memory or "" }
end
print(show.table({ "file", "what", "CPU seconds", "more MB at most" }, rows))
print(("%d files, %d failed"):format(#found, failed))

if not args.quick then -- the same network out of six files
  local test = scion.data.cifar10 { split = "test", batch_size = 250, normalise = "imagenet", dir = root .. "/datasets/cifar10" }
  local counts = {}
  for _, name in ipairs { "resnet20_cifar10.onnx", "resnet20_zip.pt", "resnet20_legacy.pth", "resnet20.safetensors", "resnet20.npz", "resnet20_deflate.npz" } do
    local net, path = nil, ("%s/models/formats/%s"):format(root, name)
    if name:find "onnx$" then
      net = scion.load(path)
    else
      net = models.resnet_cifar { depth = 20 }
      net:load_weights(path)
      net:eval()
    end
    local right = 0
    test:reset()
    scion.no_grad(function() for x, ids in test do right = right + net(x):argmax(2):eq(ids):sum():item() end end)
    counts[#counts + 1] = { name, right }
  end
  print(show.table({ "ResNet-20", "right of 2,000" }, counts))
end
os.exit(failed == 0 and 0 or 1, true)
