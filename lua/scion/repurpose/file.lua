-- Repurposers in files: the network file of scion, whose attributes say which repurposer it is.
--   repurposer     { format, class, task, params, version, source_hash, extra, spans } as JSON
--   classes        the labels of the outputs, as a JSON list
--   preprocessing  how pictures become inputs: { size, crop, mean, std, channels, ... } as JSON
-- The graph takes raw pixels in 0..1 when there is a preprocessing, so that hosts need to resize and nothing else.
--
-- A class of one's own that has no graph form (no _to_net) writes what it knows in serialize(file_prefix): a table of tensors and
-- plain values, which becomes part of the same file, or files of its own beside it. deserialize(file_prefix, state) reads it
-- back; without one, the fields of the state become fields of the repurposer. Files hold no code: such a class must be
-- registered (scion.repurpose.register) before its files are loaded.

local check = require "scion.check"
local graph = require "scion.repurpose.graph"
local json = require "scion.json"
local show = require "scion.show"

local M = {}

--- Version of the description; files of later versions are refused.
M.FORMAT = 2

local function scion() return require "scion" end

-- The options that JSON can hold.
local function plain(params)
  local out = {}
  for name, value in pairs(params) do
    if pcall(json.encode, { value }) then out[name] = value end
  end
  return out
end

local function describe(rp)
  local info = {
    format = M.FORMAT, class = getmetatable(rp).class_name, task = rp.task, params = plain(rp:get_params()), version = scion().version,
    extra = rp._extra and rp:_extra() or nil, spans = rp.feature_indices_per_layer,
    provide_data = rp.provide_data, provide_label = rp.provide_label,
  }
  if rp.source_model then info.source_hash = rp.source_model:hash() else info.source_hash = rp.source_hash end
  return info
end

local function is_tensor(value) return type(value) == "userdata" and getmetatable(value).__name == "scion.Tensor" end

local STATE <const> = "repurposer.state." -- entries with tensors of a state; the number is that of their place in info.places

