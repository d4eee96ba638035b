-- Initialisers, under PyTorch's names and with its formulas: scion.nn.init.kaiming_uniform_(t), ... They change the
-- tensor in place, outside of any gradient, and return it. Random ones draw from the context's generator (scion.seed).

local scion = require "scion"

local M = {}

local function check(who, t)
  local meta = getmetatable(t)
  if type(t) ~= "userdata" or type(meta) ~= "table" or meta.__name ~= "scion.Tensor" then
    error(("init.%s: expected a tensor, got %s"):format(who, type(t)), 3)
  end
  return t
end

-- Changes t in place, unrecorded: by a method of tensors, or to freshly made values.
local function change(t, method, ...)
  local rest = table.pack(...)
  scion.no_grad(function() t[method](t, table.unpack(rest, 1, rest.n)) end)
  return t
end
local function fill(t, make)
  scion.no_grad(function() t:copy_(make()) end)
  return t
end

local function options(t) return { dtype = t.dtype } end

--- fan_in and fan_out of a weight (out, in, kernel...).
---@return integer fan_in, integer fan_out
function M.fans(t)
  local shape = check("fans", t).shape
  if #shape < 2 then
    error(("init.fans: the tensor has %d dimensions, fans need at least 2 (out, in, ...)"):format(#shape), 2)
  end
  local field = 1
  for i = 3, #shape do field = field * shape[i] end
  return shape[2] * field, shape[1] * field
end

local GAINS <const> = { linear = 1, conv1d = 1, conv2d = 1, conv3d = 1, sigmoid = 1, tanh = 5 / 3, relu = math.sqrt(2), selu = 3 / 4 }

--- The gain of a nonlinearity, for xavier_* and kaiming_*.
---@param nonlinearity string "linear", "conv1d".."conv3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"
---@param param? number       negative slope of leaky_relu, default 0.01
function M.calculate_gain(nonlinearity, param)
  if nonlinearity == "leaky_relu" then return math.sqrt(2 / (1 + (param or 0.01) ^ 2)) end
  local gain = GAINS[nonlinearity]
  if not gain then
    error(("init.calculate_gain: unknown nonlinearity '%s' (known: conv1d, conv2d, conv3d, leaky_relu, linear, relu, selu, sigmoid, tanh)")
      :format(tostring(nonlinearity)), 2)
  end
  return gain
end

--- Uniform on [a, b); default 0..1.
function M.uniform_(t, a, b)
  check("uniform_", t)
  a, b = a or 0, b or 1
  if a > b then error(("init.uniform_: bounds %g and %g are not in order"):format(a, b), 2) end
  return change(t, "uniform_", a, b)
end

--- Normal with mean and standard deviation; default 0, 1.
function M.normal_(t, mean, std)
  check("normal_", t)
  return change(t, "normal_", mean or 0, std or 1)
end

--- Normal truncated to [a, b] (absolute bounds, default -2 and 2).
function M.trunc_normal_(t, mean, std, a, b)
  check("trunc_normal_", t)
  mean, std, a, b = mean or 0, std or 1, a or -2, b or 2
  if std <= 0 then error(("init.trunc_normal_: std is %g, expected above 0"):format(std), 2) end
  if a >= b then error(("init.trunc_normal_: bounds %g and %g are not in order"):format(a, b), 2) end
  return change(t, "trunc_normal_", mean, std, a, b)
end

--- All elements become `value`.
function M.constant_(t, value)
  check("constant_", t)
  if type(value) ~= "number" then error(("init.constant_: value must be a number, got %s"):format(type(value)), 2) end
  return change(t, "fill_", value)
end
--- All zeros.
function M.zeros_(t) return M.constant_(check("zeros_", t), 0) end
--- All ones.
function M.ones_(t) return M.constant_(check("ones_", t), 1) end

--- The identity matrix (2-d).
function M.eye_(t)
  local shape = check("eye_", t).shape
  if #shape ~= 2 then error(("init.eye_: expected a matrix, got %d dimensions"):format(#shape), 2) end
  return fill(t, function() return scion.eye(shape[1], shape[2], options(t)) end)
end

--- The identity of a convolution weight (out, in, kernel...): channel i goes to channel i through the kernel's centre.
function M.dirac_(t)
  local shape = check("dirac_", t).shape
  if #shape < 3 or #shape > 5 then error(("init.dirac_: expected 3..5 dimensions, got %d"):format(#shape), 2) end
  M.zeros_(t)
  scion.no_grad(function()
    for i = 1, math.min(shape[1], shape[2]) do
      local at = { i, i }
      for d = 3, #shape do at[d] = shape[d] // 2 + 1 end
      t:put(1, table.unpack(at))
    end
  end)
  return t
end

--- Glorot: uniform on +-gain sqrt(6 / (fan_in + fan_out)).
function M.xavier_uniform_(t, gain)
  local fan_in, fan_out = M.fans(check("xavier_uniform_", t))
  local bound = (gain or 1) * math.sqrt(6 / (fan_in + fan_out))
  return M.uniform_(t, -bound, bound)
end
--- Glorot: normal with standard deviation gain sqrt(2 / (fan_in + fan_out)).
function M.xavier_normal_(t, gain)
  local fan_in, fan_out = M.fans(check("xavier_normal_", t))
  return M.normal_(t, 0, (gain or 1) * math.sqrt(2 / (fan_in + fan_out)))
end

local function kaiming(who, t, opts)
  check(who, t)
  opts = opts or {}
  for key in pairs(opts) do
    if key ~= "a" and key ~= "mode" and key ~= "nonlinearity" then
      error(("init.%s: unknown option '%s' (known: a, mode, nonlinearity)"):format(who, tostring(key)), 3)
    end
  end
  local fan_in, fan_out = M.fans(t)
  local mode = opts.mode or "fan_in"
  if mode ~= "fan_in" and mode ~= "fan_out" then
    error(("init.%s: mode is '%s', expected 'fan_in' or 'fan_out'"):format(who, tostring(mode)), 3)
  end
  return M.calculate_gain(opts.nonlinearity or "leaky_relu", opts.a or 0) / math.sqrt(mode == "fan_in" and fan_in or fan_out)
end
--- He: uniform. opts: a (negative slope, 0), mode ("fan_in" or "fan_out"), nonlinearity ("leaky_relu").
function M.kaiming_uniform_(t, opts)
  local bound = math.sqrt(3) * kaiming("kaiming_uniform_", t, opts)
  return M.uniform_(t, -bound, bound)
end
--- He: normal. Options as kaiming_uniform_.
function M.kaiming_normal_(t, opts) return M.normal_(t, 0, kaiming("kaiming_normal_", t, opts)) end

--- Rows (or columns, where there are more rows) orthonormal, times gain; further dimensions are flattened.
function M.orthogonal_(t, gain)
  local shape = check("orthogonal_", t).shape
  if #shape < 2 then error(("init.orthogonal_: expected at least 2 dimensions, got %d"):format(#shape), 2) end
  local rows, columns = shape[1], 1
  for i = 2, #shape do columns = columns * shape[i] end
  return fill(t, function()
    local flat = scion.randn({ rows, columns }, options(t))
    if rows < columns then flat = flat:transpose(1, 2):contiguous() end
    local q, r = scion.qr(flat)
    -- signs of R's diagonal make the distribution uniform over orthogonal matrices
    local k = math.min(rows, columns)
    local diagonal = (r * scion.eye(k, options(t))):sum(1)
    q = q * (1 - 2 * scion.lt(diagonal, 0):to(t.dtype)):reshape(1, -1)
    if rows < columns then q = q:transpose(1, 2) end
    return q:reshape(shape) * (gain or 1)
  end)
end

--- A share `sparsity` of each column is zero, the rest normal with `std` (default 0.01).
function M.sparse_(t, sparsity, std)
  local shape = check("sparse_", t).shape
  if #shape ~= 2 then error(("init.sparse_: expected a matrix, got %d dimensions"):format(#shape), 2) end
  if type(sparsity) ~= "number" or sparsity < 0 or sparsity > 1 then
    error(("init.sparse_: sparsity is %s, expected 0..1"):format(tostring(sparsity)), 2)
  end
  local n_zeros = math.ceil(sparsity * shape[1])
  return fill(t, function()
    local rank = scion.rand(shape, options(t)):argsort(1):argsort(1) -- each column's elements in a random order, 1-based
    return scion.where(scion.le(rank, n_zeros), 0, scion.randn(shape, options(t)) * (std or 0.01))
  end)
end

return M
