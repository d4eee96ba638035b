-- scion.models: architectures under torchvision's names, layer for layer and parameter for parameter, with random weights
-- (PyTorch's initialisation): weights from elsewhere fit by name. All take (N, 3, H, W) and give (N, num_classes).
--
--   local net = scion.models.resnet { depth = 50, num_classes = 10 }

local scion = require "scion"
local check = require "scion.check"
local nn = scion.nn

local M = {}

local function conv(x, name, from, to, kernel, opts)
  opts = opts or {}
  opts.name = name
  return nn.Conv2d(from, to, kernel, opts)(x)
end

-- ---- VGG (Simonyan, Zisserman 2014, arXiv 1409.1556) ---------------------------------------------------------------

local VGG <const> = { [11] = { 1, 1, 2, 2, 2 }, [13] = { 2, 2, 2, 2, 2 }, [16] = { 2, 2, 3, 3, 3 }, [19] = { 2, 2, 4, 4, 4 } }
local VGG_OPTS <const> = {
  depth = check.choice({ 11, 13, 16, 19 }, { default = 19 }), num_classes = check.integer { default = 1000, min = 1 },
  names = check.choice({ "torch", "caffe" }, { default = "torch" }), dropout = check.number { default = 0.5, min = 0, max = 1 },
}
--- VGG of 11, 13, 16 or 19 layers. names = "caffe" calls them conv1_1, relu1_1, pool1, ..., fc6, relu6, drop6, fc7, fc8; "torch"
--- features.0, ..., classifier.6. Inputs of at least 32 pixels; 224 is usual.
---@param opts? table depth = 19, num_classes = 1000, names = "torch" | "caffe", dropout = 0.5
function M.vgg(opts)
  local o = check.opts("models.vgg", opts, VGG_OPTS, 3)
  local caffe = o.names == "caffe"
  local x = nn.input("data", { shape = { -1, 3, -1, -1 }, dtype = "f32" })
  local h, channels, n = x, 3, 0
  local function place(theirs, layer)
    local name = caffe and theirs or ("features.%d"):format(n)
    n = n + 1
    h = layer(name)(h)
  end
  for block, count in ipairs(VGG[o.depth]) do
    local width = math.min(512, 32 << block)
    for i = 1, count do
      local from = channels
      place(("conv%d_%d"):format(block, i), function(name) return nn.Conv2d(from, width, 3, { padding = 1, name = name }) end)
      place(("relu%d_%d"):format(block, i), function(name) return nn.ReLU { name = name } end)
      channels = width
    end
    place(("pool%d"):format(block), function(name) return nn.MaxPool2d(2, { name = name }) end)
  end
  h = nn.AdaptiveAvgPool2d(7, { name = "avgpool" })(h)
  h = nn.Flatten { name = "flatten" }(h)
  for i, name in ipairs { "6", "7", "8" } do
    h = nn.Linear(i == 1 and 512 * 49 or 4096, i == 3 and o.num_classes or 4096, { name = caffe and "fc" .. name or ("classifier.%d"):format(3 * i - 3) })(h)
    if i < 3 then
      h = nn.ReLU { name = caffe and "relu" .. name or ("classifier.%d"):format(3 * i - 2) }(h)
      h = nn.Dropout(o.dropout, { name = caffe and "drop" .. name or ("classifier.%d"):format(3 * i - 1) })(h)
    end
  end
  return nn.Graph(x, h)
end

-- ---- ResNet (He, Zhang, Ren, Sun 2015, arXiv 1512.03385) -------------------------------------------------------------

local RESNET <const> = { [18] = { 2, 2, 2, 2 }, [34] = { 3, 4, 6, 3 }, [50] = { 3, 4, 6, 3 }, [101] = { 3, 4, 23, 3 }, [152] = { 3, 8, 36, 3 } }
local RESNET_OPTS <const> = { depth = check.choice({ 18, 34, 50, 101, 152 }, { default = 50 }), num_classes = check.integer { default = 1000, min = 1 } }
--- Residual network of 18, 34, 50, 101 or 152 layers: conv1, bn1, relu, maxpool, layer1.0.conv1, ..., avgpool, flatten, fc. The steps of two
--- are in the 3 x 3 convolutions, as in torchvision.
---@param opts? table depth = 50, num_classes = 1000
function M.resnet(opts)
  local o = check.opts("models.resnet", opts, RESNET_OPTS, 3)
  local wide = o.depth >= 50
  local function norm(x, name, width) return nn.BatchNorm2d(width, { name = name })(x) end
  local function relu(x, name) return nn.ReLU { name = name }(x) end
  local x = nn.input("data", { shape = { -1, 3, -1, -1 }, dtype = "f32" })
  local h = relu(norm(conv(x, "conv1", 3, 64, 7, { stride = 2, padding = 3, bias = false }), "bn1", 64), "relu")
  h = nn.MaxPool2d(3, { stride = 2, padding = 1, name = "maxpool" })(h)
  local channels = 64
  for stage, count in ipairs(RESNET[o.depth]) do
    local width = 32 << stage
    local out = wide and 4 * width or width
    for i = 0, count - 1 do
      local name, stride, shortcut = ("layer%d.%d"):format(stage, i), stage > 1 and i == 0 and 2 or 1, h
      local y
      if wide then
        y = relu(norm(conv(h, name .. ".conv1", channels, width, 1, { bias = false }), name .. ".bn1", width), name .. ".relu")
        y = relu(norm(conv(y, name .. ".conv2", width, width, 3, { stride = stride, padding = 1, bias = false }), name .. ".bn2", width), name .. ".relu_1")
        y = norm(conv(y, name .. ".conv3", width, out, 1, { bias = false }), name .. ".bn3", out)
      else
        y = relu(norm(conv(h, name .. ".conv1", channels, width, 3, { stride = stride, padding = 1, bias = false }), name .. ".bn1", width), name .. ".relu")
        y = norm(conv(y, name .. ".conv2", width, width, 3, { padding = 1, bias = false }), name .. ".bn2", width)
      end
      if stride ~= 1 or channels ~= out then
        shortcut = norm(conv(h, name .. ".downsample.0", channels, out, 1, { stride = stride, bias = false }), name .. ".downsample.1", out)
      end
      h = relu(nn.add(y, shortcut, { name = name .. ".add" }), name .. (wide and ".relu_2" or ".relu_1"))
      channels = out
    end
  end
  h = nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "avgpool" })(h))
  return nn.Graph(x, nn.Linear(channels, o.num_classes, { name = "fc" })(h))
