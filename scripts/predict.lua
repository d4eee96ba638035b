-- Names pictures with a repurposed network:  scion scripts/predict.lua --model result picture.jpg ...

local scion = require "scion"

local args = scion.cli.parse {
  name = "predict", about = "Classifies pictures with a network written by repurpose.lua.",
  options = {
    { "model", "OUT", "what repurpose.lua wrote: the folder or the file", required = true },
    { "top", "K", "how many classes to show", default = 3, min = 1 },
    { "json", nil, "one JSON line per picture" },
  },
  positional = { "image", "pictures to name", many = true, required = true },
}

local path = args.model
local file = io.open(path .. "/model.scion", "rb")
if file then
  file:close()
  path = path .. "/model.scion"
end
local rp = scion.load(path)
if not scion.is_a(rp, scion.Repurposer) then error(("--model: %s holds no repurposed network"):format(path), 0) end
local pre = rp.preprocessing
if not pre then error(("--model: %s was not made from pictures"):format(path), 0) end

local pictures = scion.data.image_folder {
  files = args.args, size = pre.size, crop = pre.crop, filter = pre.filter, channels = pre.channels, batch_size = 1,
  normalise = pre.mean and { mean = pre.mean, std = pre.std } or nil,
}
local probabilities = rp:predict_probability(pictures)
local k = math.min(args.top, #rp.classes)
local best, ids = probabilities:topk(k, 2)
best, ids = best:tolist(), ids:tolist()
for i, name in ipairs(args.args) do
  if args.json then
    local all = {}
    for c, label in ipairs(rp.classes) do all[tostring(label)] = probabilities[i][c] end
    print(scion.json.encode { image = name, label = rp.classes[ids[i][1]], probabilities = all })
  else
    local parts = {}
    for j = 1, k do parts[j] = ("%s %.3f"):format(rp.classes[ids[i][j]], best[i][j]) end
    print(("%s: %s"):format(name, table.concat(parts, ", ")))
  end
end
