-- NeuralNetworkFineTuneRepurposer: keeps the source network up to and including one layer, puts a new last layer
-- on it and trains all of it.

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Neural = require "scion.repurpose.neural"

local FineTune = class.class("NeuralNetworkFineTuneRepurposer", Neural)

FineTune.OPTIONS = {
  transfer_layer_name = check.string {},          -- last layer that is kept; default: what the last layer with weights reads
  target_class_count = check.integer { min = 2 }, -- default: the data's; a difference is an error
  head = check.choice({ "random", "source", "regression" }, { default = "random" }),
}

function FineTune:init(opts)
  Neural.init(self, opts)
  local layer = self.options.transfer_layer_name
  if layer then
    graph.check_layers(getmetatable(self).class_name, "transfer_layer_name", self.source_model, { layer })
  end
end

function FineTune:_begin(train)
  train = Neural._begin(self, train)
  local count = self.options.target_class_count
  if count and self.classes and count ~= #self.classes then
    check.raise("%s: target_class_count is %d but the data have %d classes", getmetatable(self).class_name, count,
      #self.classes)
  end
  return train
end

function FineTune:_create_target_module(train)
  local layer = self.options.transfer_layer_name
  if not layer then
    local _, features = graph.head(self.source_model)
    layer = features
  end
  local net = graph.trunk(self.source_model:clone(), { layer })
  for _, entry in ipairs(net:entries()) do
    if entry.kind == "param" then net:set_frozen(entry.name, false) end
  end
  return self:_add_head(net, net:outputs()[1], "fc_from_fine_tune_repurposer", train, self.options.head)
end

return FineTune
