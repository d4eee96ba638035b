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

local FOLDER <const> = {
  dir = check.string { required = true },
  ways = OPTS.ways, held_out = OPTS.held_out, shots = OPTS.shots, seed = OPTS.seed,
  size = check.any {}, crop = check.any {}, channels = check.any {}, normalise = check.any {}, filter = check.any {}, -- see data.image_folder
}

local function folders(dir)
  local ok, entries = pcall(scion().io.list_dir, dir)
  if not ok then error(("tasks.folder: %s is no folder that can be read"):format(dir), 4) end
  local names = {}
  for _, entry in ipairs(entries) do
    if entry.kind == "directory" and not entry.name:match("^%.") then names[#names + 1] = entry.name end
  end
  table.sort(names)
  return names
end

--- The same from pictures on disk: dir/group/class/picture. Options: dir, those of Alphabets but data, and size, crop, channels, normalise,
--- filter of data.image_folder.
function M.folder(opts)
  opts = check.opts("tasks.folder", opts, FOLDER, 4)
  local classes = {}
  for _, group in ipairs(folders(opts.dir)) do
    for _, name in ipairs(folders(opts.dir .. "/" .. group)) do classes[#classes + 1] = group .. "/" .. name end
  end
  if #classes == 0 then error(("tasks.folder: %s has no folders of folders (expected task/class/picture)"):format(opts.dir), 3) end
  local pictures = { dir = opts.dir, classes = classes }
  for _, name in ipairs { "size", "crop", "channels", "normalise", "filter" } do pictures[name] = opts[name] end
  local set = scion().data.image_folder(pictures)
  return M.Alphabets { data = set, ways = opts.ways, held_out = opts.held_out, shots = opts.shots, seed = opts.seed }
end

return M