-- A copy of a state without its tensors, which become entries of the net.
local function take_tensors(net, value, path, places, above)
  if is_tensor(value) then
    places[#places + 1] = path
    net:add_entry(STATE .. #places, value:detach():clone(), "const")
    return false -- keeps lists without holes; the tensor takes its place again when the file is read
  end
  if type(value) ~= "table" or above[value] then return value end -- what refers to itself is JSON's to refuse
  above[value] = true
  local out = {}
  for key, item in pairs(value) do
    local deeper = table.move(path, 1, #path, 1, {})
    deeper[#deeper + 1] = key
    out[key] = take_tensors(net, item, deeper, places, above)
  end
  above[value] = nil
  return out
end

-- The state that a class of its own hands over: tensors as entries, the rest as JSON.
local function write_state(net, info, state, class_name)
  if state == nil then return end
  if type(state) ~= "table" then
    check.raise("%s: serialize must return a table of tensors and plain values, or nothing; got %s", class_name, type(state))
  end
  info.state, info.places = {}, json.array {}
  for key, value in pairs(state) do
    local rest = take_tensors(net, value, { key }, info.places, {})
    local ok, why = pcall(json.encode, { [key] = rest })
    if not ok then
      check.raise("%s: serialize returned '%s', a %s that files cannot hold: %s", class_name, tostring(key), type(value), (tostring(why):gsub("^.-: ", "")))
    end
    info.state[key] = rest
  end
end

-- The state as serialize gave it.
local function read_state(net, info)
  if not info.state then return nil end
  local state = info.state
  for i, path in ipairs(info.places or {}) do
    local at = state
    for d = 1, #path - 1 do at = at[path[d]] end
    at[path[#path]] = net[STATE .. i]
  end
  for _, e in ipairs(info.places and {} or net:entries()) do -- files without places name entries by the key
    local key = e.name:match("^state%.(.*)$")
    if key then state[key] = e.tensor end
  end
  return state
end

local function custom_net(rp, path, info, save_source)
  local class_name = getmetatable(rp).class_name
  if not rp.serialize then
    check.raise("%s: cannot be saved: it has no graph form; define serialize(self, file_prefix), which returns a table of tensors and plain values", class_name)
  end
  local net
  if save_source and rp.source_model then
    net = rp.source_model:clone { share = true }
    net:eval()
  else
    net = scion()._net_new()
  end
  info.temperature = rp.temperature
  info.custom, info.has_source = true, save_source and rp.source_model ~= nil
  write_state(net, info, rp:serialize(path), class_name)
  return net
end

--- Writes a repurposer; see Repurposer:save.
function M.save(rp, path, opts)
  local info = describe(rp)
  local net
  if rp:_has_graph() then
    local whole = rp:to_net()
    if opts.save_source == false and rp.feature_layer_names then -- a network that was trained itself has nothing to leave out
      if not rp._head_of_now then check.raise("%s: save_source = false is possible for repurposers on features alone", getmetatable(rp).class_name) end
      whole, info.head_only = rp:_head_of_now(), true
    end
    net = whole:clone { share = true }
    if not info.head_only then net = graph.with_preprocessing(net, rp.preprocessing) end
    net:eval()
  else
    net = custom_net(rp, path, info, opts.save_source ~= false)
  end
  net:set_attr("repurposer", json.encode(info))
  if rp.classes then net:set_attr("classes", json.encode(json.array(table.move(rp.classes, 1, #rp.classes, 1, {})))) end
  if rp.preprocessing then net:set_attr("preprocessing", json.encode(rp.preprocessing)) end
  net:save(path)
end

-- A class of its own: made anew from its parameters, then handed its state.
local function restore_custom(cls, net, info, path, source)
  if not source then
    if not info.has_source then
      check.raise("load: %s was saved without its source network; give it: scion.load(path, { source_model = net })", path)
    end
    source = net:clone { share = true }
    for _, key in ipairs { "repurposer", "classes" } do source:set_attr(key, nil) end
    for _, e in ipairs(source:entries()) do
      if e.name:sub(1, #STATE) == STATE or not info.places and e.name:match("^state%.") then source:remove_entry(e.name) end
    end
  end
  local params = info.params or {}
  params.source_model = source
  local rp = cls(params)
  if not rp.deserialize and not info.state then
    check.raise("load: %s holds a %s, which does not define deserialize(self, file_prefix, state)", path, info.class)
  end
  return rp, read_state(net, info)
end

local function check_source(info, source, path)
  if source and info.source_hash and source:hash() ~= info.source_hash then
    check.raise("load: %s belongs to another source network (hash %s, the given one has %s)", path, info.source_hash, source:hash())
  end
end

--- A repurposer from a loaded net whose attributes say that it is one; nil for plain nets.
function M.from_net(net, path, opts)
  local text = net:attr "repurposer"
  if not text then return nil end
  local ok, info = pcall(json.decode, text)
  if not ok or type(info) ~= "table" or type(info.class) ~= "string" then
    check.raise("load: %s: the description of the repurposer is damaged", path)
  end
  if (info.format or 1) > M.FORMAT then
    check.raise("load: %s has format %s; this scion reads up to %d", path, tostring(info.format), M.FORMAT)
  end
  local cls = scion().repurpose.find(info.class) -- by way of scion: one registry, however often modules are loaded
  if not cls then
    check.raise("load: %s holds a %s, which is not registered (scion.repurpose.register(Class) first)", path, info.class)
  end
  if info.version ~= scion().version then
    scion().emit("info", ("load: %s was written by scion %s, this is %s"):format(path, tostring(info.version), scion().version))
  end
  local source = opts and opts.source_model
  check_source(info, source, path)
  local rp, state
  if info.custom then
    rp, state = restore_custom(cls, net, info, path, source)
  else
    rp = setmetatable({}, cls)
    rp.options = cls._with_defaults(cls, info.params or {})
    rp.source_model = source
  end
  rp.source_hash = info.source_hash
  rp.feature_indices_per_layer = info.spans
  rp.provide_data, rp.provide_label = rp._described(info.provide_data), rp._described(info.provide_label)
  rp.feature_layer_names = info.params and info.params.feature_layer_names and show.list(info.params.feature_layer_names)
  local classes = net:attr "classes"
  rp.classes = classes and show.list(json.decode(classes)) or nil
  rp.task = info.task or "classes"
  local pre = net:attr "preprocessing"
  rp.preprocessing = pre and json.decode(pre) or nil
  if info.custom then
    rp.temperature = info.temperature
    if rp.deserialize then
      rp:deserialize(path, state or {})
    else
      for key, value in pairs(state) do rp[key] = value end
    end
    if rp.target_model == nil then rp.target_model = state or true end -- it was trained before it was saved
    return rp
  end
  if info.head_only then
    if not source then
      check.raise("load: %s was saved without its source network; give it: scion.load(path, { source_model = net })", path)
    end
    cls.restore(rp, net, info)
    rp.head_net = net
    rp.target_model = rp:_assemble(net)
    return rp
  end
  local target = net
  if net:has_layer "preprocess" then
    target = net:extract { from = { "preprocess" }, to = net:outputs() }
    target:prune(true)
    target:eval()
  end
  rp.full_net = net
  cls.restore(rp, target, info)
  return rp
end

-- Named tensors print what they are.
local Tensors = {
  __tostring = function(self)
    local names, lines = {}, {}
    for name in pairs(self) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do
      if i > 20 and #names > 24 then
        lines[#lines + 1] = ("  ... (%d more)"):format(#names - 20)
        break
      end
      lines[#lines + 1] = ("  %s  %s (%s)"):format(name, self[name].dtype, table.concat(self[name].shape, ", "))
    end
    return ("%d named tensors\n%s"):format(#names, table.concat(lines, "\n"))
  end,
}
local LOAD <const> = { source_model = check.test("a net", graph.is_net, {}), params = check.string {}, epoch = check.integer { min = 0 },
  mmap = check.boolean { default = false } }

local function readable(path) return scion().io.path_kind(path) ~= nil end

--- Reads a file by what it holds: a net (scion's own, ONNX, MXNet's NAME-symbol.json with the newest NAME-NNNN.params beside it), a repurposer (also Xfer's NAME.json of a
--- LrRepurposer or SvmRepurposer, with the source network that Xfer saves beside it), or named tensors (PyTorch, safetensors, npz, params without a
--- symbol), which net:load_weights takes. Nothing in a file is executed.
---@param path string a file; NAME of NAME-symbol.json will do, or one of its NAME-NNNN.params
---@param opts? { source_model?: scion.Net, params?: string, epoch?: integer, mmap?: boolean } source_model: of a repurposer saved without; params, epoch: MXNet's
--- parameters. mmap (false): weights stay in the file instead of being copied, where their alignment there allows it (scion's own files, safetensors, PyTorch's
--- zip, npz without compression): pages are read when they are used, and shared between processes; writing to a tensor makes a copy of its pages and never reaches the
--- file. It is not the default because a file that somebody shortens while the network lives ends the process (SIGBUS), which a library cannot
--- prevent; use it for files that are replaced whole, as scion and most tools write them, or not at all.
---@return scion.Net|table
function M.load(path, opts)
  if type(path) ~= "string" then check.raise("load: path must be a string, got %s", check.describe(path)) end
  local o, nn = check.opts("load", opts, LOAD, 3), require "scion.nn"
  for _, ending in ipairs { "-symbol.json", ".json" } do
    if not readable(path) and readable(path .. ending) then path = path .. ending end
  end
  if not readable(path) then check.raise("load: Cannot find repurposer or network file (%s)", path) end
  local format = scion().io.file_format(path)
  if format == "mxnet" and not o.params then
    local prefix, epoch = path:match "^(.*)%-(%d%d%d%d+)%.params$"
    if prefix and readable(prefix .. "-symbol.json") then
      return scion().io.load_mxnet(prefix .. "-symbol.json", path, math.tointeger(tonumber(epoch)))
    end
  end
  if format == "xfer" then return require("scion.repurpose.xfer").load(path, { source_model = o.source_model }) end
  if format == "mxnet-symbol" then return scion().io.load_mxnet(path, o.params, o.epoch) end
  if format == nil then
    if not pcall(nn.load, path, o.mmap) then
      local _, why = pcall(scion().io.read_weights, path) -- knows some files that it does not read
      why = tostring(why):gsub("^[^\n]-%.lua:%d+: ", "")
      if not why:find("no file of weights", 1, true) then check.raise("load: %s", why) end
      check.raise("load: %s: no format that is known (scion, ONNX, PyTorch, safetensors, npz, npy, MXNet, Xfer's json)", path)
    end
  end
  if format == "onnx" or format == "scion" or format == nil then
    local net = nn.load(path, o.mmap)
    return M.from_net(net, path, o) or net
  end
  return setmetatable((scion().io.read_weights(path, o.mmap)), Tensors)
end

return M
