-- Arguments of layer constructors: positional ones as in PyTorch, the rest by name in one table at the end:
--   nn.Conv2d(3, 64, 3, { padding = 1 })     nn.Conv2d { in_channels = 3, out_channels = 64, kernel_size = 3 }
-- A constructor describes its arguments once, in order: { name, kind, default }. No default: required. The default
-- `M.none`: may be absent. Every layer also takes `name`, the layer's name in a Sequential or Graph.

local M = {}

--- Marks an argument that may be absent.
M.none = setmetatable({}, { __tostring = function() return "none" end })

local function describe(value)
  local kind = type(value)
  if kind == "string" then return ("'%s'"):format(value) end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  if kind == "table" and #value > 0 then
    local parts = {}
    for i = 1, math.min(#value, 6) do parts[i] = tostring(value[i]) end
    return "{ " .. table.concat(parts, ", ") .. " }"
  end
  local meta = getmetatable(value)
  local name = type(meta) == "table" and meta.__name
  return "a " .. (type(name) == "string" and name or kind)
end
M.describe = describe

local function is_integer(v) return math.type(v) == "integer" or (type(v) == "number" and v == math.floor(v) and v >= -2 ^ 53 and v <= 2 ^ 53) end

local function all_integers(v, least)
  if type(v) ~= "table" or #v == 0 then return false end
  for i = 1, #v do
    if not is_integer(v[i]) or v[i] < least then return false end
  end
  return true
end

-- kind -> what is valid (for messages), test
local KINDS <const> = {
  int = { "an integer", is_integer },
  posint = { "a positive integer", function(v) return is_integer(v) and v > 0 end },
  count = { "an integer of at least 0", function(v) return is_integer(v) and v >= 0 end },
  number = { "a number", function(v) return type(v) == "number" end },
  positive = { "a number above 0", function(v) return type(v) == "number" and v > 0 end },
  probability = { "a number in 0..1", function(v) return type(v) == "number" and v >= 0 and v <= 1 end },
  boolean = { "true or false", function(v) return type(v) == "boolean" end },
  string = { "a string", function(v) return type(v) == "string" end },
  size = { "a positive integer or a list of them", function(v) return (is_integer(v) and v > 0) or all_integers(v, 1) end },
  padding = { "an integer of at least 0 or a list of them", function(v) return (is_integer(v) and v >= 0) or all_integers(v, 0) end },
  conv_padding = { "an integer of at least 0, a list of them, 'same' or 'valid'",
    function(v) return v == "same" or v == "valid" or (is_integer(v) and v >= 0) or all_integers(v, 0) end },
  ints = { "an integer or a list of integers", function(v) return is_integer(v) or all_integers(v, math.mininteger) end },
  shape = { "a list of sizes", function(v) return is_integer(v) or all_integers(v, -1) end },
  numbers = { "a number or a list of numbers", function(v)
    if type(v) == "number" then return true end
    if type(v) ~= "table" or #v == 0 then return false end
    for i = 1, #v do if type(v[i]) ~= "number" then return false end end
    return true
  end },
  dtype = { "'f32' or 'f64'", function(v) return v == "f32" or v == "f64" end },
  func = { "a function", function(v) return type(v) == "function" end },
  tensor = { "a tensor", function(v) local m = getmetatable(v) return type(v) == "userdata" and type(m) == "table" and m.__name == "scion.Tensor" end },
  any = { "a value", function() return true end },
}

local function is_options(v)
  if type(v) ~= "table" or #v > 0 or getmetatable(v) ~= nil then return false end
  local key = next(v)
  return key == nil or type(key) == "string"
end

local function known_names(spec)
  local names = {}
  for i, item in ipairs(spec) do names[i] = item[1] end
  names[#names + 1] = "name"
  return table.concat(names, ", ")
end

--- Reads the arguments `...` of constructor `who` by `spec`. Errors point at the caller of the constructor.
---@param who string
---@param spec table list of { name, kind, default }
---@return table arguments by name
function M.read(who, spec, ...)
  local n, out = select("#", ...), {}
  local given = { ... }
  local options = n > 0 and is_options(given[n]) and given[n] or nil
  if options then n = n - 1 end
  if n > #spec then
    error(("nn.%s: %d arguments given, at most %d are possible (%s)"):format(who, n, #spec, known_names(spec)), 3)
  end
  for i = 1, n do out[spec[i][1]] = given[i] end
  for key, value in pairs(options or {}) do
    local known = key == "name"
    for _, item in ipairs(spec) do known = known or item[1] == key end
    if not known then
      error(("nn.%s: unknown option '%s' (known: %s)"):format(who, tostring(key), known_names(spec)), 3)
    end
    if out[key] ~= nil then error(("nn.%s: '%s' is given twice"):format(who, key), 3) end
    out[key] = value
  end
  for _, item in ipairs(spec) do
    local name, kind, default = item[1], item[2], item[3]
    local value = out[name]
    if value == nil then
      if default == nil then error(("nn.%s: %s is missing (expected %s)"):format(who, name, M.expected(kind)), 3) end
      if default ~= M.none then out[name] = default end
    elseif type(kind) == "table" then -- one of the listed strings
      local ok = false
      for _, choice in ipairs(kind) do ok = ok or choice == value end
      if not ok then error(("nn.%s: %s is %s, expected %s"):format(who, name, describe(value), M.expected(kind)), 3) end
    elseif not KINDS[kind][2](value) then
      error(("nn.%s: %s is %s, expected %s"):format(who, name, describe(value), M.expected(kind)), 3)
    elseif math.type(value) == "float" and kind ~= "number" and kind ~= "numbers" and kind ~= "any" and is_integer(value)
      and kind ~= "positive" and kind ~= "probability" then
      out[name] = math.tointeger(value)
    end
  end
  if out.name ~= nil and type(out.name) ~= "string" then
    error(("nn.%s: name is %s, expected a string"):format(who, describe(out.name)), 3)
  end
  return out
end

--- What a kind accepts, in words.
function M.expected(kind)
  if type(kind) ~= "table" then return KINDS[kind][1] end
  local parts = {}
  for i, choice in ipairs(kind) do parts[i] = ("'%s'"):format(choice) end
  return "one of " .. table.concat(parts, ", ")
end

--- An integer or list as a list of exactly n.
function M.spread(who, name, value, n)
  if type(value) ~= "table" then
    local out = {}
    for i = 1, n do out[i] = value end
    return out
  end
  if #value ~= n then error(("nn.%s: %s has %d values, expected 1 or %d"):format(who, name, #value, n), 4) end
  return value
end

return M
