-- MobileNets: V2 and V3 as in torchvision, V1 in the same manner.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

-- ---- V1 (Howard et al. 2017, arXiv 1704.04861) ---------------------------------------------------------------------------

-- channels and stride of each separable convolution
local MOBILE_V1 <const> = { { 64, 1 }, { 128, 2 }, { 128, 1 }, { 256, 2 }, { 256, 1 }, { 512, 2 }, { 512, 1 }, { 512, 1 }, { 512, 1 }, { 512, 1 }, { 512, 1 },
  { 1024, 2 }, { 1024, 1 } }
local V1_OPTS <const> = parts.options { width = check.number { default = 1, above = 0 }, dropout = check.number { default = 0.001, min = 0, max = 1 } }
--- Depthwise separable convolutions: features.0.0, features.1.depthwise.0, features.1.pointwise.0, ..., classifier.1.
---@param opts? table width = 1, num_classes = 1000, dropout = 0.001, in_channels = 3
function M.mobilenet_v1(opts)
  local o = check.opts("models.mobilenet_v1", opts, V1_OPTS, 3)
  local x = parts.picture(o.in_channels)
  local channels = parts.rounded(32 * o.width)
  local h = parts.block(x, "features.0", o.in_channels, channels, 3, { stride = 2, activation = nn.ReLU })
  for i, row in ipairs(MOBILE_V1) do
    local name, out = ("features.%d"):format(i), parts.rounded(row[1] * o.width)
    h = parts.block(h, name .. ".depthwise", channels, channels, 3, { stride = row[2], groups = channels, activation = nn.ReLU })
    h = parts.block(h, name .. ".pointwise", channels, out, 1, { activation = nn.ReLU })
    channels = out
  end
  h = nn.Dropout(o.dropout, { name = "classifier.0" })(parts.pooled(h))
  return nn.Graph(x, nn.Linear(channels, o.num_classes, { name = "classifier.1" })(h))
end

-- ---- V2 (Sandler et al. 2018, arXiv 1801.04381) ----------------------------------------------------------------------------

-- expansion, channels, blocks, stride of the first
local MOBILE_V2 <const> = { { 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 }, { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 } }
local MOBILE_OPTS <const> = parts.options { width = check.number { default = 1, above = 0 },
  dropout = check.number { default = 0.2, min = 0, max = 1 } }
--- Inverted residuals and linear bottlenecks: features.0.0, ..., features.18.2, classifier.1.
---@param opts? table width = 1, num_classes = 1000, dropout = 0.2
function M.mobilenet_v2(opts)
  local o = check.opts("models.mobilenet_v2", opts, MOBILE_OPTS, 3)
  local x = parts.picture(o.in_channels)
  local function block(h, name, from, to, kernel, stride, groups)
    return parts.block(h, name, from, to, kernel, { stride = stride, groups = groups, activation = nn.ReLU6 })
  end
  local channels, index = parts.rounded(32 * o.width), 0
  local h = block(x, "features.0", o.in_channels, channels, 3, 2, 1)
  for _, row in ipairs(MOBILE_V2) do
    local expansion, out = row[1], parts.rounded(row[2] * o.width)
    for i = 1, row[3] do
      index = index + 1
      local name, stride, wide, y, k = ("features.%d.conv"):format(index), i == 1 and row[4] or 1, channels * expansion, h, 0
      if expansion ~= 1 then
        y, k = block(y, ("%s.0"):format(name), channels, wide, 1, 1, 1), 1
      end
      y = block(y, ("%s.%d"):format(name, k), wide, wide, 3, stride, wide)
      y = parts.conv(y, ("%s.%d"):format(name, k + 1), wide, out, 1, { bias = false })
      y = nn.BatchNorm2d(out, { name = ("%s.%d"):format(name, k + 2) })(y)
      h = stride == 1 and channels == out and nn.add(h, y, { name = ("features.%d.add"):format(index) }) or y
      channels = out
    end
  end
  local last = math.max(1280, parts.rounded(1280 * o.width))
  h = block(h, ("features.%d"):format(index + 1), channels, last, 1, 1, 1)
  h = nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "avgpool" })(h))
  h = nn.Dropout(o.dropout, { name = "classifier.0" })(h)
  return nn.Graph(x, nn.Linear(last, o.num_classes, { name = "classifier.1" })(h))
