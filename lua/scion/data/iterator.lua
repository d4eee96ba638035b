-- Iterators: a walk over a data set in batches.
--
--   for x, y in it do ... end        one pass (epoch); the next loop is the next pass
--   local x, y = it:next()           by hand; nil at the end of the pass
--
-- #it is the number of batches in a pass and #it.dataset the number of items. it.classes are the labels
-- of class ids 1..K. it.state (a plain table) is what a checkpoint keeps: assigning it makes the walk
-- go on exactly there, in the middle of a pass too. Orders depend on (seed, epoch) alone.

local check = require "scion.check"
local class = require "scion.class"
local rng = require "scion.data.rng"

local Iterator = class.class("Iterator")

local OPTS <const> = {
  batch_size = check.integer { default = 32, min = 1 },
  shuffle = false,
  seed = check.integer { default = 0 },
  -- keep: the last batch may be short; drop: leave it out; pad: fill it up with items from the
  -- beginning of the pass (it:padding() tells how many).
  last_batch = check.choice({ "keep", "drop", "pad" }, { default = "keep" }),
  -- oversample: every class as often as the largest; undersample: as often as the smallest.
  balance = check.either({ check.choice { "none", "oversample", "undersample" }, check.boolean {} }, { default = "none" }),
  transform = check.func {}, -- function(x, y, keys) -> x, y on every batch
  prefetch = check.integer { default = 4, min = 0 }, -- batches decoded ahead by threads, where the set decodes
}

Iterator.OPTS = OPTS

-- Fields that are computed when asked for.
function Iterator:__field(name)
  if name == "state" then return self:get_state() end
  return nil
end
Iterator.__index = class.field_index(Iterator)

Iterator.__newindex = function(self, name, value)
  if name == "state" then return self:set_state(value) end
  rawset(self, name, value)
end

Iterator.__len = function(self) return self:batches() end

