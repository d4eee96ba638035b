-- Operations on nets that repurposers share: cutting a trunk, finding the head, adding layers, freezing, and
-- finding the part that can be computed once because nothing in it changes.

local check = require "scion.check"

local M = {}

local function scion() return require "scion" end

--- Is this value a net?
function M.is_net(value) return scion().is_net(value) end

-- Ops that hold a layer's main weights: what "the last layer" means for users.
local WEIGHTED <const> = { linear = true, matmul = true, conv1d = true, conv2d = true, conv3d = true, bilinear = true }

local function by_name(net)
  local map = {}
  for _, layer in ipairs(net:layers()) do map[layer.name] = layer end
  return map
end

-- The layer that computes a value ("fc" for "fc:2"), or nil for inputs and entries.
local function layer_of(map, value) return map[value] or map[(value:gsub(":%d+$", ""))] end

--- What to say about a name that is no layer: the layers below it, or the nearest name; "" when neither is there.
function M.hint(net, name)
  local known, below = net:layer_names(), {}
  for _, layer in ipairs(known) do
    if layer:sub(1, #name + 1) == name .. "." then below[#below + 1] = layer end
  end
  if #below > 1 then return (" (it is a group of %d layers: %s ... %s)"):format(#below, below[1], below[#below]) end
  local near = below[1] or check.nearest(name, known)
  return near and (" (did you mean '%s'?)"):format(near) or ""
end

--- Raises unless every name is a layer of the net; `what` names the option in the message.
function M.check_layers(where, what, net, names)
  local known = net:layer_names()
  for _, name in ipairs(names) do
    if not net:has_layer(name) then
      check.raise("%s: %s '%s' is not found in source_model%s (its %d layers end in %s)", where, what, name, M.hint(net, name), #known,
        table.concat(table.move(known, math.max(1, #known - 3), #known, 1, {}), ", "))
    end
  end
end

--- The scores before a final softmax: the name of the value that a softmax-free net returns.
function M.logits(net)
  local map = by_name(net)
  local value = net:outputs()[1]
  local layer = layer_of(map, value)
  while layer and (layer.op == "softmax" or layer.op == "log_softmax" or layer.op == "identity") do
    value = layer.sources[1]
    layer = layer_of(map, value)
  end
  return value
end

--- The last layer with weights on the way to the output, and the value that it reads (the usual feature).
---@return string head, string features
function M.head(net)
  local map = by_name(net)
  local value = M.logits(net)
  local steps = 0
  local layer = layer_of(map, value)
  while layer and not WEIGHTED[layer.op] and steps < 32 do
    value = layer.sources[1]
    layer = value and layer_of(map, value)
    steps = steps + 1
  end
  if not layer or not WEIGHTED[layer.op] then
    check.raise("repurpose: cannot find the last layer with weights; name the layers to use")
  end
  return layer.name, layer.sources[1]
end

--- The part of a net that computes some values, as a net of its own that shares the tensors.
function M.trunk(net, names) return net:extract { to = names } end

-- A name that the net does not use yet.
function M.fresh_name(net, name)
  if not net:has_layer(name) then return name end
  local i = 2
  while net:has_layer(("%s_%d"):format(name, i)) do i = i + 1 end
  return ("%s_%d"):format(name, i)
end

--- Adds flatten (for values of more than two dimensions) to a value; returns the new value.
function M.add_flatten(net, value, dims)
  if dims == 2 then return value end
  return (net:add_node(M.fresh_name(net, "flatten_features"), "Flatten", "flatten", { start_dim = 2 }, { value }))
end

--- Adds a linear layer on a value (N, F); weight (K, F), bias (K) or nil.
function M.add_linear(net, name, value, weight, bias)
  local inputs = { value, net:add_entry(name .. ".weight", weight) }
  if bias then inputs[3] = net:add_entry(name .. ".bias", bias) end
  return (net:add_node(name, "Linear", "linear", nil, inputs))
end

--- Adds a softmax over the classes of scores (N, K); returns its value.
function M.add_softmax(net, value)
  return (net:add_node(M.fresh_name(net, "softmax"), "Softmax", "softmax", { dim = 2 }, { value }))
end

--- Dimensions of some values for one batch x (a list for several inputs), found by running it.
function M.probe(net, names, x)
  local s = scion()
  local shapes = {}
  local was_training = net:is_training()
  net:eval()
  local ok, message = pcall(function()
    s.no_grad(function()
      local one = {}
      for i, input in ipairs(type(x) == "table" and x or { x }) do one[i] = input:narrow(1, 1, 1) end
      one[#one + 1] = names
      for i, t in ipairs(net:features(table.unpack(one))) do shapes[i] = t.shape end
    end)
  end)
  if was_training then net:train() end
  if not ok then error(message, 0) end
  return shapes
end

--- A copy of the net whose single output ends in softmax (left alone when it does already).
function M.with_softmax(net)
  net = net:clone { share = true }
  local outputs = net:outputs()
  local layer = layer_of(by_name(net), outputs[1])
  if layer and layer.op == "softmax" then return net end
  net:set_outputs { M.add_softmax(net, outputs[1]) }
  return net
end

--- Freezes layers: their parameters ask for no gradient and they stay in eval mode (batch norm keeps its
--- running statistics, dropout is off).
function M.freeze(net, names)
  local map = by_name(net)
  for _, name in ipairs(names) do
    local layer = map[name]
    net:set_mode(name, "eval")
    for _, entry in ipairs(layer.entries) do net:set_frozen(entry, true) end
  end
end

--- A constant (f32) under a name that is not taken yet: "svm.first", "svm.first_2", ...
function M.constant(net, name, tensor)
  local taken = {}
  for _, e in ipairs(net:entries()) do taken[e.name] = true end
  local unique, i = name, 2
  while taken[unique] do unique, i = ("%s_%d"):format(name, i), i + 1 end
  return net:add_entry(unique, tensor:to("f32"):contiguous(), "const")
end

--- Adds a node of an op; returns its (first) value.
function M.node(net, name, type, op, params, inputs) return (net:add_node(M.fresh_name(net, name), type, op, params, inputs)) end

--- All layers up to and including the named ones.
function M.upstream(net, names)
  local map, seen, list = by_name(net), {}, {}
  local function visit(value)
    local layer = layer_of(map, value)
    if not layer or seen[layer.name] then return end
    seen[layer.name] = true
    for _, source in ipairs(layer.sources) do visit(source) end
    list[#list + 1] = layer.name
  end
  for _, name in ipairs(names) do visit(name) end
  return list
end

--- Where the constant beginning of a net ends: the value between the layers that cannot change (frozen, or
--- without parameters, and nothing random or trained before them) and the rest. nil when there is none, or more than one.
function M.frozen_boundary(net)
  local frozen_entry = {}
  for _, entry in ipairs(net:entries()) do
    frozen_entry[entry.name] = entry.kind == "const" or entry.frozen or nil
  end
  local buffers = {}
  for _, entry in ipairs(net:entries()) do
    if entry.kind == "buffer" then buffers[entry.name] = true end
  end
  local layers, map = net:layers(), by_name(net)
  local constant, weighty = {}, {}
  for _, layer in ipairs(layers) do
    local fixed, heavy = true, false
    for _, source in ipairs(layer.sources) do
      local before = layer_of(map, source)
      if before then
        fixed = fixed and constant[before.name]
        heavy = heavy or weighty[before.name]
      end
    end
    for _, entry in ipairs(layer.entries) do
      if buffers[entry] then
        fixed = fixed and layer.mode == "eval"
      else
        fixed = fixed and frozen_entry[entry] or false
      end
      heavy = true
    end
    local info = layer.op and scion().op_info and scion().op_info(layer.op)
    if layer.mode ~= "eval" and (not layer.op or info and (info.random or info.training)) then fixed = false end
    constant[layer.name], weighty[layer.name] = fixed or nil, heavy
  end
  local boundary
  local function meet(value)
    local before = layer_of(map, value)
    if before and not constant[before.name] then return true end
    if boundary and boundary ~= value then return false end
    boundary = value
    return true
  end
  for _, layer in ipairs(layers) do
    if not constant[layer.name] then
      for _, source in ipairs(layer.sources) do
        if not meet(source) then return nil end
      end
    end
  end
  if not boundary then return nil end
  local before = layer_of(map, boundary)
  if not before or not weighty[before.name] then return nil end
  return boundary
end

--- Puts preprocessing before a net, so that it takes pixels in 0..1: an affine map per channel, perhaps RGB to BGR.
---@param net scion.Net
---@param pre { mean?: number[], std?: number[], scale?: number, channels?: string }
function M.with_preprocessing(net, pre)
  if not (pre and (pre.mean or pre.std or pre.scale or pre.channels == "BGR")) then return net end
  local s = scion()
  local input = net:inputs()[1]
  local out = s.Net_new and s.Net_new() or s._net_new()
  local value = out:add_input("pixels", { shape = input.shape, dtype = "f32" })
  local n = #(pre.mean or pre.std or { 0, 0, 0 })
  if pre.channels == "BGR" then
    local order = out:add_entry("preprocess.order", s.tensor({ 2, 1, 0 }, { dtype = "i64" }), "const")
    value = out:add_node("preprocess.bgr", "Reorder", "index_select", { dim = 2, base = 0 }, { value, order })
  end
  local factor, shift = {}, {}
  for c = 1, n do
    local std = pre.std and pre.std[c] or 1
    factor[c] = (pre.scale or 1) / std
    shift[c] = -(pre.mean and pre.mean[c] or 0) / std
  end
  local function constant(name, values)
    return out:add_entry(name, s.tensor(values):reshape(n, 1, 1), "const")
  end
  value = out:add_node("preprocess.scale", "Scale", "mul", nil, { value, constant("preprocess.factor", factor) })
  value = out:add_node("preprocess", "Shift", "add", nil, { value, constant("preprocess.shift", shift) })
  local outputs = table.pack(out:merge(net, nil, { value }))
  out:set_outputs(outputs)
  for key, text in pairs(net:attrs()) do out:set_attr(key, text) end
  local input_shapes = require "scion.nn.input_shapes"
  local known = input_shapes.known(net)
  if known then input_shapes.remember(out, known) end
  return out
end

return M
