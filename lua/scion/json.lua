-- JSON for metadata (structure of repurposers, checkpoints, results). Integers stay integers up to 64 bits;
-- keys are written in sorted order, so that equal values give equal text. json.null stands for null.

local M = {}

M.null = setmetatable({}, { __tostring = function() return "null" end })

local ARRAY <const> = {}
--- Marks a table as an array, so that an empty one is written as [].
function M.array(items) return setmetatable(items or {}, ARRAY) end

local ESCAPES <const> = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n",
  ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(text)
  return '"' .. text:gsub('[%c"\\\127]', function(c)
    return ESCAPES[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

local encode_value

local function is_array(t)
  if getmetatable(t) == ARRAY then return true end
  local n = #t
  if n == 0 then return false end
  for key in pairs(t) do
    if math.type(key) ~= "integer" or key < 1 or key > n then return false end
  end
  return true
end

local function encode_table(value, path, seen, out)
  if seen[value] then error(("json: %s refers to itself"):format(path), 0) end
  seen[value] = true
  if is_array(value) then
    out[#out + 1] = "["
    for i = 1, #value do
      if i > 1 then out[#out + 1] = "," end
      encode_value(value[i], ("%s[%d]"):format(path, i), seen, out)
    end
    out[#out + 1] = "]"
  else
    local keys = {}
    for key in pairs(value) do
      if type(key) ~= "string" then
        error(("json: %s has a key of type %s (only strings, or a list)"):format(path, type(key)), 0)
      end
      keys[#keys + 1] = key
    end
    table.sort(keys)
    out[#out + 1] = "{"
    for i, key in ipairs(keys) do
      if i > 1 then out[#out + 1] = "," end
      out[#out + 1] = quote(key) .. ":"
      encode_value(value[key], path .. "." .. key, seen, out)
    end
    out[#out + 1] = "}"
  end
  seen[value] = nil
end

function encode_value(value, path, seen, out)
  local kind = type(value)
  if value == M.null then
    out[#out + 1] = "null"
  elseif kind == "string" then
    out[#out + 1] = quote(value)
  elseif kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      error(("json: %s is %s, which JSON cannot hold"):format(path, value), 0)
    end
    if math.type(value) == "integer" then
      out[#out + 1] = tostring(value)
    else
      local text -- the shortest that reads back as the same number
      for digits = 15, 17 do
        text = ("%." .. digits .. "g"):format(value)
        if tonumber(text) == value then break end
      end
      if not text:find("[.eE]") then text = text .. ".0" end
      out[#out + 1] = text
    end
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "table" then
    encode_table(value, path, seen, out)
  else
    error(("json: %s is a %s, which JSON cannot hold"):format(path, kind), 0)
  end
end

--- JSON text of plain data.
function M.encode(value)
  local out = {}
  local ok, message = pcall(encode_value, value, "value", {}, out)
  if not ok then error(message, 2) end
  return table.concat(out)
end

local MAX_DEPTH <const> = 200

local UNESCAPES <const> = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function fail(text, position, what)
  local line = select(2, text:sub(1, position):gsub("\n", "")) + 1
  error(("json: %s at byte %d (line %d)"):format(what, position, line), 0)
end

local function skip_space(text, position) return text:find("[^ \t\r\n]", position) or #text + 1 end

local function decode_string(text, position)
  local parts, i = {}, position + 1
  while true do
    local stop = text:find('["\\%c]', i)
    if not stop then fail(text, position, "string without an end") end
    parts[#parts + 1] = text:sub(i, stop - 1)
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(parts), stop + 1 end
    if c ~= "\\" then fail(text, stop, "control character in a string") end
    local escape = text:sub(stop + 1, stop + 1)
    if escape == "u" then
      local code = tonumber(text:match("^%x%x%x%x", stop + 2) or "", 16)
      if not code then fail(text, stop, "bad \\u escape") end
      i = stop + 6
      if code >= 0xD800 and code < 0xDC00 then
        local low = tonumber(text:match("^\\u(%x%x%x%x)", i) or "", 16)
        if not low or low < 0xDC00 or low > 0xDFFF then fail(text, stop, "half a surrogate pair") end
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
        i = i + 6
      elseif code >= 0xDC00 and code <= 0xDFFF then
        fail(text, stop, "half a surrogate pair")
      end
      parts[#parts + 1] = utf8.char(code)
    else
      local plain = UNESCAPES[escape]
      if not plain then fail(text, stop, "unknown escape") end
      parts[#parts + 1] = plain
      i = stop + 2
    end
  end
end

local decode_value

local function decode_array(text, position, depth)
  local out = M.array {}
  local i = skip_space(text, position + 1)
  if text:sub(i, i) == "]" then return out, i + 1 end
  while true do
    local value
    value, i = decode_value(text, i, depth)
    out[#out + 1] = value
    i = skip_space(text, i)
    local c = text:sub(i, i)
    if c == "]" then return out, i + 1 end
    if c ~= "," then fail(text, i, "expected ',' or ']'") end
    i = i + 1
  end
end

local function decode_object(text, position, depth)
  local out = {}
  local i = skip_space(text, position + 1)
  if text:sub(i, i) == "}" then return out, i + 1 end
  while true do
    i = skip_space(text, i)
    if text:sub(i, i) ~= '"' then fail(text, i, "expected a key") end
    local key, value
    key, i = decode_string(text, i)
    i = skip_space(text, i)
    if text:sub(i, i) ~= ":" then fail(text, i, "expected ':'") end
    value, i = decode_value(text, i + 1, depth)
    out[key] = value
    i = skip_space(text, i)
    local c = text:sub(i, i)
    if c == "}" then return out, i + 1 end
    if c ~= "," then fail(text, i, "expected ',' or '}'") end
    i = i + 1
  end
end

local WORDS <const> = { ["true"] = true, ["false"] = false, null = M.null }

function decode_value(text, position, depth)
  if depth > MAX_DEPTH then fail(text, position, "nested deeper than " .. MAX_DEPTH) end
  local i = skip_space(text, position)
  local c = text:sub(i, i)
  if c == "{" then return decode_object(text, i, depth + 1) end
  if c == "[" then return decode_array(text, i, depth + 1) end
  if c == '"' then return decode_string(text, i) end
  local word = text:match("^%a+", i)
  if word and WORDS[word] ~= nil then return WORDS[word], i + #word end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", i)
  local value = number and not number:match("^-?0%d") and tonumber(number)
  if not value then fail(text, i, c == "" and "unexpected end" or "unexpected character") end
  return value, i + #number
end

--- Data of a JSON text; raises with the place of the mistake.
function M.decode(text)
  if type(text) ~= "string" then error("json: expected a text, got " .. type(text), 2) end
  local ok, value, position = pcall(decode_value, text, 1, 0)
  if not ok then error(value, 2) end
  position = skip_space(text, position)
  if position <= #text then
    ok, value = pcall(fail, text, position, "unexpected text after the value")
    error(value, 2)
  end
  return value
end

return M
