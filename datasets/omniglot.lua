-- Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): 1623 handwritten characters of 50 alphabets, 20 drawings each, 105 x 105.
--
-- To obtain it: images_background.zip and images_evaluation.zip from github.com/brendenlake/omniglot (python/), put into one folder
-- as they are or unpacked (images_background/<alphabet>/<character>/*.png). As a module it returns functions; as a script it tells what it finds:
--
--   scion datasets/omniglot.lua --dir ~/omniglot

local scion = require "scion"

local M = {}

local PARTS <const> = { "images_background", "images_evaluation" }
local SIZE <const> = 28

local function exists(path)
  local f = io.open(path, "rb")
  if f then f:close() end
  return f ~= nil
end

local function is_dir(path)
  local ok, entries = pcall(scion.io.list_dir, path)
  return ok and type(entries) == "table" and #entries > 0
end

--- Where the data lie: `dir`, or SCION_DATA/datasets/omniglot, or nil and a message that tells how to obtain them.
function M.find(dir)
  local root = scion.data.data_dir()
  dir = dir or (root and root .. "/datasets/omniglot") or "datasets/omniglot"
  for _, part in ipairs(PARTS) do
    if exists(("%s/%s.zip"):format(dir, part)) or is_dir(("%s/%s"):format(dir, part)) then return dir end
  end
  return nil, ("Omniglot is not in %s; get images_background.zip and images_evaluation.zip from github.com/brendenlake/omniglot (python/) and name their folder with --dir")
    :format(dir)
end

-- Pictures of one part as a source, with "alphabet/character" of each.
local function open_part(dir, part)
  local zip = ("%s/%s.zip"):format(dir, part)
  local source, names = nil, {}
  if exists(zip) then
    source = scion.io.image_source { zip = zip, channels = 1 }
  else
    local files = {}
    for _, alphabet in ipairs(scion.io.list_dir(("%s/%s"):format(dir, part))) do
      if alphabet.kind == "directory" then
        for _, character in ipairs(scion.io.list_dir(("%s/%s/%s"):format(dir, part, alphabet.name))) do
          if character.kind == "directory" then
            local folder = ("%s/%s/%s/%s"):format(dir, part, alphabet.name, character.name)
            for _, f in ipairs(scion.io.list_dir(folder)) do
              if f.name:match("%.png$") then files[#files + 1] = folder .. "/" .. f.name end
            end
          end
        end
      end
    end
    table.sort(files)
    if #files == 0 then error(("omniglot: %s/%s has no pictures"):format(dir, part), 3) end
    source = scion.io.image_source { files = files, channels = 1 }
  end
  for i = 1, #source do
    local alphabet, character = source:name(i):match("([^/]+)/([^/]+)/[^/]+$")
    if not alphabet then error(("omniglot: '%s' does not lie in <alphabet>/<character>/"):format(source:name(i)), 3) end
    names[i] = alphabet .. "/" .. character
  end
  return source, names
end

--- All drawings as a data set: x u8 (N, 1, 28, 28) read as f32 with ink = 1, classes "alphabet/character", background first; within a class the
--- drawings stand in the order of their file names.
---@param opts? table { dir =, size = 28, alphabets = n (only so many: for trying out) }
function M.read(opts)
  opts = scion.check.opts("omniglot.read", opts, { dir = scion.check.string {}, size = scion.check.integer { default = SIZE, min = 1, max = 105 },
    alphabets = scion.check.integer { min = 1 }, quiet = true })
  local dir, message = M.find(opts.dir)
  if not dir then error(message, 2) end
  local parts, ids, classes, id_of, alphabets = {}, {}, {}, {}, {}
  for _, part in ipairs(PARTS) do
    if exists(("%s/%s.zip"):format(dir, part)) or is_dir(("%s/%s"):format(dir, part)) then
      local source, names = open_part(dir, part)
      local order = {}
      for i, name in ipairs(names) do
        local alphabet = name:match("^[^/]+")
        if not alphabets[alphabet] and not (opts.alphabets and #alphabets >= opts.alphabets) then
          alphabets[#alphabets + 1] = alphabet
          alphabets[alphabet] = true
        end
        if alphabets[alphabet] then
          if not id_of[name] then
            classes[#classes + 1] = name
            id_of[name] = #classes
          end
          order[#order + 1], ids[#ids + 1] = i, id_of[name]
        end
      end
      if #order > 0 then
        local loader <close> = scion.io.image_loader(source, { order = order, batch_size = 512,
          transform = { { "resize", opts.size, opts.size }, { "invert" } } })
        local bar = scion.progress.new { label = part, total = #order, unit = "drawing", quiet = opts.quiet }
        for x in function() return (loader:next()) end do
          parts[#parts + 1] = x
          bar:step(#x)
        end
        bar:finish()
      end
      source:close()
    end
  end
  local x = scion.cat(parts, 1)
  return scion.data.TensorDataset { x = x, y = scion.tensor(ids, { dtype = "i64" }), ids = ids, n = #ids, classes = scion.show.list(classes),
    convert = function(t) return t:to("f32"):mul(1 / 255) end }
end

--- The usual split of characters in random order: lists of labels of 1100 for training, 100 for validation, the rest for testing.
---@param set scion.data.Dataset
---@param seed? integer
function M.split(set, seed)
  local order = scion.data.rng.new(seed or 0, 1):permutation(#set.classes)
  local n = #order
  local n_train, n_valid = math.floor(n * 1100 / 1623 + 0.5), math.floor(n * 100 / 1623 + 0.5)
  local out = { {}, {}, {} }
  for i, k in ipairs(order) do
    local part = i <= n_train and 1 or i <= n_train + n_valid and 2 or 3
    table.insert(out[part], set.classes[k])
  end
  return out[1], out[2], out[3]
end

if arg and arg[0] and arg[0]:match("omniglot%.lua$") and not arg[0]:match("scripts/") then
  local args = scion.cli.parse { name = "omniglot", about = "Reads Omniglot and tells what is there.",
    options = { { "dir", "DIR", "folder with the two zips or folders" } } }
  local dir, message = M.find(args.dir)
  if not dir then
    print(message)
  else
    local set = M.read { dir = dir, quiet = false }
    print(set, "share of ink", set.x:to("f32"):mean():item() / 255)
    if args.out then
      scion.io.save_safetensors(args.out, { x = set.x, y = set.y })
      print("wrote " .. args.out)
    end
  end
end

return M
