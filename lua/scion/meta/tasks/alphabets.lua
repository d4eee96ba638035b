-- One group of classes, one task: Leap's multi-shot protocol, in which an alphabet of Omniglot is a task of telling its characters apart. Any
-- data set whose labels are "group/class" will do.

local check = require "scion.check"
local rng = require "scion.data.rng"

local M = {}

local function scion() return require "scion" end

local OPTS <const> = {
  data = check.any { required = true },                 -- data set with labels "group/class"
  ways = check.integer { default = 20, min = 2 },       -- classes of a task; smaller groups are left out
  held_out = check.integer { default = 5, min = 1 },    -- first items of a class, for queries
  shots = check.integer { default = 15, min = 1 },      -- the next items, for training
  seed = check.integer { default = 0 },                 -- order of the tasks and choice of classes
}

--- A list of tasks { support_x, support_y, query_x, query_y, label, classes }, one a group, in an order shuffled by `seed`.
function M.Alphabets(opts)
  opts = check.opts("tasks.alphabets", opts, OPTS, 4)
  local set = opts.data.dataset or opts.data
  if type(set) ~= "table" or not set.classes or not set:ids() then
    error(("tasks.alphabets: data must be a data set with classes, got %s"):format(check.describe(opts.data)), 3)
  end
  local items, groups, order = {}, {}, {}
  for i, id in ipairs(set:ids()) do
    items[id] = items[id] or {}
    table.insert(items[id], i)
  end
  for k, label in ipairs(set.classes) do
    local group = type(label) == "string" and label:match("^([^/]+)/")
    if not group then error(("tasks.alphabets: label %s is not of the form group/class"):format(check.describe(label)), 3) end
    if #(items[k] or {}) < opts.held_out + opts.shots then
      error(("tasks.alphabets: class '%s' has %d items, %d shots and %d held out need %d"):format(label, #(items[k] or {}), opts.shots, opts.held_out,
        opts.held_out + opts.shots), 3)
    end
    if not groups[group] then
      groups[group] = {}
      order[#order + 1] = group
    end
    table.insert(groups[group], k)
  end
  local list = {}
  for _, g in ipairs(rng.new(opts.seed, 1):permutation(#order)) do
    local name = order[g]
    local classes = groups[name]
    if #classes >= opts.ways then
      local chosen = rng.new(opts.seed, 2, g):permutation(#classes)
      local support, query, support_y, query_y, labels = {}, {}, {}, {}, {}
      for w = 1, opts.ways do
        local k = classes[chosen[w]]
        labels[w] = set.classes[k]
        for j = 1, opts.held_out + opts.shots do
          local to, y = j <= opts.held_out and query or support, j <= opts.held_out and query_y or support_y
          to[#to + 1], y[#y + 1] = items[k][j], w
        end
      end
      list[#list + 1] = { label = name, classes = labels, support_x = (set:get(support)), support_y = scion().tensor(support_y, { dtype = "i64" }),
        query_x = (set:get(query)), query_y = scion().tensor(query_y, { dtype = "i64" }) }
    end
  end
  if #list == 0 then error(("tasks.alphabets: no group has %d classes"):format(opts.ways), 3) end
  return list
end

return M
