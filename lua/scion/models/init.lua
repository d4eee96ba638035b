-- scion.models: architectures under torchvision's names, layer for layer and parameter for parameter, with random weights (PyTorch's
-- initialisation): weights from elsewhere fit by name. Those for pictures take (N, 3, H, W) and give (N, num_classes).
--
--   local net = scion.models.resnet { depth = 50 }
--   print(net:load_weights("resnet50.pth"))
--
-- A family is a file of this folder; its functions are found here by name.

local FAMILIES <const> = {
  lenet = "small", mlp = "small", text_cnn = "small", alexnet = "classic", squeezenet = "classic", densenet = "classic", vgg = "vgg", resnet = "resnet",
  resnet_cifar = "resnet", mobilenet_v1 = "mobilenet", mobilenet_v2 = "mobilenet", mobilenet_v3 = "mobilenet", efficientnet = "efficientnet",
  vit = "transformer", bert = "transformer",
}

return setmetatable({}, {
  __index = function(self, name)
    local family = FAMILIES[name]
    if not family then return nil end
    local fn = require("scion.models." .. family)[name]
    rawset(self, name, fn)
    return fn
  end,
  __names = function()
    local names = {}
    for name in pairs(FAMILIES) do names[#names + 1] = name end
    table.sort(names)
    return names
  end,
  __name = "scion.models",
})
