-- Pictures in memory: u8 tensors (N, H, W) or (N, C, H, W) with labels, and the data sets of such pictures (MNIST, Fashion-MNIST).
-- Batches come out as f32 (B, C, H, W) in 0..1, normalised if asked; the pictures stay u8. With `augment` (or it:augment(steps))
-- the engine's threads change them on the way, keyed by (seed, epoch, item), exactly as they do with pictures on disk.

local check = require "scion.check"
local dataset = require "scion.data.dataset"
local folder = require "scion.data.image_folder"
local iterator = require "scion.data.iterator"

local M = {}

local function scion() return require "scion" end

local PICTURES <const> = { augment = folder.OPTS.augment, normalise = check.either({ check.string(), check.table() }, {}) }

-- u8 batches to what the network sees.
local function converter(pre)
  local mean, std
  if pre.mean then
    mean, std = scion().tensor(pre.mean):reshape(#pre.mean, 1, 1), scion().tensor(pre.std):reshape(#pre.std, 1, 1)
  end
  return function(x)
    if x:dim() == 3 then x = x:unsqueeze(2) end
    x = x:to("f32"):mul(1 / 255)
    return mean and x:sub(mean):div(std) or x
  end
end

--- Turns a checked set of u8 tensors into one of pictures. mine: augment, normalise.
---@param set scion.TensorDataset
---@return scion.data.Iterator
function M.finish(where, set, mine, rest)
  local x = set.x
  if type(x) ~= "userdata" or x.dtype ~= "u8" or (x:dim() ~= 3 and x:dim() ~= 4) then
    check.raise("%s: x must be a u8 tensor (N, H, W) or (N, C, H, W), got %s", where, type(x) == "userdata"
      and ("%s (%s)"):format(x.dtype, table.concat(x.shape, ", ")) or check.describe(x))
  end
  local channels = x:dim() == 4 and x:size(2) or 1
  if channels ~= 1 and channels ~= 3 then check.raise("%s: pictures must have 1 or 3 channels, got %d", where, channels) end
  local h, w = x:size(-2), x:size(-1)
  local normalise = mine.normalise
  if type(normalise) == "table" then -- numbers stand for lists of one
    normalise = { mean = normalise.mean, std = normalise.std, channels = normalise.channels }
    for _, name in ipairs { "mean", "std" } do
      if type(normalise[name]) == "number" then normalise[name] = { normalise[name] } end
    end
  end
  set.preprocessing = folder.preprocessing({ size = { h, w }, crop = 1, filter = "bilinear", normalise = normalise,
    channels = channels == 1 and "grey" or "RGB" }, where)
  set.convert = converter(set.preprocessing)
  local it = iterator.Iterator(set, rest)
  return mine.augment and it:augment(mine.augment) or it
end

--- Pictures in a u8 tensor, with the labels and the iterator's options of data.tensors, and
---   augment     true (shifts by up to an eighth of the side and mirroring) or steps such as { "random_crop", 28, padding = 2 }
---   normalise   "imagenet", "symmetric", "caffe" or { mean = { ... }, std = { ... } }
function M.open(opts, options, tensors, tensor_dataset)
  local where = "data.images"
  local rules = {}
  for _, part in ipairs { tensors, PICTURES } do
    for name, rule in pairs(part) do rules[name] = rule end
  end
  rules.allow_nan, rules.targets = nil, nil
  local mine, rest = options(where, opts, rules)
  return M.finish(where, tensor_dataset(where, mine), mine, rest)
end

-- ---- idx: MNIST and its kin -----------------------------------------------------------------------------------

local IDX <const> = {
  split = check.choice({ "train", "test" }, { default = "train" }), dir = check.string {}, classes = check.list {},
  augment = PICTURES.augment, normalise = PICTURES.normalise,
}

--- The pair of idx files of a split. files: { train = { images, labels }, test = ... }; names: labels of 0..K-1.
function M.idx(where, opts, options, find, tensor_dataset, files, names)
  local mine, rest = options(where, opts, IDX)
  local pair = files[mine.split]
  local dir = find(where, mine.dir, pair[1])
  local x = scion().io.read_idx(dir .. "/" .. pair[1])
  local y = scion().io.read_idx(dir .. "/" .. pair[2])
  if x:dim() ~= 3 or y:dim() ~= 1 or #x ~= #y then
    check.raise("%s: %s holds %s images and %s labels that do not belong together", where, dir, tostring(x.shape), tostring(y.shape))
  end
  local fields = { x = x }
  if mine.classes or names then
    fields.ids, fields.classes = y:to("i64"):add(1), mine.classes or names -- the file's labels are 0..K-1
  else
    fields.labels = y
  end
  return M.finish(where, tensor_dataset(where, fields), mine, rest)
end

return M
