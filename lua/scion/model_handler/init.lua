-- ModelHandler: looks at a network and changes it. It works on a copy of the structure (weights are shared until a module is
-- made), so the network that it was given stays what it was.
--
--   local mh = scion.ModelHandler(source)
--   print(mh.layer_names, mh:get_layer_type "relu5_2")
--   mh:drop_layer_top(2)
--   mh:add_layer_top { scion.nn.FullyConnected { name = "fc", num_hidden = 4 }, scion.nn.SoftmaxOutput { name = "softmax" } }
--   local net = mh:get_module(it, { fixed_layer_parameters = mh:get_layer_parameters { "conv1_1" } })
--   net:fit(it, { num_epochs = 5 })
--
-- Every edit can be taken back (mh:undo()); mh:changes() tells what differs from the network at the beginning.

local check = require "scion.check"
local class = require "scion.class"
local show = require "scion.show"
local types = require "scion.model_handler.types"

local function scion() return require "scion" end

local Handler = class.class("ModelHandler")

Handler.LayerType = types.LayerType

-- Computed fields: layer_names, layer_types, input_names, output_names.
function Handler:__field(name)
  if name == "layer_names" then return show.list(self.net:layer_names()) end
  if name == "layer_types" then
    local list = show.list {}
    for i, layer in ipairs(self.net:layer_names()) do list[i] = (self:get_layer_type(layer)) end
    return list
  end
  if name == "input_names" then
    local list = show.list {}
    for i, input in ipairs(self.net:inputs()) do list[i] = input.name end
    return list
  end
  if name == "output_names" then return show.list(self.net:outputs()) end
  return nil
end
Handler.__index = class.field_index(Handler)

