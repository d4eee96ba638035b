-- Checked options. Every function that takes an options table describes its keys once:
--
--   local OPTS <const> = { source_model = check.any { required = true },
--                          lr = check.number { default = 1e-3, above = 0 },
--                          shuffle = false }          -- a plain value is a default of that type
--   opts = check.opts("LrRepurposer", opts, OPTS)
--
-- Unknown keys, wrong types and values out of range raise with the function, the key, what came and
-- what is valid; the error points at the caller of the function that asked for the check.

local M = {}

local RULE <const> = { __name = "scion.check.rule" } -- told by name: a host may load this module twice
RULE.__index = RULE

--- Marks a required option of any type.
M.required = setmetatable({ kind = "any", required = true }, RULE)

local function rule(kind, settings)
  local r = { kind = kind }
  for name, value in pairs(settings or {}) do r[name] = value end
  return setmetatable(r, RULE)
end

--- Rules. settings: default, required, min, max, above, below (numbers), of (element rule of lists).
function M.any(settings) return rule("any", settings) end
--- Any number but NaN.
function M.number(settings) return rule("number", settings) end
--- A whole number; floats without a fraction are taken as integers.
function M.integer(settings) return rule("integer", settings) end
--- true or false.
function M.boolean(settings) return rule("boolean", settings) end
--- A string.
function M.string(settings) return rule("string", settings) end
--- A table of any kind.
function M.table(settings) return rule("table", settings) end
--- A function; also under the name func, which needs no quotes.
M["function"] = function(settings) return rule("function", settings) end
M.func = M["function"]
--- A list (1..n without holes); `of` is a rule for each element, `min_length` its least length.
function M.list(settings) return rule("list", settings) end
--- One of the given strings.
function M.choice(choices, settings)
  local r = rule("choice", settings)
  r.choices = choices
  return r
end
--- A value for which test(value) is true; `what` names it in messages ("a net").
function M.test(what, test, settings)
  local r = rule("test", settings)
  r.what, r.test = what, test
  return r
end
--- Any of several rules.
function M.either(rules, settings)
  local r = rule("either", settings)
  r.rules = rules
  return r
end

local function article(name) return (name:match("^[AEIOU]") and "an " or "a ") .. name end

--- Short text of a value for messages: strings quoted, tensors with their shape, tables by kind.
function M.describe(value)
  local kind = type(value)
  if kind == "string" then
    if #value > 40 then value = value:sub(1, 37) .. "..." end
    return ("'%s'"):format(value)
  end
  if value ~= value then return "NaN" end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  local meta = getmetatable(value)
  if kind == "table" then
    if type(meta) == "table" and type(rawget(meta, "class_name")) == "string" then return article(meta.class_name) end
    if #value > 0 then return ("a list of %d"):format(#value) end
    return next(value) == nil and "an empty table" or "a table"
  end
  if kind == "userdata" and type(meta) == "table" and type(meta.__name) == "string" then
    return article(meta.__name)
  end
  return "a " .. kind
end
local describe = M.describe

-- Is this source one of ours (compiled in, or below SCION_LUA while working on them)?
local HERE <const> = debug.getinfo(1, "S").source:match("^(@.*)check%.lua$")

