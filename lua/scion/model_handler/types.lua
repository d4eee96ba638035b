-- Types of layers under two vocabularies: MXNet's operator names, which Xfer's users know (Convolution, Activation,
-- FullyConnected), and scion's own, which are PyTorch's module names (Conv2d, ReLU, Linear).

local M = {}

--- Xfer's constants: scion.ModelHandler.LayerType.CONVOLUTION.
M.LayerType = {
  ACTIVATION = "Activation", BATCHNORM = "BatchNorm", CONCAT = "Concat", CONVOLUTION = "Convolution", DECONVOLUTION = "Deconvolution",
  DROPOUT = "Dropout", EMBEDDING = "Embedding", FLATTEN = "Flatten", FULLYCONNECTED = "FullyConnected", LRN = "LRN", MEAN = "mean",
  PLUS = "_Plus", POOLING = "Pooling", SOFTMAXOUTPUT = "SoftmaxOutput", SVMOUTPUT = "SVMOutput",
}

-- op -> { MXNet's name, ours }
local BY_OP <const> = {
  linear = { "FullyConnected", "Linear" }, addmm = { "FullyConnected", "Linear" }, relu = { "Activation", "ReLU" },
  sigmoid = { "Activation", "Sigmoid" }, tanh = { "Activation", "Tanh" }, softplus = { "Activation", "Softplus" },
  softsign = { "Activation", "Softsign" }, relu6 = { "clip", "ReLU6" }, clamp = { "clip", "Clamp" }, leaky_relu = { "LeakyReLU", "LeakyReLU" },
  elu = { "LeakyReLU", "ELU" }, selu = { "LeakyReLU", "SELU" }, gelu = { "LeakyReLU", "GELU" }, prelu = { "LeakyReLU", "PReLU" },
  flatten = { "Flatten", "Flatten" }, dropout = { "Dropout", "Dropout" }, feature_dropout = { "Dropout", "Dropout2d" },
  cat = { "Concat", "Concat" }, stack = { "stack", "Stack" }, batch_norm = { "BatchNorm", "BatchNorm" }, layer_norm = { "LayerNorm", "LayerNorm" },
  instance_norm = { "InstanceNorm", "InstanceNorm" }, group_norm = { "GroupNorm", "GroupNorm" }, add = { "_Plus", "Add" }, sub = { "_Minus", "Sub" },
  mul = { "_Mul", "Mul" }, div = { "_Div", "Div" }, embedding = { "Embedding", "Embedding" }, local_response_norm = { "LRN", "LocalResponseNorm" },
  mean = { "mean", "Mean" }, sum = { "sum", "Sum" }, reshape = { "Reshape", "Reshape" }, permute = { "transpose", "Permute" }, transpose = { "transpose", "Transpose" },
  pad = { "Pad", "Pad" }, interpolate = { "UpSampling", "Upsample" }, lstm = { "RNN", "LSTM" }, gru = { "RNN", "GRU" }, rnn = { "RNN", "RNN" },
  matmul = { "dot", "Matmul" }, log_softmax = { "log_softmax", "LogSoftmax" }, softmax = { "softmax", "Softmax" }, contiguous = { "identity", "Identity" },
}

-- Types that a network ends in: nothing can be put above them.
local OUTPUT <const> = { SoftmaxOutput = true, Softmax = true, LogSoftmax = true, LinearRegressionOutput = true, LogisticRegressionOutput = true,
  MAERegressionOutput = true, SVMOutput = true }
local OUTPUT_OPS <const> = { softmax = true, log_softmax = true }

--- Is this layer, standing at the top of a net, an output layer?
function M.is_output(layer) return OUTPUT[layer.type] or OUTPUT_OPS[layer.op] or false end

--- The names of a layer's type: MXNet's, and scion's.
---@param layer table   as net:layer gives it
---@param is_top boolean does it compute an output of the net?
---@return string mxnet, string own
function M.names(layer, is_top)
  local op, type = layer.op, layer.type
  if not op then return type, type end -- a layer in Lua
  if type == "SoftmaxOutput" then return type, "Softmax" end
  if op == "softmax" and is_top then return "SoftmaxOutput", "Softmax" end
  local n = op:match("^conv(%dd)$")
  if n then return "Convolution", "Conv" .. n end
  n = op:match("^conv_transpose(%dd)$")
  if n then return "Deconvolution", "ConvTranspose" .. n end
  if op:find("pool", 1, true) or type:find("Pool", 1, true) then
    local own = type:find("Pool", 1, true) and type ~= "Pooling" and type
    if not own then own = (op:gsub("^%l", string.upper):gsub("_(%l)", string.upper)) end
    return "Pooling", own
  end
  local known = BY_OP[op]
  if not known then return type, type end
  -- PyTorch's classes say the number of dimensions (BatchNorm2d): keep what the layer was made as.
  local own = type:sub(1, #known[2]) == known[2] and type or known[2]
  return known[1], own
end

--- Does a layer answer to this type, in either vocabulary? Case does not matter.
function M.matches(layer, is_top, wanted)
  wanted = wanted:lower()
  local mxnet, own = M.names(layer, is_top)
  local bare = own:lower():gsub("%dd$", "")
  return layer.type:lower() == wanted or mxnet:lower() == wanted or own:lower() == wanted or bare == wanted
    or (wanted == "elemwise_add" or wanted == "elementwisesum") and layer.op == "add" or layer.op == wanted
end

return M
