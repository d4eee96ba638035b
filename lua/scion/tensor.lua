-- Tensor functions that are a few calls of registry operations, or the same operation under another of PyTorch's names:
-- splitting into lists, stacking, grids, triangles, conversions, sampling. Each is a method of tensors, a function of
-- scion, or both. Dimensions and ids count from 1. What they compute is differentiable where its parts are.

local scion = require "scion"
local check = require "scion.check"

local M = { functions = {}, methods = {} }
local functions, methods = M.functions, M.methods
local describe = check.describe

-- ---- names -------------------------------------------------------------------------------------------

-- PyTorch's other name -> operation; in-place forms follow.
M.aliases = {
  absolute = "abs", negative = "neg", subtract = "sub", multiply = "mul", divide = "div", true_divide = "div", fix = "trunc",
  sgn = "sign", clip = "clamp", arccos = "acos", arcsin = "asin", arctan = "atan", arctan2 = "atan2", arccosh = "acosh",
  arcsinh = "asinh", arctanh = "atanh", not_equal = "ne", less = "lt", less_equal = "le", greater = "gt", greater_equal = "ge",
  swapdims = "swapaxes", moveaxis = "movedim", concat = "cat", concatenate = "cat", inverse = "inv", pinverse = "pinv",
  ger = "outer", vdot = "dot", trapz = "trapezoid", argwhere = "nonzero", upsample = "interpolate",
}

-- ---- arguments -----------------------------------------------------------------------------------------

local function tensor_arg(who, name, value, level)
  if not scion.is_tensor(value) then
    error(("%s: %s must be a tensor, got %s"):format(who, name, describe(value)), (level or 2) + 1)
  end
  return value
end
local function integer_arg(who, name, value, least)
  if math.type(value) ~= "integer" and not (type(value) == "number" and value == math.floor(value)) then
    error(("%s: %s must be an integer, got %s"):format(who, name, describe(value)), 3)
  end
  if least and value < least then error(("%s: %s must be at least %d, got %d"):format(who, name, least, value), 3) end
  return math.tointeger(value)
end
-- A dimension of x, made positive.
local function dim_arg(who, x, dim, default)
  dim = dim == nil and default or dim
  local n = x.ndim
  if math.type(dim) ~= "integer" then error(("%s: dim must be an integer, got %s"):format(who, describe(dim)), 3) end
  if dim == 0 or dim > n or dim < -n then
    error(("%s: dimension %d is out of range 1..%d of %s"):format(who, dim, n, tostring(scion.list(x.shape))), 3)
  end
  return dim > 0 and dim or dim + n + 1
end
-- A list of tensors, or the arguments themselves.
local function list_arg(who, first, ...)
  local list = scion.is_tensor(first) and { first, ... } or first
  if type(list) ~= "table" or #list == 0 then error(("%s: expected a list of tensors, got %s"):format(who, describe(first)), 3) end
  for i, t in ipairs(list) do
    if not scion.is_tensor(t) then error(("%s: element %d of the list must be a tensor, got %s"):format(who, i, describe(t)), 3) end
  end
  return list
end
local function is_float(t) return t.dtype == "f32" or t.dtype == "f64" end
local function float_arg(who, name, t)
  if not is_float(t) then error(("%s: %s must be f32 or f64, got %s"):format(who, name, t.dtype), 3) end
end

-- ---- parts of a tensor -----------------------------------------------------------------------------------

-- Views of x along dim with the given sizes.
local function parts(x, sizes, dim)
  local out, at = {}, 1
  for i, size in ipairs(sizes) do
    out[i] = x:narrow(dim, at, size)
    at = at + size
  end
  return scion.list(out)
end

