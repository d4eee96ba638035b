-- VGG (Simonyan, Zisserman 2014, arXiv 1409.1556).

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

local VGG <const> = { [11] = { 1, 1, 2, 2, 2 }, [13] = { 2, 2, 2, 2, 2 }, [16] = { 2, 2, 3, 3, 3 }, [19] = { 2, 2, 4, 4, 4 } }
local VGG_OPTS <const> = parts.options {
  depth = check.choice({ 11, 13, 16, 19 }, { default = 19 }), batch_norm = check.boolean { default = false },
  names = check.choice({ "torch", "caffe" }, { default = "torch" }), dropout = check.number { default = 0.5, min = 0, max = 1 },
}
--- VGG of 11, 13, 16 or 19 layers. names = "caffe" calls them conv1_1, relu1_1, pool1, ..., fc6, relu6, drop6, fc7, fc8; "torch"
--- features.0, ..., classifier.6. Inputs of at least 32 pixels; 224 is usual.
---@param opts? table depth = 19, num_classes = 1000, names = "torch" | "caffe", batch_norm = false, dropout = 0.5, in_channels = 3
function M.vgg(opts)
  local o = check.opts("models.vgg", opts, VGG_OPTS, 3)
  local caffe = o.names == "caffe"
  local x = parts.picture(o.in_channels)
  local h, channels, n = x, o.in_channels, 0
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
      if o.batch_norm then place(("bn%d_%d"):format(block, i), function(name) return nn.BatchNorm2d(width, { name = name }) end) end
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

return M
