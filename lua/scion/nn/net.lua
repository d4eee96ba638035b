-- What a net can do beyond the C binding: named parameters, state dictionaries, freezing, the summary table. These functions
-- become methods of scion.Net.

local scion = require "scion"
local check = require "scion.check"
local core = require "scion.nn.core"
local input_shapes = require "scion.nn.input_shapes"
local weights = require "scion.nn.weights"

local Net = scion.Net

local function iterate(net, want)
  local entries, i = net:entries(), 0
  return function()
    repeat i = i + 1 until entries[i] == nil or entries[i].kind == want
    if entries[i] then return entries[i].name, entries[i].tensor end
  end
end

--- for name, tensor in net:named_parameters() do
function Net:named_parameters() return iterate(self, "param") end
--- for name, tensor in net:named_buffers() do
function Net:named_buffers() return iterate(self, "buffer") end

local function is_shape(v)
  for i = 1, #v do
    if math.type(v[i]) ~= "integer" then return false end
  end
  return #v > 0
end

--- Writes the net as an ONNX file (opset 21), for inference: dropout does nothing, batch norm uses its running statistics. The first dimension
--- stays free. shapes: sizes of the inputs, { 1, 3, 224, 224 } or a list of those for several inputs; by default those that the net
--- declares (net:describe_input), or of the data that it was trained on.
---@param path string
---@param shapes? integer[]|integer[][] also as { input_shape = shapes }; { 1, 7, dtype = "i64" } for numbers of another type than f32
function Net:save_onnx(path, shapes)
  local inputs = self:inputs()
  if shapes == nil then
    for _, input in ipairs(inputs) do
      if not input.shape then shapes = input_shapes.known(self) end -- what is declared the writer reads itself
    end
  elseif type(shapes) ~= "table" then
    check.raise("save_onnx: shapes must be a shape of the input, or a list of them, got %s", check.describe(shapes))
  else
    if shapes.input_shape then shapes = shapes.input_shape end
    if #shapes == 0 and next(shapes) ~= nil then
      check.raise("save_onnx: shapes must be a shape of the input, or a list of them, got a table with the key %s", check.describe((next(shapes))))
    end
    if is_shape(shapes) then shapes = { shapes } end
    for i, shape in ipairs(shapes) do
      if type(shape) ~= "table" or not is_shape(shape) and #shape > 0 then
        check.raise("save_onnx: shape %d must be a list of integers, got %s", i, check.describe(shape))
      end
    end
    if #shapes ~= #inputs then check.raise("save_onnx: %d shapes given, the net has %d inputs", #shapes, #inputs) end
  end
  scion.io.save_onnx(path, self, shapes)
  return self
end

--- Clears the gradient of every parameter.
function Net:zero_grad()
  for _, p in ipairs(self:parameters()) do p.grad = nil end
end

--- A table name -> tensor of parameters and buffers (the tensors themselves, not copies).
---@return table<string, scion.Tensor>
function Net:state_dict()
  local out = {}
  for _, e in ipairs(self:entries()) do
    if e.kind ~= "const" then out[e.name] = e.tensor end
  end
  return out
end

--- Copies values into parameters and buffers by name. opts: strict (true: names must match exactly), prefix (taken off the names
--- in `state`; by default what all of them share, such as "module."). Shapes must match. PyTorch's num_batches_tracked is ignored.
---@param state table<string, scion.Tensor>
---@param opts? { strict?: boolean, prefix?: string }
---@return table report { loaded =, missing =, unexpected = } lists of names
function Net:load_state_dict(state, opts)
  opts = opts or {}
  for key in pairs(opts) do
    if key ~= "strict" and key ~= "prefix" then
      error(("net:load_state_dict: unknown option '%s' (known: prefix, strict)"):format(tostring(key)), 2)
    end
  end
  if type(state) ~= "table" then error(("net:load_state_dict: expected a table of tensors, got %s"):format(type(state)), 2) end
  return weights.load(self, "net:load_state_dict", state, { strict = opts.strict ~= false, same_shapes = true, prefix = opts.prefix }, 2)
end

