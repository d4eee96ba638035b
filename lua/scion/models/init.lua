-- scion.models: architectures under torchvision's names, layer for layer and parameter for parameter, with random weights (PyTorch's
-- initialisation): weights from elsewhere fit by name. Those for pictures take (N, 3, H, W) and give (N, num_classes).
--
--   local net = scion.models.resnet { depth = 50 }        -- or scion.models.resnet50 {}
--   print(net:load_weights("resnet50.pth"))
--
-- A family is a file of this folder; its functions are found here by name.

local check = require "scion.check"

local FAMILIES <const> = {
  lenet = "small", mlp = "small", text_cnn = "small", alexnet = "classic", squeezenet = "classic", densenet = "classic", vgg = "vgg", resnet = "resnet",
  resnet_cifar = "resnet", mobilenet_v1 = "mobilenet", mobilenet_v2 = "mobilenet", mobilenet_v3 = "mobilenet", efficientnet = "efficientnet",
  vit = "transformer", bert = "transformer",
}

-- torchvision's functions: a family with some options given.
local VARIANTS <const> = {
  squeezenet1_0 = { "squeezenet", { version = "1.0" } }, squeezenet1_1 = { "squeezenet", { version = "1.1" } },
  mobilenet_v3_small = { "mobilenet_v3", { size = "small" } }, mobilenet_v3_large = { "mobilenet_v3", { size = "large" } },
  vit_b_16 = { "vit", { patch = 16 } }, vit_b_32 = { "vit", { patch = 32 } },
  vit_l_16 = { "vit", { patch = 16, layers = 24, heads = 16, width = 1024 } }, vit_l_32 = { "vit", { patch = 32, layers = 24, heads = 16, width = 1024 } },
}
for _, depth in ipairs { 11, 13, 16, 19 } do
  VARIANTS["vgg" .. depth] = { "vgg", { depth = depth } }
  VARIANTS["vgg" .. depth .. "_bn"] = { "vgg", { depth = depth, batch_norm = true } }
end
for _, depth in ipairs { 18, 34, 50, 101, 152 } do VARIANTS["resnet" .. depth] = { "resnet", { depth = depth } } end
for _, depth in ipairs { 20, 32, 44, 56, 110 } do VARIANTS["resnet" .. depth] = { "resnet_cifar", { depth = depth } } end
for _, depth in ipairs { 121, 161, 169, 201 } do VARIANTS["densenet" .. depth] = { "densenet", { depth = depth } } end
for _, size in ipairs { "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3", "lite4" } do
  VARIANTS["efficientnet_" .. size] = { "efficientnet", { size = size } }
end

local function variant(family, given)
  --- One of torchvision's architectures by its own name: the family's function with depth or size given; other options as there.
  ---@param opts? table
  ---@return scion.Net
  return function(opts)
    if opts ~= nil and type(opts) ~= "table" then return family(opts) end
    local all = {}
    for key, value in pairs(opts or {}) do all[key] = value end
    for key, value in pairs(given) do all[key] = value end
    return family(all)
  end
end

local function names()
  local list = {}
  for _, known in ipairs { FAMILIES, VARIANTS } do
    for name in pairs(known) do list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

return setmetatable({}, {
  __index = function(self, name)
    local fn
    if FAMILIES[name] then
      fn = require("scion.models." .. FAMILIES[name])[name]
    elseif VARIANTS[name] then
      fn = variant(self[VARIANTS[name][1]], VARIANTS[name][2])
    elseif type(name) == "string" and name:find "^%l" then
      local near = check.nearest(name, names())
      check.raise("scion.models: there is no '%s'%s", name, near and (" (did you mean '%s'?)"):format(near) or "")
    else
      return nil
    end
    rawset(self, name, fn)
    return fn
  end,
  __names = names,
  __name = "scion.models",
})
