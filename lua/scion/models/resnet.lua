-- Residual networks (He, Zhang, Ren, Sun 2015, arXiv 1512.03385): for ImageNet as in torchvision, and for CIFAR.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

local RESNET <const> = { [18] = { 2, 2, 2, 2 }, [34] = { 3, 4, 6, 3 }, [50] = { 3, 4, 6, 3 }, [101] = { 3, 4, 23, 3 }, [152] = { 3, 8, 36, 3 } }
local RESNET_OPTS <const> = parts.options { depth = check.choice({ 18, 34, 50, 101, 152 }, { default = 50 }) }
--- Residual network of 18, 34, 50, 101 or 152 layers: conv1, bn1, relu, maxpool, layer1.0.conv1, ..., avgpool, flatten, fc. The steps of two
--- are in the 3 x 3 convolutions, as in torchvision.
---@param opts? table depth = 50, num_classes = 1000
function M.resnet(opts)
  local o = check.opts("models.resnet", opts, RESNET_OPTS, 3)
  local wide = o.depth >= 50
  local function norm(x, name, width) return nn.BatchNorm2d(width, { name = name })(x) end
  local function relu(x, name) return nn.ReLU { name = name }(x) end
  local x = parts.picture(o.in_channels)
  local h = relu(norm(parts.conv(x, "conv1", o.in_channels, 64, 7, { stride = 2, padding = 3, bias = false }), "bn1", 64), "relu")
  h = nn.MaxPool2d(3, { stride = 2, padding = 1, name = "maxpool" })(h)
  local channels = 64
  for stage, count in ipairs(RESNET[o.depth]) do
    local width = 32 << stage
    local out = wide and 4 * width or width
    for i = 0, count - 1 do
      local name, stride, shortcut = ("layer%d.%d"):format(stage, i), stage > 1 and i == 0 and 2 or 1, h
      local y
      if wide then
        y = relu(norm(parts.conv(h, name .. ".conv1", channels, width, 1, { bias = false }), name .. ".bn1", width), name .. ".relu")
        y = relu(norm(parts.conv(y, name .. ".conv2", width, width, 3, { stride = stride, padding = 1, bias = false }), name .. ".bn2", width), name .. ".relu_1")
        y = norm(parts.conv(y, name .. ".conv3", width, out, 1, { bias = false }), name .. ".bn3", out)
      else
        y = relu(norm(parts.conv(h, name .. ".conv1", channels, width, 3, { stride = stride, padding = 1, bias = false }), name .. ".bn1", width), name .. ".relu")
        y = norm(parts.conv(y, name .. ".conv2", width, width, 3, { padding = 1, bias = false }), name .. ".bn2", width)
      end
      if stride ~= 1 or channels ~= out then
        shortcut = norm(parts.conv(h, name .. ".downsample.0", channels, out, 1, { stride = stride, bias = false }), name .. ".downsample.1", out)
      end
      h = relu(nn.add(y, shortcut, { name = name .. ".add" }), name .. (wide and ".relu_2" or ".relu_1"))
      channels = out
    end
  end
  h = nn.Flatten { name = "flatten" }(nn.AdaptiveAvgPool2d(1, { name = "avgpool" })(h))
  return nn.Graph(x, nn.Linear(channels, o.num_classes, { name = "fc" })(h))
end

local CIFAR_OPTS <const> = parts.options { depth = check.choice({ 20, 32, 44, 56, 110 }, { default = 20 }), num_classes = check.integer { default = 10, min = 1 },
  shortcut = check.choice({ "A", "B" }, { default = "A" }) }
--- The residual networks for CIFAR of 20, 32, 44, 56 or 110 layers: conv1, bn1, relu, layer1.0.conv1, ..., avgpool, flatten, linear. shortcut "A": where a
--- block halves the picture, every second pixel with zero channels around; "B": a convolution, layer2.0.shortcut.0.
---@param opts? table depth = 20, num_classes = 10, shortcut = "A" | "B", in_channels = 3
function M.resnet_cifar(opts)
  local o = check.opts("models.resnet_cifar", opts, CIFAR_OPTS, 3)
  local function norm(x, name, width) return nn.BatchNorm2d(width, { name = name })(x) end
  local x = parts.picture(o.in_channels)
  local h = nn.ReLU { name = "relu" }(norm(parts.conv(x, "conv1", o.in_channels, 16, 3, { padding = 1, bias = false }), "bn1", 16))
  local channels = 16
  for stage = 1, 3 do
    local width = 8 << stage
    for i = 0, (o.depth - 2) // 6 - 1 do
      local name, stride, shortcut = ("layer%d.%d"):format(stage, i), stage > 1 and i == 0 and 2 or 1, h
      local y = norm(parts.conv(h, name .. ".conv1", channels, width, 3, { stride = stride, padding = 1, bias = false }), name .. ".bn1", width)
      y = nn.ReLU { name = name .. ".relu" }(y)
      y = norm(parts.conv(y, name .. ".conv2", width, width, 3, { padding = 1, bias = false }), name .. ".bn2", width)
      if channels ~= width and o.shortcut == "B" then
        shortcut = norm(parts.conv(h, name .. ".shortcut.0", channels, width, 1, { stride = stride, bias = false }), name .. ".shortcut.1", width)
      elseif channels ~= width then
        local side = (width - channels) // 2
        shortcut = nn.MaxPool2d(1, { stride = 2, name = name .. ".shortcut.every_second" })(h)
        shortcut = nn.pad(shortcut, { pad = { 0, 0, 0, 0, side, width - channels - side }, name = name .. ".shortcut.zeros" })
      end
      h = nn.ReLU { name = name .. ".relu_1" }(nn.add(y, shortcut, { name = name .. ".add" }))
      channels = width
    end
  end
  return nn.Graph(x, nn.Linear(channels, o.num_classes, { name = "linear" })(parts.pooled(h)))
end

return M
