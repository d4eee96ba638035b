-- Activations as layers, under PyTorch's names and defaults.

local scion = require "scion"
local args = require "scion.nn.args"
local core = require "scion.nn.core"

local M = {}

-- type, op, arguments { name, kind, default [, parameter of the op] }
local TABLE <const> = {
  { "ReLU", "relu" }, { "ReLU6", "relu6" }, { "Sigmoid", "sigmoid" }, { "Tanh", "tanh" }, { "SiLU", "silu" }, { "Mish", "mish" },
  { "Hardsigmoid", "hardsigmoid" }, { "Hardswish", "hardswish" }, { "SELU", "selu" }, { "Softsign", "softsign" },
  { "LogSigmoid", "logsigmoid" }, { "Tanhshrink", "tanhshrink" },
  { "GELU", "gelu", { { "approximate", { "none", "tanh" }, "none" } } },
  { "Softplus", "softplus", { { "beta", "positive", 1 }, { "threshold", "number", 20 } } },
  { "LeakyReLU", "leaky_relu", { { "negative_slope", "number", 0.01 } } },
  { "RReLU", "rrelu", { { "lower", "number", 1 / 8 }, { "upper", "number", 1 / 3 } } },
  { "ELU", "elu", { { "alpha", "number", 1 } } }, { "CELU", "celu", { { "alpha", "positive", 1 } } },
  { "Softshrink", "softshrink", { { "lambda", "number", 0.5 } } }, { "Hardshrink", "hardshrink", { { "lambda", "number", 0.5 } } },
  { "Hardtanh", "hardtanh", { { "min_val", "number", -1 }, { "max_val", "number", 1 } } },
  { "Threshold", "threshold", { { "threshold", "number" }, { "value", "number" } } },
  { "Softmax", "softmax", { { "dim", "int", -1 } } }, { "LogSoftmax", "log_softmax", { { "dim", "int", -1 } } },
  { "Softmin", "softmin", { { "dim", "int", -1 } } }, { "GLU", "glu", { { "dim", "int", -1 } } },
}
M.types = {}

for _, row in ipairs(TABLE) do
  local type, op, spec = row[1], row[2], row[3] or {}
  M.types[#M.types + 1] = type
  M[type] = function(...)
    local a = args.read(type, spec, ...)
    local params = {}
    for _, item in ipairs(spec) do params[item[1]] = a[item[1]] end
    return core.op_layer(type, op, params, nil, nil, a.name)
  end
end

--- Softmax over the channels of (N, C, H, W).
---@return scion.Net
function M.Softmax2d(...)
  local a = args.read("Softmax2d", {}, ...)
  return core.op_layer("Softmax2d", "softmax", { dim = 2 }, nil, nil, a.name)
end

local PRELU <const> = { { "num_parameters", "posint", 1 }, { "init", "number", 0.25 }, { "dtype", "dtype", "f32" } }
--- x above 0, weight x below, with a learned weight: one, or one per channel of (N, C, ...).
---@return scion.Net
function M.PReLU(...)
  local a = args.read("PReLU", PRELU, ...)
  local weight = core.parameter(scion.full({ a.num_parameters }, a.init, { dtype = a.dtype }))
  return core.op_layer("PReLU", "prelu", nil, { weight = weight }, nil, a.name)
end

return M
