-- Writing by ids: index_put as in PyTorch (id tensors go together), and t[{ ids, { 1, 3 } }] = value (each index on its own).

local scion = require "scion"
local check = require "scion.check"
local args = require "scion.tensor.args"

local M = { functions = {}, methods = {} }
local methods = M.methods
local describe = check.describe
local tensor_arg = args.tensor_arg

-- The id tensors of index_put_ as one flat id for each written element.
local function flat_ids(who, x, ids)
  if type(ids) ~= "table" or #ids == 0 then error(("%s: expected a list of id tensors, got %s"):format(who, describe(ids)), 3) end
  if #ids > x.ndim then error(("%s: %d id tensors for a tensor of %d dimensions"):format(who, #ids, x.ndim), 3) end
  local flat
  for k, t in ipairs(ids) do
    if not args.is_tensor(t) then error(("%s: element %d of the ids must be a tensor, got %s"):format(who, k, describe(t)), 3) end
    if t.dtype == "bool" then
      if t.ndim ~= 1 then error(("%s: element %d of the ids is a mask of %d dimensions, expected 1"):format(who, k, t.ndim), 3) end
      t = t:nonzero():reshape(-1)
    elseif t.dtype ~= "i64" then
      t = t:to("i64")
    end
    local n = x:size(k)
    if t:numel() > 0 then
      local low, high = t:min():item(), t:max():item()
      if low < -n or high > n or t:eq(0):any():item() then
        error(("%s: ids of dimension %d must be within 1..%d, got %d..%d"):format(who, k, n, low, high), 3)
      end
    end
    t = scion.where(t:lt(0), t + n, t - 1)
    flat = flat and flat * n + t or t
  end
  local rest = 1
  for k = #ids + 1, x.ndim do rest = rest * x:size(k) end
  if #ids < x.ndim then
    local tail = {}
    for k = #ids + 1, x.ndim do tail[#tail + 1] = x:size(k) end
    local shape = flat.shape
    for _, n in ipairs(tail) do shape[#shape + 1] = n end
    flat = (flat:reshape(-1, 1) * rest + scion.arange(rest, { dtype = "i64" })):reshape(shape)
  end
  return flat + 1
end
--- Writes values at the positions that id tensors name together, in place: x:index_put_({ rows, columns }, values). Fewer ids
--- than dimensions write whole rows; values broadcast. accumulate adds instead, repeated positions too.
---@param ids scion.Tensor[] i64 from 1, broadcast together; or masks of one dimension
---@param values scion.Tensor|number
---@param accumulate? boolean
---@return scion.Tensor self
function methods.index_put_(self, ids, values, accumulate)
  tensor_arg("index_put_", "x", self)
  local flat = flat_ids("index_put_", self, ids)
  if type(values) == "number" then values = scion.full({}, values, { dtype = self.dtype }) end
  tensor_arg("index_put_", "values", values)
  return self:put_(flat, values:expand(flat.shape):contiguous(), accumulate or false)
end
--- A copy with values written at the positions that id tensors name together; see index_put_.
---@param ids scion.Tensor[]
---@param values scion.Tensor|number
---@param accumulate? boolean
---@return scion.Tensor
function methods.index_put(self, ids, values, accumulate)
  tensor_arg("index_put", "x", self)
  local flat = flat_ids("index_put", self, ids)
  if type(values) == "number" then values = scion.full({}, values, { dtype = self.dtype }) end
  tensor_arg("index_put", "values", values)
  return scion.put(self, flat, values:expand(flat.shape):contiguous(), accumulate or false)
end

-- ---- writing by ids: t[{ ids, {1, 3} }] = value ------------------------------------------------------------------------------

-- Called by the binding when an index list with id tensors is assigned to. One id tensor: a view along the other indices and
-- index_copy_; several: positions of the written elements, found by indexing the numbers of all of them.
function M.assign(t, list, value)
  local at, dim, n_ids = nil, 0, 0
  local others = {}
  for k = 1, #list do
    local item = list[k]
    if scion.is_tensor(item) then
      dim, n_ids, at = dim + 1, n_ids + 1, k
      others[k] = {}
    else
      if type(item) == "table" then dim = dim + 1 end
      others[k] = item
    end
  end
  if type(value) ~= "number" and not scion.is_tensor(value) then value = scion.tensor(value, { dtype = t.dtype }) end
  if n_ids > 1 then
    local positions = scion.arange(t:numel(), { dtype = "i64" }):reshape(t.shape):index(list) + 1
    if type(value) == "number" then value = scion.full({}, value, { dtype = t.dtype }) end
    t:put_(positions:contiguous(), value:to(t.dtype):expand(positions.shape):contiguous())
    return
  end
  local view, position = t:index(others), 0
  for k = 1, at do
    if type(list[k]) ~= "number" then position = position + 1 end
  end
  local ids = list[at]
  if ids.dtype == "bool" then
    if ids.ndim ~= 1 or ids:numel() ~= view:size(position) then
      error(("slice: the mask has shape %s, dimension %d has %d elements"):format(tostring(scion.list(ids.shape)), at, view:size(position)), 0)
    end
    ids = ids:nonzero():reshape(-1)
  end
  if type(value) == "number" then
    view:index_fill_(position, ids, value)
  else
    local shape = view.shape
    shape[position] = ids:numel()
    view:index_copy_(position, ids, value:to(t.dtype):expand(shape):contiguous())
  end
end

return M
