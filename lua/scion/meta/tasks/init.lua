-- Tasks and where they come from. A task is a table
--
--   { support_x =, support_y =, query_x =, query_y =, label = "task 7", classes = { ... } }
--
-- x is a tensor, or a list of them for nets with several inputs; y are class ids 1..K or numbers. A source gives task number i of an
-- endless, reproducible sequence: source:task(i). Numbers above 2^40 are those of the held-out tasks that evaluate() uses. A plain list of
-- tasks is a source too: it is walked in an order shuffled anew in every pass.

local check = require "scion.check"
local class = require "scion.class"
local rng = require "scion.data.rng"

local M = {}

local function scion() return require "scion" end

local function is_tensor(v)
  local meta = getmetatable(v)
  return type(v) == "userdata" and type(meta) == "table" and meta.__name == "scion.Tensor"
end
--- Is the value a tensor?
function M.is_tensor(v) return is_tensor(v) end

-- ---- x: a tensor, or a list of tensors --------------------------------------------------------------------------------

--- Is the value what a net takes: a tensor, or a list of tensors with equally many items?
function M.is_input(x)
  if type(x) ~= "table" then return is_tensor(x) end
  for _, t in ipairs(x) do
    if not is_tensor(t) or t:dim() == 0 or #t ~= #x[1] then return false end
  end
  return #x > 0
end

--- Number of items.
function M.count(x) return type(x) == "table" and #x[1] or #x end

--- fn(tensor, ...) of the tensor, or of each of the list; further arguments may be inputs of the same kind.
function M.each_input(fn, x, ...)
  if type(x) ~= "table" then return fn(x, ...) end
  local out = {}
  for i, t in ipairs(x) do
    local rest = table.pack(...)
    for k = 1, rest.n do
      if type(rest[k]) == "table" then rest[k] = rest[k][i] end
    end
    out[i] = fn(t, table.unpack(rest, 1, rest.n))
  end
  return out
end

--- Items first .. first + n - 1.
function M.narrow(x, first, n) return M.each_input(function(t) return t:narrow(1, first, n) end, x) end

--- The items of several inputs, one after the other.
function M.join(list)
  if type(list[1]) ~= "table" then return #list == 1 and list[1] or scion().cat(list, 1) end
  local out = {}
  for i in ipairs(list[1]) do
    local parts = {}
    for k, x in ipairs(list) do parts[k] = x[i] end
    out[i] = #parts == 1 and parts[1] or scion().cat(parts, 1)
  end
  return out
end

-- ---- sources --------------------------------------------------------------------------------------------------------

--- What messages call task number i of a source.
function M.label(i) return i < M.HELD_OUT and ("task %d"):format(i) or ("held-out task %d"):format(i - M.HELD_OUT + 1) end

local FIELDS <const> = { "support_x", "support_y", "query_x", "query_y" }

--- The base of sources: a subclass defines task(i).
local Source = class.class "TaskSource"
M.Source = Source

--- Task number i (from 1): the same for the same number, whoever asks.
function Source:task(_) error(("%s: task(i) is not defined"):format(getmetatable(self).class_name), 2) end

--- n tasks beginning with number `first`, as a list.
function Source:tasks(first, n)
  local list = {}
  for k = 1, n do list[k] = self:task(first + k - 1) end
  return list
end

--- n tasks as one whose items stand one task after the other, with the field `tasks` = n; nil where their shapes differ.
function Source:batch(first, n)
  local list = self:tasks(first, n)
  for _, task in ipairs(list) do
    if not pcall(M.check, "", task) then return nil end -- one by one, where what is wrong is told
  end
  return M.stack(list)
end

local ListSource = class.class("TaskList", Source)
function ListSource:init(list, seed)
  self.list, self.seed, self.n = {}, seed or 0, #list
  for i, task in ipairs(list) do
    if type(task) == "table" and M.is_input(task.support_x) and not task.label then -- messages name the task by its place in the list
      local named = { label = ("task %d"):format(i) }
      for key, value in pairs(task) do named[key] = value end
      task = named
    end
    self.list[i] = task
  end