Iterator.__tostring = function(self)
  return ("Iterator: %d items in %d batches of %d%s%s"):format(#self.dataset, #self, self.batch_size,
    self.shuffle and ", shuffled" or "", self.classes and (", %d classes"):format(#self.classes) or "")
end

-- In `for x, y in it do` Lua calls it(nil, x_before): two arguments, the second nil at the start of a loop.
-- A loop that was left by break therefore starts a new pass the next time.
Iterator.__call = function(self, ...)
  if select("#", ...) >= 2 and select(2, ...) == nil then
    if self.resumed then
      rawset(self, "resumed", false)
    elseif self.position > 0 then
      self:reset()
    end
  end
  return self:next()
end

function Iterator:init(dataset, opts)
  opts = check.opts("iterator", opts, OPTS, "user")
  if type(dataset) ~= "table" or type(dataset.get) ~= "function" then
    check.raise("iterator: expected a data set, got %s", check.describe(dataset))
  end
  if #dataset == 0 then check.raise("iterator: the data set is empty") end
  rawset(self, "dataset", dataset)
  rawset(self, "classes", dataset.classes)
  rawset(self, "options", opts)
  for _, name in ipairs { "batch_size", "shuffle", "seed", "last_batch", "transform", "prefetch" } do
    rawset(self, name, opts[name])
  end
  local balance = opts.balance
  if balance == true then balance = "oversample" elseif balance == false then balance = "none" end
  rawset(self, "balance", balance)
  if balance ~= "none" and not (dataset.classes and dataset:ids()) then
    check.raise("iterator: balance needs a data set with classes")
  end
  rawset(self, "epoch", 1)
  rawset(self, "position", 0) -- batches handed out in this pass
  rawset(self, "resumed", false)
  if opts.last_batch == "drop" and self:items() < opts.batch_size then
    check.raise("iterator: last_batch = 'drop' leaves no batch: %d items, batch_size %d", self:items(), opts.batch_size)
  end
end

-- Positions of each class, computed once.
local function groups_of(self)
  if self.groups then return self.groups end
  local groups = {}
  for k = 1, #self.dataset.classes do groups[k] = {} end
  for i, id in ipairs(self.dataset:ids()) do table.insert(groups[id], i) end
  local used = {}
  for _, group in ipairs(groups) do
    if #group > 0 then used[#used + 1] = group end
  end
  rawset(self, "groups", used)
  return used
end

local function per_class(self)
  local most, least = 0, math.huge
  for _, group in ipairs(groups_of(self)) do
    most, least = math.max(most, #group), math.min(least, #group)
  end
  return self.balance == "oversample" and most or least
end

--- Items in one pass (differs from #it.dataset under balance).
function Iterator:items()
  if self.balance == "none" then return #self.dataset end
  return per_class(self) * #groups_of(self)
end

--- Batches in one pass.
function Iterator:batches()
  local n = self:items()
  if self.last_batch == "drop" then return n // self.batch_size end
  return (n + self.batch_size - 1) // self.batch_size
end

-- The order of a pass: a list of positions.
local function pass_order(self)
  local n = #self.dataset
  if self.balance == "none" then
    if self.shuffle then return rng.new(self.seed, self.epoch):permutation(n) end
    local order = {}
    for i = 1, n do order[i] = i end
    return order
  end
  local order, count = {}, per_class(self)
  for g, group in ipairs(groups_of(self)) do
    local r = rng.new(self.seed, self.epoch, g)
    local copy = table.move(group, 1, #group, 1, {})
    for i = 1, count do
      local j = (i - 1) % #copy + 1
      if j == 1 and (self.shuffle or i > 1 or self.balance == "undersample") then r:shuffle(copy) end
      order[#order + 1] = copy[j]
    end
  end
  if self.shuffle then rng.new(self.seed, self.epoch, 0):shuffle(order) end
  return order
end

local function begin_pass(self)
  local order = pass_order(self)
  local short = #order % self.batch_size
  rawset(self, "pad_count", 0)
  if short ~= 0 and self.last_batch == "pad" then
    local missing = self.batch_size - short
    for i = 1, missing do order[#order + 1] = order[(i - 1) % self:items() + 1] end
    rawset(self, "pad_count", missing)
  end
  rawset(self, "order", order)
  if self.dataset.loader and self.prefetch > 0 then
    rawset(self, "loader", self.dataset:loader(order, {
      batch_size = self.batch_size, seed = self.seed, epoch = self.epoch, prefetch = self.prefetch,
      first = self.position * self.batch_size + 1,
    }))
  end
end

local function end_loader(self)
  local loader = self.loader
  rawset(self, "loader", nil)
  if loader and loader.close then loader:close() end
end

--- Positions in the data set of batch number b of this pass.
local function batch_positions(self, b)
  local first = (b - 1) * self.batch_size + 1
  local last = math.min(first + self.batch_size - 1, #self.order)
  return table.move(self.order, first, last, 1, {})
end

--- The next batch x, y, or nil at the end of the pass (the following call begins the next one).
function Iterator:next()
  if not self.order then begin_pass(self) end
  if self.position >= #self then
    end_loader(self)
    rawset(self, "order", nil)
    rawset(self, "position", 0)
    rawset(self, "epoch", self.epoch + 1)
    return nil
  end
  local b = self.position + 1
  local x, y
  if self.loader then
    x, y = self.loader:next()
    if x == nil then -- everything that was left could not be read
      rawset(self, "position", #self)
      return self:next()
    end
  else
    x, y = self.dataset:get(batch_positions(self, b), { seed = self.seed, epoch = self.epoch, position = b })
  end
  rawset(self, "position", b)
  if self.transform then
    local new_x, new_y = self.transform(x, y, { seed = self.seed, epoch = self.epoch, batch = b })
    if new_x == nil then check.raise("iterator: transform returned nothing (expected x, y)") end
    x = new_x
    if new_y ~= nil then y = new_y end
  end
  return x, y
end

--- Positions (in the data set) of the items in the batch handed out last.
function Iterator:positions()
  if not self.order or self.position == 0 then return nil end
  return batch_positions(self, self.position)
end

--- How many items of the batch handed out last are padding (only under last_batch = "pad").
function Iterator:padding()
  return self.position == #self and self.pad_count or 0
end

local RESET <const> = { epoch = check.integer { min = 1 } }

--- Goes to the beginning of a pass: the next one when this one has begun, or the one named by opts.epoch.
---@param opts? { epoch?: integer }
function Iterator:reset(opts)
  opts = check.opts("reset", opts, RESET)
  end_loader(self)
  if opts.epoch then
    rawset(self, "epoch", opts.epoch)
  elseif self.position > 0 then
    rawset(self, "epoch", self.epoch + 1)
  end
  rawset(self, "order", nil)
  rawset(self, "position", 0)
  rawset(self, "resumed", false)
  return self
end

--- What a checkpoint keeps: a plain table.
function Iterator:get_state()
  return { epoch = self.epoch, position = self.position, seed = self.seed, items = self:items(),
    batch_size = self.batch_size }
end

local STATE <const> = {
  epoch = check.integer { required = true, min = 1 }, position = check.integer { required = true, min = 0 },
  seed = check.integer { required = true }, items = check.integer { required = true, min = 1 },
  batch_size = check.integer { required = true, min = 1 },
}

--- Goes on from a state. The data must be what they were: their number and the batch size are checked.
function Iterator:set_state(state)
  state = check.opts("iterator state", state, STATE)
  if state.items ~= self:items() or state.batch_size ~= self.batch_size then
    check.raise("iterator: the state belongs to %d items in batches of %d, this iterator has %d in batches of %d",
      state.items, state.batch_size, self:items(), self.batch_size)
  end
  end_loader(self)
  rawset(self, "seed", state.seed)
  rawset(self, "epoch", state.epoch)
  rawset(self, "position", state.position)
  rawset(self, "order", nil)
  rawset(self, "resumed", true)
end

--- The same data with other options: it:with { batch_size = 256, shuffle = false }.
function Iterator:with(changes)
  changes = changes or {}
  local opts = {}
  for name, value in pairs(self.options) do opts[name] = value end
  for name, value in pairs(changes) do opts[name] = value end
  return Iterator(self.dataset, opts)
end

--- The first item, as a batch of one: x, y. The iterator stays where it is; pictures that cannot be read and are to be skipped are passed over.
function Iterator:first()
  local function first_of(batch_size)
    return self:with({ batch_size = batch_size, shuffle = false, last_batch = "keep", balance = "none", prefetch = 0 }):next()
  end
  local ok, x, y = pcall(first_of, 1)
  if not ok then x, y = first_of(math.max(self.batch_size, 32)) end
  local function one(t) return t ~= nil and t:narrow(1, 1, 1) or nil end
  if type(x) ~= "table" then return one(x), one(y) end
  local list = {}
  for i, t in ipairs(x) do list[i] = one(t) end
  return list, one(y)
end

--- The data once, item after item, nothing random and nothing left out: for predictions and features.
function Iterator:in_order(batch_size)
  local opts = { batch_size = batch_size or self.batch_size, prefetch = self.prefetch }
  local dataset = self.dataset
  if dataset.without_augmentation then dataset = dataset:without_augmentation() end
  return Iterator(dataset, opts)
end

-- Methods of data sets, on the data behind the iterator: each gives an iterator with the same options.

--- The items at the given positions; see Dataset:subset.
function Iterator:subset(positions) return Iterator(self.dataset:subset(positions), self.options) end
--- The first n items.
function Iterator:head(n) return Iterator(self.dataset:head(n), self.options) end
--- The items of some classes, whose ids are counted anew; see Dataset:only.
function Iterator:only(classes) return Iterator(self.dataset:only(classes), self.options) end
--- k random items of every class; see Dataset:take_per_class.
---@param k integer
---@param opts? { seed?: integer }
function Iterator:take_per_class(k, opts) return Iterator(self.dataset:take_per_class(k, opts), self.options) end
--- The same with fn(x, y) -> x, y applied to the batches; see Dataset:map.
function Iterator:map(fn) return Iterator(self.dataset:map(fn), self.options) end
--- The same pictures with random changes on threads, or without (false); see Dataset:augment.
---@param steps boolean|table[]
function Iterator:augment(steps) return Iterator(self.dataset:augment(steps), self.options) end

--- Two or more iterators over disjoint parts; see Dataset:split.
---@param fractions number|number[]
---@param opts? { seed?: integer, stratify?: boolean, shuffle?: boolean }
function Iterator:split(fractions, opts)
  local parts = table.pack(self.dataset:split(fractions, opts))
  for i = 1, parts.n do parts[i] = Iterator(parts[i], self.options) end
  return table.unpack(parts, 1, parts.n)
end

--- k pairs { train, test } of iterators for cross-validation; see Dataset:kfold.
---@param k integer
---@param opts? { seed?: integer }
function Iterator:kfold(k, opts)
  local folds = self.dataset:kfold(k, opts)
  for _, fold in ipairs(folds) do
    for i = 1, 2 do fold[i] = Iterator(fold[i], self.options) end
  end
  return folds
end

--- Labels of all items, as a list.
function Iterator:labels() return self.dataset:labels() end
--- Items per class, in class order.
function Iterator:class_counts() return self.dataset:class_counts() end

local M = { Iterator = Iterator, OPTS = OPTS }

--- Splits an options table into those of the iterator and the rest.
function M.split_options(opts)
  local mine, rest = {}, {}
  for name, value in pairs(opts or {}) do
    if OPTS[name] ~= nil and name ~= "transform" then mine[name] = value else rest[name] = value end
  end
  if opts and opts.transform then mine.transform = opts.transform end
  rest.transform = nil
  return mine, rest
end

return M
