-- What symbolic values can do beyond operations: properties of the example, index lists, the tensor methods that are written in Lua,
-- and sizes that follow the batch. What needs values is refused.

local scion = require "scion"

local M = {}

-- What pulls values out of a graph, or depends on where they lie in memory.
local VALUES <const> = { item = true, tolist = true, at = true, put = true, bytes = true, to_bytes = true, allclose = true, equal = true, backward = true,
  grad = true, data = true, rows = true, is_same = true, shares_storage = true, version = true, register_hook = true, element_size = true, nbytes = true }
-- What the example tells.
local PROPERTIES <const> = { shape = true, dtype = true, ndim = true }
local SIZES <const> = { numel = true, size = true, dim = true, stride = true, is_contiguous = true, is_floating_point = true }
-- Values in memory are all the same to a graph.
local SAME <const> = { detach = true, contiguous = true }

--- Has anybody asked for the first size of a symbolic value? scion.trace then looks whether it is used as a plain number.
M.batch_read = false

function M.refuse(what)
  require("scion.check").raise(
    "scion.trace: %s needs the values of a tensor, which a graph does not have while it is traced; write it with where, masks or other operations", what)
end
local function refuse_in_place(what, instead)
  require("scion.check").raise("scion.trace: %s changes its receiver in place, which a graph cannot%s", what, instead and "; use " .. instead or "")
end

local function view(self, ...) return self:reshape(...) end

--- The value of symbol[key].
---@param core table     scion.nn.core
---@param self table
---@param key any
function M.index(core, self, key)
  if math.type(key) == "integer" then
    if #core.example(self).shape < 2 then M.refuse "reading an element" end
    return core.apply_op("select", 2, self, { dim = 1, index = key })
  end
  if core.is_symbol(key) or core.is_tensor(key) then key = { key } end
  if type(key) == "table" then return M.slice(core, self, key) end
  if type(key) ~= "string" then return nil end
  local tensors = require "scion.tensor"
  local op = scion.op_info(key) and key or tensors.aliases[key]
  if op and not SAME[key] then return function(...) return core.apply_op(op, 2, ...) end end
  if PROPERTIES[key] then
    M.batch_read = M.batch_read or key == "shape"
    return core.example(self)[key]
  end
  if SIZES[key] then
    return function(_, ...)
      M.batch_read = M.batch_read or key == "numel" or key == "size" and ((...) or 1) == 1
      return core.example(self)[key](core.example(self), ...)
    end
  end
  if SAME[key] then return function(t) return t end end
  if key == "view" then return view end
  if key == "requires_grad" then return false end
  if VALUES[key] then M.refuse(key .. "()") end
  local method = scion.Tensor.methods[key]
  if method and key:sub(-1) == "_" then refuse_in_place(key, key:sub(1, -2)) end
  return method -- those in Lua are made of operations
end

--- symbol[{ 2, { 1, 3 }, {} }] by narrow and select.
function M.slice(core, self, list)
  local value, dim = self, 1
  for k = 1, #list do
    local item = list[k]
    if math.type(item) == "integer" then
      value = core.apply_op("select", 3, value, { dim = dim, index = item })
    elseif core.is_symbol(item) or core.is_tensor(item) then
      if core.is_symbol(item) and core.example(item).dtype == "bool" or core.is_tensor(item) and item.dtype == "bool" then M.refuse "indexing by a mask" end
      value = core.apply_op("index_select", 3, value, item, { dim = dim })
      dim = dim + 1
    elseif type(item) == "table" then
      if #item > 0 then
        local example = core.example(value)
        local spec = {}
        for d = 1, dim - 1 do spec[d] = {} end
        spec[dim] = item
        local part = example[spec] -- tells what is wrong with the range, too
        local n, first = part:size(dim), item[1] < 0 and item[1] + example:size(dim) + 1 or item[1]
        if (item[3] or 1) > 1 then
          value = core.apply_op("index_select", 3, value, scion.arange(first, first + (n - 1) * item[3] + 1, item[3], { dtype = "i64" }), { dim = dim })
        elseif n < example:size(dim) then
          value = core.apply_op("narrow", 3, value, { dim = dim, start = n > 0 and first or 1, length = n })
        end
      end
      dim = dim + 1
    else
      require("scion.check").raise("scion.trace: index %d is %s, expected an integer, a range {first, last} or a tensor of ids", k, type(item))
    end
  end
  return value
end

--- symbol[key] = value.
function M.assign() refuse_in_place("assigning to elements", "where or cat") end

-- Sizes of a reshape as they must be for other batches: where the first size is what the value's first dimension, alone or with
-- the next ones, has in the example (or a part of it), it is left open.
local function open_first(shape, target)
  local others = 1
  for d = 2, #target do others = others * target[d] end
  local product, merged, splits = 1, false, false
  for _, n in ipairs(shape) do
    product = product * n
    merged = merged or product == target[1]
  end
  product = 1
  for _, n in ipairs(target) do
    product = product * n
    splits = splits or product == shape[1]
  end
  if #target > 0 and others > 0 and (merged or splits) then target[1] = -1 end
end

--- Parameters of an op that hold sizes of the example: the batch stays free in reshape and expand.
---@param core table
---@param op string
---@param self table   the symbol that the op is applied to
---@param params table  changed in place
function M.free_batch(core, op, self, params)
  if op ~= "reshape" and op ~= "expand" or type(params.shape) ~= "table" or not core.has_example(self) then return end
  local shape = core.example(self).shape
  if op == "reshape" then
    local ok, made = pcall(function() return core.example(self):reshape(params.shape).shape end)
    if not ok then return end -- the op says what is wrong
    params.shape = table.move(made, 1, #made, 1, {})
    open_first(shape, params.shape)
  elseif #params.shape == #shape and params.shape[1] == shape[1] then
    params.shape = table.move(params.shape, 1, #params.shape, 1, {})
    params.shape[1] = -1
  end
end

return M
