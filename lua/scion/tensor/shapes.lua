-- Tensors in other shapes: split into lists of views, joined, seen differently; grids, combinations, triangles, diagonals.

local scion = require "scion"
local check = require "scion.check"
local args = require "scion.tensor.args"

local M = { functions = {}, methods = {} }
local functions, methods = M.functions, M.methods
local describe = check.describe
local tensor_arg, integer_arg, dim_arg, list_arg = args.tensor_arg, args.integer_arg, args.dim_arg, args.list_arg

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
  --- tensor_split along dimension 1 (vsplit), 2 (hsplit; 1 of a vector) or 3 (dsplit).
  ---@param sections integer|integer[]
  ---@return scion.Tensor[]
  return function(self, sections)
    tensor_arg(who, "x", self)
    local dim = default_dim
    if who == "hsplit" and self.ndim == 1 then dim = 1 end
    if self.ndim < dim then error(("%s: needs a tensor of at least %d dimensions, got %d"):format(who, dim, self.ndim), 2) end
    return methods.tensor_split(self, sections, dim)
  end
end
methods.hsplit = split_along("hsplit", 2)
methods.vsplit = split_along("vsplit", 1)
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
  --- The tensor with at least 1, 2 or 3 dimensions: a vector becomes a row (1, n) or (1, n, 1), a matrix (m, n, 1).
  ---@return scion.Tensor
  return function(self)
    local x = tensor_arg(who, "x", self)
    if x.ndim >= n then return x end
    if n == 1 then return x:reshape(1) end
    if x.ndim == 0 then return n == 2 and x:reshape(1, 1) or x:reshape(1, 1, 1) end
    if n == 2 or x.ndim == 1 then x = x:unsqueeze(1) end
    return n == 3 and x:unsqueeze(3) or x
  end
end
methods.atleast_1d = at_least(1)
methods.atleast_2d = at_least(2)
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
  --- Rows and columns (2, n) of the elements on and below (tril_indices) or above (triu_indices) diagonal `offset`.
  ---@param rows integer
  ---@param columns integer
  ---@param offset? integer default 0
  ---@return scion.Tensor
  return function(rows, columns, offset)
    local who = name .. "_indices"
    integer_arg(who, "rows", rows, 0)
    integer_arg(who, "columns", columns, 0)
    local mask = scion.ones({ rows, columns }, { dtype = "u8" })[name](scion.ones({ rows, columns }, { dtype = "u8" }), offset or 0)
    return scion.nonzero(mask):t():contiguous()
  end
end
functions.tril_indices = triangle("tril")
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

return M
