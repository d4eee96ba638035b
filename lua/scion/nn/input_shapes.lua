-- Sizes of a net's inputs: declared by the net, or remembered from the data that it was trained on. What is declared is checked in
-- every call; what is remembered only helps where nobody gives a shape: export, drawings, the summary.

local json = require "scion.json"

local M = {}

local ATTR <const> = "seen_shapes" -- { shape, dtype } by name of the input, batch first, as JSON

--- Remembers the shapes of batches, a list in the order of the inputs; a shape may have a dtype.
---@param net scion.Net
---@param shapes table[]
function M.remember(net, shapes)
  local by_name = {}
  for i, input in ipairs(net:inputs()) do
    if shapes[i] then by_name[input.name] = { shape = json.array(table.move(shapes[i], 1, #shapes[i], 1, {})), dtype = shapes[i].dtype } end
  end
  net:set_attr(ATTR, json.encode(by_name))
end

--- Shapes of all inputs with their dtypes, batch first; a size that may be any is -1. nil where one is not known.
---@param net scion.Net
---@return table[]?
function M.known(net)
  local text, shapes = net:attr(ATTR), {}
  local ok, seen = pcall(json.decode, text or "{}")
  for i, input in ipairs(net:inputs()) do
    local memory = ok and type(seen) == "table" and type(seen[input.name]) == "table" and seen[input.name] or {}
    local shape = input.shape or memory.shape
    if type(shape) ~= "table" then return nil end
    shapes[i] = { dtype = input.dtype or memory.dtype }
    for d, n in ipairs(shape) do shapes[i][d] = not input.shape and d == 1 and -1 or n end
  end
  return shapes
end

return M
