-- Functions with a gradient of their own, written in Lua.
--
--   local clip = scion.Function {
--     name = "straight_through",
--     forward = function(ctx, x) return x:sign() end,
--     backward = function(ctx, dy) return dy:clamp(-1, 1) end,
--   }
--   clip(x):sum():backward()

local scion = require "scion"
local check = require "scion.check"

local M = {}

local RULES <const> = {
  name = check.string { default = "function" },
  forward = check.func { required = true },
  backward = check.func { required = true },
}

local FUNCTION <const> = { __name = "scion.Function" }
FUNCTION.__tostring = function(self) return ("function %s with its own gradient"):format(self.name) end
FUNCTION.__call = function(self, ...)
  local given, tensors, places = table.pack(...), {}, {}
  for i = 1, given.n do
    if scion.is_tensor(given[i]) then
      tensors[#tensors + 1], places[#places + 1] = given[i], i
    end
  end
  local ctx = {}
  local outputs = table.pack(scion.no_grad(self.forward, ctx, ...))
  for i = 1, outputs.n do
    if not scion.is_tensor(outputs[i]) then
      error(("%s: forward must return tensors, value %d is %s"):format(self.name, i, check.describe(outputs[i])), 2)
    end
  end
  if outputs.n == 0 then error(("%s: forward returned nothing"):format(self.name), 2) end
  local needed = {}
  for k, t in ipairs(tensors) do needed[k] = t.requires_grad end
  ctx.needs_input_grad = {}
  for k, i in ipairs(places) do ctx.needs_input_grad[i] = needed[k] end
  local recorded = scion.grad_enabled()
  if recorded then
    recorded = false
    for _, on in ipairs(needed) do recorded = recorded or on end
  end
  if recorded then
    local backward = self.backward
    scion.record_custom(self.name, function(...)
      local all, wanted = table.pack(backward(ctx, ...)), {}
      for k, i in ipairs(places) do wanted[k] = all[i] end
      return table.unpack(wanted, 1, #places)
    end, tensors, { table.unpack(outputs, 1, outputs.n) })
  end
  return table.unpack(outputs, 1, outputs.n)
end

--- A function of tensors with its own gradient, as PyTorch's autograd.Function. forward(ctx, ...) computes without recording and may
--- keep what backward needs in ctx; backward(ctx, gradients of the outputs...) returns one gradient (or nil) for each argument of
--- forward, those that are no tensors included. What backward computes with operations can be differentiated again.
--- ctx.needs_input_grad[i] tells whether argument i asks for a gradient.
---@param spec { name?: string, forward: fun(ctx: table, ...): ..., backward: fun(ctx: table, ...): ... }
---@return fun(...): scion.Tensor
function M.Function(spec) return setmetatable(check.opts("Function", spec, RULES), FUNCTION) end

return M
