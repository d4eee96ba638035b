-- What the architectures share: inputs, convolutions under a name, blocks of convolution, batch norm and activation.

local scion = require "scion"
local check = require "scion.check"
local nn = scion.nn

local M = {}

--- Options that every classifier has, and more.
function M.options(more)
  local out = { num_classes = check.integer { default = 1000, min = 1 }, in_channels = check.integer { default = 3, min = 1 } }
  for name, rule in pairs(more or {}) do out[name] = rule end
  return out
end

--- The input of pictures: (N, channels, H, W).
function M.picture(channels) return nn.input("data", { shape = { -1, channels or 3, -1, -1 }, dtype = "f32" }) end

function M.conv(x, name, from, to, kernel, opts)
  opts = opts or {}
  opts.name = name
  return nn.Conv2d(from, to, kernel, opts)(x)
end

--- name.0 convolution without bias, name.1 batch norm, name.2 activation (nn.ReLU, ...; false: none).
function M.block(x, name, from, to, kernel, opts)
  x = nn.Conv2d(from, to, kernel, { stride = opts.stride or 1, padding = kernel // 2, groups = opts.groups or 1, bias = false, name = name .. ".0" })(x)
  x = nn.BatchNorm2d(to, { eps = opts.eps, momentum = opts.momentum, name = name .. ".1" })(x)
  return opts.activation and opts.activation { name = name .. ".2" }(x) or x
end

--- Squeeze and excitation (Hu et al. 2018): name.avgpool, .fc1, .activation, .fc2, .scale_activation.
function M.squeeze_excite(x, name, channels, squeezed, activation, scale_activation)
  local s = nn.AdaptiveAvgPool2d(1, { name = name .. ".avgpool" })(x)
  s = activation { name = name .. ".activation" }(M.conv(s, name .. ".fc1", channels, squeezed, 1))
  s = scale_activation { name = name .. ".scale_activation" }(M.conv(s, name .. ".fc2", squeezed, channels, 1))
  return nn.mul(x, s, { name = name .. ".scale" })
end

--- To a multiple of 8, never more than a tenth below.
function M.rounded(v)
  local r = math.max(8, math.floor(v + 4) // 8 * 8)
  return math.tointeger(r < 0.9 * v and r + 8 or r)
end

--- Average over the picture and flatten.
function M.pooled(x) return nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "avgpool" })(x)) end

return M
