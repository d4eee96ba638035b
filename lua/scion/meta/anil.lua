-- ANIL (Raghu et al. 2020): MAML whose inner loop moves the head alone; the body is learned by the outer loop and reused as it is.

local check = require "scion.check"
local class = require "scion.class"
local MAML = require "scion.meta.maml"

local ANIL = class.class("ANIL", MAML)

ANIL.OPTIONS = { head = check.either { check.string(), check.list { of = check.string() } } } -- layer(s) that adapt; default: the last with parameters

--- Prepares what the options ask for; called once when the object is made.
function ANIL:setup()
  local net, head = self.model, self.head
  if not head then
    local kinds = {}
    for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
    for _, layer in ipairs(net:layers()) do
      for _, entry in ipairs(layer.entries) do
        if kinds[entry] == "param" then head = layer.name end
      end
    end
  end
  local mine = {}
  for _, name in ipairs(net:layer_parameters(head)) do mine[name] = true end
  self.adapted = function(name) return mine[name] == true end
  MAML.setup(self)
end

return ANIL
