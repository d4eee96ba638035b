-- The parts that nn's files share: making a net of one layer from an op, symbolic values, and putting layers
-- together (Sequential, Graph, Residual). Every layer is a scion.Net: a net of one node that reads "x"; a bigger net
-- takes it in with a prefix, and entries whose tensor is there already are shared.

local scion = require "scion"
local args = require "scion.nn.args"
local symbol_methods = require "scion.nn.symbol_methods"

local M = {}

local function is_net(v) return scion.is_net(v) end
M.is_net = is_net

local function is_tensor(v)
  local meta = getmetatable(v)
  return type(v) == "userdata" and type(meta) == "table" and meta.__name == "scion.Tensor"
end
M.is_tensor = is_tensor

local info_cache = {}
--- The registry's description of an op; raises when there is none.
function M.op_info(op)
  local info = info_cache[op]
  if not info then
    info = scion.op_info(op)
    if not info then error(("nn: unknown operation '%s'"):format(tostring(op)), 2) end
    info_cache[op] = info
  end
  return info
end

--- A parameter tensor that asks for gradients.
function M.parameter(t) return t:requires_grad_(true) end

--- A net of one node without a name: `op` on "x" and the given entries.
---@param type string      the layer's type for users ("Conv2d")
---@param op string        operation
---@param params table?    its parameters
---@param entries table?   input slot -> tensor
---@param buffers table?   set of slots that are buffers
---@param name string?     the layer's own name
---@param inputs table?    input slots that the layer reads from outside, default the first
---@param names table?     input slot -> name of its entry, where it is not the slot's
function M.op_layer(type, op, params, entries, buffers, name, inputs, names)
  local info = M.op_info(op)
  local net = scion._net_new()
  local from = {}
  if inputs then
    for _, slot in ipairs(inputs) do from[slot] = net:add_input(slot) end
  else
    from[info.inputs[1].name] = net:add_input("x")
  end
  local values, last = {}, 0
  for i, slot in ipairs(info.inputs) do
    local tensor = entries and entries[slot.name]
    if from[slot.name] then
      values[i], last = from[slot.name], i
    elseif tensor then
      values[i], last = net:add_entry(names and names[slot.name] or slot.name, tensor, buffers and buffers[slot.name] and "buffer" or "param"), i
    else
      values[i] = false
    end
  end
  for i = #values, last + 1, -1 do values[i] = nil end
  net:set_outputs { (net:add_node("", type, op, params, values)) }
  if name then net:set_attr("name", name) end
  return net
end

--- The same with all visible outputs of the op as outputs of the net.
function M.set_all_outputs(net, layer_name, n)
  local outputs = {}
  for i = 1, n do outputs[i] = i == 1 and layer_name or ("%s:%d"):format(layer_name, i - 1) end
  net:set_outputs(outputs)
end

--- The layer's own name, or its type in small letters ("conv2d").
function M.layer_name(net)
  local name = net:attr("name")
  if name then return name end
  local type = net:attr("type")
  if type then return type:lower() end
  local layers = net:layer_names()
  if #layers == 1 and layers[1] == "" then return net:layer("").type:lower() end
  return "net"
end

--- A name not taken yet: "relu", "relu_2", "relu_3", ...
function M.unique(taken, name)
  local count = (taken[name] or 0) + 1
  local unique = count == 1 and name or ("%s_%d"):format(name, count)
  while taken[unique] and unique ~= name do
    count = count + 1
    unique = ("%s_%d"):format(name, count)
  end
  taken[name] = count
  if unique ~= name then taken[unique] = 1 end
  return unique
end

--- A net from what a user may put where a layer is expected: a layer or net, or a function of tensors.
function M.as_layer(who, value, level)
  if is_net(value) then return value end
  if type(value) == "function" then return M.lambda(value) end
  error(("%s: expected a layer, a net or a function, got %s"):format(who, args.describe(value)), (level or 2) + 1)
end

-- ---- Lua layers -----------------------------------------------------------------------------------

