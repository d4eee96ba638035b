-- AlexNet, SqueezeNet and DenseNet as in torchvision.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

-- ---- AlexNet (Krizhevsky 2014, arXiv 1404.5997) -------------------------------------------------------------------------

-- channels, kernel, stride, padding, pooling after it
local ALEX <const> = { { 64, 11, 4, 2, true }, { 192, 5, 1, 2, true }, { 384, 3, 1, 1, false }, { 256, 3, 1, 1, false }, { 256, 3, 1, 1, true } }
local ALEX_OPTS <const> = parts.options { dropout = check.number { default = 0.5, min = 0, max = 1 } }
--- AlexNet: features.0, ..., avgpool, classifier.1, .4, .6. Pictures of at least 63 pixels; 224 is usual.
---@param opts? table num_classes = 1000, dropout = 0.5, in_channels = 3
function M.alexnet(opts)
  local o = check.opts("models.alexnet", opts, ALEX_OPTS, 3)
  local x = parts.picture(o.in_channels)
  local h, channels, n = x, o.in_channels, 0
  local function name()
    n = n + 1
    return ("features.%d"):format(n - 1)
  end
  for _, row in ipairs(ALEX) do
    h = parts.conv(h, name(), channels, row[1], row[2], { stride = row[3], padding = row[4] })
    h = nn.ReLU { name = name() }(h)
    if row[5] then h = nn.MaxPool2d(3, { stride = 2, name = name() })(h) end
    channels = row[1]
  end
  h = nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(6, { name = "avgpool" })(h))
  h = nn.Dropout(o.dropout, { name = "classifier.0" })(h)
  h = nn.ReLU { name = "classifier.2" }(nn.Linear(channels * 36, 4096, { name = "classifier.1" })(h))
  h = nn.Dropout(o.dropout, { name = "classifier.3" })(h)
  h = nn.ReLU { name = "classifier.5" }(nn.Linear(4096, 4096, { name = "classifier.4" })(h))
  return nn.Graph(x, nn.Linear(4096, o.num_classes, { name = "classifier.6" })(h))
end

-- ---- SqueezeNet (Iandola et al. 2016, arXiv 1602.07360) ----------------------------------------------------------------------

-- squeezed and expanded channels; "pool"
local SQUEEZE <const> = {
  ["1.0"] = { 96, 7, "pool", { 16, 64 }, { 16, 64 }, { 32, 128 }, "pool", { 32, 128 }, { 48, 192 }, { 48, 192 }, { 64, 256 }, "pool", { 64, 256 } },
  ["1.1"] = { 64, 3, "pool", { 16, 64 }, { 16, 64 }, "pool", { 32, 128 }, { 32, 128 }, "pool", { 48, 192 }, { 48, 192 }, { 64, 256 }, { 64, 256 } },
}
local SQUEEZE_OPTS <const> = parts.options { version = check.choice({ "1.0", "1.1" }, { default = "1.1" }), dropout = check.number { default = 0.5, min = 0, max = 1 } }
--- SqueezeNet: features.0, features.3.squeeze, .expand1x1, .expand3x3, ..., classifier.1.
---@param opts? table version = "1.1" | "1.0", num_classes = 1000, dropout = 0.5, in_channels = 3
function M.squeezenet(opts)
  local o = check.opts("models.squeezenet", opts, SQUEEZE_OPTS, 3)
  local rows = SQUEEZE[o.version]
  local x = parts.picture(o.in_channels)
  local channels = rows[1]
  local h = nn.ReLU { name = "features.1" }(parts.conv(x, "features.0", o.in_channels, channels, rows[2], { stride = 2 }))
  for i = 3, #rows do
    local row, name = rows[i], ("features.%d"):format(i - 1)
    if row == "pool" then
      h = nn.MaxPool2d(3, { stride = 2, ceil_mode = true, name = name })(h)
    else
      local s = nn.ReLU { name = name .. ".squeeze_activation" }(parts.conv(h, name .. ".squeeze", channels, row[1], 1))
      local a = nn.ReLU { name = name .. ".expand1x1_activation" }(parts.conv(s, name .. ".expand1x1", row[1], row[2], 1))
      local b = nn.ReLU { name = name .. ".expand3x3_activation" }(parts.conv(s, name .. ".expand3x3", row[1], row[2], 3, { padding = 1 }))
      h, channels = nn.cat({ a, b }, { dim = 2, name = name .. ".concat" }), 2 * row[2]
    end
  end
  h = nn.Dropout(o.dropout, { name = "classifier.0" })(h)
  h = nn.ReLU { name = "classifier.2" }(parts.conv(h, "classifier.1", channels, o.num_classes, 1))
  return nn.Graph(x, nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "classifier.3" })(h)))
end

-- ---- DenseNet (Huang et al. 2016, arXiv 1608.06993) --------------------------------------------------------------------------------

local DENSE <const> = { [121] = { 32, 64, 6, 12, 24, 16 }, [161] = { 48, 96, 6, 12, 36, 24 }, [169] = { 32, 64, 6, 12, 32, 32 }, [201] = { 32, 64, 6, 12, 48, 32 } }
local DENSE_OPTS <const> = parts.options { depth = check.choice({ 121, 161, 169, 201 }, { default = 121 }) }
--- Densely connected network: features.conv0, features.denseblock1.denselayer1.norm1, ..., features.norm5, classifier.
---@param opts? table depth = 121 | 161 | 169 | 201, num_classes = 1000, in_channels = 3
function M.densenet(opts)
  local o = check.opts("models.densenet", opts, DENSE_OPTS, 3)
  local row = DENSE[o.depth]
  local growth, channels = row[1], row[2]
  local function active(h, name, kind, width) -- norm and relu
    h = nn.BatchNorm2d(width, { name = ("%s.norm%s"):format(name, kind) })(h)
    return nn.ReLU { name = ("%s.relu%s"):format(name, kind) }(h)
  end
  local x = parts.picture(o.in_channels)
  local h = active(parts.conv(x, "features.conv0", o.in_channels, channels, 7, { stride = 2, padding = 3, bias = false }), "features", "0", channels)
  h = nn.MaxPool2d(3, { stride = 2, padding = 1, name = "features.pool0" })(h)
  for block = 1, 4 do
    for i = 1, row[2 + block] do
      local name = ("features.denseblock%d.denselayer%d"):format(block, i)
      local y = parts.conv(active(h, name, "1", channels), name .. ".conv1", channels, 4 * growth, 1, { bias = false })
      y = parts.conv(active(y, name, "2", 4 * growth), name .. ".conv2", 4 * growth, growth, 3, { padding = 1, bias = false })
      h, channels = nn.cat({ h, y }, { dim = 2, name = name .. ".concat" }), channels + growth
    end
    if block < 4 then
      local name = ("features.transition%d"):format(block)
      h = parts.conv(active(h, name, "", channels), name .. ".conv", channels, channels // 2, 1, { bias = false })
      h, channels = nn.AvgPool2d(2, { name = name .. ".pool" })(h), channels // 2
    end
  end
  h = parts.pooled(nn.ReLU { name = "relu" }(nn.BatchNorm2d(channels, { name = "features.norm5" })(h)))
  return nn.Graph(x, nn.Linear(channels, o.num_classes, { name = "classifier" })(h))
end

return M
