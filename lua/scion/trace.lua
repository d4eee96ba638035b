-- scion.trace: a Lua function of tensors becomes a net, which can be listed, cut, trained, saved and written as ONNX like any other. The
-- function runs once on symbolic values; every operation becomes a layer, every net that it calls is taken in with its parameters.

local scion = require "scion"
local check = require "scion.check"

local M = {}

local OPTS <const> = { names = check.list { default = {}, of = check.string {} }, check = check.boolean { default = true } }

local function same(list, other)
  if #list ~= #other then return false end
  for i, a in ipairs(list) do
    local b = other[i]
    if not scion.is_tensor(b) or not scion.list(a.shape) == scion.list(b.shape) or
      not a:to("f64"):allclose(b:to("f64"), { rtol = 1e-3, atol = 1e-4, equal_nan = true }) then return false end
  end
  return true
end

-- Sizes of the example that the function turned into numbers (x:size(1) in a sum, zeros of as many rows) hold for its batch alone: seen by
-- running both on twice the items.
local function check_batch(core, fn, net, examples, outputs)
  local doubled = {}
  for i, t in ipairs(examples) do
    if t:dim() == 0 or t:size(1) ~= examples[1]:size(1) or t:size(1) == 0 then return end
    doubled[i] = scion.cat({ t, t }, 1)
  end
  local modes, seen, stack = {}, {}, {}
  for i, y in ipairs(outputs) do stack[i] = y.use end
  while #stack > 0 do -- nets that the function calls: nothing in them may change
    local u = table.remove(stack)
    if not seen[u] then
      seen[u] = true
      if u.layer and modes[u.layer] == nil then
        modes[u.layer] = u.layer:is_training()
        u.layer:eval()
      end
      for _, arg in ipairs(u.args or {}) do if arg then stack[#stack + 1] = arg.use end end
    end
  end
  local function run(f, xs)
    local out = table.pack(pcall(scion.no_grad, f, table.unpack(xs)))
    local list = out[1] and table.move(out, 2, out.n, 1, {}) or {}
    return out[1], #list == 1 and type(list[1]) == "table" and list[1] or list
  end
  local plain, once = run(fn, examples)
  local ok, twice = run(fn, doubled)
  local _, net_once = run(net, examples)
  local net_ok, net_twice = run(net, doubled)
  for layer, mode in pairs(modes) do layer:train(mode) end
  if plain and ok and same(once, net_once) and not (net_ok and same(twice, net_twice)) then
    scion.emit("warn", ("scion.trace: the net holds for batches of %d items only: the function uses the number of items as a plain number (x:size(1), #x)"):format(
      examples[1]:size(1)))
  end
end

--- The net that computes what fn computes. fn is called with as many symbolic values as there are examples and gives one or several
--- results. Sizes that it reads (x.shape) are those of the example; reshape and expand
--- leave the first dimension free all the same. What depends on values - item(), tolist(), comparisons, in-place changes - is
--- refused with the line where it happens. Tensors that the function brings along become constants, or parameters when they ask for gradients.
---@param fn fun(...: scion.Tensor): ...
---@param example scion.Tensor|scion.Tensor[] inputs that the function takes, also one after the other; their first dimension stays free
---@param opts? { names?: string[], check?: boolean } names of the inputs ("x", "x2", ...); check: compare the net with the function on the
--- example, and where the function reads how many items there are on twice as many
---@return scion.Net
function M.trace(fn, example, ...)
  local core, symbol_methods = require "scion.nn.core", require "scion.nn.symbol_methods"
  local nn = scion.nn
  if type(fn) ~= "function" and not core.is_net(fn) and not (getmetatable(fn) or {}).__call then
    check.raise("scion.trace: expected a function, got %s", check.describe(fn))
  end
  local examples, rest = scion.is_tensor(example) and { example } or example, { ... }
  while scion.is_tensor(example) and scion.is_tensor(rest[1]) do examples[#examples + 1] = table.remove(rest, 1) end
  local o = check.opts("scion.trace", rest[1], OPTS, "user")
  if type(examples) ~= "table" or #examples == 0 then check.raise("scion.trace: the example must be a tensor or a list of tensors, got %s", check.describe(example)) end
  local inputs = {}
  for i, t in ipairs(examples) do
    if not scion.is_tensor(t) then check.raise("scion.trace: example %d is %s, expected a tensor", i, check.describe(t)) end
    local shape = { table.unpack(t.shape) }
    if #shape > 0 then shape[1] = -1 end
    inputs[i] = nn.input(o.names[i] or (i == 1 and "x" or "x" .. i), { shape = shape, dtype = t.dtype })
    core.set_example(inputs[i], t)
  end
  symbol_methods.batch_read = false
  local outputs = { fn(table.unpack(inputs)) }
  if #outputs == 1 and type(outputs[1]) == "table" and not core.is_symbol(outputs[1]) then outputs = outputs[1] end
  for i, y in ipairs(outputs) do
    if not core.is_symbol(y) then
      check.raise("scion.trace: result %d of the function is %s and does not depend on its arguments", i, check.describe(y))
    end
  end
  if #outputs == 0 then
    check.raise("scion.trace: the function must return tensors or a list of them, it returned %s", next(outputs) ~= nil and "a table with names" or "nothing")
  end
  local net = nn.Graph(inputs, outputs)
  if o.check then
    local state = { scion.rng_state() }
    local mode = net:is_training()
    net:eval()
    local got = { scion.no_grad(net, table.unpack(examples)) }
    for i, y in ipairs(outputs) do
      local want = core.example(y)
      if not got[i]:to("f64"):allclose(want:to("f64"), { rtol = 1e-4, atol = 1e-5, equal_nan = true }) then
        check.raise("scion.trace: result %d of the traced net differs from the function's on the example (random numbers, or state that changes?)", i)
      end
    end
    if symbol_methods.batch_read then check_batch(core, fn, net, examples, outputs) end
    net:train(mode)
    scion.rng_state(table.unpack(state))
  end
  return net
end

return M
