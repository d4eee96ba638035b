-- Layers that learn their input's size from the graph. MXNet's constructors (nn.Convolution { num_filter = 64 }) do not say how
-- many channels come in; such a layer stands in the net with weights of no elements and the attribute "deferred", can be
-- listed, moved and renamed like any other, and gets its weights when the shape of the input is known:
--
--   net:materialise { 8, 3, 224, 224 }      -- or one shape per input; ModelHandler:get_module does it from the data
--
-- The same code gives a layer new random weights, in the shapes that the graph around it asks for.

local scion = require "scion"
local init = require "scion.nn.initializers"

local M = {}

--- Attribute of a layer whose weights have no elements yet.
M.KEY = "deferred"

local function text(shape) return "(" .. table.concat(shape, ", ") .. ")" end

-- The shapes that a layer's entries take for an input of `shape` (the batch first): slot in inputs -> shape; nil for layers
-- whose entries do not depend on it.
local function wanted_shapes(layer, entry_of, shape)
  local op, out = layer.op, {}
  local function size(slot, d)
    local t = entry_of(slot)
    return t and t.shape[d]
  end
  if op == "linear" then
    out[2] = { size(2, 1), shape[#shape] }
    if entry_of(3) then out[3] = { size(2, 1) } end
  elseif op and op:match("^conv%dd$") then
    local old = entry_of(2).shape
    out[2] = { old[1], shape[2] // layer.params.groups, table.unpack(old, 3) }
    if entry_of(3) then out[3] = { old[1] } end
  elseif op and op:match("^conv_transpose%dd$") then
    local old = entry_of(2).shape
    out[2] = { shape[2], table.unpack(old, 2) }
  elseif op == "batch_norm" or op == "group_norm" or op == "instance_norm" then
    for slot = 2, #layer.inputs do
      if entry_of(slot) then out[slot] = { shape[2] } end
    end
  elseif op == "prelu" then
    local n = size(2, 1)
    out[2] = { n == 1 and 1 or shape[2] }
  else
    return nil
  end
  return out
end

-- He's normal numbers for weights (fan in, gain of relu), zeros for biases, ones for scales and variances.
local function fresh(layer, slot, shape, dtype)
  local op = layer.op
  local norm = op == "batch_norm" or op == "group_norm" or op == "instance_norm" or op == "layer_norm" or op == "rms_norm"
  local slots = scion.op_info(op).inputs
  local name = slots[slot] and slots[slot].name or ""
  if norm then
    local one = name == "weight" or name == "running_var"
    return one and scion.ones(shape, { dtype = dtype }) or scion.zeros(shape, { dtype = dtype })
  end
  local t = scion.zeros(shape, { dtype = dtype })
  if op == "prelu" then return t:fill_(0.25) end
  if #shape < 2 then return t end
  if op == "embedding" or op == "embedding_bag" then return init.normal_(t) end
  return init.kaiming_normal_(t)
end

--- Shape of a value ("conv1", an input) for inputs of the given shapes, computed without data.
---@param net scion.Net
---@param value string
---@param shapes table list of shapes, one per input
function M.shape_of(net, value, shapes)
  for i, input in ipairs(net:inputs()) do
    if input.name == value then return shapes[i] end
  end
  local part = net:extract { to = { value } }
  local mine = {}
  for i, input in ipairs(net:inputs()) do
    for k, needed in ipairs(part:inputs()) do
      if needed.name == input.name then mine[k] = shapes[i] end
    end
  end
  local layer, slot = value, 1
  if not part:has_layer(value) then layer, slot = value:match("^(.*):(%d+)$") end
  return part:_infer(mine)[layer][math.tointeger(slot) or math.tointeger(tonumber(slot)) + 1]
end

-- The tensor that the layer reads in a slot, when it is an entry.
local function entry_reader(net, layer)
  local known = {}
  for _, name in ipairs(layer.entries) do known[name] = true end
  return function(slot)
    local name = layer.inputs[slot]
    if name and known[name] then return net[name], name end
  end
end

-- A fully connected layer of MXNet flattens what it reads.
local function flatten_before(net, layer, shape)
  local name = layer.name .. "_flatten"
  local i = 2
  while net:has_layer(name) do
    name = ("%s_flatten_%d"):format(layer.name, i)
    i = i + 1
  end
  local value = net:add_node(name, "Flatten", "flatten", { start_dim = 2 }, { layer.sources[1] })
  net:set_input(layer.name, 1, value)
  local width = 1
  for d = 2, #shape do width = width * shape[d] end
  return { shape[1], width }
end

--- Gives one layer new weights, in the shapes that an input of `shape` asks for (nil: in the shapes it has). Parameters that
--- were frozen are not any more.
function M.renew(net, name, shape)
  local layer = net:layer(name)
  local entry_of = entry_reader(net, layer)
  local deferred = net:attr(M.KEY, name)
  if deferred == "fullyconnected" and shape and #shape ~= 2 then shape = flatten_before(net, layer, shape) end
  local shapes = shape and wanted_shapes(layer, entry_of, shape) or {}
  local kinds = {}
  for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
  for slot = 1, #layer.inputs do
    local old, entry = entry_of(slot)
    if old and kinds[entry] ~= "const" then
      local t = fresh(layer, slot, shapes[slot] or old.shape, old.dtype)
      local frozen = slot == 2 and net:attr("fix_gamma", name) ~= nil
      if kinds[entry] == "param" then t:requires_grad_(true) end
      net:set_entry(entry, t)
      if kinds[entry] == "param" then net:set_frozen(entry, frozen) end
    end
  end
  if deferred then net:set_attr(M.KEY, nil, name) end
end

-- Does the value have two dimensions whatever comes in, as far as the layers before it tell?
local function is_flat(net, value)
  while net:has_layer(value) do
    local layer = net:layer(value)
    if layer.op == "flatten" or layer.op == "linear" then return true end
    if #layer.sources ~= 1 or layer.op == "embedding" or not scion.op_info(layer.op or "") then return false end
    local kept = { relu = true, sigmoid = true, tanh = true, softplus = true, leaky_relu = true, dropout = true, batch_norm = true }
    if not kept[layer.op] then return false end
    value = layer.sources[1]
  end
  return false
end

--- Can a tensor of this shape be what an entry without elements waits for? What the layer knows already must agree.
function M.fits(waiting, shape)
  if #waiting ~= #shape then return false end
  local open = false
  for d, n in ipairs(waiting) do
    open = open or n == 0
    if n ~= 0 and n ~= shape[d] then return false end
  end
  return open
end

--- Entries of layers that wait for their weights: name of the entry -> name of the layer.
function M.waiting_entries(net)
  local out = {}
  for _, layer in ipairs(net:layers()) do
    if net:attr(M.KEY, layer.name) then
      for _, entry in ipairs(layer.entries) do
        if net[entry]:numel() == 0 then out[entry] = layer.name end
      end
    end
  end
  return out
end

--- Says that a layer has got the weights that it waited for.
function M.given(net, name)
  local layer = net:layer(name)
  for _, entry in ipairs(layer.entries) do
    if net[entry]:numel() == 0 then return end
  end
  if net:attr(M.KEY, name) == "fullyconnected" and not is_flat(net, layer.sources[1]) then flatten_before(net, layer, { 1 }) end
  net:set_attr(M.KEY, nil, name)
end

--- Names of the layers that still wait for their weights.
function M.pending(net)
  local list = scion.list {}
  for _, name in ipairs(net:layer_names()) do
    if net:attr(M.KEY, name) then list[#list + 1] = name end
  end
  return list
end

--- Gives weights to deferred layers, and new ones to the layers in `renewed` (a set of names), for inputs of the given shapes.
--- Layers that keep their weights and do not fit raise "Weight shape mismatch", naming both shapes.
---@param net scion.Net
---@param shapes table one shape per input, batch first
---@param renewed? table<string, boolean>
function M.materialise(net, shapes, renewed)
  renewed = renewed or {}
  for _, name in ipairs(net:layer_names()) do
    local waiting = net:attr(M.KEY, name) ~= nil
    local layer = net:layer(name)
    if waiting or renewed[name] then
      M.renew(net, name, layer.sources[1] and M.shape_of(net, layer.sources[1], shapes))
    end
  end
  for _, layer in ipairs(net:layers()) do
    if (layer.op == "linear" or layer.op and layer.op:match("^conv")) and #layer.sources == 1 then
      local entry_of = entry_reader(net, layer)
      local weight, name = entry_of(2)
      local ok, shape = pcall(M.shape_of, net, layer.sources[1], shapes)
      local wanted = weight and ok and shape and wanted_shapes(layer, entry_of, shape)
      if wanted and text(wanted[2]) ~= text(weight.shape) then
        error(("Weight shape mismatch: Expected shape=%s, Actual shape=%s (%s of layer '%s', whose input is %s; make the layer random " ..
          "to give it new weights, or feed data of another size)"):format(text(wanted[2]), text(weight.shape), name, layer.name, text(shape)), 0)
      end
    end
  end
  return net
end

return M
