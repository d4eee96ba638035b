-- Linear algebra made of registry operations, under the names of PyTorch's torch.linalg.

local scion = require "scion"
local check = require "scion.check"
local args = require "scion.tensor.args"

local M = { functions = {}, methods = {} }
local methods = M.methods
local tensor_arg, float_arg, dim_arg = args.tensor_arg, args.float_arg, args.dim_arg

local function matrix_arg(who, x, square)
  float_arg(who, "x", tensor_arg(who, "x", x, 3))
  if x.ndim < 2 or (square and x:size(-1) ~= x:size(-2)) then
    error(("%s: x must be a %smatrix or a batch of them, got %s"):format(who, square and "square " or "", tostring(scion.list(x.shape))), 3)
  end
end

--- p-norm of vectors along a dimension (default: of all elements). p = 2; 0 counts what is not 0; math.huge and -math.huge: extremes of |x|.
---@param p? number
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor
function methods.vector_norm(self, p, dim, keepdim)
  float_arg("vector_norm", "x", tensor_arg("vector_norm", "x", self))
  p = p or 2
  if type(p) ~= "number" then error(("vector_norm: p must be a number, got %s"):format(check.describe(p)), 2) end
  local x = dim == nil and self:reshape(-1) or self
  local d = dim_arg("vector_norm", x, dim, 1)
  local y
  if p == 0 then y = x:ne(0):to(x.dtype):sum(d, keepdim)
  elseif p == math.huge then y = x:abs():amax(d, keepdim)
  elseif p == -math.huge then y = x:abs():amin(d, keepdim)
  else y = x:norm(p, d, keepdim) end
  return y
end
--- Sum of products along a dimension, default the last, with broadcasting.
---@param other scion.Tensor
---@param dim? integer
---@return scion.Tensor
function methods.vecdot(self, other, dim)
  local product = tensor_arg("vecdot", "x", self) * tensor_arg("vecdot", "other", other)
  return product:sum(dim_arg("vecdot", product, dim, -1))
end
--- Singular values of matrices, largest first.
---@return scion.Tensor
function methods.svdvals(self)
  matrix_arg("svdvals", self)
  local _, s = self:svd()
  return s
end
--- Eigenvalues of symmetric matrices, smallest first.
---@return scion.Tensor
function methods.eigvalsh(self)
  matrix_arg("eigvalsh", self, true)
  return (self:eigh())
end
--- Condition number: the largest singular value over the smallest (p = 2), or |x| |x^-1| in the norm "fro".
---@param p? "fro"|2
---@return scion.Tensor
function methods.cond(self, p)
  matrix_arg("cond", self, p == "fro")
  if p == nil or p == 2 then
    local s = self:svdvals()
    return s:select(-1, 1) / s:select(-1, s:size(-1))
  end
  if p ~= "fro" then error(('cond: p must be 2 or "fro", got %s'):format(check.describe(p)), 2) end
  local function size(x) return (x * x):sum { -2, -1 }:sqrt() end
  return size(self) * size(self:inv())
end

local PADE <const> = { 64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800,
  33522128640, 1323241920, 40840800, 960960, 16380, 182, 1 }
--- Matrix exponential of square matrices: scaling and squaring with the [13/13] Pade approximant (Higham 2005), which has gradients of any order.
---@return scion.Tensor
function methods.matrix_exp(self)
  matrix_arg("matrix_exp", self, true)
  local n = self:size(-1)
  if n == 0 or self:numel() == 0 then return self:clone() end
  local eye = scion.eye(n, { dtype = self.dtype })
  local norm = self:detach():abs():sum(-2):amax():item()
  if norm ~= norm or norm == math.huge then error("matrix_exp: x holds NaN or infinity", 2) end
  local squarings = norm > 5.371920351148152 and math.max(0, math.ceil(math.log(norm / 5.371920351148152, 2))) or 0
  local a = self / 2.0 ^ squarings
  local c <const> = PADE -- over the first one: f32 stays in range
  local b = {}
  for i, v in ipairs(c) do b[i] = v / c[1] end
  local a2 = a:matmul(a)
  local a4 = a2:matmul(a2)
  local a6 = a4:matmul(a2)
  local u = a:matmul(a6:matmul(a6 * b[14] + a4 * b[12] + a2 * b[10]) + a6 * b[8] + a4 * b[6] + a2 * b[4] + eye * b[2])
  local v = a6:matmul(a6 * b[13] + a4 * b[11] + a2 * b[9]) + a6 * b[7] + a4 * b[5] + a2 * b[3] + eye * b[1]
  local y = (v - u):solve(v + u)
  for _ = 1, squarings do y = y:matmul(y) end
  return y
end

return M
