-- Layers of one operation: linear, convolutions, pooling, normalisation, dropout, embedding, shapes, padding, resizing.
-- Names, argument order, defaults and initial weights are PyTorch's; dimensions count from 1. Shapes in the comments:
-- N items, C channels, H, W, D space, L length.

local scion = require "scion"
local args = require "scion.nn.args"
local core = require "scion.nn.core"
local init = require "scion.nn.initializers"

local M = {}

local none, read, spread = args.none, args.read, args.spread
local op_layer, parameter = core.op_layer, core.parameter

local function zeros(shape, dtype) return scion.zeros(shape, { dtype = dtype }) end
local function ones(shape, dtype) return scion.ones(shape, { dtype = dtype }) end

-- PyTorch's default for linear and convolution: both weight and bias uniform on +-1 / sqrt(fan_in).
local function weight_and_bias(shape, n_bias, fan_in, bias, dtype)
  local bound = fan_in > 0 and 1 / math.sqrt(fan_in) or 0
  local weight = parameter(init.uniform_(zeros(shape, dtype), -bound, bound))
  return weight, bias and parameter(init.uniform_(zeros({ n_bias }, dtype), -bound, bound)) or nil
end

-- ---- linear ---------------------------------------------------------------------------------------

local LINEAR <const> = { { "in_features", "posint" }, { "out_features", "posint" }, { "bias", "boolean", true }, { "dtype", "dtype", "f32" } }
--- y = x W' + b: (..., in_features) to (..., out_features). Parameters: weight (out_features, in_features), bias.
---@param in_features integer
---@param out_features integer
---@param bias? boolean default true
---@return scion.Net
function M.Linear(...)
  local a = read("Linear", LINEAR, ...)
  local weight, bias = weight_and_bias({ a.out_features, a.in_features }, a.out_features, a.in_features, a.bias, a.dtype)
  return op_layer("Linear", "linear", nil, { weight = weight, bias = bias }, nil, a.name)
end

local BILINEAR <const> = { { "in1_features", "posint" }, { "in2_features", "posint" }, { "out_features", "posint" },
  { "bias", "boolean", true }, { "dtype", "dtype", "f32" } }
--- y = x1 W x2 + b of two inputs: (N, in1), (N, in2) to (N, out).
---@return scion.Net
function M.Bilinear(...)
  local a = read("Bilinear", BILINEAR, ...)
  local weight, bias = weight_and_bias({ a.out_features, a.in1_features, a.in2_features }, a.out_features, a.in1_features, a.bias, a.dtype)
  local net = scion._net_new()
  local x1, x2 = net:add_input("x1"), net:add_input("x2")
  local y = net:add_node(bias and "product" or "", bias and "Einsum" or "Bilinear", "einsum", { equation = "ni,oij,nj->no" },
    { x1, net:add_entry("weight", weight), x2 })
  if bias then y = net:add_node("", "Bilinear", "add", nil, { y, net:add_entry("bias", bias) }) end
  net:set_outputs { y }
  net:set_attr("name", a.name or "bilinear")
  return net
end

-- ---- convolutions ---------------------------------------------------------------------------------

local CONV <const> = { { "in_channels", "posint" }, { "out_channels", "posint" }, { "kernel_size", "size" }, { "stride", "size", 1 },
  { "padding", "conv_padding", 0 }, { "dilation", "size", 1 }, { "groups", "posint", 1 }, { "bias", "boolean", true },
  { "padding_mode", { "zeros", "reflect", "replicate", "circular" }, "zeros" }, { "dtype", "dtype", "f32" } }
local CONV_TRANSPOSE <const> = { { "in_channels", "posint" }, { "out_channels", "posint" }, { "kernel_size", "size" }, { "stride", "size", 1 },
  { "padding", "padding", 0 }, { "output_padding", "padding", 0 }, { "groups", "posint", 1 }, { "bias", "boolean", true },
  { "dilation", "size", 1 }, { "dtype", "dtype", "f32" } }

local function check_groups(who, a)
  for _, key in ipairs { "in_channels", "out_channels" } do
    if a[key] % a.groups ~= 0 then
      error(("nn.%s: %s (%d) must be divisible by groups (%d)"):format(who, key, a[key], a.groups), 4)
    end
  end
