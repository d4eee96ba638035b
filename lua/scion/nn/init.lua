-- scion.nn: layers, nets put together from them, initialisers, losses. A layer is a scion.Net of one node; a net takes it in
-- under a name, so everything that a net can do, a layer can do too: call it on a tensor, list its parameters, save it.
--
--   local net = nn.Sequential { nn.Conv2d(1, 32, 3, { padding = 1 }), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 14 * 14, 10) }
--   local x = nn.input("x"); local h = nn.Linear(8, 8) (x); local dag = nn.Graph(x, nn.add(h, x))

local scion = require "scion"
local args = require "scion.nn.args"
local core = require "scion.nn.core"

local nn = { init = require "scion.nn.initializers" }
scion.nn = nn
require "scion.nn.net"

for _, part in ipairs { "layers", "activations", "recurrent", "attention", "losses", "mxnet" } do
  for name, value in pairs(require("scion.nn." .. part)) do nn[name] = value end
end

--- Layers one after the other: nn.Sequential { layer, { "name", layer }, function(x) ... end, ..., name =, naming = }.
--- naming: "type" (conv2d, relu, relu_2; the default) or "index" ("0", "1", as PyTorch). Nested nets give dotted names.
---@param layers table
---@param opts? table { name = string, naming = "type"|"index" }
---@return scion.Net
function nn.Sequential(layers, opts) return core.sequential(layers, opts, 3) end

--- A net from symbolic values: any DAG. nn.Graph({ a, b }, { y1, y2 }).
---@param inputs any  nn.input value, or a list
---@param outputs any symbolic value, or a list
---@return scion.Net
nn.Graph = core.graph

--- A named input of a Graph; layers and operations take it like a tensor.
nn.input = core.input

--- A named parameter of a Graph that belongs to no layer (a class token, positions): nn.parameter("pos_embedding", tensor).
nn.parameter = core.parameter_value

--- A function of tensors as a layer: fn(x, ..., info) -> tensor, info = { layer =, training =, config = }. opts: name, n_inputs (1),
--- n_outputs (1), config (text). To be saved, the function is registered first: scion.register_layer("swish2", fn).
---@param fn function|string the function, or the name of a registered one
---@return scion.Net
function nn.Lambda(fn, opts)
  local registered
  if type(fn) == "string" then
    registered = fn
    fn = scion._registered_layer(fn)
    if not fn then error(("nn.Lambda: no layer is registered as '%s'"):format(registered), 2) end
  elseif type(fn) ~= "function" then
    error(("nn.Lambda: expected a function or a registered name, got %s"):format(args.describe(fn)), 2)
  end
  for key in pairs(opts or {}) do
    if key ~= "name" and key ~= "n_inputs" and key ~= "n_outputs" and key ~= "config" then
      error(("nn.Lambda: unknown option '%s' (known: config, n_inputs, n_outputs, name)"):format(tostring(key)), 2)
    end
  end
  opts = opts or {}
  return core.lambda(fn, { name = opts.name, n_inputs = opts.n_inputs, n_outputs = opts.n_outputs, config = opts.config, registered = registered })
end

--- Calls an op of the registry by name on tensors or symbolic values.
local function op_function(op)
  return function(...)
    for i = 1, select("#", ...) do
      local v = select(i, ...)
      if core.is_symbol(v) then return core.apply_op(op, 2, ...) end
      for k = 1, type(v) == "table" and #v or 0 do
        if core.is_symbol(v[k]) then return core.apply_op(op, 2, ...) end
      end
    end
    return scion[op](...)
  end
end

--- body(x) + x, where shapes agree; opts: shortcut (a layer for x), activation (a layer after the sum), name.
---@param body any  layer, net, function or list of layers
---@return scion.Net
function nn.Residual(body, opts)
  opts = opts or {}
  for key in pairs(opts) do
    if key ~= "shortcut" and key ~= "activation" and key ~= "name" then
      error(("nn.Residual: unknown option '%s' (known: activation, name, shortcut)"):format(tostring(key)), 2)
    end
  end
  if type(body) == "table" and not core.is_net(body) then body = core.sequential(body, nil, 3) end
  body = core.as_layer("nn.Residual", body, 2)
  local single = #body:layer_names() == 1 and body:layer_names()[1] == ""
  local net, taken = scion._net_new(), { add = 1 }
  local value = net:add_input("x")
  local y = net:merge(body, single and core.layer_name(body) or nil, { value })
  for _, name in ipairs(net:layer_names()) do taken[name:match("^[^.]*")] = 1 end
  local short = value
  if opts.shortcut then
    local layer = core.as_layer("nn.Residual: shortcut", opts.shortcut, 2)
    short = net:merge(layer, core.unique(taken, layer:attr("name") or "shortcut"), { value })
  end
  local sum = net:add_node(net:has_layer("add") and "sum" or "add", "Add", "add", nil, { y, short })
  if opts.activation then
    local layer = core.as_layer("nn.Residual: activation", opts.activation, 2)
    sum = net:merge(layer, core.unique(taken, core.layer_name(layer)), { sum })
  end
  net:set_outputs { sum }
  net:set_attr("name", opts.name or "residual")
  return net
end

--- The net in a file written by net:save. Lua layers must be registered before (scion.register_layer). mmap = true: weights stay in the file, see scion.load.
---@param path string
---@param mmap? boolean
---@return scion.Net
nn.load = scion.load_net

-- Every op of the registry under nn too: nn.relu(x), nn.cat({ a, b }, 2), nn.cross_entropy(logits, ids); on tensors they compute, on
-- symbolic values they become layers.
setmetatable(nn, {
  __index = function(_, key)
    if type(key) ~= "string" or not scion.op_info(key) then return nil end
    local fn = op_function(key)
    rawset(nn, key, fn)
    return fn
  end,
  __call = nil,
})

return nn
