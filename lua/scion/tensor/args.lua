-- Checks of arguments that the Lua functions on tensors share. Errors point at the caller of the function that checks.

local scion = require "scion"
local check = require "scion.check"

local M = {}
local describe = check.describe

--- Is it a tensor, or a symbolic value in its place (nn.input, scion.trace)?
function M.is_tensor(value)
  if scion.is_tensor(value) then return true end
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__symbolic") ~= nil
end

--- A tensor.
function M.tensor_arg(who, name, value, level)
  if not M.is_tensor(value) then
    error(("%s: %s must be a tensor, got %s"):format(who, name, describe(value)), (level or 2) + 1)
  end
  return value
end
--- An integer of at least `least`.
function M.integer_arg(who, name, value, least)
  if math.type(value) ~= "integer" and not (type(value) == "number" and value == math.floor(value)) then
    error(("%s: %s must be an integer, got %s"):format(who, name, describe(value)), 3)
  end
  if least and value < least then error(("%s: %s must be at least %d, got %d"):format(who, name, least, value), 3) end
  return math.tointeger(value)
end
--- A dimension of x, made positive.
function M.dim_arg(who, x, dim, default)
  dim = dim == nil and default or dim
  local n = x.ndim
  if math.type(dim) ~= "integer" then error(("%s: dim must be an integer, got %s"):format(who, describe(dim)), 3) end
  if dim == 0 or dim > n or dim < -n then
    error(("%s: dimension %d is out of range 1..%d of %s"):format(who, dim, n, tostring(scion.list(x.shape))), 3)
  end
  return dim > 0 and dim or dim + n + 1
end
--- A list of tensors, or the arguments themselves.
function M.list_arg(who, first, ...)
  local list = M.is_tensor(first) and { first, ... } or first
  if type(list) ~= "table" or #list == 0 then error(("%s: expected a list of tensors, got %s"):format(who, describe(first)), 3) end
  for i, t in ipairs(list) do
    if not M.is_tensor(t) then error(("%s: element %d of the list must be a tensor, got %s"):format(who, i, describe(t)), 3) end
  end
  return list
end
--- An f32 or f64 tensor.
function M.float_arg(who, name, t)
  if t.dtype ~= "f32" and t.dtype ~= "f64" then error(("%s: %s must be f32 or f64, got %s"):format(who, name, t.dtype), 3) end
end

return M