end
local function product(list)
  local p = 1
  for i = 1, #list do p = p * list[i] end
  return p
end

-- A layer that pads first: nodes "pad" and the layer itself.
local function padded_layer(type, op, params, entries, pads, mode, name)
  local net = scion._net_new()
  local x = net:add_node("pad", "Pad", "pad", { pad = pads, mode = mode }, { net:add_input("x") })
  local inputs = { x, net:add_entry("weight", entries.weight) }
  if entries.bias then inputs[3] = net:add_entry("bias", entries.bias) end
  net:set_outputs { (net:add_node("", type, op, params, inputs)) }
  net:set_attr("name", name or type:lower())
  return net
end

local function conv(n, ...)
  local who = ("Conv%dd"):format(n)
  local a = read(who, CONV, ...)
  check_groups(who, a)
  local kernel, dilation, stride = spread(who, "kernel_size", a.kernel_size, n), spread(who, "dilation", a.dilation, n), spread(who, "stride", a.stride, n)
  local before, after = {}, {}
  if a.padding == "same" then
    for i = 1, n do
      if stride[i] ~= 1 then error(("nn.%s: padding 'same' needs a stride of 1, got %d"):format(who, stride[i]), 3) end
      local total = dilation[i] * (kernel[i] - 1)
      before[i], after[i] = total // 2, total - total // 2
    end
  else
    local padding = a.padding == "valid" and 0 or a.padding
    for i, p in ipairs(spread(who, "padding", padding, n)) do before[i], after[i] = p, p end
  end
  local shape = { a.out_channels, a.in_channels // a.groups, table.unpack(kernel) }
  local weight, bias = weight_and_bias(shape, a.out_channels, shape[2] * product(kernel), a.bias, a.dtype)
  local entries = { weight = weight, bias = bias }
  local params = { stride = stride, padding = before, dilation = dilation, groups = a.groups }
  local uneven = false
  for i = 1, n do uneven = uneven or before[i] ~= after[i] end
  if a.padding_mode == "zeros" and not uneven then
    return op_layer(who, ("conv%dd"):format(n), params, entries, nil, a.name)
  end
  local pads, none_left = {}, {}
  for i = n, 1, -1 do -- pad's list begins with the last dimension
    pads[#pads + 1], pads[#pads + 2] = before[i], after[i]
  end
  for i = 1, n do none_left[i] = 0 end
  params.padding = none_left
  return padded_layer(who, ("conv%dd"):format(n), params, entries, pads, a.padding_mode == "zeros" and "constant" or a.padding_mode, a.name)
end

local function conv_transpose(n, ...)
  local who = ("ConvTranspose%dd"):format(n)
  local a = read(who, CONV_TRANSPOSE, ...)
  check_groups(who, a)
  local kernel = spread(who, "kernel_size", a.kernel_size, n)
  local shape = { a.in_channels, a.out_channels // a.groups, table.unpack(kernel) }
  local weight, bias = weight_and_bias(shape, a.out_channels, shape[2] * product(kernel), a.bias, a.dtype)
  return op_layer(who, ("conv_transpose%dd"):format(n), { stride = spread(who, "stride", a.stride, n), padding = spread(who, "padding", a.padding, n),
    output_padding = spread(who, "output_padding", a.output_padding, n), dilation = spread(who, "dilation", a.dilation, n), groups = a.groups },
    { weight = weight, bias = bias }, nil, a.name)
end

--- Convolution over length: (N, in_channels, L) to (N, out_channels, L'). Parameters: weight (out, in / groups, k), bias (out).
--- Arguments: in_channels, out_channels, kernel_size, stride = 1, padding = 0 (or "same", "valid"), dilation = 1, groups = 1,
--- bias = true, padding_mode = "zeros" ("reflect", "replicate", "circular").
---@return scion.Net
function M.Conv1d(...) return conv(1, ...) end
--- Convolution over images: (N, in_channels, H, W) to (N, out_channels, H', W'). Arguments as Conv1d.
---@param in_channels integer
---@param out_channels integer
---@param kernel_size integer|integer[]
---@return scion.Net
function M.Conv2d(...) return conv(2, ...) end
--- Convolution over volumes: (N, in_channels, D, H, W) to (N, out_channels, D', H', W'). Arguments as Conv1d.
---@return scion.Net
function M.Conv3d(...) return conv(3, ...) end
--- Transposed convolution (the gradient of Conv1d as a layer). Arguments: in_channels, out_channels, kernel_size, stride = 1,
--- padding = 0, output_padding = 0, groups = 1, bias = true, dilation = 1. weight is (in, out / groups, k).
---@return scion.Net
function M.ConvTranspose1d(...) return conv_transpose(1, ...) end
--- Transposed convolution of images; see ConvTranspose1d.
---@return scion.Net
function M.ConvTranspose2d(...) return conv_transpose(2, ...) end
--- Transposed convolution of volumes; see ConvTranspose1d.
---@return scion.Net
function M.ConvTranspose3d(...) return conv_transpose(3, ...) end

-- ---- pooling --------------------------------------------------------------------------------------

local MAX_POOL <const> = { { "kernel_size", "size" }, { "stride", "size", none }, { "padding", "padding", 0 }, { "dilation", "size", 1 },
  { "return_indices", "boolean", false }, { "ceil_mode", "boolean", false } }
local AVG_POOL <const> = { { "kernel_size", "size" }, { "stride", "size", none }, { "padding", "padding", 0 }, { "ceil_mode", "boolean", false },
  { "count_include_pad", "boolean", true }, { "divisor_override", "posint", none } }
local LP_POOL <const> = { { "norm_type", "positive" }, { "kernel_size", "size" }, { "stride", "size", none }, { "ceil_mode", "boolean", false } }
local ADAPTIVE <const> = { { "output_size", "size" } }

local function check_pool_padding(who, kernel, padding)
  for i = 1, #kernel do
    if 2 * padding[i] > kernel[i] then
      error(("nn.%s: padding (%d) must be at most half of kernel_size (%d)"):format(who, padding[i], kernel[i]), 4)
    end
  end
end

local function max_pool(n, ...)
  local who = ("MaxPool%dd"):format(n)
  local a = read(who, MAX_POOL, ...)
  local kernel = spread(who, "kernel_size", a.kernel_size, n)
  local padding = spread(who, "padding", a.padding, n)
  check_pool_padding(who, kernel, padding)
  local params = { kernel = kernel, stride = spread(who, "stride", a.stride or kernel, n), padding = padding,
    dilation = spread(who, "dilation", a.dilation, n), ceil_mode = a.ceil_mode }
  local op = a.return_indices and "max_pool%dd_with_indices" or "max_pool%dd"
  local net = op_layer(who, op:format(n), params, nil, nil, a.name)
  if a.return_indices then core.set_all_outputs(net, "", 2) end
  return net
end
local MAX_UNPOOL <const> = { { "kernel_size", "size" }, { "stride", "size", none }, { "padding", "padding", 0 }, { "output_size", "size", none } }
local function max_unpool(n, ...)
  local who = ("MaxUnpool%dd"):format(n)
  local a = read(who, MAX_UNPOOL, ...)
  local kernel = spread(who, "kernel_size", a.kernel_size, n)
  local params = { kernel = kernel, stride = spread(who, "stride", a.stride or kernel, n), padding = spread(who, "padding", a.padding, n) }
  if a.output_size then params.output_size = spread(who, "output_size", a.output_size, n) end
  return op_layer(who, ("max_unpool%dd"):format(n), params, nil, nil, a.name, { "x", "indices" })
end
local function avg_pool(n, ...)
  local who = ("AvgPool%dd"):format(n)
  local a = read(who, AVG_POOL, ...)
  local kernel = spread(who, "kernel_size", a.kernel_size, n)
  local padding = spread(who, "padding", a.padding, n)
  check_pool_padding(who, kernel, padding)
  return op_layer(who, ("avg_pool%dd"):format(n), { kernel = kernel, stride = spread(who, "stride", a.stride or kernel, n), padding = padding,
    ceil_mode = a.ceil_mode, count_include_pad = a.count_include_pad, divisor_override = a.divisor_override }, nil, nil, a.name)
end
local function lp_pool(n, ...)
  local who = ("LPPool%dd"):format(n)
  local a = read(who, LP_POOL, ...)
  local kernel = spread(who, "kernel_size", a.kernel_size, n)
  return op_layer(who, ("lp_pool%dd"):format(n), { p = a.norm_type, kernel = kernel, stride = spread(who, "stride", a.stride or kernel, n),
    ceil_mode = a.ceil_mode }, nil, nil, a.name)
end
local function adaptive(kind, n, ...)
  local who = ("Adaptive%sPool%dd"):format(kind == "avg" and "Avg" or "Max", n)
  local a = read(who, ADAPTIVE, ...)
  return op_layer(who, ("adaptive_%s_pool%dd"):format(kind, n), { size = spread(who, "output_size", a.output_size, n) }, nil, nil, a.name)
end
local function global(kind, n, ...)
  local who = ("Global%sPool%dd"):format(kind == "mean" and "Avg" or "Max", n)
  local a = read(who, {}, ...)
  local dims = {}
  for i = 1, n do dims[i] = -i end
  return op_layer(who, kind, { dim = dims }, nil, nil, a.name)
end

for n = 1, 3 do
  --- Largest value of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, dilation = 1, return_indices = false
  --- (a second output: positions in the plane), ceil_mode = false.
  M[("MaxPool%dd"):format(n)] = function(...) return max_pool(n, ...) end
  --- Puts maxima back where MaxPool { return_indices = true } found them: unpool(x, indices). Arguments: kernel_size,
  --- stride = kernel_size, padding = 0, output_size = (size - 1) * stride - 2 * padding + kernel_size.
  M[("MaxUnpool%dd"):format(n)] = function(...) return max_unpool(n, ...) end
  --- Mean of each window. Arguments: kernel_size, stride = kernel_size, padding = 0, ceil_mode = false, count_include_pad = true,
  --- divisor_override (what sums are divided by).
  M[("AvgPool%dd"):format(n)] = function(...) return avg_pool(n, ...) end
  --- (sum of |x|^p)^(1/p) of each window. Arguments: norm_type (p), kernel_size, stride = kernel_size, ceil_mode = false.
  M[("LPPool%dd"):format(n)] = function(...) return lp_pool(n, ...) end
  --- Means of as many windows as `output_size` says, whatever the input's size.
  M[("AdaptiveAvgPool%dd"):format(n)] = function(...) return adaptive("avg", n, ...) end
  --- Maxima of as many windows as `output_size` says.
  M[("AdaptiveMaxPool%dd"):format(n)] = function(...) return adaptive("max", n, ...) end
  --- Mean over all positions: (N, C, ...) to (N, C).
  M[("GlobalAvgPool%dd"):format(n)] = function(...) return global("mean", n, ...) end
  --- Maximum over all positions: (N, C, ...) to (N, C).
  M[("GlobalMaxPool%dd"):format(n)] = function(...) return global("amax", n, ...) end
end

-- ---- windows as columns ---------------------------------------------------------------------------

local UNFOLD <const> = { { "kernel_size", "size" }, { "dilation", "size", 1 }, { "padding", "padding", 0 }, { "stride", "size", 1 } }
local function window_params(who, a)
  return { kernel = spread(who, "kernel_size", a.kernel_size, 2), dilation = spread(who, "dilation", a.dilation, 2),
    padding = spread(who, "padding", a.padding, 2), stride = spread(who, "stride", a.stride, 2) }
end
--- Sliding windows of (N, C, H, W) as columns (N, C * kernel size, positions). Arguments: kernel_size, dilation = 1, padding = 0, stride = 1.
---@return scion.Net
function M.Unfold(...)
  local a = read("Unfold", UNFOLD, ...)
  return op_layer("Unfold", "unfold", window_params("Unfold", a), nil, nil, a.name)
end
local FOLD <const> = { { "output_size", "size" }, { "kernel_size", "size" }, { "dilation", "size", 1 }, { "padding", "padding", 0 }, { "stride", "size", 1 } }
--- Columns added up into (N, C, H, W). Arguments: output_size, kernel_size, dilation = 1, padding = 0, stride = 1.
---@return scion.Net
function M.Fold(...)
  local a = read("Fold", FOLD, ...)
  local params = window_params("Fold", a)
  params.size = spread("Fold", "output_size", a.output_size, 2)
  return op_layer("Fold", "fold", params, nil, nil, a.name)
end

-- ---- normalisation --------------------------------------------------------------------------------

local BATCH <const> = { { "num_features", "posint" }, { "eps", "positive", 1e-5 }, { "momentum", "probability", 0.1 }, { "affine", "boolean", true },
  { "track_running_stats", "boolean", true }, { "dtype", "dtype", "f32" } }
local function batch_norm(n, ...)
  local who = ("BatchNorm%dd"):format(n)
  local a = read(who, BATCH, ...)
  local shape = { a.num_features }
  local entries = {}
  if a.affine then entries.weight, entries.bias = parameter(ones(shape, a.dtype)), parameter(zeros(shape, a.dtype)) end
  if a.track_running_stats then entries.running_mean, entries.running_var = zeros(shape, a.dtype), ones(shape, a.dtype) end
  return op_layer(who, "batch_norm", { eps = a.eps, momentum = a.momentum }, entries, { running_mean = true, running_var = true }, a.name)
end
--- Normalises each channel over the batch: (N, C) or (N, C, L). In training by the batch's statistics, which also move running_mean
--- and running_var by `momentum`; in evaluation by those. Arguments: num_features, eps = 1e-5, momentum = 0.1, affine = true,
--- track_running_stats = true.
---@return scion.Net
function M.BatchNorm1d(...) return batch_norm(1, ...) end
--- Batch normalisation of images (N, C, H, W); see BatchNorm1d.
---@return scion.Net
function M.BatchNorm2d(...) return batch_norm(2, ...) end
--- Batch normalisation of volumes (N, C, D, H, W); see BatchNorm1d.
---@return scion.Net
function M.BatchNorm3d(...) return batch_norm(3, ...) end

local LAYER <const> = { { "normalized_shape", "size" }, { "eps", "positive", 1e-5 }, { "elementwise_affine", "boolean", true }, { "bias", "boolean", true },
  { "dtype", "dtype", "f32" } }
--- Normalises the trailing dimensions of every item, then scales and shifts. Arguments: normalized_shape, eps = 1e-5,
--- elementwise_affine = true, bias = true.
---@return scion.Net
function M.LayerNorm(...)
  local a = read("LayerNorm", LAYER, ...)
  local shape = type(a.normalized_shape) == "table" and a.normalized_shape or { a.normalized_shape }
  local entries = {}
  if a.elementwise_affine then
    entries.weight = parameter(ones(shape, a.dtype))
    if a.bias then entries.bias = parameter(zeros(shape, a.dtype)) end
  end
  return op_layer("LayerNorm", "layer_norm", { normalized_shape = shape, eps = a.eps }, entries, nil, a.name)
end

local RMS <const> = { { "normalized_shape", "size" }, { "eps", "positive", none }, { "elementwise_affine", "boolean", true }, { "dtype", "dtype", "f32" } }
--- x / sqrt(mean(x^2) + eps) over the trailing dimensions, scaled. eps defaults to the dtype's machine epsilon.
---@return scion.Net
function M.RMSNorm(...)
  local a = read("RMSNorm", RMS, ...)
  local shape = type(a.normalized_shape) == "table" and a.normalized_shape or { a.normalized_shape }
  local eps = a.eps or (a.dtype == "f64" and 2.220446049250313e-16 or 1.1920928955078125e-7)
  return op_layer("RMSNorm", "rms_norm", { normalized_shape = shape, eps = eps },
    { weight = a.elementwise_affine and parameter(ones(shape, a.dtype)) or nil }, nil, a.name)
end

local GROUP <const> = { { "num_groups", "posint" }, { "num_channels", "posint" }, { "eps", "positive", 1e-5 }, { "affine", "boolean", true },
  { "dtype", "dtype", "f32" } }
--- Normalises groups of channels of every item (N, C, ...). Arguments: num_groups, num_channels, eps = 1e-5, affine = true.
---@return scion.Net
function M.GroupNorm(...)
  local a = read("GroupNorm", GROUP, ...)
  if a.num_channels % a.num_groups ~= 0 then
    error(("nn.GroupNorm: num_channels (%d) must be divisible by num_groups (%d)"):format(a.num_channels, a.num_groups), 2)
  end
  local entries = {}
  if a.affine then entries.weight, entries.bias = parameter(ones({ a.num_channels }, a.dtype)), parameter(zeros({ a.num_channels }, a.dtype)) end
  return op_layer("GroupNorm", "group_norm", { num_groups = a.num_groups, eps = a.eps }, entries, nil, a.name)
end

local INSTANCE <const> = { { "num_features", "posint" }, { "eps", "positive", 1e-5 }, { "affine", "boolean", false }, { "dtype", "dtype", "f32" } }
local function instance_norm(n, ...)
  local a = read(("InstanceNorm%dd"):format(n), INSTANCE, ...)
  local entries = {}
  if a.affine then entries.weight, entries.bias = parameter(ones({ a.num_features }, a.dtype)), parameter(zeros({ a.num_features }, a.dtype)) end
  return op_layer(("InstanceNorm%dd"):format(n), "instance_norm", { eps = a.eps }, entries, nil, a.name)
end
--- Normalises every channel of every item by its own statistics: (N, C, L). Arguments: num_features, eps = 1e-5, affine = false.
---@return scion.Net
function M.InstanceNorm1d(...) return instance_norm(1, ...) end
--- Instance normalisation of images; see InstanceNorm1d.
---@return scion.Net
function M.InstanceNorm2d(...) return instance_norm(2, ...) end
--- Instance normalisation of volumes; see InstanceNorm1d.
---@return scion.Net
function M.InstanceNorm3d(...) return instance_norm(3, ...) end

local LRN <const> = { { "size", "posint" }, { "alpha", "number", 1e-4 }, { "beta", "number", 0.75 }, { "k", "number", 1 } }
--- x / (k + alpha * mean of x^2 over neighbouring channels)^beta.
---@return scion.Net
function M.LocalResponseNorm(...)
  local a = read("LocalResponseNorm", LRN, ...)
  return op_layer("LocalResponseNorm", "local_response_norm", { size = a.size, alpha = a.alpha, beta = a.beta, k = a.k }, nil, nil, a.name)
end

-- ---- dropout --------------------------------------------------------------------------------------

local DROPOUT <const> = { { "p", "probability", 0.5 } }
local function dropout(type, op)
  return function(...)
    local a = read(type, DROPOUT, ...)
    return op_layer(type, op, { p = a.p }, nil, nil, a.name)
  end
end
--- In training zeroes elements with probability p (default 0.5) and scales the rest by 1 / (1 - p); in evaluation x itself.
M.Dropout = dropout("Dropout", "dropout")
--- Dropout of whole channels of (N, C, L).
M.Dropout1d = dropout("Dropout1d", "feature_dropout")
--- Dropout of whole channels of (N, C, H, W).
M.Dropout2d = dropout("Dropout2d", "feature_dropout")
--- Dropout of whole channels of (N, C, D, H, W).
M.Dropout3d = dropout("Dropout3d", "feature_dropout")
--- Dropout that keeps mean and variance of selu activations.
M.AlphaDropout = dropout("AlphaDropout", "alpha_dropout")
--- AlphaDropout of whole channels of (N, C, ...).
M.FeatureAlphaDropout = dropout("FeatureAlphaDropout", "feature_alpha_dropout")

-- ---- embedding ------------------------------------------------------------------------------------

local EMBEDDING <const> = { { "num_embeddings", "posint" }, { "embedding_dim", "posint" }, { "padding_idx", "posint", none }, { "dtype", "dtype", "f32" } }
local BAG <const> = { { "num_embeddings", "posint" }, { "embedding_dim", "posint" }, { "mode", { "sum", "mean", "max" }, "mean" }, { "padding_idx", "posint", none },
  { "dtype", "dtype", "f32" } }
local function table_of(who, a)
  if a.padding_idx and a.padding_idx > a.num_embeddings then
    error(("nn.%s: padding_idx is %d, expected 1..%d"):format(who, a.padding_idx, a.num_embeddings), 3)
  end
  local weight = init.normal_(zeros({ a.num_embeddings, a.embedding_dim }, a.dtype))
  if a.padding_idx then scion.no_grad(function() weight:slice(1, a.padding_idx, a.padding_idx):zero_() end) end
  return parameter(weight)
end
--- Rows of weight (num_embeddings, embedding_dim) by id: ids of any shape, 1..num_embeddings, to that shape + (embedding_dim).
--- The row padding_idx is zero and gets no gradient.
---@return scion.Net
function M.Embedding(...)
  local a = read("Embedding", EMBEDDING, ...)
  return op_layer("Embedding", "embedding", { padding_idx = a.padding_idx }, { weight = table_of("Embedding", a) }, nil, a.name)
end
--- Sum, mean (the default) or maximum of the embeddings of each bag of ids: (N, T) to (N, embedding_dim).
---@return scion.Net
function M.EmbeddingBag(...)
  local a = read("EmbeddingBag", BAG, ...)
  return op_layer("EmbeddingBag", "embedding_bag", { mode = a.mode, padding_idx = a.padding_idx }, { weight = table_of("EmbeddingBag", a) }, nil, a.name)
end

-- ---- shapes ---------------------------------------------------------------------------------------

local FLATTEN <const> = { { "start_dim", "int", 2 }, { "end_dim", "int", -1 } }
--- Joins dimensions start_dim .. end_dim (default: all but the first): (N, C, H, W) to (N, C H W).
---@return scion.Net
function M.Flatten(...)
  local a = read("Flatten", FLATTEN, ...)
  return op_layer("Flatten", "flatten", { start_dim = a.start_dim, end_dim = a.end_dim }, nil, nil, a.name)
end
local UNFLATTEN <const> = { { "dim", "int" }, { "unflattened_size", "shape" } }
--- Splits dimension `dim` into the sizes of the list.
---@return scion.Net
function M.Unflatten(...)
  local a = read("Unflatten", UNFLATTEN, ...)
  return op_layer("Unflatten", "unflatten", { dim = a.dim, sizes = a.unflattened_size }, nil, nil, a.name)
end
local RESHAPE <const> = { { "shape", "shape" } }
--- Another shape, batch dimension included; one size may be -1.
---@return scion.Net
function M.Reshape(...)
  local given = { ... }
  if math.type(given[1]) == "integer" then -- Reshape(-1, 8, 8)
    local list = {}
    while math.type(given[1]) == "integer" do list[#list + 1] = table.remove(given, 1) end
    table.insert(given, 1, list)
  end
  local a = read("Reshape", RESHAPE, table.unpack(given))
  return op_layer("Reshape", "reshape", { shape = a.shape }, nil, nil, a.name)
end
local PERMUTE <const> = { { "dims", "ints" } }
--- Dimensions in another order: nn.Permute { dims = { 1, 3, 2 } }.
---@return scion.Net
function M.Permute(...)
  local a = read("Permute", PERMUTE, ...)
  return op_layer("Permute", "permute", { dims = a.dims }, nil, nil, a.name)
end
local TRANSPOSE <const> = { { "dim0", "int" }, { "dim1", "int" } }
--- Two dimensions exchanged.
---@return scion.Net
function M.Transpose(...)
  local a = read("Transpose", TRANSPOSE, ...)
  return op_layer("Transpose", "transpose", { dim0 = a.dim0, dim1 = a.dim1 }, nil, nil, a.name)
end
local DIM <const> = { { "dim", "int", none } }
--- Without dimensions of size 1 (or without `dim` if its size is 1).
---@return scion.Net
function M.Squeeze(...)
  local a = read("Squeeze", DIM, ...)
  return op_layer("Squeeze", "squeeze", { dim = a.dim }, nil, nil, a.name)
end
local NEED_DIM <const> = { { "dim", "int" } }
--- With a new dimension of size 1 at `dim`.
---@return scion.Net
function M.Unsqueeze(...)
  local a = read("Unsqueeze", NEED_DIM, ...)
  return op_layer("Unsqueeze", "unsqueeze", { dim = a.dim }, nil, nil, a.name)
end
--- x itself.
---@return scion.Net
function M.Identity(...)
  local a = read("Identity", {}, ...)
  return op_layer("Identity", "contiguous", nil, nil, nil, a.name)
end

-- ---- padding --------------------------------------------------------------------------------------

local PADDING <const> = { { "padding", "ints" } }
local CONSTANT_PADDING <const> = { { "padding", "ints" }, { "value", "number" } }
local function pad(n, kind, mode, ...)
  local who = ("%sPad%dd"):format(kind, n)
  local a = read(who, kind == "Constant" and CONSTANT_PADDING or PADDING, ...)
  local pads = a.padding
  if type(pads) ~= "table" then
    pads = {}
    for i = 1, 2 * n do pads[i] = a.padding end
  elseif #pads ~= 2 * n then
    error(("nn.%s: padding has %d values, expected 1 or %d (left, right%s)"):format(who, #pads, 2 * n, n > 1 and ", top, bottom, ..." or ""), 3)
  end
  return op_layer(who, "pad", { pad = pads, mode = mode, value = a.value }, nil, nil, a.name)
end
for n = 1, 3 do
  --- Zeros around (N, C, ...): one number or { left, right, top, bottom, ... }.
  M[("ZeroPad%dd"):format(n)] = function(...) return pad(n, "Zero", "constant", ...) end
  --- A constant around: padding, value.
  M[("ConstantPad%dd"):format(n)] = function(...) return pad(n, "Constant", "constant", ...) end
  --- The border mirrored without its edge.
  M[("ReflectionPad%dd"):format(n)] = function(...) return pad(n, "Reflection", "reflect", ...) end
  --- The edge repeated.
  M[("ReplicationPad%dd"):format(n)] = function(...) return pad(n, "Replication", "replicate", ...) end
  --- The other side continued.
  M[("CircularPad%dd"):format(n)] = function(...) return pad(n, "Circular", "circular", ...) end
end

-- ---- resizing -------------------------------------------------------------------------------------

local UPSAMPLE <const> = { { "size", "size", none }, { "scale_factor", "positive", none },
  { "mode", { "nearest", "linear", "bilinear", "bicubic", "trilinear", "area" }, "nearest" }, { "align_corners", "boolean", false } }
local function upsample(type, mode, ...)
  local a = read(type, UPSAMPLE, ...)
  if (a.size == nil) == (a.scale_factor == nil) then
    error(("nn.%s: give either size or scale_factor"):format(type), 3)
  end
  return op_layer(type, "interpolate", { size = a.size, scale_factor = a.scale_factor, mode = mode or a.mode,
    align_corners = type == "UpsamplingBilinear2d" or a.align_corners }, nil, nil, a.name)
end
--- Resizes the spatial dimensions. Arguments: size or scale_factor, mode = "nearest" ("linear", "bilinear", "bicubic", "trilinear", "area"),
--- align_corners = false.
---@return scion.Net
function M.Upsample(...) return upsample("Upsample", nil, ...) end
--- Upsample by nearest elements.
---@return scion.Net
function M.UpsamplingNearest2d(...) return upsample("UpsamplingNearest2d", "nearest", ...) end
--- Upsample bilinearly with aligned corners.
---@return scion.Net
function M.UpsamplingBilinear2d(...) return upsample("UpsamplingBilinear2d", "bilinear", ...) end
local UP <const> = { { "upscale_factor", "posint" } }
--- (N, C r^2, H, W) to (N, C, H r, W r).
---@return scion.Net
function M.PixelShuffle(...)
  local a = read("PixelShuffle", UP, ...)
  return op_layer("PixelShuffle", "pixel_shuffle", { upscale_factor = a.upscale_factor }, nil, nil, a.name)
end
local DOWN <const> = { { "downscale_factor", "posint" } }
--- (N, C, H r, W r) to (N, C r^2, H, W).
---@return scion.Net
function M.PixelUnshuffle(...)
  local a = read("PixelUnshuffle", DOWN, ...)
  return op_layer("PixelUnshuffle", "pixel_unshuffle", { downscale_factor = a.downscale_factor }, nil, nil, a.name)
end
local GROUPS <const> = { { "groups", "posint" } }
--- Deals the channels of every group out in turn.
---@return scion.Net
function M.ChannelShuffle(...)
  local a = read("ChannelShuffle", GROUPS, ...)
  return op_layer("ChannelShuffle", "channel_shuffle", { groups = a.groups }, nil, nil, a.name)
end

return M
