-- scion.trace: a Lua function of tensors becomes a net, which can be listed, cut, trained, saved and written as ONNX like any other. The
-- function runs once on symbolic values; every operation becomes a layer, every net that it calls is taken in with its parameters.

local scion = require "scion"
local check = require "scion.check"

local M = {}

local OPTS <const> = { names = check.list { default = {}, of = check.string {} }, check = check.boolean { default = true } }

--- The net that computes what fn computes. fn is called with as many symbolic values as there are examples and gives one or several
--- results. Sizes that it reads (x.shape) are those of the example. What depends on values - item(), tolist(), comparisons, in-place changes - is
--- refused with the line where it happens. Tensors that the function brings along become constants, or parameters when they ask for gradients.
---@param fn fun(...: scion.Tensor): ...
---@param example scion.Tensor|scion.Tensor[] inputs that the function takes; their first dimension stays free
---@param opts? { names?: string[], check?: boolean } names of the inputs ("x", "x2", ...); check: compare the net with the function on the example
---@return scion.Net
function M.trace(fn, example, opts)
  local o = check.opts("scion.trace", opts, OPTS, 3)
  local core = require "scion.nn.core"
  local nn = scion.nn
  if type(fn) ~= "function" and not core.is_net(fn) and not (getmetatable(fn) or {}).__call then
    error(("scion.trace: expected a function, got %s"):format(check.describe(fn)), 2)
  end
  local examples = scion.is_tensor(example) and { example } or example
  if type(examples) ~= "table" or #examples == 0 then error("scion.trace: the example must be a tensor or a list of tensors", 2) end
  local inputs = {}
  for i, t in ipairs(examples) do
    if not scion.is_tensor(t) then error(("scion.trace: example %d is %s, expected a tensor"):format(i, check.describe(t)), 2) end
    local shape = { table.unpack(t.shape) }
    if #shape > 0 then shape[1] = -1 end
    inputs[i] = nn.input(o.names[i] or (i == 1 and "x" or "x" .. i), { shape = shape, dtype = t.dtype })
    core.set_example(inputs[i], t)
  end
  local outputs = { fn(table.unpack(inputs)) }
  if #outputs == 1 and type(outputs[1]) == "table" and not core.is_symbol(outputs[1]) then outputs = outputs[1] end
  for i, y in ipairs(outputs) do
    if not core.is_symbol(y) then
      error(("scion.trace: result %d of the function is %s and does not depend on its arguments"):format(i, check.describe(y)), 2)
    end
  end
  if #outputs == 0 then error("scion.trace: the function returned nothing", 2) end
  local net = nn.Graph(inputs, outputs)
  if o.check then
    local state = { scion.rng_state() }
    local mode = net:is_training()
    net:eval()
    local got = { scion.no_grad(net, table.unpack(examples)) }
    for i, y in ipairs(outputs) do
      local want = core.example(y)
      if not got[i]:to("f64"):allclose(want:to("f64"), { rtol = 1e-4, atol = 1e-5, equal_nan = true }) then
        error(("scion.trace: result %d of the traced net differs from the function's on the example (random numbers, or state that changes?)"):format(i), 2)
      end
    end
    net:train(mode)
    scion.rng_state(table.unpack(state))
  end
  return net
end

return M
