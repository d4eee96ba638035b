-- Tensor functions that are a few calls of registry operations, or the same operation under another of PyTorch's names.
-- Each is a method of tensors, a function of scion, or both. Dimensions and ids count from 1. What they compute is
-- differentiable where its parts are.

local scion = require "scion"

local M = { functions = {}, methods = {} }
local functions, methods = M.functions, M.methods
for _, part in ipairs { "shapes", "values", "numbers", "algebra", "assign" } do
  local module = require("scion.tensor." .. part)
  for name, f in pairs(module.functions) do functions[name] = f end
  for name, f in pairs(module.methods) do methods[name] = f end
end

-- PyTorch's other name -> operation; in-place forms follow.
M.aliases = {
  absolute = "abs", negative = "neg", subtract = "sub", multiply = "mul", divide = "div", true_divide = "div", fix = "trunc",
  sgn = "sign", clip = "clamp", arccos = "acos", arcsin = "asin", arctan = "atan", arctan2 = "atan2", arccosh = "acosh",
  arcsinh = "asinh", arctanh = "atanh", not_equal = "ne", less = "lt", less_equal = "le", greater = "gt", greater_equal = "ge",
  swapdims = "swapaxes", moveaxis = "movedim", concat = "cat", concatenate = "cat", inverse = "inv", pinverse = "pinv",
  ger = "outer", vdot = "dot", trapz = "trapezoid", argwhere = "nonzero", upsample = "interpolate",
}

-- Methods that are no functions of scion too (nor are those that end in "_").
local METHODS_ONLY <const> = {}
for name in ([[view view_as unfold float double half bfloat16 long int short char byte bool type_as element_size nbytes
  is_floating_point new_zeros new_ones new_empty new_full new_tensor retain_grad where]]):gmatch("%S+") do METHODS_ONLY[name] = true end

local class = scion.Tensor.methods
for name, f in pairs(methods) do
  class[name] = class[name] or f
  if not METHODS_ONLY[name] and not name:find("_$") then functions[name] = f end
end
for name, f in pairs(functions) do
  if rawget(scion, name) == nil then rawset(scion, name, f) end
end
for alias, op in pairs(M.aliases) do
  if rawget(scion, op) then
    if rawget(scion, alias) == nil then rawset(scion, alias, rawget(scion, op)) end
    class[alias] = class[alias] or class[op]
    class[alias .. "_"] = class[alias .. "_"] or class[op .. "_"]
  end
end
class._assign = require("scion.tensor.assign").assign

return M
