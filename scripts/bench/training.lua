-- One step of training: forward, cross entropy, backward, SGD with momentum.

local scion = require "scion"
local nn = scion.nn

local function training(net, x, classes)
  local y = scion.randint(1, classes + 1, { #x }, { dtype = "i64" })
  local optimizer = scion.optim.SGD(net:parameters(), { lr = 1e-3, momentum = 0.9 })
  net:train()
  return function()
    local loss = nn.cross_entropy(net(x), y)
    optimizer:zero_grad()
    loss:backward()
    optimizer:step()
  end
end

local MLP_FLOPS <const> = 3 * 2 * 64 * (784 * 256 + 256 * 10)
local CNN_FLOPS <const> = 3 * 2 * 64 * (28 * 28 * 32 * 9 + 14 * 14 * 64 * 32 * 9 + 3136 * 128 + 128 * 10)

return { title = "training", rows = {
  { name = "MLP 784-256-10 batch 64", unit = "images/s", items = 64, flops = MLP_FLOPS, setup = function()
    return training(nn.Sequential { nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10) }, scion.randn(64, 784), 10)
  end },
  { name = "CNN on 28x28 batch 64", unit = "images/s", items = 64, flops = CNN_FLOPS, setup = function()
    return training(nn.Sequential { nn.Conv2d(1, 32, 3, { padding = 1 }), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, { padding = 1 }), nn.ReLU(),
      nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10) }, scion.randn(64, 1, 28, 28), 10)
  end },
  { name = "ResNet-18 at 224 batch 16", unit = "images/s", items = 16, flops = 3 * 2 * 16 * 1.814e9, setup = function(bench)
    local size = bench.config().quick and 64 or 224
    return training(scion.models.resnet { depth = 18 }, scion.randn(16, 3, size, size), 1000)
  end },
} }
