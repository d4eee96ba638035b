-- What tensors hold: conversions, new tensors of the same kind, comparing, limiting, products of several, sampling.

local scion = require "scion"
local check = require "scion.check"
local args = require "scion.tensor.args"

local M = { functions = {}, methods = {} }
local functions, methods = M.functions, M.methods
local describe = check.describe
local tensor_arg, integer_arg, dim_arg, list_arg, float_arg = args.tensor_arg, args.integer_arg, args.dim_arg, args.list_arg, args.float_arg

-- ---- kinds and copies ----------------------------------------------------------------------------------------------

local function converts_to(dtype)
  --- The tensor in another element type, itself when it has it: float f32, double f64, half f16, bfloat16 bf16, long i64, int i32,
  --- short i16, char i8, byte u8, bool (where elements are not 0).
  ---@return scion.Tensor
  return function(self)
    if tensor_arg("to", "x", self).dtype == dtype then return self end
    return self:to(dtype)
  end
end
methods.float = converts_to("f32")
methods.double = converts_to("f64")
methods.half = converts_to("f16")
methods.bfloat16 = converts_to("bf16")
methods.long = converts_to("i64")
methods.int = converts_to("i32")
methods.short = converts_to("i16")
methods.char = converts_to("i8")
methods.byte = converts_to("u8")
methods.bool = converts_to("bool")
--- The tensor in the element type of another.
---@param other scion.Tensor
---@return scion.Tensor
function methods.type_as(self, other)
  if self.dtype == tensor_arg("type_as", "other", other).dtype then return self end
  return self:to(other.dtype)
end

local BYTES <const> = { f32 = 4, f64 = 8, i32 = 4, i64 = 8, u8 = 1, bool = 1, f16 = 2, bf16 = 2, i8 = 1, i16 = 2, u16 = 2, u32 = 4, u64 = 8 }
--- Bytes of one element.
---@return integer
function methods.element_size(self) return BYTES[tensor_arg("element_size", "x", self).dtype] end
--- Bytes of all elements.
---@return integer
function methods.nbytes(self) return methods.element_size(self) * self:numel() end
--- Is the element type one of floating-point numbers?
---@return boolean
function methods.is_floating_point(self) return tensor_arg("is_floating_point", "x", self).dtype:find("f", 1, true) ~= nil end

local function new_like(op)
  local who = "new_" .. op
  --- A tensor of another shape in the element type of this one: new_zeros(2, 3), new_ones, new_empty, new_full({ 2, 3 }, 7).
  ---@return scion.Tensor
  return function(self, ...)
    tensor_arg(who, "x", self)
    local given, n = { ... }, select("#", ...)
    local last = given[n]
    if type(last) == "table" and #last == 0 and next(last) ~= nil then
      if last.dtype then return scion[op](...) end
      last = table.move({}, 1, 0, 1, {})
      for key, value in pairs(given[n]) do last[key] = value end
      last.dtype = self.dtype
      given[n] = last
    else
      n = n + 1
      given[n] = { dtype = self.dtype }
    end
    return scion[op](table.unpack(given, 1, n))
  end
end
methods.new_zeros = new_like("zeros")
methods.new_ones = new_like("ones")
methods.new_empty = new_like("empty")
methods.new_full = new_like("full")
--- A tensor of the given numbers in the element type of this one.
---@param value scion.Numbers
---@param opts? { dtype?: scion.dtype, requires_grad?: boolean }
---@return scion.Tensor
function methods.new_tensor(self, value, opts)
  tensor_arg("new_tensor", "x", self)
  local own = { dtype = self.dtype }
  for key, v in pairs(opts or {}) do own[key] = v end
  return scion.tensor(value, own)
