-- Pictures from disk: decode, shorter side to 256, central 224, normalise, batches of 32. The hymenoptera JPEGs below SCION_DATA where
-- they are; else PNGs of 500 x 375 made on the spot.

local scion = require "scion"
local png = require "scion.plot.png"

local function folder()
  local dir = (os.getenv("SCION_DATA") or "../shared/data") .. "/datasets/hymenoptera/train"
  local file = io.open(dir .. "/ants")
  if file then
    file:close()
    return dir, "JPEG"
  end
  local base = os.tmpname()
  os.remove(base)
  os.execute(("mkdir -p '%s/a'"):format(base))
  for i = 1, 32 do
    local noise = scion.rand(1, 3, 47, 63) * 255
    local picture = scion.interpolate(noise, { size = { 375, 500 }, mode = "bilinear" }):reshape(3, 375, 500):to("u8")
    local file = assert(io.open(("%s/a/%02d.png"):format(base, i), "wb"))
    file:write(png.encode(picture:permute({ 2, 3, 1 }):contiguous():bytes(), 500, 375, 3))
    assert(file:close())
  end
  return base, "PNG", base
end

local row = { name = "224 x 224 pictures batch 32", unit = "images/s" }
function row.setup(bench)
  local dir, kind, made = folder()
  row.cleanup = function() if made then os.execute(("rm -rf '%s'"):format(made)) end end
  local it = scion.data.image_folder { dir = dir, size = 224, crop = 0.875, normalise = "imagenet", batch_size = 32 }
  if bench.config().quick then it = it:take_per_class(8) end
  row.items = #it.dataset
  row.arguments = { files = {} }
  for i = 1, row.items do row.arguments.files[i] = it.dataset:name_of(i) end
  local seen
  local function step()
    seen = 0
    for x in it do seen = seen + #x end
  end
  return step, function() return ("%d %s files a pass"):format(seen, kind) end
end
return { title = "loading", rows = { row } }
