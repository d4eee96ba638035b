-- Features: values of inner layers for whole data sets. Every batch runs through the network once, however many layers are
-- asked for; nothing runs twice when a cache is used:
--
--   features.collect(net, it, { "fc6", "fc8" })                  list of tensors (N, ...), and the targets
--   features.by_name(net, it, { "fc6" }, { out = "fc6.safetensors" })  streamed to a file
--   local cache = features.Cache { dir = "cache" }               kept in memory and on disk
--
-- A cache is keyed by the hash of the part of the network that is run and by the content of the data set, item by item: folds,
-- subsets and shuffled walks over one data set share its rows.

local check = require "scion.check"
local class = require "scion.class"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

--- Can this be walked over for x, y?
function M.is_iterator(value)
  if type(value) == "function" then return true end
  if type(value) ~= "table" then return false end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil and not class.is_class(value)
end

-- ---- one pass ------------------------------------------------------------------------------------------------------

--- Runs fn on every batch's values, in eval mode and without gradients: fn(values, y, n). Padding is cut off.
function M.each_batch(net, iterator, names, opts, fn)
  opts = opts or {}
  local s = scion()
  local progress = require "scion.progress"
  local was_training = net:is_training()
  net:eval()
  local bar <close> = progress.new { label = opts.label or "features", quiet = not opts.progress, unit = "batch",
    total = type(iterator) == "table" and #iterator or nil }
  local ok, message = pcall(function()
    s.no_grad(function()
      for x, y in iterator do
        local inputs = type(x) == "table" and x or { x }
        inputs[#inputs + 1] = names
        local values = net:features(table.unpack(inputs))
        inputs[#inputs] = nil
        local n = #inputs[1]
        local padding = type(iterator) == "table" and iterator.padding and iterator:padding() or 0
        if padding > 0 then
          n = n - padding
          for i, value in ipairs(values) do values[i] = value:narrow(1, 1, n) end
          y = y and y:narrow(1, 1, n)
        end
        for i, value in ipairs(values) do
          if opts.flatten then value = value:reshape(n, -1) end
          values[i] = value:detach()
        end
        fn(values, y, n)
        bar:step()
      end
    end)
  end)
  if was_training then net:train() end
  if not ok then error(message, 0) end
end

-- Values of a pass, put together.
local function gather(net, iterator, names, opts)
  local s = scion()
  local parts, targets = {}, {}
  for i = 1, #names do parts[i] = {} end
  M.each_batch(net, iterator, names, opts, function(values, y)
    for i, value in ipairs(values) do table.insert(parts[i], value) end
    if y then table.insert(targets, y) end
  end)
  if #parts[1] == 0 then error("features: the data gave no batch", 0) end
  local out = {}
  for i = 1, #names do out[i] = #parts[i] == 1 and parts[i][1] or s.cat(parts[i], 1) end
  return out, #targets > 0 and s.cat(targets, 1) or nil
end

-- ---- what data sets are ----------------------------------------------------------------------------------------------

-- The set below the views, and the positions in it; nil when something on the way changes x.
local function root_of(set, positions)
  while set.base do
    if set.transform then return nil end
    positions = set:translate(positions)
    set = set.base
  end
  return set, positions
end

-- 32 hexadecimal digits of the content of tensors and texts.
local function digest(tensors, texts)
  local net = scion()._net_new()
  for i, t in ipairs(tensors) do net:add_entry("t" .. i, t:detach():contiguous(), "const") end
  for i, text in ipairs(texts) do net:set_attr("text" .. i, text) end
  return net:hash()
end

local fingerprints = setmetatable({}, { __mode = "k" }) -- data set -> { version, digest }

-- The files of a data set of pictures, with size and time: a picture that was drawn anew under its name is another one.
local function files_of(set)
  local io, lines = scion().io, {}
  local archive = set.dir and io.path_kind(set.dir) == "file" and set.dir
  if archive then lines[1] = archive .. " " .. io.path_stamp(archive) end
  for i = 1, #set do
    local name = set:name_of(i)
    lines[#lines + 1] = archive and name or ("%s %s"):format(name, io.path_stamp(name) or "")
  end
  return table.concat(lines, "\n")
end

-- What identifies the content of a data set: its tensors (or files and preprocessing), and what a few of its items look like to
-- the network, so that conversions count.
local function fingerprint(set)
  local tensors, texts = {}, { getmetatable(set).class_name, tostring(#set) }
  local version = ""
  if set.x ~= nil then
    tensors = type(set.x) == "table" and table.move(set.x, 1, #set.x, 1, {}) or { set.x }
    for _, t in ipairs(tensors) do version = version .. t:version() .. "," end
  elseif set.name_of then
    version = files_of(set)
    texts[#texts + 1] = version
    if set.preprocessing then texts[#texts + 1] = require("scion.json").encode(set.preprocessing) end
  end
  local known = fingerprints[set]
  if known and known.version == version then return known.digest end
  local probes, step = {}, math.max(1, #set // 4)
  for i = 1, #set, step do probes[#probes + 1] = i end
  local seen = set:get(probes, { seed = 0, epoch = 0, position = 1 })
  for _, t in ipairs(type(seen) == "table" and seen or { seen }) do tensors[#tensors + 1] = t end
  local found = digest(tensors, texts)
  fingerprints[set] = { version = version, digest = found }
  return found
end

-- What identifies the values of some layers: the layers below them and their weights. Whether something is frozen does not count, since
-- features are always computed in eval mode.
local function part_key(net, names)
  local part = net:extract { to = names }
  local json, lines, tensors = require "scion.json", {}, {}
  for _, input in ipairs(part:inputs()) do lines[#lines + 1] = "input " .. input.name end
  for _, layer in ipairs(part:layers()) do
    if not layer.op or layer.mode == "train" then return part:hash() end -- layers in Lua say more about themselves there
    local ok, params = pcall(json.encode, layer.params or {})
    if not ok then return part:hash() end
    lines[#lines + 1] = json.encode { layer.name, layer.op, layer.n_outputs, table.move(layer.sources, 1, #layer.sources, 1, {}),
      table.move(layer.entries, 1, #layer.entries, 1, {}) } .. params
  end
  for _, entry in ipairs(part:entries()) do
    lines[#lines + 1] = "entry " .. entry.name
    tensors[#tensors + 1] = entry.tensor
  end
  return digest(tensors, { table.concat(lines, "\n") })
end

-- The targets of a walk in order, without reading x: ids, or the rows of y.
local function targets_of(set, root, positions)
  local s = scion()
  if set.classes and set:ids() then return s.tensor(set:ids(), { dtype = "i64" }) end
  if root.x ~= nil and root.y ~= nil and type(root.y) ~= "table" then
    return root.y:index_select(1, s.tensor(positions, { dtype = "i64" }))
  end
  return nil
end

-- ---- the cache -------------------------------------------------------------------------------------------------------

local Cache = class.class("FeatureCache")
M.Cache = Cache

local CACHE <const> = {
  dir = check.string {},                                   -- also on disk, one file per network part and data set
  max_bytes = check.integer { default = 256 << 20, min = 0 }, -- most memory; what was used longest ago goes first
}

--- A cache of features. opts: dir (a directory, made when needed; default: memory alone), max_bytes = 256 MiB.
function Cache:init(opts)
  self.options = check.opts("features.Cache", opts, CACHE, 4)
  self.stores, self.clock = {}, 0
  self.hits, self.misses = 0, 0 -- items found, items computed
end

Cache.__tostring = function(self)
  local n, bytes = 0, 0
  for _, store in pairs(self.stores) do n, bytes = n + 1, bytes + store.bytes end
  return ("FeatureCache: %d feature sets, %.1f MB, %d items found, %d computed"):format(n, bytes / 1e6, self.hits, self.misses)
end

--- Forgets what is in memory (files stay).
function Cache:clear() self.stores, self.hits, self.misses = {}, 0, 0 end

local function store_bytes(rows)
  local bytes = 0
  for _, t in ipairs(rows) do bytes = bytes + t:numel() * 4 end
  return bytes
end

local function read_store(path, n_layers)
  if not scion().io.path_kind(path) then return nil end
  local ok, found = pcall(scion().io.read_safetensors, path)
  if not ok or not found.positions then
    scion().emit("warn", ("features: the cache file %s is damaged and is made again"):format(path))
    return nil
  end
  local store = { rows = {}, row_of = {}, n = #found.positions }
  for i = 1, n_layers do
    if not found["layer" .. i] or #found["layer" .. i] ~= store.n then return nil end
    store.rows[i] = found["layer" .. i]
  end
  for row, position in ipairs(found.positions:tolist()) do store.row_of[position] = row end
  return store
end

local function write_store(path, store)
  local positions = {}
  for position, row in pairs(store.row_of) do positions[row] = position end
  local arrays = { positions = scion().tensor(positions, { dtype = "i64" }) }
  for i, rows in ipairs(store.rows) do arrays["layer" .. i] = rows:contiguous() end
  scion().io.save_safetensors(path, arrays)
end

local function find_store(self, key, n_layers)
  local store = self.stores[key]
  if not store and self.options.dir then
    store = read_store(("%s/%s.safetensors"):format(self.options.dir, key), n_layers)
    if store then
      store.bytes = store_bytes(store.rows)
      self.stores[key] = store
    end
  end
  return store
end

-- Lets go of what was used longest ago, until the rest fits.
local function shrink(self, keep)
  local total, list = 0, {}
  for key, store in pairs(self.stores) do
    total = total + store.bytes
    if store ~= keep then list[#list + 1] = { key = key, used = store.used or 0, bytes = store.bytes } end
  end
  table.sort(list, function(a, b) return a.used < b.used end)
  for _, item in ipairs(list) do
    if total <= self.options.max_bytes then break end
    self.stores[item.key] = nil
    total = total - item.bytes
  end
  if keep and total > self.options.max_bytes then
    for key, store in pairs(self.stores) do
      if store == keep then self.stores[key] = nil end
    end
  end
end

--- Values of layers for the items of an iterator, each computed at most once per cache; nil when the iterator's items cannot be
--- told apart or look different every time (augmentation, transforms, plain functions).
---@return scion.Tensor[]? values, scion.Tensor? targets
function Cache:collect(net, iterator, names, opts)
  if type(iterator) ~= "table" or not iterator.dataset or iterator.transform or iterator.balance ~= "none" then return nil end
  local set = iterator.dataset
  local all = {}
  for i = 1, #set do all[i] = i end
  local root, positions = root_of(set, all)
  if not root or root.is_random and root:is_random() or not root.subset or root.on_error == "skip" then return nil end
  local key = digest({}, { part_key(net, names), require("scion.json").encode(table.move(names, 1, #names, 1, {})), fingerprint(root) })
  local store = find_store(self, key, #names) or { rows = {}, row_of = {}, n = 0, bytes = 0 }
  local missing, asked = {}, {}
  for _, position in ipairs(positions) do
    if not store.row_of[position] and not asked[position] then
      asked[position] = true
      missing[#missing + 1] = position
    end
  end
  local s = scion()
  if #missing > 0 then
    local more = root:subset(missing):iterator { batch_size = iterator.batch_size, prefetch = iterator.prefetch }
    local values = gather(net, more, names, { progress = opts.progress, label = opts.label })
    for i = 1, #names do
      store.rows[i] = store.rows[i] and s.cat({ store.rows[i], values[i] }, 1) or values[i]
    end
    for i, position in ipairs(missing) do store.row_of[position] = store.n + i end
    store.n = store.n + #missing
    store.bytes = store_bytes(store.rows)
    self.stores[key] = store
    if self.options.dir then
      s.io.make_dir(self.options.dir)
      write_store(("%s/%s.safetensors"):format(self.options.dir, key), store)
    end
  end
  self.hits, self.misses = self.hits + #positions - #missing, self.misses + #missing
  self.clock = self.clock + 1
  store.used = self.clock
  local index, run = {}, true
  for i, position in ipairs(positions) do
    index[i] = store.row_of[position]
    run = run and (i == 1 or index[i] == index[i - 1] + 1)
  end
  local out = {}
  for i, rows in ipairs(store.rows) do
    if run then out[i] = rows:narrow(1, index[1], #index) else out[i] = rows:index_select(1, s.tensor(index, { dtype = "i64" })) end
    if opts.flatten then out[i] = out[i]:reshape(#index, -1) end
  end
  shrink(self, store)
  return out, targets_of(set, root, positions)
end

-- The cache that repurposers use unless they are given another, or false.
local shared

--- The cache of this program: in memory, of at most 256 MiB.
function M.shared_cache()
  shared = shared or Cache {}
  return shared
end

local by_dir = {}
--- The cache that an option means: nil or true: the program's; false: none; a path: one with files in that directory; or a Cache itself.
function M.choose_cache(where, given, level)
  if given == nil or given == true then return M.shared_cache() end
  if given == false then return nil end
  if type(given) == "string" then
    by_dir[given] = by_dir[given] or Cache { dir = given }
    return by_dir[given]
  end
  local meta = type(given) == "table" and getmetatable(given) -- told by name: modules may be loaded twice
  if meta and meta.class_name == "FeatureCache" then return given end
  error(("%s: cache must be true, false, a directory or a features.Cache, got %s"):format(where, check.describe(given)), (level or 2) + 1)
end

--- Values of layers for a whole data set, in the order of the data: list of tensors (N, ...), and the targets (class ids, or what the
--- data set gives). opts: flatten (N, F), cache (as choose_cache; default none), progress, label.
---@return scion.Tensor[] values, scion.Tensor? targets
function M.collect(net, iterator, names, opts)
  opts = opts or {}
  require("scion.trainer").check_data(opts.label or "features", iterator, 3)
  local cache = opts.cache ~= nil and M.choose_cache("features.collect", opts.cache, 2) or nil
  if cache then
    local ordered = type(iterator) == "table" and not iterator.shuffle
    if ordered then
      local values, targets = cache:collect(net, iterator, names, opts)
      if values then return values, targets end
    end
  end
  return gather(net, iterator, names, opts)
end

-- ---- streaming to a file ----------------------------------------------------------------------------------------------

local NAMES <const> = { f32 = "F32", f64 = "F64", i64 = "I64", i32 = "I32" }

-- Header of a safetensors file for tensors { name, dtype, shape } in order; returns it and the offsets of the data.
local function header_of(tensors, metadata)
  local json, parts, at, offsets = require "scion.json", {}, 0, {}
  if metadata then parts[1] = '"__metadata__":' .. json.encode(metadata) end
  for _, t in ipairs(tensors) do
    local n = t.size
    for _, d in ipairs(t.shape) do n = n * d end
    offsets[#offsets + 1] = at
    parts[#parts + 1] = ("%s:{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"):format(json.encode(t.name), NAMES[t.dtype],
      table.concat(t.shape, ","), at, at + n)
    at = at + n
  end
  local text = "{" .. table.concat(parts, ",") .. "}"
  text = text .. (" "):rep(-#text % 8)
  return string.pack("<I8", #text) .. text, offsets, at
end

local SIZE <const> = { f32 = 4, f64 = 8, i64 = 8, i32 = 4 }

--- Writes values of layers to a safetensors file batch by batch (never all of them in memory): one tensor per layer, and "ids" or "targets".
--- The iterator must know its number of items.
function M.stream(net, iterator, names, path, opts)
  if type(iterator) ~= "table" or not iterator.dataset then error("features: out needs an iterator over a data set", 3) end
  local total = iterator.items and iterator:items() or #iterator.dataset
  local temporary = path .. ".part"
  local file, why = io.open(temporary, "wb")
  if not file then error(("features: cannot write %s: %s"):format(path, why), 3) end
  local tensors, offsets, start, done = nil, nil, nil, 0
  local function describe(values, y)
    tensors = {}
    for i, value in ipairs(values) do
      local shape = { total }
      for d = 2, value:dim() do shape[d] = value:size(d) end
      tensors[i] = { name = names[i], dtype = value.dtype, size = SIZE[value.dtype], shape = shape }
    end
    if y then
      local shape = { total }
      for d = 2, y:dim() do shape[d] = y:size(d) end
      tensors[#tensors + 1] = { name = iterator.classes and "ids" or "targets", dtype = y.dtype, size = SIZE[y.dtype], shape = shape }
    end
    local metadata = { layers = require("scion.json").encode(names), network = net:hash() }
    if iterator.classes then metadata.classes = require("scion.json").encode(table.move(iterator.classes, 1, #iterator.classes, 1, {})) end
    local header
    header, offsets = header_of(tensors, metadata)
    start = #header
    assert(file:write(header))
  end
  local ok, message = pcall(M.each_batch, net, iterator, names, opts, function(values, y, n)
    if not tensors then describe(values, y) end
    local all = table.move(values, 1, #values, 1, {})
    if y then all[#all + 1] = y end
    for i, value in ipairs(all) do
      local row = tensors[i].size
      for d = 2, #tensors[i].shape do row = row * tensors[i].shape[d] end
      assert(file:seek("set", start + offsets[i] + done * row))
      assert(file:write(value:contiguous():bytes()))
    end
    done = done + n
  end)
  local closed, close_why = file:close()
  if not ok or not closed or done ~= total then
    os.remove(temporary)
    error(ok and ("features: %s: %s"):format(path, close_why or ("%d of %d items were seen"):format(done, total)) or message, 0)
  end
  assert(os.rename(temporary, path))
end

-- ---- reading such a file ---------------------------------------------------------------------------------------------------

local dataset = require "scion.data.dataset"
--- The features of one layer in a file that get_layer_output { out = path } wrote, as a data set: rows are read when asked for.
local File = class.class("FeatureFile", dataset.Dataset)
M.File = File

local LUA_NAMES <const> = { F32 = "f32", F64 = "f64", I64 = "i64", I32 = "i32" }
local FILE <const> = { layer = check.string {} }

--- The features of one layer in a file that get_layer_output { out = path } wrote, as a data set: rows are read when they are asked
--- for, so the file may be larger than memory. Train on features.File(path, { layer = "fc6" }):iterator { batch_size = 64 }.
---@param path string
---@param opts? { layer?: string } default: the first layer that was asked for
function File:init(path, opts)
  opts = check.opts("features.File", opts, FILE, 4)
  local kind = scion().io.path_kind(path)
  if kind == "directory" or kind == "other" then error(("features.File: cannot read %s: a %s"):format(path, kind == "other" and "device or pipe" or kind), 3) end
  local handle, why = io.open(path, "rb")
  if not handle then error(("features.File: cannot read %s"):format(why), 3) end
  local json = require "scion.json"
  local first = handle:read(8)
  local length = first and #first == 8 and string.unpack("<I8", first)
  local text = length and length > 0 and length < 1 << 26 and handle:read(length)
  local ok, header = pcall(json.decode, text or "")
  local meta = ok and type(header) == "table" and header.__metadata__
  if not meta or not meta.layers then
    handle:close()
    error(("features.File: %s holds no features"):format(path), 3)
  end
  self.layers = show.list(json.decode(meta.layers))
  local layer = opts.layer or self.layers[1]
  if not header[layer] then
    handle:close()
    error(("features.File: %s has no layer '%s' (it has %s)"):format(path, layer, tostring(self.layers)), 3)
  end
  self.path, self.handle, self.start, self.header, self.layer = path, handle, 8 + length, header, layer
  self.n = header[layer].shape[1]
  if meta.classes then self.classes = show.list(json.decode(meta.classes)) end
  local y = header.ids or header.targets
  self.y = y and self:_rows(y, 1, self.n)
  self.id_list = header.ids and self.y:tolist() or nil
end

function File:ids() return self.classes and self.id_list or nil end

-- Rows first .. first + count - 1 of an entry, as a tensor.
function File:_rows(entry, first, count)
  local dtype, shape, row = LUA_NAMES[entry.dtype], { count }, nil
  row = SIZE[dtype]
  for d = 2, #entry.shape do shape[d], row = entry.shape[d], row * entry.shape[d] end
  assert(self.handle:seek("set", self.start + math.tointeger(entry.data_offsets[1]) + (first - 1) * row))
  local bytes = self.handle:read(count * row)
  if not bytes or #bytes ~= count * row then error(("features.File: %s is cut short"):format(self.path), 0) end
  return scion().from_bytes(bytes, dtype, shape)
end

-- All rows of a layer.
function File:_whole(layer) return self:_rows(self.header[layer], 1, self.header[layer].shape[1]) end

function File:get(positions)
  local parts, entry = {}, self.header[self.layer]
  local i = 1
  while i <= #positions do
    local last = i
    while positions[last + 1] == positions[last] + 1 do last = last + 1 end
    if positions[i] < 1 or positions[last] > self.n then error(("get: position %d out of range 1..%d"):format(positions[last], self.n), 2) end
    parts[#parts + 1] = self:_rows(entry, positions[i], last - i + 1)
    i = last + 1
  end
  local x = #parts == 1 and parts[1] or scion().cat(parts, 1)
  return x, self.y and self.y:index_select(1, scion().tensor(positions, { dtype = "i64" }))
end

--- What get_layer_output gives: features by layer name (a table that keeps the order asked for), labels, ids.
function M.by_name(net, iterator, names, opts)
  local values, y, file
  if opts.out then
    M.stream(net, iterator, names, opts.out, opts)
    file = File(opts.out)
    y = file.y
  else
    values, y = M.collect(net, iterator, names, opts)
  end
  local order = table.move(names, 1, #names, 1, {})
  local out = setmetatable({}, {
    __index = file and function(self, name) -- a layer in the file is read when it is first touched
      if not file.header[name] then return nil end
      local value = file:_whole(name)
      rawset(self, name, value)
      return value
    end,
    __pairs = function(self)
      local i = 0
      return function()
        i = i + 1
        if order[i] then return order[i], self[order[i]] end
      end
    end,
    __tostring = function(self)
      local lines = {}
      for i, name in ipairs(order) do
        lines[i] = ("%s: (%s)"):format(name, table.concat(file and file.header[name].shape or self[name].shape, ", "))
      end
      return table.concat(lines, "\n")
    end,
  })
  for i, name in ipairs(values and names or {}) do out[name] = values[i] end
  local classes = type(iterator) == "table" and iterator.classes
  if y and classes and y.dtype == "i64" then
    return out, require("scion.data.labels").decode(y, classes), y
  end
  return out, y and y.dtype == "i64" and y:dim() == 1 and show.list(y:tolist()) or y, y
end

return M