Handler.__tostring = function(self)
  local n, trainable = self.net:n_parameters()
  return ("ModelHandler: %d layers, %d parameters (%d trainable), %d edits"):format(#self.net:layer_names(), n, trainable, #self.past)
end

local OPTS <const> = { context_function = check.choice({ "cpu" }, { default = "cpu" }), num_devices = check.integer { default = 1, min = 1, max = 1 },
  data_name = check.string {} }

--- A handler of a net, or of a repurposer's network. opts: data_name renames the (first) input; context_function and
--- num_devices are Xfer's and take "cpu" and 1.
---@param model scion.Net|table
function Handler:init(model, opts)
  if type(model) == "table" and model.repurpose then model = model.target_model or model.source_model end
  if not scion().is_net(model) then
    error(("ModelHandler: expected a net, got %s"):format(check.describe(model)), 3)
  end
  opts = check.opts("ModelHandler", opts, OPTS, 4)
  self.net = model:clone { share = true }
  if model:is_training() then self.net:train() else self.net:eval() end
  if opts.data_name then
    local inputs = self.net:inputs()
    if inputs[1] and inputs[1].name ~= opts.data_name then self.net:rename_input(inputs[1].name, opts.data_name) end
  end
  self.original = self.net:clone { share = true }
  self.past = {}     -- { net =, what = } before each edit
  self.renamed = {}  -- name now -> name at the beginning
end

-- ---- looking ------------------------------------------------------------------------------------------------------

-- The layer of a name; raises with the nearest names.
function Handler:_layer(where, name, level)
  check.arg(where, "layer_name", name, check.string { required = true }, (level or 2) + 2)
  if not self.net:has_layer(name) then
    error(("%s: %s layer does not exist in model%s"):format(where, name, require("scion.repurpose.graph").hint(self.net, name)), (level or 2) + 1)
  end
  return self.net:layer(name)
end

local function is_top(net, name)
  for _, output in ipairs(net:outputs()) do
    if output == name or output:match("^(.*):%d+$") == name then return true end
  end
  return false
end

--- The type of a layer under MXNet's name and under ours: "Activation", "ReLU".
---@param name string
---@return string mxnet, string own
function Handler:get_layer_type(name)
  local layer = self:_layer("get_layer_type", name)
  return types.names(layer, is_top(self.net, name))
end

--- Names of the layers of a type ("Convolution" or "Conv2d"; case does not matter), in the order of the graph.
---@param wanted string
---@return string[]
function Handler:get_layer_names_matching_type(wanted)
  check.arg("get_layer_names_matching_type", "layer_type", wanted, check.string { required = true })
  local list = show.list {}
  for _, layer in ipairs(self.net:layers()) do
    if types.matches(layer, is_top(self.net, layer.name), wanted) then list[#list + 1] = layer.name end
  end
  return list
end

--- Names of the parameters and buffers that exactly these layers own.
---@param names string[]
---@return string[]
function Handler:get_layer_parameters(names)
  if type(names) ~= "table" then
    error(("get_layer_parameters: layer_names must be passed as list. Instead got type: %s"):format(type(names)), 2)
  end
  local list, seen = show.list {}, {}
  local kinds = {}
  for _, e in ipairs(self.net:entries()) do kinds[e.name] = e.kind end
  for _, name in ipairs(names) do
    for _, entry in ipairs(self:_layer("get_layer_parameters", name).entries) do
      if not seen[entry] and kinds[entry] ~= "const" then
        seen[entry] = true
        list[#list + 1] = entry
      end
    end
  end
  return list
end

--- A table of layers, types, output shapes and parameters; see net:summary.
---@param shapes? table shape of the input, batch first
function Handler:summary(shapes)
  local net = self.net
  for _, name in ipairs(shapes and net:layer_names() or {}) do
    if net:attr("deferred", name) then -- layers that wait for their input's size get one, in a copy
      net = net:clone()
      local list = type(shapes) == "table" and type(shapes[1]) == "table" and shapes or { shapes }
      require("scion.nn.deferred").materialise(net, list)
      break
    end
  end
  return net:summary(shapes)
end

-- ---- features -----------------------------------------------------------------------------------------------------

local OUTPUT_OPTS <const> = { data_iterator = check.any {}, layer_names = check.any {}, flatten = true, cache = check.any {},
  out = check.string {}, progress = false }

--- Values of layers for all items of an iterator: each batch runs once, however many layers are asked for.
---   local features, labels = mh:get_layer_output { data_iterator = it, layer_names = { "fc6", "fc8" } }
--- features.fc6 is (N, F), rows in the order of the data; padding is cut off. Options: flatten = true (false keeps the
--- shapes), cache (a scion.features.Cache, false), out (a file that takes the values as they come, for more than memory
--- holds; a layer is read from it when it is touched, and features.File gives its rows as a data set), progress.
---@return table features  by layer name, in the order asked for
---@return any[]|scion.Tensor|nil labels as the data spell them; targets where the data have no classes
---@return scion.Tensor? ids
function Handler:get_layer_output(opts, layer_names)
  local features = require "scion.features"
  if features.is_iterator(opts) or type(opts) ~= "table" or layer_names ~= nil then
    opts = { data_iterator = opts, layer_names = layer_names }
  end
  opts = check.opts("get_layer_output", opts, OUTPUT_OPTS)
  local it = opts.data_iterator
  if not features.is_iterator(it) then
    error(("get_layer_output: data_iterator must be an iterator (scion.data), got %s"):format(check.describe(it)), 2)
  end
  if type(opts.layer_names) ~= "table" then
    error(("get_layer_output: Layers must be passed as list. Instead got type: %s"):format(type(opts.layer_names)), 2)
  end
  if #opts.layer_names == 0 then error("get_layer_output: layer_names is empty", 2) end
  for _, name in ipairs(opts.layer_names) do self:_layer("get_layer_output", name) end
  if type(it) == "table" and it.reset and it.position and it.position > 0 then it:reset() end
  return features.by_name(self.net, it, opts.layer_names, opts)
end

-- ---- undo and changes ----------------------------------------------------------------------------------------------

-- Runs an edit on a copy; a failed one leaves everything as it was. Messages are raised at the user's line.
function Handler:_edit(what, fn)
  local before, renamed = self.net, self.renamed
  self.net = before:clone { share = true }
  if before:is_training() then self.net:train() else self.net:eval() end
  self.renamed = {}
  for now, old in pairs(renamed) do self.renamed[now] = old end
  local ok, result = pcall(fn, self.net)
  if not ok then
    self.net, self.renamed = before, renamed
    local message = type(result) == "string" and result:gsub("^[^\n]-%.lua:%d+: ", "") or tostring(result)
    error(("ModelError: %s: %s"):format(what:match("^[%w_]+"), message), 3)
  end
  self.past[#self.past + 1] = { net = before, renamed = renamed, what = what }
  return result
end

--- Takes back the last n edits (default 1). Returns what was taken back, the newest first.
---@param n? integer
function Handler:undo(n)
  n = check.arg("undo", "n", n, check.integer { default = 1, min = 1 })
  if n > #self.past then
    error(("undo: there are %d edits to take back, %d asked for"):format(#self.past, n), 2)
  end
  local list = show.list {}
  for _ = 1, n do
    local last = table.remove(self.past)
    self.net, self.renamed = last.net, last.renamed
    list[#list + 1] = last.what
  end
  return list
end

local function describe_params(layer)
  local parts = {}
  for key, value in pairs(layer.params or {}) do parts[#parts + 1] = ("%s = %s"):format(key, tostring(value)) end
  table.sort(parts)
  return layer.type .. " { " .. table.concat(parts, ", ") .. " }"
end

local Changes = {}
Changes.__index = Changes
Changes.__tostring = function(self)
  local lines = {}
  for _, row in ipairs { { "+ ", self.added }, { "- ", self.removed } } do
    for _, layer in ipairs(row[2]) do lines[#lines + 1] = row[1] .. layer.name .. ": " .. layer.type end
  end
  for _, item in ipairs(self.renamed) do lines[#lines + 1] = ("~ %s: renamed, was %s"):format(item.name, item.was) end
  for _, item in ipairs(self.rewired) do
    lines[#lines + 1] = ("~ %s: reads %s, read %s"):format(item.name, table.concat(item.reads, ", "), table.concat(item.was, ", "))
  end
  for _, item in ipairs(self.altered) do lines[#lines + 1] = ("~ %s: %s, was %s"):format(item.name, item.is, item.was) end
  for _, item in ipairs(self.parameters) do lines[#lines + 1] = ("~ %s: %s"):format(item.name, item.what) end
  if self.inputs then lines[#lines + 1] = ("~ inputs: %s, were %s"):format(tostring(self.inputs.is), tostring(self.inputs.was)) end
  if self.outputs then lines[#lines + 1] = ("~ outputs: %s, were %s"):format(tostring(self.outputs.is), tostring(self.outputs.was)) end
  return #lines > 0 and table.concat(lines, "\n") or "no changes"
end

local function same_list(a, b) return table.concat(a, "\0") == table.concat(b, "\0") end

--- What differs from the network at the beginning: { added, removed, renamed, rewired, altered, parameters, inputs, outputs },
--- which prints itself as a diff.
function Handler:changes()
  local out = setmetatable({ added = {}, removed = {}, renamed = {}, rewired = {}, altered = {}, parameters = {} }, Changes)
  local old, kept = {}, {}
  for _, layer in ipairs(self.original:layers()) do old[layer.name] = layer end
  local name_before = function(name) return self.renamed[name] or name end
  local function values_before(list)
    local names = {}
    for i, value in ipairs(list) do
      local layer, slot = value:match("^(.*)(:%d+)$")
      names[i] = layer and name_before(layer) .. slot or name_before(value)
    end
    return names
  end
  for _, layer in ipairs(self.net:layers()) do
    local was = old[name_before(layer.name)]
    if not was or self.renamed[layer.name] == false then
      table.insert(out.added, { name = layer.name, type = layer.type })
    else
      kept[was.name] = true
      if was.name ~= layer.name then table.insert(out.renamed, { name = layer.name, was = was.name }) end
      if not same_list(values_before(layer.sources), was.sources) then
        table.insert(out.rewired, { name = layer.name, reads = layer.sources, was = was.sources })
      end
      local is, before = describe_params(layer), describe_params(was)
      if is ~= before or layer.mode ~= was.mode then
        table.insert(out.altered, { name = layer.name, is = is .. (layer.mode and " in " .. layer.mode or ""),
          was = before .. (was.mode and " in " .. was.mode or "") })
      end
      for i, entry in ipairs(layer.entries) do
        local before_entry = was.entries[i]
        if before_entry and not self.net[entry]:is_same(self.original[before_entry]) then
          table.insert(out.parameters, { name = entry, what = "other values" })
        end
      end
    end
  end
  for _, layer in ipairs(self.original:layers()) do
    if not kept[layer.name] then table.insert(out.removed, { name = layer.name, type = layer.type }) end
  end
  local frozen = {}
  for _, e in ipairs(self.original:entries()) do frozen[e.name] = e.frozen end
  for _, e in ipairs(self.net:entries()) do
    if frozen[e.name] ~= nil and frozen[e.name] ~= e.frozen then
      table.insert(out.parameters, { name = e.name, what = e.frozen and "frozen" or "not frozen any more" })
    end
  end
  local function names(net)
    local list = show.list {}
    for i, input in ipairs(net:inputs()) do list[i] = input.name end
    return list
  end
  if not same_list(names(self.net), names(self.original)) then out.inputs = { is = names(self.net), was = names(self.original) } end
  if not same_list(self.net:outputs(), self.original:outputs()) then out.outputs = { is = self.net:outputs(), was = self.original:outputs() } end
  return out
end

--- Puts another network in the place of this one, as an edit that can be taken back. Xfer's name: update_sym.
---@param net scion.Net
function Handler:update_net(net)
  if not scion().is_net(net) then error(("update_net: expected a net, got %s"):format(check.describe(net)), 2) end
  self:_edit("update_net", function()
    self.net = net:clone { share = true }
    self.net:prune()
    if net:is_training() then self.net:train() else self.net:eval() end
    self.renamed = {}
  end)
  return self
end
--- Xfer's name for update_net.
function Handler:update_sym(net) return self:update_net(net) end

-- ---- drawing and files ----------------------------------------------------------------------------------------------

--- Draws the network: "net.svg", "net.png", "net.pdf" (by Graphviz's dot), "net.dot" (its text), "net.txt" or nothing (as text).
--- opts: input_shape (batch first; shapes are then shown), net (another net to draw, such as a module). Returns the text of the
--- drawing. Without Graphviz a picture cannot be made: that is said, and the text is returned.
function Handler:visualize_net(path, opts) return require("scion.model_handler.draw").visualize(self.net, path, opts) end

--- Writes the network of now as it is (scion's format).
function Handler:save(path)
  check.arg("save", "path", path, check.string { required = true })
  self.net:save(path)
  return self
end
--- Xfer's name for save.
function Handler:save_symbol(path) return self:save(path) end

require("scion.model_handler.edit").install(Handler)
require("scion.model_handler.module").install(Handler)

return Handler