end

-- ---- MobileNetV2 (Sandler et al. 2018, arXiv 1801.04381) -----------------------------------------------------------------

-- expansion, channels, blocks, stride of the first
local MOBILE_V2 <const> = { { 1, 16, 1, 1 }, { 6, 24, 2, 2 }, { 6, 32, 3, 2 }, { 6, 64, 4, 2 }, { 6, 96, 3, 1 }, { 6, 160, 3, 2 }, { 6, 320, 1, 1 } }
local MOBILE_OPTS <const> = { width = check.number { default = 1, above = 0 }, num_classes = check.integer { default = 1000, min = 1 },
  dropout = check.number { default = 0.2, min = 0, max = 1 } }
local function rounded(v) -- to a multiple of 8, never more than a tenth below
  local r = math.max(8, math.floor(v + 4) // 8 * 8)
  return math.tointeger(r < 0.9 * v and r + 8 or r)
end
--- Inverted residuals and linear bottlenecks: features.0.0, ..., features.18.2, classifier.1.
---@param opts? table width = 1, num_classes = 1000, dropout = 0.2
function M.mobilenet_v2(opts)
  local o = check.opts("models.mobilenet_v2", opts, MOBILE_OPTS, 3)
  local x = nn.input("data", { shape = { -1, 3, -1, -1 }, dtype = "f32" })
  local function block(h, name, from, to, kernel, stride, groups)
    h = conv(h, name .. ".0", from, to, kernel, { stride = stride, padding = kernel // 2, groups = groups, bias = false })
    h = nn.BatchNorm2d(to, { name = name .. ".1" })(h)
    return nn.ReLU6 { name = name .. ".2" }(h)
  end
  local channels, index = rounded(32 * o.width), 0
  local h = block(x, "features.0", 3, channels, 3, 2, 1)
  for _, row in ipairs(MOBILE_V2) do
    local expansion, out = row[1], rounded(row[2] * o.width)
    for i = 1, row[3] do
      index = index + 1
      local name, stride, wide, y, k = ("features.%d.conv"):format(index), i == 1 and row[4] or 1, channels * expansion, h, 0
      if expansion ~= 1 then
        y, k = block(y, ("%s.0"):format(name), channels, wide, 1, 1, 1), 1
      end
      y = block(y, ("%s.%d"):format(name, k), wide, wide, 3, stride, wide)
      y = conv(y, ("%s.%d"):format(name, k + 1), wide, out, 1, { bias = false })
      y = nn.BatchNorm2d(out, { name = ("%s.%d"):format(name, k + 2) })(y)
      h = stride == 1 and channels == out and nn.add(h, y, { name = ("features.%d.add"):format(index) }) or y
      channels = out
    end
  end
  local last = math.max(1280, rounded(1280 * o.width))
  h = block(h, ("features.%d"):format(index + 1), channels, last, 1, 1, 1)
  h = nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "avgpool" })(h))
  h = nn.Dropout(o.dropout, { name = "classifier.0" })(h)
  return nn.Graph(x, nn.Linear(last, o.num_classes, { name = "classifier.1" })(h))
end

return M
