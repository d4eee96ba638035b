-- Layers under MXNet's names, for those who come from Xfer: nn.Convolution { name = "conv1", kernel = { 3, 3 }, num_filter = 64 }.
-- Attributes are MXNet's. The size of what comes in is not given but found in the graph (see nn.deferred): in a
-- ModelHandler by get_module, elsewhere by net:materialise { 1, 3, 224, 224 }.

local scion = require "scion"
local check = require "scion.check"
local core = require "scion.nn.core"
local deferred = require "scion.nn.deferred"

local M = {}

local ints = check.either({ check.integer { min = 0 }, check.list { of = check.integer { min = 0 }, min_length = 1 } }, {})
local name = check.string {}

local function options(who, given, rules)
  if type(given) == "string" then given = { name = given } end
  rules.name = name
  return check.opts("nn." .. who, given, rules, 4)
end

local function spread(who, what, value, n, default)
  if value == nil then value = default end
  local out = {}
  if type(value) == "table" then
    if #value ~= n then error(("nn.%s: %s has %d values, kernel has %d"):format(who, what, #value, n), 4) end
    return value
  end
  for i = 1, n do out[i] = value end
  return out
end

local function wait(net, kind)
  net:set_attr(deferred.KEY, kind, "")
  return net
end

local function parameter(shape) return core.parameter(scion.zeros(shape)) end