end
--- A tensor itself, anything else through scion.tensor.
---@param value scion.Tensor|scion.Numbers
---@param opts? scion.dtype|{ dtype?: scion.dtype }
---@return scion.Tensor
function functions.as_tensor(value, opts)
  if not scion.is_tensor(value) then return scion.tensor(value, opts) end
  local dtype = type(opts) == "table" and opts.dtype or type(opts) == "string" and opts or value.dtype
  return dtype == value.dtype and value or value:to(dtype)
end
--- Random integers low .. high - 1 of a tensor's shape and type: randint_like(x, high) or randint_like(x, low, high).
---@param low integer
---@param high? integer
---@return scion.Tensor
function methods.randint_like(self, low, high)
  tensor_arg("randint_like", "x", self)
  if high == nil then low, high = 0, low end
  local y = scion.randint(low, high, self.shape)
  return y.dtype == self.dtype and y or y:to(self.dtype)
end
--- Keeps the gradient of a tensor that is not a leaf in its .grad during backward.
---@return scion.Tensor self
function methods.retain_grad(self)
  tensor_arg("retain_grad", "x", self)
  if self.is_leaf then return self end
  local me = setmetatable({ self }, { __mode = "v" }) -- a strong reference would keep tensor and hook alive for each other
  self:register_hook(function(g)
    local t = me[1]
    if t then t.grad = t.grad and t.grad + g or g end
  end)
  return self
end

-- ---- comparing and selecting -------------------------------------------------------------------------------------

--- Have both tensors the same shape and the same elements?
---@param other scion.Tensor
---@return boolean
function methods.equal(self, other)
  tensor_arg("equal", "x", self)
  tensor_arg("equal", "other", other)
  if self.dtype ~= other.dtype then error(("equal: the tensors are %s and %s; convert one"):format(self.dtype, other.dtype), 2) end
  local a, b = self.shape, other.shape
  if #a ~= #b then return false end
  for i = 1, #a do if a[i] ~= b[i] then return false end end
  return self:numel() == 0 or self:eq(other):all():item()
end
--- self where condition, other elsewhere: x:where(cond, other).
---@param condition scion.Tensor bool
---@param other scion.Tensor|number
---@return scion.Tensor
function methods.where(self, condition, other)
  if not args.is_tensor(condition) then error(("where: condition must be a bool tensor, got %s"):format(describe(condition)), 2) end
  return scion.where(condition, self, other)
end
--- No element below `min`.
---@param min number
---@return scion.Tensor
function methods.clamp_min(self, min) return tensor_arg("clamp_min", "x", self):clamp { min = min } end
--- No element above `max`.
---@param max number
---@return scion.Tensor
function methods.clamp_max(self, max) return tensor_arg("clamp_max", "x", self):clamp { max = max } end
--- No element below `min`, in place.
---@param min number
---@return scion.Tensor self
function methods.clamp_min_(self, min) return tensor_arg("clamp_min_", "x", self):clamp_ { min = min } end
--- No element above `max`, in place.
---@param max number
---@return scion.Tensor self
function methods.clamp_max_(self, max) return tensor_arg("clamp_max_", "x", self):clamp_ { max = max } end
--- Smallest and largest element, over everything or along a dimension.
---@param dim? integer
---@param keepdim? boolean
---@return scion.Tensor min, scion.Tensor max
function methods.aminmax(self, dim, keepdim)
  tensor_arg("aminmax", "x", self)
  if dim == nil then return self:amin(), self:amax() end
  return self:amin(dim, keepdim or false), self:amax(dim, keepdim or false)
end
--- Values sorted along dimension 1.
---@return scion.Tensor
function methods.msort(self) return (tensor_arg("msort", "x", self):sort(1)) end
--- The median of the elements that are not NaN (the lower of two), over everything.
---@return scion.Tensor
function methods.nanmedian(self)
  float_arg("nanmedian", "x", tensor_arg("nanmedian", "x", self))
  local known = self:masked_select(self:isnan():logical_not())
  if known:numel() == 0 then return scion.full({}, 0 / 0, { dtype = self.dtype }) end
  return (known:median())
