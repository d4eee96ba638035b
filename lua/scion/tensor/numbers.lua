-- Elementwise functions of numbers that are a few calls of registry operations: NaN-tolerant extremes, signs, sinc, integers.

local scion = require "scion"
local check = require "scion.check"
local args = require "scion.tensor.args"

local M = { functions = {}, methods = {} }
local methods = M.methods
local describe = check.describe
local tensor_arg, float_arg = args.tensor_arg, args.float_arg

-- The other operand: a tensor, or a number in x's type.
local function operand(who, x, other)
  if args.is_tensor(other) then return other end
  if type(other) ~= "number" then error(("%s: other must be a tensor or a number, got %s"):format(who, describe(other)), 3) end
  return scion.full({}, other, { dtype = x.dtype })
end

--- The larger of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function methods.fmax(self, other)
  other = operand("fmax", tensor_arg("fmax", "x", self), other)
  return scion.where(self:isnan(), other, scion.where(other:isnan(), self, self:maximum(other)))
end
--- The smaller of two, elementwise with broadcasting; of a number and NaN the number.
---@param other scion.Tensor|number
---@return scion.Tensor
function methods.fmin(self, other)
  other = operand("fmin", tensor_arg("fmin", "x", self), other)
  return scion.where(self:isnan(), other, scion.where(other:isnan(), self, self:minimum(other)))
end

--- Is the sign negative? -0.0 counts as negative.
---@return scion.Tensor bool
function methods.signbit(self)
  tensor_arg("signbit", "x", self)
  if not self:is_floating_point() then return self:lt(0) end
  local x = self:detach()
  return x:lt(0):logical_or(x:eq(0):logical_and(x:reciprocal():lt(0)))
end
--- The size of x with the sign of another (of -0.0 too).
---@param other scion.Tensor|number
---@return scion.Tensor
function methods.copysign(self, other)
  float_arg("copysign", "x", tensor_arg("copysign", "x", self))
  local size = self:abs()
  return scion.where(operand("copysign", self, other):signbit(), -size, size)
end
--- 0 below 0, 1 above, `values` at 0.
---@param values scion.Tensor|number
---@return scion.Tensor
function methods.heaviside(self, values)
  values = operand("heaviside", tensor_arg("heaviside", "x", self), values)
  if values.dtype ~= self.dtype then error(("heaviside: x and values must have one dtype, got %s and %s"):format(self.dtype, values.dtype), 2) end
  local step = scion.where(self:eq(0), values, self:gt(0):to(self.dtype))
  return self:is_floating_point() and scion.where(self:isnan(), self, step) or step
end
--- Is it positive infinity?
---@return scion.Tensor bool
function methods.isposinf(self) return tensor_arg("isposinf", "x", self):isinf():logical_and(self:gt(0)) end
--- Is it negative infinity?
---@return scion.Tensor bool
function methods.isneginf(self) return tensor_arg("isneginf", "x", self):isinf():logical_and(self:lt(0)) end

--- sin(pi x) / (pi x), 1 at 0, with gradients of first order there.
---@return scion.Tensor
function methods.sinc(self)
  float_arg("sinc", "x", tensor_arg("sinc", "x", self))
  local angle = self * math.pi
  local zero = angle:eq(0)
  local safe = scion.where(zero, scion.ones_like(angle), angle)
  return scion.where(zero, 1 - angle * angle / 6, safe:sin() / safe)
end
--- log2(2^a + 2^b) without overflow.
---@param other scion.Tensor
---@return scion.Tensor
function methods.logaddexp2(self, other)
  float_arg("logaddexp2", "x", tensor_arg("logaddexp2", "x", self))
  local log2 <const> = math.log(2)
  return (self * log2):logaddexp(tensor_arg("logaddexp2", "other", other) * log2) / log2
end
--- x * 2^exponent.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function methods.ldexp(self, exponent)
  float_arg("ldexp", "x", tensor_arg("ldexp", "x", self))
  return self * operand("ldexp", self, exponent):to(self.dtype):exp2()
end
--- x itself (PyTorch's unary plus).
---@return scion.Tensor
function methods.positive(self) return tensor_arg("positive", "x", self) end

local function integers(who, a, b)
  tensor_arg(who, "x", a, 3)
  tensor_arg(who, "other", b, 3)
  for _, t in ipairs { a, b } do
    if t.dtype:find("f", 1, true) or t.dtype == "bool" then error(("%s: x and other must hold integers, got %s"):format(who, t.dtype), 3) end
  end
end
--- Greatest common divisor of integers, elementwise with broadcasting; gcd(0, 0) is 0.
---@param other scion.Tensor
---@return scion.Tensor
function methods.gcd(self, other)
  integers("gcd", self, other)
  local shape = scion.broadcast_shapes(self.shape, other.shape)
  local a, b = self:abs():expand(shape), other:abs():expand(shape)
  while b:ne(0):any():item() do -- Euclid, all elements at once
    local rest = scion.where(b:eq(0), a, a:remainder(b:maximum(scion.ones_like(b))))
    a, b = scion.where(b:eq(0), a, b), scion.where(b:eq(0), b, rest)
  end
  return a
end
--- Least common multiple of integers, elementwise with broadcasting; 0 where either is 0.
---@param other scion.Tensor
---@return scion.Tensor
function methods.lcm(self, other)
  integers("lcm", self, other)
  local divisor = self:gcd(other)
  return (self:floor_divide(scion.where(divisor:eq(0), scion.ones_like(divisor), divisor)) * other):abs()
end
--- Integers times 2^n (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function methods.bitwise_left_shift(self, n)
  n = operand("bitwise_left_shift", tensor_arg("bitwise_left_shift", "x", self), n)
  integers("bitwise_left_shift", self, n)
  return self * scion.full({}, 2, { dtype = self.dtype }):pow(n:to(self.dtype))
end
--- Integers divided by 2^n, rounded down (n at least 0).
---@param n integer|scion.Tensor
---@return scion.Tensor
function methods.bitwise_right_shift(self, n)
  n = operand("bitwise_right_shift", tensor_arg("bitwise_right_shift", "x", self), n)
  integers("bitwise_right_shift", self, n)
  return self:floor_divide(scion.full({}, 2, { dtype = self.dtype }):pow(n:to(self.dtype)))
end

return M