end

-- ---- V3 (Howard et al. 2019, arXiv 1905.02244) ------------------------------------------------------------------------------

-- kernel, expanded channels, channels, squeeze and excitation, hardswish, stride
local MOBILE_V3 <const> = {
  large = { last = 1280, { 3, 16, 16, false, false, 1 }, { 3, 64, 24, false, false, 2 }, { 3, 72, 24, false, false, 1 }, { 5, 72, 40, true, false, 2 }, { 5, 120, 40,
    true, false, 1 },
    { 5, 120, 40, true, false, 1 }, { 3, 240, 80, false, true, 2 }, { 3, 200, 80, false, true, 1 }, { 3, 184, 80, false, true, 1 }, { 3, 184, 80, false, true, 1 },
    { 3, 480, 112, true, true, 1 }, { 3, 672, 112, true, true, 1 }, { 5, 672, 160, true, true, 2 }, { 5, 960, 160, true, true, 1 }, { 5, 960, 160, true, true, 1 } },
  small = { last = 1024, { 3, 16, 16, true, false, 2 }, { 3, 72, 24, false, false, 2 }, { 3, 88, 24, false, false, 1 }, { 5, 96, 40, true, true, 2 }, { 5, 240, 40, true, true, 1 },
    { 5, 240, 40, true, true, 1 }, { 5, 120, 48, true, true, 1 }, { 5, 144, 48, true, true, 1 }, { 5, 288, 96, true, true, 2 }, { 5, 576, 96, true, true, 1 },
    { 5, 576, 96, true, true, 1 } },
}
local V3_OPTS <const> = parts.options { size = check.choice({ "small", "large" }, { default = "large" }), dropout = check.number { default = 0.2, min = 0, max = 1 } }
--- Inverted residuals with squeeze and excitation and hardswish: features.0.0, features.1.block.0.0, ..., classifier.3.
---@param opts? table size = "large" | "small", num_classes = 1000, dropout = 0.2, in_channels = 3
function M.mobilenet_v3(opts)
  local o = check.opts("models.mobilenet_v3", opts, V3_OPTS, 3)
  local rows = MOBILE_V3[o.size]
  local x = parts.picture(o.in_channels)
  local function block(h, name, from, to, kernel, stride, groups, activation)
    return parts.block(h, name, from, to, kernel, { stride = stride, groups = groups, activation = activation, eps = 1e-3, momentum = 0.01 })
  end
  local h, channels = block(x, "features.0", o.in_channels, 16, 3, 2, 1, nn.Hardswish), 16
  for i, row in ipairs(rows) do
    local kernel, wide, out, excite, hard, stride = table.unpack(row)
    local name, activation, y, k = ("features.%d"):format(i), hard and nn.Hardswish or nn.ReLU, h, 0
    if wide ~= channels then y, k = block(y, ("%s.block.0"):format(name), channels, wide, 1, 1, 1, activation), 1 end
    y = block(y, ("%s.block.%d"):format(name, k), wide, wide, kernel, stride, wide, activation)
    if excite then
      k = k + 1
      y = parts.squeeze_excite(y, ("%s.block.%d"):format(name, k), wide, parts.rounded(wide // 4), nn.ReLU, nn.Hardsigmoid)
    end
    y = block(y, ("%s.block.%d"):format(name, k + 1), wide, out, 1, 1, 1, false)
    h = stride == 1 and channels == out and nn.add(h, y, { name = name .. ".add" }) or y
    channels = out
  end
  h = parts.pooled(block(h, ("features.%d"):format(#rows + 1), channels, 6 * channels, 1, 1, 1, nn.Hardswish))
  h = nn.Hardswish { name = "classifier.1" }(nn.Linear(6 * channels, rows.last, { name = "classifier.0" })(h))
  h = nn.Dropout(o.dropout, { name = "classifier.2" })(h)
  return nn.Graph(x, nn.Linear(rows.last, o.num_classes, { name = "classifier.3" })(h))
end

return M
