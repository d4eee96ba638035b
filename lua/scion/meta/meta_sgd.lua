-- Meta-SGD (Li, Zhou, Chen, Li 2017): MAML that also learns a learning rate for every element of every parameter,
--   theta' = theta - alpha * grad L(theta)         with alpha of theta's shape, meta-learned beside it.
-- Learned rates fit the number of inner steps they were trained with: adapting for more steps may diverge (it is then named).

local check = require "scion.check"
local class = require "scion.class"
local inner = require "scion.meta.inner"
local MAML = require "scion.meta.maml"

local MetaSGD = class.class("MetaSGD", MAML)

MetaSGD.OPTIONS = { lr = check.number { default = 0.01, above = 0 } } -- the rates' initial value

local function scion() return require "scion" end

--- Prepares what the options ask for; called once when the object is made.
function MetaSGD:setup()
  MAML.setup(self)
  self.rates = {}
  for _, name in ipairs(self:clone().names) do
    self.rates[#self.rates + 1] = { name, scion().full(self.model[name].shape, self.lr, { dtype = self.model[name].dtype }):requires_grad_(true) }
  end
  self.rule = inner.with_rates(self.rule, function(i) return self.rates[i][2] end)
end

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function MetaSGD:meta_parameters()
  local list = MAML.meta_parameters(self)
  for _, rate in ipairs(self.rates) do list[#list + 1] = { "rate." .. rate[1], rate[2] } end
  return list
end

--- Tensors beside the model that checkpoints keep, by name.
function MetaSGD:extras()
  local out = {}
  for _, rate in ipairs(self.rates) do out["rate." .. rate[1]] = rate[2] end
  return out
end

return MetaSGD
