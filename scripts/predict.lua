-- Names pictures with a repurposed network:  scion scripts/predict.lua --model result picture.jpg ...
-- The file knows how pictures become its inputs and what its classes are called.

local scion = require "scion"

local args = scion.cli.parse {
  name = "predict", about = "Names pictures with a network written by repurpose.lua, and says how probable the names are.",
  options = {
    { "model", "OUT", "what repurpose.lua wrote: the folder or the file", required = true },
    { "top", "K", "how many classes to show", default = 3, min = 1 },
    { "json", nil, "one JSON line per picture" },
    { "skip-unreadable", nil, "warn of unreadable pictures instead of stopping" },
  },
  positional = { "image", "pictures to name", many = true, required = true },
}

local path = args.model
local file = io.open(path .. "/model.scion", "rb")
if file then
  file:close()
  path = path .. "/model.scion"
end
local rp = args:try("model", scion.load, path)
if not scion.is_a(rp, scion.Repurposer) then args:fail("model", path .. " holds no repurposed network") end
local pre = rp.preprocessing
if not pre then args:fail("model", path .. " was not made from pictures") end
rp.options.progress = false

local pictures = args:try(nil, scion.data.image_folder, {
  files = args.args, size = pre.size, crop = pre.crop, filter = pre.filter, channels = pre.channels, batch_size = 8,
  normalise = pre.mean and { mean = pre.mean, std = pre.std } or nil, on_error = args.skip_unreadable and "skip" or "error",
})
local probabilities = args:try(nil, rp.predict_probability, rp, pictures)
local names = {}                                            -- of the pictures that could be read
for i, name in ipairs(args.args) do
  if not pictures.dataset.skipped[i] then names[#names + 1] = name end
end
local k = math.min(args.top, #rp.classes)
local best, ids = probabilities:topk(k, 2)
best, ids = best:tolist(), ids:tolist()
for i, name in ipairs(names) do
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