end

-- ---- numbers -------------------------------------------------------------------------------------------------------

--- Degrees as radians.
---@return scion.Tensor
function methods.deg2rad(self) return tensor_arg("deg2rad", "x", self) * (math.pi / 180) end
--- Radians as degrees.
---@return scion.Tensor
function methods.rad2deg(self) return tensor_arg("rad2deg", "x", self) * (180 / math.pi) end
--- x to a power, computed in f64.
---@param exponent scion.Tensor|number
---@return scion.Tensor
function methods.float_power(self, exponent)
  return methods.double(tensor_arg("float_power", "x", self)):pow(args.is_tensor(exponent) and methods.double(exponent) or exponent)
end
--- Running integral by the trapezoid rule along dim; spacing dx.
---@param dx? number default 1
---@param dim? integer default -1
---@return scion.Tensor
function methods.cumulative_trapezoid(self, dx, dim)
  tensor_arg("cumulative_trapezoid", "y", self)
  dim = dim_arg("cumulative_trapezoid", self, dim, -1)
  if dx ~= nil and type(dx) ~= "number" then error(("cumulative_trapezoid: dx must be a number, got %s"):format(type(dx)), 2) end
  local n = self:size(dim)
  if n == 0 then error("cumulative_trapezoid: the dimension is empty", 2) end
  return ((self:narrow(dim, 1, n - 1) + self:narrow(dim, 2, n - 1)) * ((dx or 1) / 2)):cumsum(dim)
end

-- ---- products ----------------------------------------------------------------------------------------------------------

local function weighted(beta, x, alpha, product)
  if alpha ~= 1 then product = product * alpha end
  if beta == 0 then return product end
  return (beta == 1 and x or x * beta) + product
end
local SCALES <const> = { beta = 1.0, alpha = 1.0 }
local function scales(who, opts)
  return check.opts(who, opts, { beta = check.number { default = SCALES.beta }, alpha = check.number { default = SCALES.alpha } }, 4)
end
--- beta * x + alpha * (outer product of two vectors).
---@param vec1 scion.Tensor
---@param vec2 scion.Tensor
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function methods.addr(self, vec1, vec2, opts)
  local s = scales("addr", opts)
  return weighted(s.beta, tensor_arg("addr", "x", self), s.alpha, scion.outer(vec1, vec2))
end
--- beta * x + alpha * (sum over the batch of products of matrices).
---@param batch1 scion.Tensor (B, m, k)
---@param batch2 scion.Tensor (B, k, n)
---@param opts? { beta?: number, alpha?: number }
---@return scion.Tensor
function methods.addbmm(self, batch1, batch2, opts)
  local s = scales("addbmm", opts)
  return weighted(s.beta, tensor_arg("addbmm", "x", self), s.alpha, scion.bmm(batch1, batch2):sum(1))
end
--- The product of several matrices in the order that needs the fewest multiplications.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.multi_dot(tensors, ...)
  local list = list_arg("multi_dot", tensors, ...)
  local n, sizes = #list, {}
  for i, t in ipairs(list) do
    if t.ndim ~= 2 then error(("multi_dot: element %d has %d dimensions, expected a matrix"):format(i, t.ndim), 2) end
    if i > 1 and sizes[i] ~= t:size(1) then
      error(("multi_dot: element %d has %d rows, the one before it %d columns"):format(i, t:size(1), sizes[i]), 2)
    end
    sizes[i], sizes[i + 1] = t:size(1), t:size(2)
  end
  local cost, cut = {}, {}
  for i = 1, n do cost[i], cut[i] = { [i] = 0 }, {} end
  for length = 2, n do
    for i = 1, n - length + 1 do
      local j = i + length - 1
      cost[i][j] = math.huge
      for k = i, j - 1 do
        local c = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
        if c < cost[i][j] then cost[i][j], cut[i][j] = c, k end
      end
    end
  end
  local function product(i, j)
    if i == j then return list[i] end
    return product(i, cut[i][j]):matmul(product(cut[i][j] + 1, j))
  end
  return product(1, n)