--- Raises at the line of the nearest caller outside scion's own files: for code whose depth below the user varies.
---@param format string
---@param ... any       what the format asks for
function M.raise(format, ...)
  local text = select("#", ...) > 0 and format:format(...) or format
  local level = 2
  while true do
    local info = debug.getinfo(level, "S")
    if not info then error(text, 0) end
    if info.what ~= "C" and info.source:sub(1, #HERE) ~= HERE then error(text, level) end
    level = level + 1
  end
end

local function raiser(level)
  return level == "user" and function(text) M.raise("%s", text) end or error
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

-- Levenshtein distance, for "did you mean".
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- The name in `names` nearest to `name`, when it is near enough to be a slip of the pen.
function M.nearest(name, names)
  local best, best_distance
  for _, candidate in ipairs(names) do
    local d = distance(name, candidate)
    if not best or d < best_distance then best, best_distance = candidate, d end
  end
  if best and best_distance <= math.max(1, #name // 3) then return best end
end

local function range_text(r)
  local parts = {}
  if r.min then parts[#parts + 1] = ("at least %s"):format(r.min) end
  if r.above then parts[#parts + 1] = ("above %s"):format(r.above) end
  if r.max then parts[#parts + 1] = ("at most %s"):format(r.max) end
  if r.below then parts[#parts + 1] = ("below %s"):format(r.below) end
  return table.concat(parts, " and ")
end

-- Each test returns the accepted value (integral floats become integers), or nil and what is valid.
local verify

local function verify_number(r, value)
  if type(value) ~= "number" then return nil, "a number" end
  if value ~= value then return nil, "a number, not NaN" end
  if r.kind == "integer" then
    local integer = math.tointeger(value)
    if not integer then return nil, "an integer" end
    value = integer
  end
  if (r.min and value < r.min) or (r.max and value > r.max) or (r.above and value <= r.above)
    or (r.below and value >= r.below) then
    return nil, range_text(r)
  end
  return value
end

local function verify_list(r, value)
  if type(value) ~= "table" then return nil, "a list" end
  local n, count = #value, 0
  for key in pairs(value) do
    if math.type(key) ~= "integer" then return nil, ("a list (it has the key %s)"):format(describe(key)) end
    count = count + 1
  end
  if count ~= n then return nil, "a list without holes" end
  if n < (r.min_length or 0) then
    return nil, ("a list of at least %d"):format(r.min_length)
  end
  if not r.of then return value end
  local out = setmetatable({}, getmetatable(value))
  for i = 1, n do
    local accepted, expected = verify(r.of, value[i])
    if accepted == nil then return nil, ("a list in which item %d is %s"):format(i, expected), value[i] end
    out[i] = accepted
  end
  return out
end

function verify(r, value)
  local kind = r.kind
  if kind == "any" then return value end
  if kind == "number" or kind == "integer" then return verify_number(r, value) end
  if kind == "list" then return verify_list(r, value) end
  if kind == "choice" then
    for _, choice in ipairs(r.choices) do
      if value == choice then return value end
    end
    return nil, "one of " .. table.concat(r.choices, ", ")
  end
  if kind == "test" then
    if r.test(value) then return value end
    return nil, r.what
  end
  if kind == "either" then
    local expected = {}
    for i, alternative in ipairs(r.rules) do
      local accepted, what = verify(alternative, value)
      if accepted ~= nil then return accepted end
      expected[i] = what
    end
    return nil, table.concat(expected, " or ")
  end
  if type(value) == kind then return value end
  return nil, (kind == "function" and "a function" or "a " .. kind)
end

local function as_rule(entry)
  local meta = getmetatable(entry)
  if type(meta) == "table" and rawget(meta, "__name") == RULE.__name then return entry end
  local kind = math.type(entry) == "integer" and "integer" or type(entry)
  return { kind = kind, default = entry }
end

--- What a rule (or a plain default) asks for, in words, and its default: for help.
---@return string kind
---@return any default
function M.kind_text(entry)
  local r = as_rule(entry)
  local text = r.kind
  if r.kind == "choice" then
    local words = {}
    for i, choice in ipairs(r.choices) do words[i] = ("%q"):format(choice) end
    text = table.concat(words, " or ")
  elseif r.kind == "either" then
    local kinds = {}
    for i, alternative in ipairs(r.rules) do kinds[i] = (M.kind_text(alternative)) end
    text = table.concat(kinds, " or ")
  elseif r.kind == "test" then
    text = r.what
  elseif r.kind == "list" and r.of then
    text = "list of " .. (M.kind_text(r.of)) .. "s"
  end
  local range = range_text(r)
  if range ~= "" then text = text .. " " .. range end
  return r.required and text .. ", required" or text, r.default
end

--- Checks an options table and fills in the defaults; returns a new table.
---@param where string            function named in messages
---@param given table|nil
---@param rules table<string, any> name -> rule, or a plain default value
---@param level? integer|"user"   error level; 3 (default) points at the caller of the function that checks, "user" at the
---   nearest caller outside scion's own files
---@return table
function M.opts(where, given, rules, level)
  local error = raiser(level)
  level = level or 3
  if given ~= nil and type(given) ~= "table" then
    error(("%s: options must be a table, got %s"):format(where, describe(given)), level)
  end
  local out = {}
  for name, value in pairs(given or {}) do
    local entry = rules[name]
    if entry == nil then
      local known = sorted_keys(rules)
      local near = type(name) == "string" and M.nearest(name, known)
      error(("%s: unknown option %s%s (known: %s)"):format(where, describe(name),
        near and (", did you mean '%s'?"):format(near) or "", table.concat(known, ", ")), level)
    end
    local accepted, expected, culprit = verify(as_rule(entry), value)
    if accepted == nil then
      error(("%s: option '%s' must be %s, got %s"):format(where, name, expected,
        describe(culprit == nil and value or culprit)), level)
    end
    out[name] = accepted
  end
  for name, entry in pairs(rules) do
    if out[name] == nil then
      local r = as_rule(entry)
      if r.required then
        error(("%s: option '%s' is required"):format(where, name), level)
      end
      out[name] = r.default
    end
  end
  return out
end

--- Checks one positional argument; returns the accepted value. level as in opts.
function M.arg(where, name, value, entry, level)
  local error = raiser(level)
  local r = as_rule(entry)
  if value == nil then
    if r.required then error(("%s: argument '%s' is required"):format(where, name), level or 3) end
    return r.default
  end
  local accepted, expected, culprit = verify(r, value)
  if accepted == nil then
    error(("%s: argument '%s' must be %s, got %s"):format(where, name, expected,
      describe(culprit == nil and value or culprit)), level or 3)
  end
  return accepted
end

return M
