-- Pictures on disk: one folder per class (or a zip with such folders inside), decoded, resized and augmented by the
-- engine's threads while the network computes. Only the batches at work are in memory.
--
--   data.image_folder { dir = "photos", size = 224, crop = 0.875, normalise = "imagenet", batch_size = 32, shuffle = true }
--
-- What happens to a picture is written down as set.preprocessing, which repurposers save, so that predict.lua does the same.

local check = require "scion.check"
local class = require "scion.class"
local dataset = require "scion.data.dataset"
local iterator = require "scion.data.iterator"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

local PICTURE <const> = { jpg = true, jpeg = true, png = true, bmp = true, gif = true, tga = true, ppm = true, pgm = true, pnm = true }

M.NORMALISE = {
  imagenet = { mean = { 0.485, 0.456, 0.406 }, std = { 0.229, 0.224, 0.225 } },
  symmetric = { mean = { 0.5, 0.5, 0.5 }, std = { 0.5, 0.5, 0.5 } }, -- to -1..1: MobileNet, Inception
  caffe = { mean = { 104 / 255, 117 / 255, 123 / 255 }, std = { 1 / 255, 1 / 255, 1 / 255 }, channels = "BGR" }, -- SqueezeNet, VGG
}

local OPTS <const> = {
  dir = check.string {},                      -- folder of class folders
  zip = check.string {},                      -- or a zip of them
  files = check.list { of = check.string() }, -- or single pictures without labels
  size = check.either({ check.integer { min = 1 }, check.list { of = check.integer { min = 1 } } }, {}), -- side, or { height, width }
  crop = check.number { default = 1, above = 0, max = 1 }, -- share of the shorter side kept by the central crop
  filter = check.choice({ "bilinear", "bicubic", "nearest" }, { default = "bilinear" }),
  normalise = check.either({ check.string(), check.table() }, {}), -- "imagenet", "symmetric", "caffe" or { mean, std, channels }
  channels = check.choice({ "RGB", "BGR", "grey" }, {}),
  augment = check.either({ check.boolean(), check.list() }, {}), -- true: random crop and mirroring; or loader steps
  on_error = check.choice({ "error", "skip" }, { default = "error" }), -- unreadable pictures
  classes = check.list {},                    -- folders to use, in order; default: all, sorted
}
M.OPTS = OPTS

local ImageDataset = class.class("ImageDataset", dataset.Dataset)
M.ImageDataset = ImageDataset

-- ---- finding pictures ---------------------------------------------------------------------------------------------

local function is_picture(name)
  local ending = name:match("%.(%w+)$")
  return ending and PICTURE[ending:lower()] and not name:match("/%.") and not name:match("^%.")
end

local function list(dir)
  local found, entries = pcall(scion().io.list_dir, dir)
  if not found then check.raise("data.image_folder: %s", (tostring(entries):gsub("^.-list_dir: ", ""))) end
  return entries
end