-- Layers named exactly, or below a dotted prefix; nil: all. Unknown names raise.
local function select_layers(net, who, names)
  local layers = net:layers()
  if names == nil then return layers end
  if type(names) == "string" then names = { names } end
  if type(names) ~= "table" then error(("net:%s: expected a list of layer names, got %s"):format(who, type(names)), 3) end
  local chosen = {}
  for i, name in ipairs(names) do
    if type(name) ~= "string" then error(("net:%s: item %d of the list is a %s, expected a layer's name"):format(who, i, type(name)), 3) end
    local found = false
    for _, layer in ipairs(layers) do
      if layer.name == name or layer.name:sub(1, #name + 1) == name .. "." then
        chosen[layer.position], found = layer, true
      end
    end
    if not found then net:layer(name) end -- raises with the nearest names
  end
  local list = {}
  for _, layer in ipairs(layers) do
    if chosen[layer.position] then list[#list + 1] = layer end
  end
  return list
end

local function set_frozen(net, who, names, on)
  local kinds = {}
  for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
  for _, layer in ipairs(select_layers(net, who, names)) do
    for _, entry in ipairs(layer.entries) do
      if kinds[entry] == "param" then net:set_frozen(entry, on) end
    end
    -- frozen batch norm keeps its statistics too
    if layer.op == "batch_norm" then net:set_mode(layer.name, on and "eval" or nil) end
  end
  return net
end

--- No gradients for the parameters of these layers (a name stands for the layers below it too; nothing: all layers); their
--- batch norms stay in evaluation mode.
---@param names? string|string[]
function Net:freeze(names) return set_frozen(self, "freeze", names, true) end
--- Undoes freeze.
---@param names? string|string[]
function Net:unfreeze(names) return set_frozen(self, "unfreeze", names, false) end

--- Names of the parameters and buffers that exactly these layers own.
---@param names? string|string[]
---@return string[]
function Net:layer_parameters(names)
  local list, seen = {}, {}
  for _, layer in ipairs(select_layers(self, "layer_parameters", names)) do
    for _, entry in ipairs(layer.entries) do
      if not seen[entry] then
        seen[entry] = true
        list[#list + 1] = entry
      end
    end
  end
  return scion.list(list)
end

--- Converts all floating-point parameters, buffers, constants and inputs to "f32" or "f64". The tensors are new: make optimisers afterwards.
---@param dtype string
function Net:to(dtype)
  if dtype ~= "f32" and dtype ~= "f64" then error(("net:to: expected 'f32' or 'f64', got '%s'"):format(tostring(dtype)), 2) end
  for _, e in ipairs(self:entries()) do
    local t = e.tensor
    if (t.dtype == "f32" or t.dtype == "f64") and t.dtype ~= dtype then
      local new = scion.no_grad(function() return t:to(dtype) end)
      if t.requires_grad then new:requires_grad_(true) end
      self:set_entry(e.name, new)
    end
  end
  for _, input in ipairs(self:inputs()) do
    if input.dtype == "f32" or input.dtype == "f64" then self:describe_input(input.name, { dtype = dtype, shape = input.shape }) end
  end
  return self
end

--- Calls fn(name, tensor) on every parameter, outside of any gradient: net:apply(function(name, p) nn.init.normal_(p) end).
function Net:apply(fn)
  if type(fn) ~= "function" then error(("net:apply: expected a function(name, parameter), got %s"):format(type(fn)), 2) end
  for name, p in self:named_parameters() do scion.no_grad(function() fn(name, p) end) end
  return self
end

--- Puts a layer behind the outputs. opts: name.
function Net:append(layer, opts)
  layer = core.as_layer("net:append", layer, 2)
  if opts ~= nil and (type(opts) ~= "table" or type(opts.name or "") ~= "string") then error("net:append: options must be a table: { name = \"fc\" }", 2) end
  local taken = {}
  for _, name in ipairs(self:layer_names()) do taken[name:match("^[^.]*")] = 1 end
  local name = opts and opts.name or core.layer_name(layer)
  if not (opts and opts.name) then name = core.unique(taken, name) end
  local values = {}
  for i, output in ipairs(self:outputs()) do values[i] = output end
  if #values == 0 then
    for i, input in ipairs(layer:inputs()) do values[i] = self:add_input(input.name, { shape = input.shape, dtype = input.dtype }) end
  end
  self:set_outputs(core.append(self, values, layer, name, "net:append", 2))
  return self
end

--- Gives weights to layers that wait for the size of their input (nn.Convolution { num_filter = 64 } and its kin).
---@param shapes table shape of the input with the batch dimension, or a list of shapes for several inputs
function Net:materialise(shapes)
  if type(shapes) ~= "table" then error(("net:materialise: expected the shape of the input, got %s"):format(type(shapes)), 2) end
  if type(shapes[1]) ~= "table" then shapes = { shapes } end
  local ok, message = pcall(require("scion.nn.deferred").materialise, self, shapes)
  if not ok then error("net:materialise: " .. tostring(message), 2) end
  return self
end

-- ---- the table -------------------------------------------------------------------------------------

local function thousands(n)
  local s = tostring(math.tointeger(n) or n)
  local out = s:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (out:gsub("^,", ""))
end

local function shape_text(shape)
  if not shape then return "" end
  local parts = {}
  for i = 1, #shape do parts[i] = tostring(shape[i]) end
  return "(" .. table.concat(parts, ", ") .. ")"
end

--- A table of the layers as Keras prints it: layer, type, output shape, parameters; returns text that prints itself.
---@param shapes? table shape of the input with the batch dimension ({ 1, 28, 28 } may leave it out when the net declares more), or a
---                     list of shapes for several inputs; without it shapes are left out
---@return string
function Net:summary(shapes)
  local inferred
  if shapes == nil then
    shapes = input_shapes.known(self)
    for _, shape in ipairs(shapes or {}) do
      for d, n in ipairs(shape) do shape[d] = n < 0 and 1 or n end
    end
    if shapes and #shapes == 0 then shapes = nil end
  elseif type(shapes) ~= "table" then
    error(("net:summary: expected the shape of the input, got %s"):format(type(shapes)), 2)
  else
    if shapes.input_shape then shapes = shapes.input_shape end
    if is_shape(shapes) then shapes = { shapes } end
  end
  if shapes then inferred = self:_infer(shapes) end
  local tensors = {}
  for _, e in ipairs(self:entries()) do tensors[e.name] = e end
  local rows, seen = { { "Layer", "Type", "Output shape", "Params" } }, {}
  local total_cost, shared, frozen_layers = 0, false, false
  for _, layer in ipairs(self:layers()) do
    local n, mark, frozen, owns = 0, "", true, false
    for _, name in ipairs(layer.entries) do
      local e = tensors[name]
      if e.kind == "param" then
        owns = true
        frozen = frozen and e.frozen
        if seen[name] then
          mark, shared = " *", true
        else
          n = n + e.tensor:numel()
        end
        seen[name] = true
      end
    end
    if owns and frozen then mark, frozen_layers = mark .. " f", true end
    local shape = inferred and inferred[layer.name]
    if shape then total_cost = total_cost + shape.cost end
    rows[#rows + 1] = { layer.name == "" and "(" .. layer.type:lower() .. ")" or layer.name, layer.type, shape_text(shape and shape[1]), thousands(n) .. mark }
  end
  local widths = { 0, 0, 0, 0 }
  for _, row in ipairs(rows) do
    for i = 1, 4 do widths[i] = math.max(widths[i], #row[i]) end
  end
  local lines = {}
  local line = ("-"):rep(widths[1] + widths[2] + widths[3] + widths[4] + 6)
  for i, row in ipairs(rows) do
    lines[#lines + 1] = ("%-" .. widths[1] .. "s  %-" .. widths[2] .. "s  %-" .. widths[3] .. "s  %" .. widths[4] .. "s"):format(table.unpack(row))
    if i == 1 then lines[#lines + 1] = line end
  end
  lines[#lines + 1] = line
  local all, trainable = self:n_parameters()
  lines[#lines + 1] = ("Parameters: %s (trainable %s, frozen %s)"):format(thousands(all), thousands(trainable), thousands(all - trainable))
  local n_buffers = 0
  for _, b in self:named_buffers() do n_buffers = n_buffers + b:numel() end
  if n_buffers > 0 then lines[#lines + 1] = ("Buffers: %s"):format(thousands(n_buffers)) end
  if inferred then lines[#lines + 1] = ("Multiply-adds: %s"):format(thousands(math.floor(total_cost))) end
  if shared then lines[#lines + 1] = "*: shares the parameters of a layer above" end
  if frozen_layers then lines[#lines + 1] = "f: frozen" end
  return table.concat(lines, "\n")
end

local function tostring_net(net)
  local lines = { "Net (" }
  for _, layer in ipairs(net:layers()) do
    local params = {}
    for key, value in pairs(layer.params or {}) do params[#params + 1] = ("%s = %s"):format(key, tostring(value)) end
    table.sort(params)
    lines[#lines + 1] = ("  %s: %s%s"):format(layer.name == "" and "(layer)" or layer.name, layer.type,
      #params > 0 and " { " .. table.concat(params, ", ") .. " }" or "")
  end
  lines[#lines + 1] = ")"
  return table.concat(lines, "\n")
end

local meta = getmetatable(scion._net_new())
meta.__tostring = tostring_net
meta.apply_symbolic = core.apply_symbolic

return Net
