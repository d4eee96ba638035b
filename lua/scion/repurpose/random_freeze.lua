-- NeuralNetworkRandomFreezeRepurposer: drops some layers at the top, puts a new last layer on the rest, keeps some
-- layers fixed, gives others new random weights, and trains. Layers are named exactly; what is both fixed and random is
-- an error. A fixed layer really stays: its batch norm keeps its running statistics too.

local check = require "scion.check"
local class = require "scion.class"
local deferred = require "scion.nn.deferred"
local graph = require "scion.repurpose.graph"
local Neural = require "scion.repurpose.neural"

local RandomFreeze = class.class("NeuralNetworkRandomFreezeRepurposer", Neural)

RandomFreeze.OPTIONS = {
  target_class_count = check.integer { min = 2 },
  fixed_layers = check.list { default = {}, of = check.string() },
  random_layers = check.list { default = {}, of = check.string() },
  num_layers_to_drop = check.integer { default = 2, min = 0 },
  head = check.choice({ "random", "source", "regression" }, { default = "random" }),
}

function RandomFreeze:init(opts)
  Neural.init(self, opts)
  local name = getmetatable(self).class_name
  graph.check_layers(name, "fixed layer", self.source_model, self.options.fixed_layers)
  graph.check_layers(name, "random layer", self.source_model, self.options.random_layers)
  local fixed = {}
  for _, layer in ipairs(self.options.fixed_layers) do fixed[layer] = true end
  for _, layer in ipairs(self.options.random_layers) do
    if fixed[layer] then check.raise("%s: layer '%s' is both fixed and random", name, layer) end
  end
end

RandomFreeze._begin = require("scion.repurpose.fine_tune")._begin

-- The value that is left after dropping n layers from the top of a chain.
local function drop_top(self, n)
  local source = self.source_model
  local value = source:outputs()[1]
  local names = source:layer_names()
  if n >= #names then
    check.raise("%s: cannot drop %d layers, the model only has %d", getmetatable(self).class_name, n, #names)
  end
  for i = 1, n do
    local layer = source:layer((value:gsub(":%d+$", "")))
    if #layer.sources ~= 1 then
      check.raise("%s: cannot drop layer %d from the top: '%s' (%s) joins %d branches: %s", getmetatable(self).class_name,
        i, layer.name, layer.type, #layer.sources, tostring(layer.sources))
    end
    value = layer.sources[1]
  end
  return value
end

function RandomFreeze:_create_target_module(train)
  local options = self.options
  local value = drop_top(self, options.num_layers_to_drop)
  local net = graph.trunk(self.source_model:clone(), { value })
  for _, entry in ipairs(net:entries()) do
    if entry.kind == "param" then net:set_frozen(entry.name, false) end
  end
  local gone, fixed = {}, {}
  for _, layer in ipairs(options.random_layers) do
    if net:has_layer(layer) then deferred.renew(net, layer) else gone[#gone + 1] = layer end
  end
  for _, layer in ipairs(options.fixed_layers) do
    if net:has_layer(layer) then fixed[#fixed + 1] = layer else gone[#gone + 1] = layer end
  end
  if #gone > 0 then
    require("scion").emit("warn", ("%s: dropped layers cannot be fixed or random: %s"):format(
      getmetatable(self).class_name, table.concat(gone, ", ")))
  end
  net = self:_add_head(net, net:outputs()[1], "new_fully_connected_layer", train, options.head)
  graph.freeze(net, fixed)
  return net
end

return RandomFreeze