-- Class folders and their pictures: sorted lists.
local function scan(dir, wanted)
  local names = wanted
  if not names then
    names = {}
    for _, entry in ipairs(list(dir)) do
      if entry.kind == "directory" and not entry.name:match("^%.") then names[#names + 1] = entry.name end
    end
    table.sort(names)
  end
  if #names == 0 then
    check.raise("data.image_folder: %s has no folders (expected one folder of pictures per class)", dir)
  end
  local files, ids, classes = {}, {}, show.list {}
  for k, name in ipairs(names) do
    local found = {}
    for _, entry in ipairs(list(dir .. "/" .. name)) do
      if entry.kind == "file" and is_picture(entry.name) then found[#found + 1] = entry.name end
    end
    if #found == 0 then
      check.raise("data.image_folder: %s/%s has no pictures (looked for .jpg, .png, .bmp, .gif, .tga, .pnm)", dir, name)
    end
    table.sort(found)
    for _, file in ipairs(found) do
      files[#files + 1] = ("%s/%s/%s"):format(dir, name, file)
      ids[#ids + 1] = k
    end
    classes[k] = name
  end
  return files, ids, classes
end

-- The same inside a zip: the class is the folder that holds the picture.
local function scan_zip(source, wanted, where)
  local members, seen = {}, {}
  for i = 1, #source do
    local name = source:name(i)
    local folder = name:match("([^/]+)/[^/]+$")
    if not folder then check.raise("data.image_folder: %s: '%s' is in no folder", where, name) end
    members[i], seen[folder] = folder, true
  end
  local classes = show.list {}
  for folder in pairs(seen) do classes[#classes + 1] = folder end
  table.sort(classes)
  if wanted then classes = show.list(table.move(wanted, 1, #wanted, 1, {})) end
  local id_of, ids = {}, {}
  for k, name in ipairs(classes) do id_of[name] = k end
  for i, folder in ipairs(members) do ids[i] = id_of[folder] or false end
  return ids, classes
end

-- ---- what happens to a picture ---------------------------------------------------------------------------------------

local function sides(size)
  if type(size) == "table" then return size[1], size[2] or size[1] end
  return size, size
end

-- Loader steps of a preprocessing description; `augment` replaces the central crop by random choices. Small pictures in memory
-- have their size already: they are shifted instead.
local function steps_of(pre, augment, in_memory)
  local steps = {}
  if augment and type(augment) == "table" then
    for _, step in ipairs(augment) do steps[#steps + 1] = step end
  end
  if in_memory then
    local h, w = sides(pre.size)
    if augment == true then
      steps[#steps + 1] = { "random_crop", h, w, padding = math.max(1, math.min(h, w) // 8) }
      steps[#steps + 1] = { "random_flip" }
    end
  elseif pre.size then
    local h, w = sides(pre.size)
    if augment == true then
      steps[#steps + 1] = { "random_resized_crop", h, w, scale = { 0.35, 1 } }
      steps[#steps + 1] = { "random_flip" }
    elseif pre.crop == 1 and h ~= w then
      steps[#steps + 1] = { "resize", h, w, filter = pre.filter }
    else
      local short = math.floor(math.min(h, w) / pre.crop + 0.5)
      steps[#steps + 1] = { "resize", short, filter = pre.filter }
      steps[#steps + 1] = { "center_crop", h, w }
    end
  elseif augment == true then
    steps[#steps + 1] = { "random_flip" }
  end
  if pre.channels == "BGR" then steps[#steps + 1] = { "bgr" } end
  if pre.mean then
    steps[#steps + 1] = { "normalize", mean = pre.mean, std = pre.std }
  else
    steps[#steps + 1] = { "to_float" }
  end
  return steps
end

--- The preprocessing that options describe: plain data, for files.
function M.preprocessing(opts, where)
  local normalise = opts.normalise
  if type(normalise) == "string" then
    normalise = M.NORMALISE[normalise]
    if not normalise then
      check.raise("%s: normalise must be 'imagenet', 'symmetric', 'caffe' or a table, got '%s'", where, opts.normalise)
    end
  end
  normalise = normalise and check.opts(where .. ": normalise", normalise, {
    mean = check.list { required = true, of = check.number() }, std = check.list { required = true, of = check.number { above = 0 } },
    channels = check.choice { "RGB", "BGR" } }, "user") or {}
  local channels = opts.channels or normalise.channels or "RGB"
  local n = channels == "grey" and 1 or 3
  if normalise.mean and (#normalise.mean ~= n and #normalise.mean ~= 1 or #normalise.std ~= #normalise.mean) then
    check.raise("%s: normalise has %d means and %d deviations for pictures of %d channels", where, #normalise.mean, #normalise.std, n)
  end
  return { kind = "image", size = opts.size, crop = opts.crop, filter = opts.filter, channels = channels,
    mean = normalise.mean, std = normalise.std }
end

-- ---- the data set -----------------------------------------------------------------------------------------------------

function ImageDataset:init(fields)
  for name, value in pairs(fields) do self[name] = value end
  self.n = #self.source
  self.steps = steps_of(self.preprocessing, self.augmentation, self.still ~= nil)
end

function ImageDataset:ids() return self.id_list end
function ImageDataset:name_of(position) return self.source:name(position) end
function ImageDataset:is_random() return self.augmentation ~= nil and self.augmentation ~= false end

function ImageDataset:augment(steps)
  if steps ~= true and steps ~= false then check.arg("augment", "steps", steps, check.list { required = true }, "user") end
  if not steps and self.still then return self.still end
  return ImageDataset { source = self.source, id_list = self.id_list, classes = self.classes, preprocessing = self.preprocessing,
    on_error = self.on_error, skipped = self.skipped, dir = self.dir, augmentation = steps or nil, still = self.still }
end

--- The same pictures, seen without random changes.
function ImageDataset:without_augmentation() return self:is_random() and self:augment(false) or self end

--- A set of u8 pictures in memory (images.lua) with random changes.
function M.of_tensor(set, steps)
  if steps ~= true then check.arg("augment", "steps", steps, check.list { required = true }, "user") end
  local source = scion().io.image_source { tensor = set.x }
  return ImageDataset { source = source, id_list = set.id_list, classes = set.classes, preprocessing = set.preprocessing,
    on_error = "error", skipped = {}, augmentation = steps, still = set }
end

local function open_loader(self, order, context, prefetch)
  return scion().io.image_loader(self.source, {
    order = order, first = context.first or 1, batch_size = context.batch_size or #order, transform = self.steps,
    seed = context.seed or 0, epoch = context.epoch or 0, prefetch = prefetch, on_error = self.on_error,
  })
end

-- Pictures that could not be read: told once each.
local function note_skipped(self, loader)
  for _, bad in ipairs(loader:skipped()) do
    if not self.skipped[bad.position] then
      self.skipped[bad.position] = bad.message
      scion().emit("warn", ("image left out: %s"):format(bad.message))
    end
  end
end

-- Errors of pictures belong to whoever asked for the batch.
local function next_batch(loader)
  local fine, x, positions = pcall(loader.next, loader)
  if fine then return x, positions end
  if type(x) == "string" and x:find("loader: ", 1, true) and not x:find("cancelled", 1, true) then
    check.raise("data.image_folder: %s (on_error = \"skip\" leaves such pictures out)", (x:gsub("^.-loader: ", "")))
  end
  error(x, 0)
end

local function targets(self, positions)
  if not self.id_list then return nil end
  local ids = {}
  for i, p in ipairs(positions) do ids[i] = self.id_list[p] end
  return scion().tensor(ids, { dtype = "i64" })
end

function ImageDataset:get(positions, context)
  local loader <close> = open_loader(self, positions, { seed = context and context.seed, epoch = context and context.epoch }, 0)
  local x, kept = next_batch(loader)
  note_skipped(self, loader)
  if not x then check.raise("data.image_folder: none of the pictures of the batch can be read") end
  return x, targets(self, kept)
end

--- For iterators: batches decoded ahead on threads.
function ImageDataset:loader(order, context)
  local raw = open_loader(self, order, context, context.prefetch)
  local set = self
  return {
    next = function()
      local x, positions = next_batch(raw)
      note_skipped(set, raw)
      if x then return x, targets(set, positions) end
    end,
    close = function() raw:close() end,
  }
end

-- ---- opening ----------------------------------------------------------------------------------------------------------

local function finish(where, source, ids, classes, mine, rest, dir)
  local set = ImageDataset {
    source = source, id_list = ids, classes = classes, preprocessing = M.preprocessing(mine, where), augmentation = mine.augment,
    on_error = mine.on_error, skipped = {}, dir = dir,
  }
  if #set == 0 then check.raise(where .. ": there are no pictures") end
  if not mine.size then
    scion().emit("info", where .. ": no size given; pictures of one batch must then have equal sizes")
  end
  return iterator.Iterator(set, rest)
end

--- data.image_folder; `options` splits the iterator's options off.
function M.open(opts, options)
  local where = "data.image_folder"
  local mine, rest = options(where, opts, OPTS)
  local given = (mine.dir and 1 or 0) + (mine.zip and 1 or 0) + (mine.files and 1 or 0)
  if given ~= 1 then check.raise(where .. ": give one of dir, zip, files") end
  local channels = mine.channels == "grey" and 1 or 3
  if mine.files then
    if #mine.files == 0 then check.raise(where .. ": the list of files is empty") end
    return finish(where, scion().io.image_source { files = mine.files, channels = channels }, nil, nil, mine, rest)
  end
  if mine.zip then
    local source = scion().io.image_source { zip = mine.zip, channels = channels }
    if #source == 0 then check.raise("%s: %s holds no pictures", where, mine.zip) end
    local ids, classes = scan_zip(source, mine.classes, mine.zip)
    local positions = {}
    for i, id in ipairs(ids) do
      if id then positions[#positions + 1] = i end
    end
    local it = finish(where, source, ids, classes, mine, rest, mine.zip)
    return #positions == #ids and it or it:subset(positions)
  end
  local files, ids, classes = scan(mine.dir, mine.classes)
  return finish(where, scion().io.image_source { files = files, channels = channels }, ids, classes, mine, rest, mine.dir)
end

--- data.cifar10 { split =, dir = }: the zips of PNG files.
function M.cifar10(opts, options, find_dir, data_dir)
  local where = "data.cifar10"
  local rules = { split = check.choice({ "train", "test" }, { default = "train" }), dir = check.string {} }
  for _, name in ipairs { "normalise", "augment", "on_error", "classes" } do rules[name] = OPTS[name] end
  local mine, rest = options(where, opts, rules)
  local file = ("cifar10-%s-png.zip"):format(mine.split)
  local dir = find_dir(where, mine.dir, { data_dir and data_dir .. "/datasets/cifar10" or "datasets/cifar10" }, file)
  for _, name in ipairs { "normalise", "augment", "on_error", "classes" } do rest[name] = mine[name] end
  rest.zip, rest.size = dir .. "/" .. file, 32
  return M.open(rest, options)
end

return M
