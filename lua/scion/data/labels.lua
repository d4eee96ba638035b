-- Labels and class ids. A label is any value that names a class (0, 7, "bee", true, 1.5) and lives in
-- the data set; a class id is 1..K and lives in tensors. This file converts, once, and checks.

local check = require "scion.check"
local show = require "scion.show"

local M = {}

local RANK <const> = { boolean = 1, number = 2, string = 3 }

local function before(a, b)
  local rank_a, rank_b = RANK[type(a)], RANK[type(b)]
  if rank_a ~= rank_b then return rank_a < rank_b end
  if type(a) == "boolean" then return not a and b end
  return a < b
end

local function check_label(where, label, position)
  if label ~= label then
    error(("%s: label %d is NaN"):format(where, position), 0)
  end
  if not RANK[type(label)] then
    error(("%s: label %d must be a number, string or boolean, got %s"):format(where, position,
      check.describe(label)), 0)
  end
end

-- 7.0 and 7 are one label, written 7.
local function normal(label)
  return math.type(label) == "float" and math.tointeger(label) or label
end

local function raise(level, message) error(message, level + 1) end

--- Class ids of labels.
---@param where string          function named in messages
---@param labels any[]|scion.Tensor  one label per item
---@param classes? any[]        all classes in order; default: the labels that occur, sorted
---@return integer[] ids        1..K, one per item
---@return any[] classes        a list that prints itself
function M.encode(where, labels, classes, level)
  level = (level or 2) + 1
  if type(labels) == "userdata" then
    if labels:dim() ~= 1 then
      raise(level, ("%s: labels must be one-dimensional, got shape (%s)"):format(where,
        table.concat(labels.shape, ", ")))
    end
    labels = labels:tolist()
  end
  if type(labels) ~= "table" then
    raise(level, ("%s: labels must be a list or a tensor, got %s"):format(where, check.describe(labels)))
  end
  local ok, message = pcall(function()
    for i = 1, #labels do check_label(where, labels[i], i) end
  end)
  if not ok then raise(level, message) end
  local id_of, list = {}, show.list {}
  if classes then
    for i, label in ipairs(classes) do
      label = normal(label)
      if id_of[label] then
        raise(level, ("%s: class %s occurs twice in classes"):format(where, check.describe(label)))
      end
      list[i], id_of[label] = label, i
    end
  else
    local seen = {}
    for i = 1, #labels do
      local label = normal(labels[i])
      if not seen[label] then
        seen[label] = true
        list[#list + 1] = label
      end
    end
    table.sort(list, before)
    for i, label in ipairs(list) do id_of[label] = i end
  end
  local ids = {}
  for i = 1, #labels do
    local id = id_of[normal(labels[i])]
    if not id then
      raise(level, ("%s: label %d is %s, which is not among the classes %s"):format(where, i,
        check.describe(labels[i]), tostring(list)))
    end
    ids[i] = id
  end
  return ids, list
end

--- Labels of class ids (list or tensor), as a list.
function M.decode(ids, classes)
  if type(ids) == "userdata" then ids = ids:tolist() end
  local out = show.list {}
  for i, id in ipairs(ids) do
    id = math.tointeger(id) or id
    if classes then
      local label = classes[id]
      if label == nil then
        error(("labels: class id %s at position %d is out of range 1..%d"):format(id, i, #classes), 2)
      end
      out[i] = label
    else
      out[i] = id
    end
  end
  return out
end

--- Raises unless every id is an integer in 1..n_classes.
function M.check_ids(where, ids, n_classes, level)
  for i, id in ipairs(ids) do
    if math.type(id) ~= "integer" or id < 1 or id > n_classes then
      error(("%s: class id %s at position %d is out of range 1..%d%s"):format(where, tostring(id), i, n_classes,
        id == 0 and " (0-based data? give them as labels)" or ""), (level or 2) + 1)
    end
  end
end

return M
