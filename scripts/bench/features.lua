-- Features of trained networks (random weights do): inference at 224, up to the layer before the classifier.

local scion = require "scion"
local bench = require "bench"

-- Multiply-adds of one image at 224.
local NETWORKS <const> = {
  { "ResNet-50", 4.089e9, "flatten", function() return scion.models.resnet { depth = 50 } end },
  { "VGG-19", 19.627e9, "classifier.4", function() return scion.models.vgg { depth = 19 } end },
  { "MobileNetV2", 0.2994e9, "flatten", function() return scion.models.mobilenet_v2() end },
}
local BATCHES <const> = { 8, 1, 32 }

local rows, memory = {}, {}
for _, batch in ipairs(BATCHES) do
  for _, n in ipairs(NETWORKS) do
    local name = ("%s batch %d"):format(n[1], batch)
    rows[#rows + 1] = { name = name, unit = "images/s", items = batch, flops = 2 * batch * n[2], setup = function()
      local net = n[4]():eval()
      local x = scion.randn(batch, 3, 224, 224)
      return function() return scion.no_grad(function() return net:features(x, n[3]) end) end
    end }
    if batch == 8 then memory[#memory + 1] = bench.memory_row("features", name, { "torch", "onnxruntime" }) end
  end
end
table.move(memory, 1, #memory, #rows + 1, rows)
return { title = "features at 224", rows = rows }
