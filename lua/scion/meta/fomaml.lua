-- FOMAML: MAML without the derivative of the inner gradient (Finn et al. 2017, section 5.2): first_order = true.

local class = require "scion.class"
local MAML = require "scion.meta.maml"

local FOMAML = class.class("FOMAML", MAML)

--- Prepares what the options ask for; called once when the object is made.
function FOMAML:setup()
  self.first_order = true
  MAML.setup(self)
end

return FOMAML