--- A layer that is a function of tensors. opts: name, n_inputs, n_outputs, config (text handed to the function as the
--- last argument's field), registered (name given to scion.register_layer, found by itself otherwise).
function M.lambda(fn, opts)
  opts = opts or {}
  local registered = opts.registered or scion._layer_name(fn)
  local net = scion._net_new()
  local inputs = {}
  for i = 1, opts.n_inputs or 1 do inputs[i] = net:add_input(i == 1 and "x" or "x" .. i) end
  local values = { net:add_custom("", opts.type or "Lambda", fn, { name = registered, config = opts.config }, inputs, opts.n_outputs or 1) }
  net:set_outputs(values)
  if opts.name then net:set_attr("name", opts.name) end
  return net
end

-- ---- symbolic values ------------------------------------------------------------------------------

-- { layer = net, args = { symbols }, slot = k } or { op =, args =, params =, slot = } or { input = name, spec = }.
-- The uses (one per call) are shared by the symbols of one call's outputs.
local SYMBOL <const> = { __name = "scion.Symbol" }

-- Told by name, so that the module may be loaded twice.
local function is_symbol(v)
  local meta = type(v) == "table" and getmetatable(v)
  return type(meta) == "table" and rawget(meta, "__name") == SYMBOL.__name
end
M.is_symbol = is_symbol

local function use(fields)
  scion._n_uses = (rawget(scion, "_n_uses") or 0) + 1 -- one count, however often this module is loaded
  fields.order = scion._n_uses
  return fields
end
local function symbol(of, slot) return setmetatable({ use = of, slot = slot }, SYMBOL) end

--- A named input of a graph.
---@param name? string     default "x"
---@param spec? table      { shape = { -1, 3, 32, 32 }, dtype = "f32" }: checked at every run; -1: any size
function M.input(name, spec)
  name = name or "x"
  if type(name) ~= "string" then error(("nn.input: name must be a string, got %s"):format(type(name)), 2) end
  for key in pairs(spec or {}) do
    if key ~= "shape" and key ~= "dtype" then error(("nn.input: unknown option '%s' (known: dtype, shape)"):format(tostring(key)), 2) end
  end
  return symbol(use { input = name, spec = spec }, 1)
end

--- A parameter of its own in a graph, not of a layer: a class token, positions.
---@param name string its name in the net
---@param tensor scion.Tensor
function M.parameter_value(name, tensor)
  if type(name) ~= "string" or not is_tensor(tensor) then error("nn.parameter: expected a name and a tensor", 2) end
  return symbol(use { constant = M.parameter(tensor), name = name, kind = "param" }, 1)
end

-- A tensor or number among symbols becomes a constant of the graph.
local function as_symbol(who, value, level)
  if is_symbol(value) then return value end
  if type(value) == "number" then return symbol(use { constant = scion.tensor(value) }, 1) end
  if is_tensor(value) then return symbol(use { constant = value, kind = value.requires_grad and "param" or nil }, 1) end
  error(("%s: expected a symbolic value, a tensor or a number, got %s"):format(who, args.describe(value)), level + 1)
end

local function outputs_of(of, n)
  if n == 1 then return symbol(of, 1) end
  local list = {}
  for i = 1, n do list[i] = symbol(of, i) end
  return table.unpack(list)
end

-- net(symbol, ...): installed as the metatable's `apply_symbolic`.
local function apply_symbolic(net, ...)
  local given, n = { ... }, select("#", ...)
  local inputs = net:inputs()
  if not is_symbol(given[1]) then
    error(("net: input '%s' must be a tensor, got %s"):format(inputs[1] and inputs[1].name or "?", args.describe(given[1])), 3)
  end
  if n ~= #inputs then error(("net: %d symbolic inputs given, it has %d"):format(n, #inputs), 3) end
  for i = 1, n do given[i] = as_symbol("net", given[i], 3) end
  return outputs_of(use { layer = net, args = given }, #net:outputs())
end

local TYPES <const> = { relu = "ReLU", relu6 = "ReLU6", gelu = "GELU", silu = "SiLU", elu = "ELU", selu = "SELU", celu = "CELU",
  leaky_relu = "LeakyReLU", log_softmax = "LogSoftmax", cat = "Concat", add = "Add", mul = "Mul" }
local function type_of_op(op)
  if TYPES[op] then return TYPES[op] end
  return (op:gsub("^%l", string.upper):gsub("_(%l)", string.upper))
end

--- An op on symbolic values: symbols, tensors and numbers in the order of the op's inputs (a list for a variadic one), then
--- parameters in order or by name.
function M.apply_op(op, level, ...)
  local info = M.op_info(op)
  local given, n, at = { ... }, select("#", ...), 1
  local inputs, params = {}, {}
  if type(given[1]) == "string" and info.inputs[1] and info.inputs[1].variadic then -- einsum says what to do first
    table.insert(given, n, table.remove(given, 1))
  end
  -- Parameters may stand between inputs, as in gather(x, dim, ids): takes the next tensor out from behind them.
  local function next_tensor()
    for k = at + 1, n do
      if is_symbol(given[k]) or is_tensor(given[k]) then
        n = n - 1
        return table.remove(given, k)
      end
    end
  end
  for i, slot in ipairs(info.inputs) do
    local value = given[at]
    local later = not slot.variadic and value ~= nil and not is_symbol(value) and not is_tensor(value) and not (type(value) == "number" and slot.number)
      and next_tensor()
    if later then
      inputs[i] = as_symbol(op, later, level + 1)
    elseif slot.variadic then
      local list = type(value) == "table" and not is_symbol(value) and value or nil
      if list then
        for k = 1, #list do inputs[i + k - 1] = as_symbol(op, list[k], level + 1) end
        at = at + 1
      else
        local k = 0
        while at <= n and (is_symbol(given[at]) or is_tensor(given[at])) do
          inputs[i + k] = as_symbol(op, given[at], level + 1)
          k, at = k + 1, at + 1
        end
      end
    elseif is_symbol(value) or is_tensor(value) or (type(value) == "number" and slot.number) then
      inputs[i] = as_symbol(op, value, level + 1)
      at = at + 1
    elseif slot.optional then
      inputs[i] = false
      if value == nil and at <= n then at = at + 1 end
    else
      error(("%s: %s must be a symbolic value, got %s"):format(op, slot.name, args.describe(value)), level + 1)
    end
  end
  while #inputs > 0 and inputs[#inputs] == false do inputs[#inputs] = nil end
  local options = at <= n and type(given[n]) == "table" and #given[n] == 0 and next(given[n]) ~= nil and given[n] or nil
  local last = options and n - 1 or n
  local name
  for _, p in ipairs(info.params) do
    if at > last then break end
    if not p.base then
      if p.varargs and type(given[at]) == "number" then
        local list = {}
        while at <= last and type(given[at]) == "number" do
          list[#list + 1] = given[at]
          at = at + 1
        end
        params[p.name] = list
      else
        params[p.name] = given[at]
        at = at + 1
      end
    end
  end
  if at <= last then error(("%s: too many arguments"):format(op), level + 1) end
  for key, value in pairs(options or {}) do
    if key == "name" then name = value else params[key] = value end
  end
  if inputs[1] then symbol_methods.free_batch(M, op, inputs[1], params) end
  return outputs_of(use { op = op, args = inputs, params = params, name = name }, #info.outputs)
end

SYMBOL.__symbolic = function(op, ...) return M.apply_op(op, 2, ...) end
SYMBOL.__index = function(self, key) return symbol_methods.index(M, self, key) end
SYMBOL.__newindex = symbol_methods.assign
SYMBOL.__len = function(self) return self:size(1) end
SYMBOL.__lt = function() return symbol_methods.refuse "a comparison with < or >" end
SYMBOL.__le = function() return symbol_methods.refuse "a comparison with <= or >=" end

-- What a symbolic value is for the example that the trace was given: computed when its shape or type is asked for.
function M.set_example(s, tensor) s.use.example = { tensor } end
--- Is there an example for all that this symbol depends on?
function M.has_example(s)
  local seen, stack = {}, { s.use }
  while #stack > 0 do
    local u = table.remove(stack)
    if not u.example and not seen[u] then
      if u.input then return false end
      seen[u] = true
      for _, arg in ipairs(u.args or {}) do if arg then stack[#stack + 1] = arg.use end end
    end
  end
  return true
end
function M.example(s)
  local order, stack = {}, { s.use }
  while #stack > 0 do -- without recursion: graphs are deep
    local u = table.remove(stack)
    if not u.example then
      order[#order + 1] = u
      for _, arg in ipairs(u.args or {}) do if arg then stack[#stack + 1] = arg.use end end
    end
  end
  table.sort(order, function(a, b) return a.order < b.order end)
  scion.no_grad(function()
    for _, u in ipairs(order) do
      if not u.example then
        local given, n = {}, #(u.args or {})
        for i, arg in ipairs(u.args or {}) do given[i] = arg and arg.use.example[arg.slot] or nil end
        if u.input then error(("the size of input '%s' is not known here: only scion.trace has an example for it"):format(u.input), 4) end
        if u.constant then u.example = { u.constant }
        elseif u.layer then
          local was = u.layer:is_training()
          u.layer:eval()
          u.example = { u.layer(table.unpack(given, 1, n)) }
          u.layer:train(was)
        else
          local variadic = #M.op_info(u.op).inputs > 0 and M.op_info(u.op).inputs[#M.op_info(u.op).inputs].variadic
          local params = next(u.params) ~= nil and u.params or nil
          if variadic and #M.op_info(u.op).inputs == 1 then u.example = { scion[u.op](given, params) }
          else
            given[n + 1] = params
            u.example = { scion[u.op](table.unpack(given, 1, n + (params and 1 or 0))) }
          end
        end
      end
    end
  end)
  return s.use.example[s.slot]
end
SYMBOL.__tostring = function(self)
  local u = self.use
  local what = u.input and ("input '%s'"):format(u.input) or u.op or (u.layer and M.layer_name(u.layer)) or "constant"
  return ("symbol: %s"):format(what)
end
for event, op in pairs { __add = "add", __sub = "sub", __mul = "mul", __div = "div", __mod = "remainder", __pow = "pow",
  __idiv = "floor_divide", __band = "bitwise_and", __bor = "bitwise_or", __bxor = "bitwise_xor" } do
  SYMBOL[event] = function(a, b) return M.apply_op(op, 2, a, b) end
end
SYMBOL.__unm = function(a) return M.apply_op("neg", 2, a) end
SYMBOL.__bnot = function(a) return M.apply_op("bitwise_not", 2, a) end

-- ---- graphs ----------------------------------------------------------------------------------------

local function list_of(v) return is_symbol(v) and { v } or v end

--- A net from symbolic values: any directed graph without cycles. A layer used twice keeps one set of parameters.
---@param inputs any   nn.input value or a list of them
---@param outputs any  symbolic value or a list of them
---@param opts? table  { name = }
function M.graph(inputs, outputs, opts)
  inputs, outputs = list_of(inputs), list_of(outputs)
  for _, side in ipairs { { "inputs", inputs }, { "outputs", outputs } } do
    if type(side[2]) ~= "table" or #side[2] == 0 then
      error(("nn.Graph: %s must be a symbolic value or a list of them, got %s"):format(side[1], args.describe(side[2])), 2)
    end
    for i, s in ipairs(side[2]) do
      if not is_symbol(s) then error(("nn.Graph: element %d of %s is %s, expected a symbolic value"):format(i, side[1], args.describe(s)), 2) end
    end
  end
  local net, at, taken = scion._net_new(), {}, {} -- at: use -> list of values
  for i, s in ipairs(inputs) do
    if not s.use.input then error(("nn.Graph: input %d does not come from nn.input"):format(i), 2) end
    if at[s.use] then error(("nn.Graph: input '%s' is listed twice"):format(s.use.input), 2) end
    at[s.use] = { net:add_input(s.use.input, s.use.spec) }
  end
  -- every use the outputs depend on, in the order of creation (which is an order in which they can run)
  local seen, order, stack = {}, {}, {}
  for i, s in ipairs(outputs) do stack[i] = s.use end
  while #stack > 0 do
    local u = table.remove(stack)
    if not seen[u] then
      seen[u] = true
      order[#order + 1] = u
      for _, arg in ipairs(u.args or {}) do
        if arg then stack[#stack + 1] = arg.use end
      end
    end
  end
  table.sort(order, function(a, b) return a.order < b.order end)
  for _, u in ipairs(order) do
    local values = {}
    for i, arg in ipairs(u.args or {}) do values[i] = arg and at[arg.use][arg.slot] end
    if u.input then
      if not at[u] then error(("nn.Graph: the outputs depend on input '%s', which is not among the inputs"):format(u.input), 2) end
    elseif u.constant then
      at[u] = { net:add_entry(u.name or M.unique(taken, "constant"), u.constant, u.kind or "const") }
    elseif u.op then
      local name = M.unique(taken, u.name or u.op)
      at[u] = { net:add_node(name, type_of_op(u.op), u.op, u.params, values) }
    else
      at[u] = { net:merge(u.layer, M.unique(taken, M.layer_name(u.layer)), values) }
    end
  end
  local values = {}
  for i, s in ipairs(outputs) do values[i] = at[s.use][s.slot] end
  net:set_outputs(values)
  if opts and opts.name then net:set_attr("name", opts.name) end
  return net
end

--- Appends `layer` to the outputs of `net`, which become its inputs.
function M.append(net, values, layer, name, who, level)
  local n = #layer:inputs()
  if n ~= #values then
    error(("%s: layer '%s' has %d inputs, the layer before it gives %d"):format(who, name, n, #values), level + 1)
  end
  return { net:merge(layer, name, values) }
end

--- Layers one after the other. Elements: layers, nets, functions, or { "name", layer } pairs. opts: name;
--- naming: "type" (conv2d, relu, relu_2, the default) or "index" ("0", "1", ... as PyTorch's Sequential).
function M.sequential(list, opts, level)
  level = level or 2
  if is_net(list) then error("nn.Sequential: takes one list: nn.Sequential { layer, layer, ... }", level) end
  if type(list) ~= "table" then error(("nn.Sequential: expected a list of layers, got %s"):format(args.describe(list)), level) end
  opts = opts or {}
  if type(opts) ~= "table" then error(("nn.Sequential: options must be a table, got %s"):format(args.describe(opts)), level) end
  for key, value in pairs(list) do -- options may stand in the list itself
    if type(key) == "string" then
      if key ~= "name" and key ~= "naming" then
        error(("nn.Sequential: unknown option '%s' (known: name, naming; write named layers as { \"%s\", layer })")
          :format(key, key), level)
      end
      opts = { name = list.name, naming = list.naming or opts.naming }
      break
    end
  end
  if opts.naming and opts.naming ~= "type" and opts.naming ~= "index" then
    error(("nn.Sequential: naming is '%s', expected 'type' or 'index'"):format(tostring(opts.naming)), level)
  end
  local net, taken = scion._net_new(), {}
  local values
  for i = 1, #list do
    local item = list[i]
    local name
    if type(item) == "table" and not is_net(item) and type(item[1]) == "string" then name, item = item[1], item[2] end
    local layer = M.as_layer(("nn.Sequential: element %d"):format(i), item, level)
    if name and taken[name] then error(("nn.Sequential: the name '%s' is used twice"):format(name), level) end
    if not name and opts.naming == "index" then name = layer:attr("name") or tostring(i - 1) end
    name = M.unique(taken, name or M.layer_name(layer))
    if not values then
      values = {}
      for k, input in ipairs(layer:inputs()) do values[k] = net:add_input(input.name, { shape = input.shape, dtype = input.dtype }) end
    end
    values = M.append(net, values, layer, name, "nn.Sequential", level)
  end
  if not values then values = { net:add_input("x") } end
  net:set_outputs(values)
  if opts.name then net:set_attr("name", opts.name) end
  return net
end

M.apply_symbolic = apply_symbolic

return M
