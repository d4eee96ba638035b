-- ModelHandler:get_module: a net of its own, ready to train, from the edited graph and the shape of the data.

local check = require "scion.check"
local deferred = require "scion.nn.deferred"

local M = {}

local function scion() return require "scion" end

--- Shapes (and dtypes) of the inputs that an iterator feeds, batch first; the iterator's position does not move where it
--- can be copied.
function M.input_shapes(it)
  local x
  if type(it) == "table" and it.first then
    x = it:first()
  else
    x = it()
    if type(it) == "table" and it.reset then it:reset() end
  end
  if x == nil then return nil end
  local list = type(x) == "table" and x or { x }
  local shapes = {}
  for i, t in ipairs(list) do
    shapes[i] = t.shape
    shapes[i].dtype = t.dtype
  end
  return shapes
end

-- Canonical entry names of a list; names that are none go to `unknown`.
local function resolve(net, names, unknown)
  local kinds, out = {}, {}
  for _, e in ipairs(net:entries()) do kinds[e.name] = e.kind end
  for _, name in ipairs(names or {}) do
    local found = kinds[name] and name
    if not found then
      local ok, value = pcall(net.find, net, name)
      local canonical = ok and net:value_name(value)
      found = canonical and kinds[canonical] and canonical
    end
    if found then out[#out + 1] = found else unknown[#unknown + 1] = name end
  end
  return out
end

local function warn_unknown(names)
  if #names > 0 then
    scion().emit("warn", ("Could not find layer parameters: %s"):format(table.concat(names, ", ")))
  end
end

local function owners(net)
  local map = {}
  for _, layer in ipairs(net:layers()) do
    for _, entry in ipairs(layer.entries) do
      map[entry] = map[entry] or {}
      table.insert(map[entry], layer)
    end
  end
  return map
end

local OPTS <const> = {
  fixed_layer_parameters = check.list { of = check.string() },   -- get no gradient
  random_layer_parameters = check.list { of = check.string() },  -- get new random values, in the shapes that the graph asks for
}

function M.install(Handler)
  --- A net of its own (weights are copied) for the data of an iterator: layers that wait for their input's size get weights, the
  --- random ones get new values and the shapes that the graph gives them, the fixed ones no gradient. Batch norms whose
  --- parameters are fixed keep their running statistics too. Names of parameters that the model does not have are warned about.
  ---@param it any    an iterator over the data, or the shape of the input, batch first
  ---@param opts? { fixed_layer_parameters?: string[], random_layer_parameters?: string[] }
  ---@return scion.Net
  function Handler:get_module(it, opts)
    local features = require "scion.features"
    local shapes
    if features.is_iterator(it) then
      shapes = M.input_shapes(it)
      if not shapes then error("get_module: the iterator gives no data", 2) end
    elseif type(it) == "table" and (math.type(it[1]) == "integer" or type(it[1]) == "table") then
      shapes = math.type(it[1]) == "integer" and { it } or it
    else
      error(("get_module: expected an iterator over the data, got %s"):format(check.describe(it)), 2)
    end
    for _, name in ipairs { "fixed_layer_parameters", "random_layer_parameters" } do
      if type(opts) == "table" and opts[name] ~= nil and type(opts[name]) ~= "table" then
        error(("get_module: %s must be a list. Instead got type: %s"):format(name, type(opts[name])), 2)
      end
    end
    opts = check.opts("get_module", opts, OPTS)
    local net = self.net:clone()
    if #shapes ~= #net:inputs() then
      error(("get_module: the data have %d inputs, the model takes %d"):format(#shapes, #net:inputs()), 2)
    end
    local lost_fixed, lost_random = {}, {}
    local fixed = resolve(net, opts.fixed_layer_parameters, lost_fixed)
    local random = resolve(net, opts.random_layer_parameters, lost_random)
    warn_unknown(lost_fixed)
    warn_unknown(lost_random)
    local owned_by, is_fixed, renewed = owners(net), {}, {}
    for _, entry in ipairs(fixed) do is_fixed[entry] = true end
    for _, entry in ipairs(random) do
      for _, layer in ipairs(owned_by[entry] or {}) do
        for _, other in ipairs(layer.entries) do
          if is_fixed[other] then
            error(("get_module: layer '%s' is both fixed (%s) and random (%s)"):format(layer.name, other, entry), 2)
          end
        end
        renewed[layer.name] = true
      end
    end
    local ok, message = pcall(deferred.materialise, net, shapes, renewed)
    if not ok then
      message = tostring(message):gsub("^[^\n]-%.lua:%d+: ", "")
      error((message:find("mismatch", 1, true) and "ModelArchitectureError: " or "get_module: ") .. message, 2)
    end
    local is_param = {}
    for _, e in ipairs(net:entries()) do is_param[e.name] = e.kind == "param" end
    for _, layer in ipairs(net:layers()) do
      local trained, frozen = 0, 0
      for _, entry in ipairs(layer.entries) do
        if is_param[entry] then
          if is_fixed[entry] then frozen = frozen + 1 else trained = trained + 1 end
        end
      end
      if layer.op == "batch_norm" and frozen > 0 and trained == 0 then net:set_mode(layer.name, "eval") end
    end
    for _, e in ipairs(net:entries()) do
      if is_fixed[e.name] and e.kind == "param" then net:set_frozen(e.name, true) end
    end
    require("scion.nn.input_shapes").remember(net, shapes)
    net:train()
    return net
  end
end

return M