local function convolution(who, given, transposed)
  local rules = { kernel = check.either({ check.integer { min = 1 }, check.list { of = check.integer { min = 1 }, min_length = 1 } }, { required = true }),
    num_filter = check.integer { required = true, min = 1 }, stride = ints, pad = ints, dilate = ints, num_group = check.integer { default = 1, min = 1 },
    no_bias = transposed }
  if transposed then rules.adj = ints end
  local a = options(who, given, rules)
  local kernel = type(a.kernel) == "table" and a.kernel or { a.kernel, a.kernel }
  local n = #kernel
  if n > 3 then error(("nn.%s: kernel has %d dimensions, 1 to 3 are possible"):format(who, n), 3) end
  if a.num_filter % a.num_group ~= 0 then
    error(("nn.%s: num_filter (%d) must be divisible by num_group (%d)"):format(who, a.num_filter, a.num_group), 3)
  end
  local params = { stride = spread(who, "stride", a.stride, n, 1), padding = spread(who, "pad", a.pad, n, 0),
    dilation = spread(who, "dilate", a.dilate, n, 1), groups = a.num_group }
  local shape = transposed and { 0, a.num_filter // a.num_group, table.unpack(kernel) } or { a.num_filter, 0, table.unpack(kernel) }
  if transposed then params.output_padding = spread(who, "adj", a.adj, n, 0) end
  local entries = { weight = parameter(shape), bias = not a.no_bias and parameter { a.num_filter } or nil }
  return wait(core.op_layer(("Conv%s%dd"):format(transposed and "Transpose" or "", n), (transposed and "conv_transpose%dd" or "conv%dd"):format(n),
    params, entries, nil, a.name), "convolution")
end

--- Convolution: kernel (one number or a list), num_filter, stride = 1, pad = 0, dilate = 1, num_group = 1, no_bias = false.
---@return scion.Net
function M.Convolution(opts) return convolution("Convolution", opts, false) end
--- Transposed convolution; as Convolution, with adj (output padding); no_bias defaults to true, as in MXNet.
---@return scion.Net
function M.Deconvolution(opts) return convolution("Deconvolution", opts, true) end

--- Linear layer on flattened items: num_hidden, no_bias = false, flatten = true (false: on the last dimension only).
---@return scion.Net
function M.FullyConnected(opts)
  local a = options("FullyConnected", opts, { num_hidden = check.integer { required = true, min = 1 }, no_bias = false, flatten = true })
  local net = core.op_layer("Linear", "linear", nil, { weight = parameter { a.num_hidden, 0 }, bias = not a.no_bias and parameter { a.num_hidden } or nil },
    nil, a.name)
  return wait(net, a.flatten and "fullyconnected" or "linear")
end

local ACTIVATIONS <const> = { relu = { "ReLU", "relu" }, sigmoid = { "Sigmoid", "sigmoid" }, tanh = { "Tanh", "tanh" },
  softrelu = { "Softplus", "softplus" }, softsign = { "Softsign", "softsign" } }
--- act_type: "relu", "sigmoid", "tanh", "softrelu" or "softsign".
---@return scion.Net
function M.Activation(opts)
  local a = options("Activation", opts, { act_type = check.choice({ "relu", "sigmoid", "tanh", "softrelu", "softsign" }, { required = true }) })
  local found = ACTIVATIONS[a.act_type]
  return core.op_layer(found[1], found[2], nil, nil, nil, a.name)
end

--- Pooling of images: pool_type = "max" | "avg" | "sum", kernel, stride = 1, pad = 0, global_pool = false, pooling_convention =
--- "valid" | "full", count_include_pad = true.
---@return scion.Net
function M.Pooling(opts)
  local a = options("Pooling", opts, { pool_type = check.choice({ "max", "avg", "sum" }, { default = "max" }), kernel = ints, stride = ints, pad = ints,
    global_pool = false, pooling_convention = check.choice({ "valid", "full" }, { default = "valid" }), count_include_pad = true })
  if a.global_pool then -- keeps the dimensions, as MXNet does
    if a.pool_type == "sum" then return core.op_layer("SumPool2d", "sum", { dim = { -2, -1 }, keepdim = true }, nil, nil, a.name) end
    local kind = a.pool_type == "max" and "Max" or "Avg"
    return core.op_layer(("Adaptive%sPool2d"):format(kind), ("adaptive_%s_pool2d"):format(a.pool_type), { size = { 1, 1 } }, nil, nil, a.name)
  end
  if a.kernel == nil then error("nn.Pooling: option 'kernel' is required unless global_pool = true", 2) end
  local kernel = type(a.kernel) == "table" and a.kernel or { a.kernel, a.kernel }
  local n = #kernel
  local params = { kernel = kernel, stride = spread("Pooling", "stride", a.stride, n, 1), padding = spread("Pooling", "pad", a.pad, n, 0),
    ceil_mode = a.pooling_convention == "full" }
  if a.pool_type == "max" then return core.op_layer(("MaxPool%dd"):format(n), ("max_pool%dd"):format(n), params, nil, nil, a.name) end
  params.count_include_pad = a.pool_type == "sum" or a.count_include_pad
  params.divisor_override = a.pool_type == "sum" and 1 or nil
  return core.op_layer(("%sPool%dd"):format(a.pool_type == "avg" and "Avg" or "Sum", n), ("avg_pool%dd"):format(n), params, nil, nil, a.name)
end

--- Batch normalisation of the second dimension: eps = 1e-3, momentum = 0.9 (of the old value, as MXNet writes it), fix_gamma = true (the scale
--- stays 1), use_global_stats = false (true: never the batch's own statistics).
---@return scion.Net
function M.BatchNorm(opts)
  local a = options("BatchNorm", opts, { eps = check.number { default = 1e-3, above = 0 }, momentum = check.number { default = 0.9, min = 0, max = 1 },
    fix_gamma = true, use_global_stats = false })
  local entries = { weight = parameter { 0 }, bias = parameter { 0 }, running_mean = scion.zeros(0), running_var = scion.zeros(0) }
  local net = core.op_layer("BatchNorm2d", "batch_norm", { eps = a.eps, momentum = 1 - a.momentum }, entries,
    { running_mean = true, running_var = true }, a.name)
  if a.use_global_stats then net:set_mode("", "eval") end
  wait(net, "batchnorm")
  if a.fix_gamma then net:set_attr("fix_gamma", "true", "") end
  return net
end

--- The softmax that a classifier ends in; training takes the cross entropy of what comes before it.
---@return scion.Net
function M.SoftmaxOutput(opts)
  local a = options("SoftmaxOutput", opts, {})
  return core.op_layer("SoftmaxOutput", "softmax", { dim = 2 }, nil, nil, a.name)
end

--- Inputs joined along dimension `dim` (0-based as in MXNet, 1: channels): num_args = 2.
---@return scion.Net
function M.Concat(opts)
  local a = options("Concat", opts, { dim = check.integer { default = 1, min = 0 }, num_args = check.integer { default = 2, min = 1 } })
  local net, values = scion._net_new(), {}
  for i = 1, a.num_args do values[i] = net:add_input("x" .. i) end
  net:set_outputs { (net:add_node("", "Concat", "cat", { dim = a.dim + 1 }, values)) }
  if a.name then net:set_attr("name", a.name) end
  return net
end

--- y = x > 0 ? x : slope x, or act_type "elu", "selu", "gelu".
---@return scion.Net
function M.LeakyReLU(opts)
  local a = options("LeakyReLU", opts, { act_type = check.choice({ "leaky", "elu", "selu", "gelu" }, { default = "leaky" }), slope = check.number { default = 0.25 } })
  if a.act_type == "leaky" then return core.op_layer("LeakyReLU", "leaky_relu", { negative_slope = a.slope }, nil, nil, a.name) end
  if a.act_type == "elu" then return core.op_layer("ELU", "elu", { alpha = a.slope }, nil, nil, a.name) end
  return core.op_layer(a.act_type:upper(), a.act_type, nil, nil, nil, a.name)
end

--- Local response normalisation across channels: nsize, alpha = 1e-4, beta = 0.75, knorm = 2.
---@return scion.Net
function M.LRN(opts)
  local a = options("LRN", opts, { nsize = check.integer { required = true, min = 1 }, alpha = check.number { default = 1e-4 },
    beta = check.number { default = 0.75 }, knorm = check.number { default = 2 } })
  return core.op_layer("LocalResponseNorm", "local_response_norm", { size = a.nsize, alpha = a.alpha, beta = a.beta, k = a.knorm }, nil, nil, a.name)
end

return M