--- Views of `split_size` elements along dim (the last may be smaller), or of the sizes in a list.
---@param split_size integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function methods.split(self, split_size, dim)
  tensor_arg("split", "x", self)
  dim = dim_arg("split", self, dim, 1)
  local n, sizes = self:size(dim), {}
  if type(split_size) == "table" then
    local total = 0
    for i, size in ipairs(split_size) do
      sizes[i] = integer_arg("split", "each size", size, 0)
      total = total + size
    end
    if total ~= n then error(("split: the sizes add up to %d, dimension %d has %d elements"):format(total, dim, n), 2) end
  else
    integer_arg("split", "split_size", split_size, 1)
    for at = 1, math.max(n, 1), split_size do sizes[#sizes + 1] = math.min(split_size, n - at + 1) end
  end
  return parts(self, sizes, dim)
end

--- At most `chunks` views of equal size along dim; the last may be smaller.
---@param chunks integer
---@param dim? integer default 1
---@return scion.Tensor[]
function methods.chunk(self, chunks, dim)
  tensor_arg("chunk", "x", self)
  integer_arg("chunk", "chunks", chunks, 1)
  dim = dim_arg("chunk", self, dim, 1)
  local n, sizes = self:size(dim), {}
  local each = math.max(1, (n + chunks - 1) // chunks)
  for at = 1, math.max(n, 1), each do sizes[#sizes + 1] = math.min(each, n - at + 1) end
  return parts(self, sizes, dim)
end

--- Views along dim: a number of parts whose sizes differ by at most one, or a list of the first ids of all parts but the first.
---@param sections integer|integer[]
---@param dim? integer default 1
---@return scion.Tensor[]
function methods.tensor_split(self, sections, dim)
  tensor_arg("tensor_split", "x", self)
  dim = dim_arg("tensor_split", self, dim, 1)
  local n, sizes = self:size(dim), {}
  if type(sections) == "table" then
    local at = 1
    for i, first in ipairs(sections) do
      integer_arg("tensor_split", "each id", first, 1)
      local to = math.max(at, math.min(first, n + 1))
      sizes[i] = to - at
      at = to
    end
    sizes[#sizes + 1] = n + 1 - at
  else
    integer_arg("tensor_split", "sections", sections, 1)
    for i = 1, sections do sizes[i] = n // sections + (i <= n % sections and 1 or 0) end
  end
  return parts(self, sizes, dim)
end

local function split_along(who, default_dim)
  return function(self, sections)
    tensor_arg(who, "x", self)
    local dim = default_dim
    if who == "hsplit" and self.ndim == 1 then dim = 1 end
    if self.ndim < dim then error(("%s: needs a tensor of at least %d dimensions, got %d"):format(who, dim, self.ndim), 2) end
    return methods.tensor_split(self, sections, dim)
  end
end
--- tensor_split along the columns (dimension 2; 1 of a vector).
methods.hsplit = split_along("hsplit", 2)
--- tensor_split along the rows (dimension 1).
methods.vsplit = split_along("vsplit", 1)
--- tensor_split along dimension 3.
methods.dsplit = split_along("dsplit", 3)

--- Views without dimension dim, one for each of its elements.
---@param dim? integer default 1
---@return scion.Tensor[]
function methods.unbind(self, dim)
  tensor_arg("unbind", "x", self)
  dim = dim_arg("unbind", self, dim, 1)
  local out = {}
  for i = 1, self:size(dim) do out[i] = self:select(dim, i) end
  return scion.list(out)
end

-- ---- shapes -----------------------------------------------------------------------------------------------

--- The same elements in another shape, sharing storage; an error where that needs a copy (reshape makes one).
---@param ... integer|integer[] sizes; one may be -1
---@return scion.Tensor
function methods.view(self, ...)
  tensor_arg("view", "x", self)
  local y = self:reshape(...)
  if y:numel() > 0 and not y:shares_storage(self) then
    error(("view: %s with strides %s cannot be seen as %s without a copy; use reshape"):format(tostring(scion.list(self.shape)),
      tostring(scion.list(self:stride())), tostring(scion.list(y.shape))), 2)
  end
  return y
end
--- view in the shape of another tensor.
---@param other scion.Tensor
---@return scion.Tensor
function methods.view_as(self, other) return methods.view(self, tensor_arg("view_as", "other", other).shape) end
--- All elements in one dimension, in row-major order.
---@return scion.Tensor
function methods.ravel(self) return tensor_arg("ravel", "x", self):reshape(-1) end
--- The order of the elements along dimension 2 turned round.
---@return scion.Tensor
function methods.fliplr(self)
  if tensor_arg("fliplr", "x", self).ndim < 2 then error("fliplr: needs at least 2 dimensions", 2) end
  return self:flip(2)
end
--- The order of the elements along dimension 1 turned round.
---@return scion.Tensor
function methods.flipud(self) return tensor_arg("flipud", "x", self):flip(1) end
--- Turned by k times 90 degrees from the first towards the second dimension of `dims`.
---@param k? integer default 1
---@param dims? integer[] default { 1, 2 }
---@return scion.Tensor
function methods.rot90(self, k, dims)
  tensor_arg("rot90", "x", self)
  k = integer_arg("rot90", "k", k or 1) % 4
  dims = dims or { 1, 2 }
  if type(dims) ~= "table" or #dims ~= 2 then error(("rot90: dims must be two dimensions, got %s"):format(describe(dims)), 2) end
  local a, b = dim_arg("rot90", self, dims[1]), dim_arg("rot90", self, dims[2])
  if a == b then error(("rot90: dims must be two different dimensions, got %d twice"):format(a), 2) end
  if k == 0 then return self:clone() end
  if k == 1 then return self:flip(b):transpose(a, b) end
  if k == 2 then return self:flip { a, b } end
  return self:transpose(a, b):flip(b)
end
--- Elements of windows of `size` every `step` along dim, as a new last dimension: a view. (scion.unfold gives the columns
--- of image patches, as PyTorch's F.unfold.)
---@param dim integer
---@param size integer
---@param step? integer default 1
---@return scion.Tensor
function methods.unfold(self, dim, size, step) return tensor_arg("unfold", "x", self):sliding_window(dim, size, step or 1) end

local function at_least(n)
  local who = ("atleast_%dd"):format(n)
  return function(self)
    local x = tensor_arg(who, "x", self)
    if x.ndim >= n then return x end
    if n == 1 then return x:reshape(1) end
    if x.ndim == 0 then return n == 2 and x:reshape(1, 1) or x:reshape(1, 1, 1) end
    if n == 2 or x.ndim == 1 then x = x:unsqueeze(1) end
    return n == 3 and x:unsqueeze(3) or x
  end
end
--- The tensor with at least 1 dimension.
methods.atleast_1d = at_least(1)
--- The tensor with at least 2 dimensions; a vector becomes a row.
methods.atleast_2d = at_least(2)
--- The tensor with at least 3 dimensions; a vector becomes (1, n, 1), a matrix (m, n, 1).
methods.atleast_3d = at_least(3)

--- The shape that tensors of these shapes broadcast to.
---@param ... integer[]
---@return integer[]
function functions.broadcast_shapes(...)
  local out, shapes = {}, { ... }
  for k = 1, select("#", ...) do
    local shape = shapes[k]
    if type(shape) ~= "table" then error(("broadcast_shapes: shape %d must be a list, got %s"):format(k, describe(shape)), 2) end
    while #out < #shape do table.insert(out, 1, 1) end
    for i = 1, #shape do
      local at = #out - #shape + i
      if out[at] ~= shape[i] and shape[i] ~= 1 then
        if out[at] ~= 1 then
          error(("broadcast_shapes: %s does not broadcast to %s"):format(tostring(scion.list(shape)), tostring(scion.list(out))), 2)
        end
        out[at] = shape[i]
      end
    end
  end
  return scion.list(out)
end
--- Views of all tensors in the shape they broadcast to.
---@param tensors scion.Tensor[]
---@return scion.Tensor[]
function functions.broadcast_tensors(tensors, ...)
  local list, shapes, out = list_arg("broadcast_tensors", tensors, ...), {}, {}
  for i, t in ipairs(list) do shapes[i] = t.shape end
  local shape = functions.broadcast_shapes(table.unpack(shapes))
  for i, t in ipairs(list) do out[i] = t:expand(shape) end
  return scion.list(out)
end

-- ---- joining -----------------------------------------------------------------------------------------------

local function map(list, fn)
  local out = {}
  for i, t in ipairs(list) do out[i] = fn(t) end
  return out
end
--- Tensors joined side by side: along dimension 2, vectors along 1.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.hstack(tensors, ...)
  local list = map(list_arg("hstack", tensors, ...), methods.atleast_1d)
  return scion.cat(list, list[1].ndim == 1 and 1 or 2)
end
--- Tensors joined one below the other; vectors become rows.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.vstack(tensors, ...) return scion.cat(map(list_arg("vstack", tensors, ...), methods.atleast_2d), 1) end
functions.row_stack = functions.vstack
--- Tensors joined along dimension 3.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.dstack(tensors, ...) return scion.cat(map(list_arg("dstack", tensors, ...), methods.atleast_3d), 3) end
--- Vectors as the columns of a matrix; matrices side by side.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.column_stack(tensors, ...)
  return scion.cat(map(list_arg("column_stack", tensors, ...), function(t) return t.ndim < 2 and t:reshape(-1, 1) or t end), 2)
end
--- Matrices along the diagonal of a larger one, zeros elsewhere.
---@param tensors scion.Tensor[]
---@return scion.Tensor
function functions.block_diag(tensors, ...)
  local list = list_arg("block_diag", tensors, ...)
  local n_columns, rows, at = 0, {}, 0
  for i, t in ipairs(list) do
    if t.ndim > 2 then error(("block_diag: element %d has %d dimensions, expected at most 2"):format(i, t.ndim), 2) end
    list[i] = methods.atleast_2d(t)
    n_columns = n_columns + list[i]:size(2)
  end
  for i, t in ipairs(list) do
    rows[i] = scion.pad(t, { at, n_columns - at - t:size(2) })
    at = at + t:size(2)
  end
  return scion.cat(rows, 1)
end

-- ---- grids and combinations ----------------------------------------------------------------------------------

local GRID <const> = { indexing = check.choice({ "ij", "xy" }, { default = "ij" }) }
--- Vectors of coordinates as tensors over the grid they span. indexing "ij" (default): dimension k follows vector k; "xy":
--- the first two are exchanged.
---@param tensors scion.Tensor[]
---@param opts? { indexing?: "ij"|"xy" }
---@return scion.Tensor[]
function functions.meshgrid(tensors, opts)
  local list = list_arg("meshgrid", tensors)
  opts = check.opts("meshgrid", opts, GRID)
  local swap, shape, out = opts.indexing == "xy" and #list >= 2, {}, {}
  for i, t in ipairs(list) do
    if t.ndim > 1 then error(("meshgrid: element %d has %d dimensions, expected a vector"):format(i, t.ndim), 2) end
    shape[i] = t:numel()
  end
  for i, t in ipairs(list) do
    local own = {}
    for k = 1, #list do own[k] = k == i and shape[i] or 1 end
    local y = t:reshape(own):expand(shape)
    out[i] = swap and y:transpose(1, 2) or y
  end
  return scion.list(out)
end
--- All combinations of one element from each vector, as rows; one vector alone is returned as it is.
---@param ... scion.Tensor
---@return scion.Tensor
function functions.cartesian_prod(...)
  local list = list_arg("cartesian_prod", ...)
  if #list == 1 then return list[1] end
  return scion.stack(map(functions.meshgrid(list), function(t) return t:reshape(-1) end), 2)
end
--- All choices of r elements of a vector, as rows, in the vector's order.
---@param r? integer default 2
---@param with_replacement? boolean
---@return scion.Tensor
function methods.combinations(self, r, with_replacement)
  if tensor_arg("combinations", "x", self).ndim ~= 1 then error(("combinations: expected a vector, got %d dimensions"):format(self.ndim), 2) end
  r = integer_arg("combinations", "r", r or 2, 0)
  if r == 0 then return scion.zeros({ 0 }, { dtype = self.dtype }) end
  local ids = scion.arange(self:numel(), { dtype = "i64" })
  local grids = {}
  for i = 1, r do grids[i] = ids end
  grids = map(functions.meshgrid(grids), function(t) return t:reshape(-1) end)
  local keep = scion.ones({ grids[1]:numel() }, { dtype = "bool" })
  for i = 2, r do
    keep = keep:logical_and(with_replacement and grids[i]:ge(grids[i - 1]) or grids[i]:gt(grids[i - 1]))
  end
  return scion.stack(map(grids, function(t) return self:index_select(1, t[keep] + 1) end), 2)
end

local function triangle(name)
  return function(rows, columns, offset)
    local who = name .. "_indices"
    integer_arg(who, "rows", rows, 0)
    integer_arg(who, "columns", columns, 0)
    local mask = scion.ones({ rows, columns }, { dtype = "u8" })[name](scion.ones({ rows, columns }, { dtype = "u8" }), offset or 0)
    return scion.nonzero(mask):t():contiguous()
  end
end
--- Rows and columns (2, n) of the elements on and below diagonal `offset`: tril_indices(rows, columns, offset).
functions.tril_indices = triangle("tril")
--- Rows and columns (2, n) of the elements on and above diagonal `offset`: triu_indices(rows, columns, offset).
functions.triu_indices = triangle("triu")
--- Ids into a flattened tensor of `shape` as one id tensor for each dimension.
---@param ids scion.Tensor  i64, from 1
---@param shape integer[]
---@return scion.Tensor[]
function functions.unravel_index(ids, shape)
  tensor_arg("unravel_index", "ids", ids)
  if type(shape) ~= "table" then error(("unravel_index: shape must be a list, got %s"):format(describe(shape)), 2) end
  local rest, out = ids - 1, {}
  for i = #shape, 1, -1 do
    out[i] = rest:remainder(shape[i]) + 1
    rest = rest:floor_divide(shape[i])
  end
  return scion.list(out)
end

local VANDER <const> = { increasing = false }
--- Powers of a vector's elements as columns, from n - 1 down to 0 (up with increasing).
---@param n? integer default as many as elements
---@param opts? { increasing?: boolean }
---@return scion.Tensor
function methods.vander(self, n, opts)
  if tensor_arg("vander", "x", self).ndim ~= 1 then error(("vander: expected a vector, got %d dimensions"):format(self.ndim), 2) end
  if type(n) == "table" then n, opts = nil, n end
  opts = check.opts("vander", opts, VANDER)
  n = integer_arg("vander", "n", n or self:numel(), 0)
  local powers = scion.arange(n, { dtype = self.dtype })
  if not opts.increasing then powers = powers:flip(1) end
  return self:unsqueeze(2):pow(powers)
end

-- ---- diagonals ---------------------------------------------------------------------------------------------------

--- A matrix with the flattened elements on diagonal `offset`.
---@param offset? integer default 0
---@return scion.Tensor
function methods.diagflat(self, offset) return tensor_arg("diagflat", "x", self):reshape(-1):diag(offset or 0) end
--- Fills the main diagonal of a matrix in place.
---@param value number
---@return scion.Tensor self
function methods.fill_diagonal_(self, value)
  if tensor_arg("fill_diagonal_", "x", self).ndim ~= 2 then error(("fill_diagonal_: expected a matrix, got %d dimensions"):format(self.ndim), 2) end
  self:diagonal():fill_(value)
  return self
end

-- ---- kinds and copies ----------------------------------------------------------------------------------------------

local function converts_to(dtype)
  return function(self)
    if tensor_arg("to", "x", self).dtype == dtype then return self end
    return self:to(dtype)
  end
end
--- The tensor as f32; itself when it is one.
methods.float = converts_to("f32")
--- The tensor as f64; itself when it is one.
methods.double = converts_to("f64")
--- The tensor as f16 (a storage type); itself when it is one.
methods.half = converts_to("f16")
--- The tensor as bf16 (a storage type); itself when it is one.
methods.bfloat16 = converts_to("bf16")
--- The tensor as i64; itself when it is one.
methods.long = converts_to("i64")
--- The tensor as i32; itself when it is one.
methods.int = converts_to("i32")
--- The tensor as i16 (a storage type); itself when it is one.
methods.short = converts_to("i16")
--- The tensor as i8 (a storage type); itself when it is one.
methods.char = converts_to("i8")
--- The tensor as u8; itself when it is one.
methods.byte = converts_to("u8")
--- Where elements are not 0, as bool; itself when it is one.
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
--- Zeros of another shape in the element type of this tensor.
methods.new_zeros = new_like("zeros")
--- Ones of another shape in the element type of this tensor.
methods.new_ones = new_like("ones")
--- Anything of another shape in the element type of this tensor.
methods.new_empty = new_like("empty")
--- A constant of another shape in the element type of this tensor: new_full({ 2, 3 }, 7).
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
  if not scion.is_tensor(condition) then error(("where: condition must be a bool tensor, got %s"):format(describe(condition)), 2) end
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

-- The id tensors of index_put_ as one flat id for each written element.
local function flat_ids(who, x, ids)
  if type(ids) ~= "table" or #ids == 0 then error(("%s: expected a list of id tensors, got %s"):format(who, describe(ids)), 3) end
  if #ids > x.ndim then error(("%s: %d id tensors for a tensor of %d dimensions"):format(who, #ids, x.ndim), 3) end
  local flat
  for k, t in ipairs(ids) do
    if not scion.is_tensor(t) then error(("%s: element %d of the ids must be a tensor, got %s"):format(who, k, describe(t)), 3) end
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
  return methods.double(tensor_arg("float_power", "x", self)):pow(scion.is_tensor(exponent) and methods.double(exponent) or exponent)
end
--- Running integral by the trapezoid rule along dim; spacing dx.
---@param dx? number default 1
---@param dim? integer default -1
---@return scion.Tensor
function methods.cumulative_trapezoid(self, dx, dim)
  tensor_arg("cumulative_trapezoid", "y", self)
  dim = dim_arg("cumulative_trapezoid", self, dim, -1)
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
  local pairs_of = functions.triu_indices(n, n, 1)
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

-- ---- into scion ------------------------------------------------------------------------------------------------------------

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
class._assign = M.assign

return M
