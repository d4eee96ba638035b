-- Data sets: items that can be asked for by position. An iterator (iterator.lua) walks one in batches.
--
-- A data set knows #set (items), set.classes (labels of the classes, or nil), set:ids() (class ids of its
-- items as a Lua list) and set:get(positions), which returns a batch x, y. Cutting (subset, split,
-- take_per_class, kfold, only) makes views that share the data.

local check = require "scion.check"
local class = require "scion.class"
local labels = require "scion.data.labels"
local rng = require "scion.data.rng"
local show = require "scion.show"

local Dataset = class.class("Dataset")

Dataset.__len = function(self) return self:size() end
Dataset.__tostring = function(self)
  local kinds = self.classes and (", %d classes"):format(#self.classes) or ""
  return ("%s: %d items%s"):format(getmetatable(self).class_name, #self, kinds)
end

--- Number of items. Subclasses set self.n or override.
function Dataset:size() return self.n end

--- The items at `positions` (a list of 1-based integers) as a batch: x, y. y is i64 class ids (N) when
--- the set has classes, a float tensor of targets when it does not, nil when it is unlabelled.
function Dataset:get(_)
  error(("%s: get(positions) is not defined"):format(getmetatable(self).class_name), 2)
end

--- Class ids of all items as a Lua list, or nil for sets without classes.
function Dataset:ids() return nil end

--- Labels of all items as a list.
function Dataset:labels()
  local ids = self:ids()
  if not ids then return nil end
  return labels.decode(ids, self.classes)
end

local function need_ids(self, where)
  local ids = self:ids()
  if not ids then
    check.raise("%s: the data set has no classes", where)
  end
  return ids
end

-- Positions of every class, in order.
local function by_class(self, where)
  local groups = {}
  for k = 1, #self.classes do groups[k] = {} end
  for i, id in ipairs(need_ids(self, where)) do table.insert(groups[id], i) end
  return groups
end

--- Items per class, as a list in class order.
function Dataset:class_counts()
  local counts = show.list {}
  for k, group in ipairs(by_class(self, "class_counts")) do counts[k] = #group end
  return counts
end

-- A view of some items of another set, perhaps with a transform on its batches.
local View = class.class("DataView", Dataset)

function View:init(base, positions, transform)
  self.base, self.positions, self.transform = base, positions, transform
  self.n = positions and #positions or #base
  self.classes = base.classes
  self.preprocessing = base.preprocessing
end

function View:translate(positions)
  if not self.positions then return positions end
  local out = {}
  for i, p in ipairs(positions) do
    local q = self.positions[p]
    if not q then check.raise("get: position %s out of range 1..%d", tostring(p), self.n) end
    out[i] = q
  end
  return out
end

function View:get(positions, context)
  local x, y = self.base:get(self:translate(positions), context)
  if self.class_map and y then
    -- Class ids change when classes are left out: rewrite them through a small table.
    y = self.class_map:index_select(1, y)
  end
  if self.transform then return self.transform(x, y, context) end
  return x, y
end

function View:ids()
  if self.id_list then return self.id_list end
  local base_ids = self.base:ids()
  if not base_ids then return nil end
  local ids = {}
  if self.positions then
    for i, p in ipairs(self.positions) do ids[i] = base_ids[p] end
  else
    ids = base_ids
  end
  if self.class_table then
    local mapped = {}
    for i, id in ipairs(ids) do mapped[i] = self.class_table[id] end
    ids = mapped
  end
  self.id_list = ids
  return ids
end

-- Loaders that work on threads are asked for at the root set; views pass their positions on.
function View:loader(order, context)
  if self.transform or self.class_map or not self.base.loader then return nil end
  return self.base:loader(self:translate(order), context)
end

-- Does an item look different every time?
function View:is_random() return self.transform ~= nil or self.base.is_random ~= nil and self.base:is_random() end

-- This view of another base.
local function over(self, base)
  if base == self.base then return self end
  local view = View(base, self.positions, self.transform)
  view.classes, view.class_table, view.class_map = self.classes, self.class_table, self.class_map
  return view
end

function View:without_augmentation()
  return self.base.without_augmentation and over(self, self.base:without_augmentation()) or self
end

function View:augment(steps)
  if self.transform then check.raise("augment: call it before map") end
  return over(self, self.base:augment(steps))
end

function View:name_of(position)
  if self.base.name_of then return self.base:name_of(self:translate({ position })[1]) end
end

--- The same pictures, changed at random on the engine's threads whenever they are read: steps as scion.io.image_loader takes
--- them, true for the usual ones (shift or crop, and mirroring), false for none. Sets of pictures alone can.
---@param _ boolean|table[]
function Dataset:augment(_)
  check.raise("augment: %s does not hold pictures (data.image_folder, data.images and kin do)", getmetatable(self).class_name)
end

--- The items at the given positions (a list, repeats allowed).
function Dataset:subset(positions)
  if type(positions) == "userdata" then positions = positions:tolist() end
  check.arg("subset", "positions", positions, check.list { of = check.integer { min = 1, max = #self } }, "user")
  return View(self, positions)
end

--- The first n items.
function Dataset:head(n)
  check.arg("head", "n", n, check.integer { required = true, min = 1, max = #self }, "user")
  local positions = {}
  for i = 1, n do positions[i] = i end
  return View(self, positions)
end

local TAKE <const> = { seed = check.integer { default = 0 } }

--- k random items of every class, grouped by class.
---@param k integer
---@param opts? { seed?: integer }
function Dataset:take_per_class(k, opts)
  check.arg("take_per_class", "k", k, check.integer { required = true, min = 1 }, "user")
  opts = check.opts("take_per_class", opts, TAKE, "user")
  local positions = {}
  for c, group in ipairs(by_class(self, "take_per_class")) do
    if #group < k then
      check.raise("take_per_class: class %s has %d items, %d asked for",
        check.describe(self.classes[c]), #group, k)
    end
    rng.new(opts.seed, c):shuffle(group)
    table.move(group, 1, k, #positions + 1, positions)
  end
  return View(self, positions)
end

--- The items of some classes; the rest of the classes disappear and ids are counted anew.
---@param wanted any[] labels
function Dataset:only(wanted)
  check.arg("only", "classes", wanted, check.list { required = true, min_length = 1 }, "user")
  local ids = need_ids(self, "only")
  local id_of, new_id = {}, {}
  for k, label in ipairs(self.classes) do id_of[label] = k end
  for i, label in ipairs(wanted) do
    local id = id_of[label]
    if not id then
      check.raise("only: %s is not among the classes %s", check.describe(label), tostring(self.classes))
    end
    new_id[id] = i
  end
  local positions, class_table = {}, {}
  for i, id in ipairs(ids) do
    if new_id[id] then positions[#positions + 1] = i end
  end
  for k = 1, #self.classes do class_table[k] = new_id[k] or 1 end
  local view = View(self, positions)
  view.classes = show.list(table.move(wanted, 1, #wanted, 1, {}))
  view.class_table = class_table
  view.class_map = require("scion").tensor(class_table, { dtype = "i64" })
  return view
end

--- A set whose batches pass through fn(x, y) -> x, y when they are made.
function Dataset:map(fn)
  check.arg("map", "fn", fn, check.func { required = true }, "user")
  return View(self, nil, function(x, y)
    local new_x, new_y = fn(x, y)
    if new_y == nil then new_y = y end
    return new_x, new_y
  end)
end

local SPLIT <const> = { seed = check.integer { default = 0 }, stratify = check.boolean {}, shuffle = true }

-- Cuts a list of positions into parts of the given fractions.
local function cut(positions, fractions, parts)
  local begin, sum = 1, 0
  for i, fraction in ipairs(fractions) do
    sum = sum + fraction
    local stop = i == #fractions and #positions or math.floor(sum * #positions + 0.5)
    table.move(positions, begin, stop, #parts[i] + 1, parts[i])
    begin = stop + 1
  end
end

--- Random disjoint parts: `local train, valid = set:split(0.8)` or `set:split({ 0.7, 0.2, 0.1 })`.
--- Stratified where the set has classes: every part has its share of each class.
---@param fractions number|number[]
---@param opts? { seed?: integer, stratify?: boolean, shuffle?: boolean }
function Dataset:split(fractions, opts)
  opts = check.opts("split", opts, SPLIT, "user")
  if type(fractions) == "number" then fractions = { fractions, 1 - fractions } end
  check.arg("split", "fractions", fractions, check.list { required = true, min_length = 2,
    of = check.number { above = 0, below = 1 } }, "user")
  local sum = 0
  for _, f in ipairs(fractions) do sum = sum + f end
  if math.abs(sum - 1) > 1e-6 then
    check.raise("split: fractions must add up to 1, they add up to %g", sum)
  end
  local stratify = opts.stratify
  if stratify == nil then stratify = self:ids() ~= nil and self.classes ~= nil end
  local groups
  if stratify then
    groups = by_class(self, "split")
  else
    local all = {}
    for i = 1, #self do all[i] = i end
    groups = { all }
  end
  local parts = {}
  for i = 1, #fractions do parts[i] = {} end
  for g, group in ipairs(groups) do
    if opts.shuffle then rng.new(opts.seed, g):shuffle(group) end
    cut(group, fractions, parts)
  end
  for i, part in ipairs(parts) do
    table.sort(part)
    if #part == 0 then check.raise("split: part %d (fraction %g of %d items) is empty", i, fractions[i], #self) end
    parts[i] = View(self, part)
  end
  return table.unpack(parts)
end

--- k folds for cross-validation: a list of { train, test } pairs, stratified where there are classes.
function Dataset:kfold(k, opts)
  check.arg("kfold", "k", k, check.integer { required = true, min = 2, max = #self }, "user")
  opts = check.opts("kfold", opts, TAKE, "user")
  local fold_of = {}
  local groups
  if self.classes and self:ids() then
    groups = by_class(self, "kfold")
  else
    groups = { {} }
    for i = 1, #self do groups[1][i] = i end
  end
  local next_fold = 0
  for g, group in ipairs(groups) do
    rng.new(opts.seed, g):shuffle(group)
    for _, position in ipairs(group) do
      fold_of[position] = next_fold % k + 1
      next_fold = next_fold + 1
    end
  end
  local folds = {}
  for f = 1, k do
    local train, test = {}, {}
    for i = 1, #self do table.insert(fold_of[i] == f and test or train, i) end
    folds[f] = { View(self, train), View(self, test) }
  end
  return folds
end

--- An iterator over batches; see scion.data.Iterator for the options.
function Dataset:iterator(opts)
  return require("scion.data.iterator").Iterator(self, opts)
end

-- Data held in tensors. x: (N, ...); ids and targets as data.tensors describes. `convert` turns a raw batch
-- of x into the values that the network sees (u8 pixels to f32 in 0..1), so that storage stays small.
local TensorDataset = class.class("TensorDataset", Dataset)

function TensorDataset:init(fields)
  self.x, self.y, self.classes = fields.x, fields.y, fields.classes
  self.convert, self.preprocessing = fields.convert, fields.preprocessing
  self.id_list = fields.ids
  self.n = fields.n
end

function TensorDataset:ids() return self.classes and self.id_list or nil end

-- A run of consecutive positions is read as a view.
local function is_run(positions)
  local first = positions[1]
  for i = 2, #positions do
    if positions[i] ~= first + i - 1 then return false end
  end
  return true
end

local function rows(tensor, positions, index)
  if type(tensor) == "table" then
    local out = {}
    for i, t in ipairs(tensor) do out[i] = rows(t, positions, index) end
    return out
  end
  if is_run(positions) then return tensor:narrow(1, positions[1], #positions) end
  return tensor:index_select(1, index)
end

function TensorDataset:get(positions)
  local n = self.n
  for i = 1, #positions do
    local p = positions[i]
    if p < 1 or p > n then check.raise("get: position %d out of range 1..%d", p, n) end
  end
  local index = require("scion").tensor(positions, { dtype = "i64" })
  local x = rows(self.x, positions, index)
  if self.convert then x = self.convert(x) end
  local y = self.y and rows(self.y, positions, index)
  return x, y
end

function TensorDataset:augment(steps)
  if not self.preprocessing then return Dataset.augment(self, steps) end
  if not steps then return self end
  return require("scion.data.image_folder").of_tensor(self, steps)
end

return { Dataset = Dataset, DataView = View, TensorDataset = TensorDataset }
