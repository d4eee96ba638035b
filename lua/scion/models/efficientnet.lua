-- EfficientNet (Tan, Le 2019, arXiv 1905.11946) as in torchvision, and its lite versions: rectifiers up to 6 and no squeeze and excitation. Without
-- stochastic depth, which only training knows.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

-- expansion, kernel, stride of the first, channels, layers
local STAGES <const> = { { 1, 3, 1, 16, 1 }, { 6, 3, 2, 24, 2 }, { 6, 5, 2, 40, 2 }, { 6, 3, 2, 80, 3 }, { 6, 5, 1, 112, 3 }, { 6, 5, 2, 192, 4 }, { 6, 3, 1, 320, 1 } }
-- width, depth, dropout
local SIZES <const> = { b0 = { 1, 1, 0.2 }, b1 = { 1, 1.1, 0.2 }, b2 = { 1.1, 1.2, 0.3 }, b3 = { 1.2, 1.4, 0.3 }, b4 = { 1.4, 1.8, 0.4 }, b5 = { 1.6, 2.2, 0.4 },
  b6 = { 1.8, 2.6, 0.5 },
  b7 = { 2, 3.1, 0.5 }, lite0 = { 1, 1, 0.2 }, lite1 = { 1, 1.1, 0.2 }, lite2 = { 1.1, 1.2, 0.3 }, lite3 = { 1.2, 1.4, 0.3 }, lite4 = { 1.4, 1.8, 0.3 } }
local NAMES <const> = { "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3", "lite4" }
local OPTS <const> = parts.options { size = check.choice(NAMES, { default = "b0" }) }
--- EfficientNet: features.0.0, features.1.0.block.0.0, ..., features.8.0, classifier.1.
---@param opts? table size = "b0" ... "b7" | "lite0" ... "lite4", num_classes = 1000, in_channels = 3
function M.efficientnet(opts)
  local o = check.opts("models.efficientnet", opts, OPTS, 3)
  local width, depth, dropout = table.unpack(SIZES[o.size])
  local lite, late = o.size:find "^lite" ~= nil, o.size:find "^b[567]" ~= nil
  local activation = lite and nn.ReLU6 or nn.SiLU
  local function block(h, name, from, to, kernel, stride, groups, act)
    return parts.block(h, name, from, to, kernel, { stride = stride, groups = groups, activation = act, eps = (late or lite) and 1e-3 or nil,
      momentum = (late or lite) and 0.01 or nil })
  end
  local x = parts.picture(o.in_channels)
  local channels = lite and 32 or parts.rounded(32 * width)
  local h = block(x, "features.0", o.in_channels, channels, 3, 2, 1, activation)
  for stage, row in ipairs(STAGES) do
    local expansion, kernel, first, out = row[1], row[2], row[3], parts.rounded(row[4] * width)
    local layers = math.ceil(row[5] * depth)
    if lite and (stage == 1 or stage == #STAGES) then layers = row[5] end
    for i = 0, layers - 1 do
      local name, stride, wide, y, k = ("features.%d.%d"):format(stage, i), i == 0 and first or 1, channels * expansion, h, 0
      if expansion ~= 1 then y, k = block(y, name .. ".block.0", channels, wide, 1, 1, 1, activation), 1 end
      y = block(y, ("%s.block.%d"):format(name, k), wide, wide, kernel, stride, wide, activation)
      if not lite then
        k = k + 1
        y = parts.squeeze_excite(y, ("%s.block.%d"):format(name, k), wide, math.max(1, channels // 4), nn.SiLU, nn.Sigmoid)
      end
      y = block(y, ("%s.block.%d"):format(name, k + 1), wide, out, 1, 1, 1, false)
      h = stride == 1 and channels == out and nn.add(h, y, { name = name .. ".add" }) or y
      channels = out
    end
  end
  local last = lite and 1280 or 4 * channels
  h = parts.pooled(block(h, "features.8", channels, last, 1, 1, 1, activation))
  h = nn.Dropout(dropout, { name = "classifier.0" })(h)
  return nn.Graph(x, nn.Linear(last, o.num_classes, { name = "classifier.1" })(h))
end

return M