end
functions.chain_matmul = functions.multi_dot
--- The inverse of A A' from its lower Cholesky factor.
---@return scion.Tensor
function methods.cholesky_inverse(self)
  tensor_arg("cholesky_inverse", "L", self)
  return scion.cholesky_solve(scion.eye(self:size(-1), { dtype = self.dtype }), self)
end
--- Distances between all pairs of rows of (N, D), as the vector of the upper triangle.
---@param p? number order, default 2
---@return scion.Tensor
function methods.pdist(self, p)
  if tensor_arg("pdist", "x", self).ndim ~= 2 then error(("pdist: expected (N, D), got %d dimensions"):format(self.ndim), 2) end
  local n = self:size(1)
  local pairs_of = scion.triu_indices(n, n, 1)
  return scion.pairwise_distance(self:index_select(1, pairs_of[1]), self:index_select(1, pairs_of[2]), p or 2, 0)
end

-- ---- sampling -------------------------------------------------------------------------------------------------------------

--- Ids drawn with the given weights (rows of a matrix separately): i64 from 1, (n_samples) or (rows, n_samples).
---@param n_samples integer
---@param replacement? boolean may an id come more than once? default false
---@return scion.Tensor
function methods.multinomial(self, n_samples, replacement)
  float_arg("multinomial", "weights", tensor_arg("multinomial", "weights", self))
  integer_arg("multinomial", "n_samples", n_samples, 1)
  if self.ndim < 1 or self.ndim > 2 then error(("multinomial: weights must be a vector or a matrix, got %d dimensions"):format(self.ndim), 2) end
  local w = self:detach():double()
  if not (w:isfinite():all():item() and w:ge(0):all():item()) then error("multinomial: weights must be finite numbers of at least 0", 2) end
  local positive = w:gt(0):sum(-1):min():item()
  if positive < (replacement and 1 or n_samples) then
    error(("multinomial: %d samples%s need as many weights above 0, a row has %d"):format(n_samples,
      replacement and "" or " without replacement", positive), 2)
  end
  if not replacement then
    -- the largest of w / e with e exponential: the race of Efraimidis and Spirakis (2006)
    local _, ids = (w / scion.empty(w.shape, { dtype = "f64" }):exponential_()):topk(n_samples, -1)
    return ids
  end
  local total = w:cumsum(-1)
  local rows = w.ndim == 2 and w:size(1) or nil
  local u = scion.rand(rows and { rows, n_samples } or { n_samples }, { dtype = "f64" }) * total:narrow(-1, w:size(-1), 1)
  return scion.searchsorted(total, u, { right = true })
end

local GUMBEL <const> = { tau = check.number { default = 1, above = 0 }, hard = false, dim = check.integer { default = -1 } }
--- Samples of the Gumbel-softmax distribution (Jang et al. 2017). hard: one-hot values with the gradient of the soft ones.
---@param opts? { tau?: number, hard?: boolean, dim?: integer }
---@return scion.Tensor
function methods.gumbel_softmax(self, opts)
  float_arg("gumbel_softmax", "logits", tensor_arg("gumbel_softmax", "logits", self))
  opts = check.opts("gumbel_softmax", opts, GUMBEL)
  local noise = -scion.empty(self.shape, { dtype = self.dtype }):exponential_():log()
  local soft = ((self + noise) / opts.tau):softmax(opts.dim)
  if not opts.hard then return soft end
  local hard = scion.no_grad(function()
    local ids = soft:argmax(opts.dim, true)
    return scion.zeros_like(soft):scatter(opts.dim, ids, scion.ones(ids.shape, { dtype = soft.dtype }))
  end)
  return hard - soft:detach() + soft
end

return M
