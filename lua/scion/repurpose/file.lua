-- Repurposers in files: the network file of scion, whose attributes say which repurposer it is.
--   repurposer     { class, params, version, source_hash, extra, columns } as JSON
--   classes        the labels of the outputs, as a JSON list
--   preprocessing  how pictures become inputs: { size, crop, mean, std, channels, ... } as JSON
-- The graph takes raw pixels in 0..1 when there is a preprocessing, so that hosts need to resize and nothing else.

local graph = require "scion.repurpose.graph"
local json = require "scion.json"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

-- The options that JSON can hold.
local function plain(params)
  local out = {}
  for name, value in pairs(params) do
    if pcall(json.encode, { value }) then out[name] = value end
  end
  return out
end

--- Writes a repurposer; see Repurposer:save.
function M.save(rp, path)
  local net = graph.with_preprocessing(rp:to_net():clone { share = true }, rp.preprocessing)
  local info = {
    class = getmetatable(rp).class_name, params = plain(rp:get_params()), version = scion().version,
    extra = rp._extra and rp:_extra() or nil, spans = rp.feature_indices_per_layer,
  }
  if rp.source_model and rp.source_model.hash then info.source_hash = rp.source_model:hash() end
  net:set_attr("repurposer", json.encode(info))
  if rp.classes then net:set_attr("classes", json.encode(json.array(table.move(rp.classes, 1, #rp.classes, 1, {})))) end
  if rp.preprocessing then net:set_attr("preprocessing", json.encode(rp.preprocessing)) end
  net:eval()
  net:save(path)
end

--- A repurposer from a loaded net whose attributes say that it is one; nil for plain nets.
function M.from_net(net, path, opts)
  local text = net:attr "repurposer"
  if not text then return nil end
  local ok, info = pcall(json.decode, text)
  if not ok or type(info) ~= "table" or type(info.class) ~= "string" then
    error(("load: %s: the description of the repurposer is damaged"):format(path), 3)
  end
  local repurpose = require "scion.repurpose"
  local cls = repurpose.find(info.class)
  if not cls then
    error(("load: %s holds a %s, which is not registered (scion.repurpose.register(Class) first)"):format(path, info.class), 3)
  end
  if info.version ~= scion().version then
    scion().emit("info", ("load: %s was written by scion %s, this is %s"):format(path, tostring(info.version), scion().version))
  end
  local rp = setmetatable({}, cls)
  rp.options = info.params or {}
  rp.source_hash = info.source_hash
  rp.feature_indices_per_layer = info.spans
  rp.feature_layer_names = info.params and info.params.feature_layer_names and show.list(info.params.feature_layer_names)
  rp.source_model = opts and opts.source_model
  local classes = net:attr "classes"
  rp.classes = classes and show.list(json.decode(classes)) or nil
  local pre = net:attr "preprocessing"
  rp.preprocessing = pre and json.decode(pre) or nil
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

--- scion.load(path [, { source_model = net }]): a net, a repurposer, or named tensors, by what the file holds.
function M.load(path, opts)
  local found, loaded = pcall(require("scion.nn").load, path)
  if not found then
    if type(loaded) ~= "string" then error(loaded, 0) end
    require("scion.check").raise("load: %s", (loaded:gsub("^[^\n]-%.lua:%d+: ", "")))
  end
  if graph.is_net(loaded) then
    return M.from_net(loaded, path, opts) or loaded
  end
  return loaded
end

return M
