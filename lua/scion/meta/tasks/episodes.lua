-- Episodes: n-way k-shot tasks from any labelled data set. Every task draws `ways` classes and from each `shots` support and `queries` query
-- items; its class ids are 1..ways in the order drawn.

local check = require "scion.check"
local class = require "scion.class"
local rng = require "scion.data.rng"
local show = require "scion.show"
local tasks = require "scion.meta.tasks"

local M = {}

local function scion() return require "scion" end

local OPTS <const> = {
  data = check.any { required = true },                  -- data set or iterator with classes
  ways = check.integer { default = 5, min = 2 }, shots = check.integer { default = 1, min = 1 }, queries = check.integer { default = 15, min = 1 },
  classes = check.list {},                               -- labels to draw from; default all of the data
  -- Quarter turns of images: "classes" makes every turn of a class a class of its own, "random" turns a class of a task at random.
  rotations = check.choice({ "none", "classes", "random" }, { default = "none" }),
  augment = check.func {},                               -- function(x, rng) -> x, on every task's images
  seed = check.integer { default = 0 },
}

local Episodes = class.class("Episodes", tasks.Source)
M.Episodes = Episodes

Episodes.__tostring = function(self)
  return ("Episodes: %d-way %d-shot with %d queries a class, from %d classes"):format(self.ways, self.shots, self.queries, self.n_classes)
end

function Episodes:init(opts)
  opts = check.opts("tasks.episodes", opts, OPTS, 5)
  for name, value in pairs(opts) do self[name] = value end
  local set = opts.data
  if type(set) == "table" and set.dataset then set = set.dataset end
  if type(set) ~= "table" or not set.classes or type(set.get) ~= "function" or not set:ids() then
    error(("tasks.episodes: data must be a data set or iterator with classes, got %s"):format(check.describe(opts.data)), 4)
  end
  self.set = set
  local groups = {}
  for k = 1, #set.classes do groups[k] = {} end
  for i, id in ipairs(set:ids()) do table.insert(groups[id], i) end
  self.groups, self.labels = {}, {}
  local id_of = {}
  for k, label in ipairs(set.classes) do id_of[label] = k end
  local need = self.shots + self.queries
  for _, label in ipairs(opts.classes or set.classes) do
    local k = id_of[label]
    if not k then error(("tasks.episodes: %s is not among the classes of the data"):format(check.describe(label)), 4) end
    if #groups[k] < need then
      error(("tasks.episodes: class %s has %d items, %d shots and %d queries need %d"):format(check.describe(label), #groups[k], self.shots, self.queries, need), 4)
    end
    self.groups[#self.groups + 1], self.labels[#self.labels + 1] = groups[k], label
  end
  self.n_classes = #self.groups * (self.rotations == "classes" and 4 or 1)
  if self.ways > self.n_classes then error(("tasks.episodes: %d ways are asked for, there are %d classes"):format(self.ways, self.n_classes), 4) end
end

-- k different numbers of 1..n (Floyd's method), in random order.
local function sample(r, n, k)
  local list, seen = {}, {}
  for j = n - k + 1, n do
    local t = r:integer(j)
    if seen[t] then t = j end
    seen[t] = true
    list[#list + 1] = t
  end
  return r:shuffle(list)
end

-- Quarter turns of images (..., H, W).
local function turn(x, quarters)
  if quarters == 1 then return x:transpose(-1, -2):flip(-2) end
  if quarters == 2 then return x:flip(-1):flip(-2) end
  if quarters == 3 then return x:flip(-2):transpose(-1, -2) end
  return x
end

--- Task number i: { support_x, support_y, query_x, query_y, classes, label }. Items stand class after class.
function Episodes:task(i)
  local r = rng.new(self.seed, i)
  local chosen = sample(r, self.n_classes, self.ways)
  local positions, turns, labels = {}, {}, {}
  local k, q, n = self.shots, self.queries, #self.groups
  local supports, queries = {}, {}
  for w, c in ipairs(chosen) do
    local group = self.groups[(c - 1) % n + 1]
    labels[w] = self.labels[(c - 1) % n + 1]
    turns[w] = self.rotations == "classes" and (c - 1) // n or self.rotations == "random" and r:integer(4) - 1 or 0
    for j, at in ipairs(sample(r, #group, k + q)) do
      if j <= k then supports[#supports + 1] = group[at] else queries[#queries + 1] = group[at] end
    end
  end
  table.move(supports, 1, #supports, 1, positions)
  table.move(queries, 1, #queries, #supports + 1, positions)
  local x = self.set:get(positions)
  local turned = false
  for w = 1, self.ways do turned = turned or turns[w] ~= 0 end
  if turned then
    local parts = {}
    for part, size in ipairs { k, q } do
      local first = part == 1 and 0 or k * self.ways
      for w = 1, self.ways do parts[#parts + 1] = turn(x:narrow(1, first + (w - 1) * size + 1, size), turns[w]) end
    end
    x = scion().cat(parts, 1)
  end
  if self.augment then x = self.augment(x, r) end
  local function ids(size)
    return scion().arange(1, self.ways + 1, { dtype = "i64" }):reshape(-1, 1):expand(self.ways, size):reshape(-1)
  end
  return { label = tasks.label(i), classes = show.list(labels), support_x = x:narrow(1, 1, k * self.ways), support_y = ids(k),
    query_x = x:narrow(1, k * self.ways + 1, q * self.ways), query_y = ids(q) }
end

return M