end
ListSource.__len = function(self) return self.n end
function ListSource:task(i)
  local n = self.n
  local pass, at = (i - 1) // n, (i - 1) % n + 1
  if self.pass ~= pass then self.pass, self.order = pass, rng.new(self.seed, pass):permutation(n) end
  return self.list[self.order[at]]
end

--- A source from what a user gives: a source, or a list of tasks.
function M.source(where, given, seed, level)
  if class.is_a(given, Source) then return given end
  if type(given) == "table" and type(given.task) == "function" then return given end
  if type(given) == "table" and #given > 0 and getmetatable(given) == nil then return ListSource(given, seed) end
  error(("%s: tasks must be a source of tasks or a list of them, got %s"):format(where, check.describe(given)), (level or 2) + 1)
end

--- Every tensor in a table of tables: what a scope has to keep.
function M.tensors_in(value, out)
  out = out or {}
  if is_tensor(value) then out[#out + 1] = value
  elseif type(value) == "table" then for _, item in pairs(value) do M.tensors_in(item, out) end end
  return out
end

--- The label of a task, if it has one; a task may be an iterator.
function M.label_of(task) return type(task) == "table" and rawget(task, "label") or nil end

--- Raises unless a task is one that can be trained on without queries: support items, { train = iterator } or an iterator.
function M.check_trained(where, task, level)
  if type(task) == "table" and rawget(task, "support_x") ~= nil then return M.check(where, task, (level or 2) + 1, { "support" }) end
  M.batches(where, task)
end

--- Checks one task; returns it. parts: { "support" } where queries are not needed.
function M.check(where, task, level, parts)
  level = (level or 2) + 1
  if type(task) ~= "table" then error(("%s: a task is a table { support_x, support_y, query_x, query_y }, got %s"):format(where, check.describe(task)), level) end
  if task.label then where = ("%s: %s"):format(where, task.label) end
  for _, part in ipairs(parts or { "support", "query" }) do
    local x, y = task[part .. "_x"], task[part .. "_y"]
    if not M.is_input(x) then
      error(("%s: %s_x of a task must be a tensor or a list of tensors of equally many items, got %s"):format(where, part, check.describe(x)), level)
    end
    if not is_tensor(y) then error(("%s: %s_y of a task must be a tensor, got %s"):format(where, part, check.describe(y)), level) end
    if type(x) ~= "table" and x:dim() == 0 or M.count(x) == 0 then error(("%s: a task without %s items"):format(where, part), level) end
    if y:dim() == 0 or M.count(x) ~= #y then
      error(("%s: %d items in %s_x but %d in %s_y"):format(where, M.count(x), part, y:dim() == 0 and 1 or #y, part), level)
    end
  end
  return task
end

local same_shape
function same_shape(a, b)
  if type(a) == "table" then
    for i = 1, math.max(#a, type(b) == "table" and #b or 0) do
      if not (type(b) == "table" and a[i] and b[i] and same_shape(a[i], b[i])) then return false end
    end
    return true
  end
  if type(b) == "table" or a.dtype ~= b.dtype or a:dim() ~= b:dim() then return false end
  for d = 1, a:dim() do
    if a:size(d) ~= b:size(d) then return false end
  end
  return true
end

--- Several tasks of equal shapes as one, or nil.
function M.stack(list)
  local out = { tasks = #list }
  for _, field in ipairs(FIELDS) do
    local parts = {}
    for i, task in ipairs(list) do
      parts[i] = task[field]
      if not same_shape(parts[1], parts[i]) then return nil end
    end
    out[field] = M.join(parts)
  end
  return out
end

local function is_task(task) return type(task) == "table" and M.is_input(task.support_x) end

--- Support items and queries that are to be put together must have one shape.
function M.check_joined(where, task, level)
  local shape
  function shape(x)
    if type(x) ~= "table" then return "(" .. table.concat(x.shape, ", ", 2) .. ")" end
    local parts = {}
    for i, t in ipairs(x) do parts[i] = shape(t) end
    return table.concat(parts, " and ")
  end
  local one, other = shape(task.support_x), shape(task.query_x)
  if one ~= other then error(("%s: support items are %s, queries %s"):format(where, one, other), (level or 2) + 1) end
end

-- The items of a task that an algorithm without queries trains on: all of them, or the support items.
local function items(task, all)
  if not all or task.query_x == nil then return task.support_x, task.support_y end
  M.check_joined("task", task)
  return M.join { task.support_x, task.query_x }, scion().cat({ task.support_y, task.query_y }, 1)
end
M.items = items

--- Batches of a task without end: a function giving x, y. A task is { support_x, support_y, ... }, { train = iterator } or an iterator
--- itself; of tensors, `size` items (nil: all) in an order shuffled anew in every pass by `keys`.
function M.batches(where, task, size, all, ...)
  if is_task(task) then
    local x, y = items(task, all)
    local n, keys, pass, order, at = M.count(x), { ... }, 0, nil, nil
    if not size or size >= n then return function() return x, y end end
    return function()
      if not order or at + size - 1 > n then
        pass, at = pass + 1, 1
        order = rng.new(pass, table.unpack(keys)):permutation(n)
      end
      local ids = scion().tensor(table.move(order, at, at + size - 1, 1, {}), { dtype = "i64" })
      at = at + size
      return M.each_input(function(t) return t:index_select(1, ids) end, x), y:index_select(1, ids)
    end
  end
  local iterator = type(task) == "table" and rawget(task, "train") or task
  if type(iterator) ~= "function" and not (type(iterator) == "table" and (getmetatable(iterator) or {}).__call) then
    error(("%s: a task is { support_x =, support_y = }, { train = iterator } or an iterator, got %s"):format(where, check.describe(task)), 3)
  end
  local step, state, control = iterator, nil, nil
  return function()
    local x, y = step(state, control)
    if x == nil then x, y = step(nil, nil) end
    if x == nil then error(("%s: the iterator of a task gives no batch"):format(where), 0) end
    control = x
    return x, y
  end
end

M.HELD_OUT = 1 << 40 -- numbers of held-out tasks begin here

--- Sinusoids y = A sin(x - phase). Options: shots 10, queries 10, amplitude { 0.1, 5 }, phase { 0, pi }, x_range { -5, 5 }, noise 0, seed,
--- grid (queries are so many points evenly over x_range).
function M.sinusoid(opts) return require("scion.meta.tasks.regression").Sinusoid(opts) end
--- Sums of two sinusoids around a point of the task. Options: shots 10, queries 10, x_range { -4, 4 } of the points, noise 0, seed.
function M.harmonic(opts) return require("scion.meta.tasks.regression").Harmonic(opts) end
--- Linear regressions, as in Xfer's Leap demo: a list of tasks. Options: weights (one list a task), bias, examples 200, held_out 50, std_x 1,
--- std_noise 0.01, seed.
function M.linear(opts) return require("scion.meta.tasks.regression").Linear(opts) end
--- n-way k-shot episodes from a labelled data set. Options: data, ways 5, shots 1, queries 15, classes (labels to draw from), rotations ("none",
--- "classes", "random"), augment, seed.
function M.episodes(opts) return require("scion.meta.tasks.episodes").Episodes(opts) end
--- One task a group of classes, from labels "group/class": a list of tasks. Options: data, ways 20, shots 15, held_out 5, seed.
function M.alphabets(opts) return require("scion.meta.tasks.alphabets").Alphabets(opts) end
--- One task a folder of a folder, dir/task/class/picture: a list of tasks. Options: dir, ways, shots 15, held_out 5, seed as of alphabets; size, crop,
--- channels, normalise, filter as of data.image_folder.
function M.folder(opts) return require("scion.meta.tasks.alphabets").folder(opts) end

return M
