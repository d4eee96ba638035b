-- The prompt's mind: compiles what was typed, shows values, answers ?name and :commands, completes names.
-- The terminal is the caller's: runtime/cli/repl.c for the program, a spec, or a host with its own console.
--
--   local session = require("scion.repl").new { write = io.write }
--   local more = session:feed("1 + 1")        -- prints 2; true: the entry goes on in the next line

local M = {}

local MAX_ITEMS <const>, MAX_DEPTH <const>, MAX_TEXT <const> = 40, 3, 2000

local KEYWORDS <const> = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
  "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while" }

local is_keyword = {}
for _, word in ipairs(KEYWORDS) do is_keyword[word] = true end

-- ---- showing values --------------------------------------------------------------------------

local function quoted(text)
  if #text > MAX_TEXT then
    return ("%s... (%d bytes)"):format(quoted(text:sub(1, MAX_TEXT)):sub(1, -2) .. '"', #text)
  end
  return '"' .. text:gsub('[%c"\\]', function(c)
    local short = ({ ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" })[c]
    return short or ("\\%03d"):format(c:byte())
  end) .. '"'
end

local function is_name(key) return type(key) == "string" and key:find("^[%a_][%w_]*$") and not is_keyword[key] end

local function sorted_keys(t)
  local keys, n = {}, 0
  for key in next, t do
    if not (math.type(key) == "integer" and key >= 1 and key <= #t) then
      n = n + 1
      keys[n] = key
    end
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return tostring(a) < tostring(b)
  end)
  return keys
end

local show

local function show_table(t, depth, seen)
  if seen[t] then return "{ ... }" end
  if next(t) == nil then return "{}" end
  if depth >= MAX_DEPTH then return "{ ... }" end
  seen[t] = true
  local parts, long = {}, false
  local length = #t
  for i = 1, math.min(length, MAX_ITEMS) do parts[#parts + 1] = show(rawget(t, i), depth + 1, seen) end
  if length > MAX_ITEMS then parts[#parts + 1] = ("... %d more"):format(length - MAX_ITEMS) end
  local keys = sorted_keys(t)
  for i, key in ipairs(keys) do
    if i > MAX_ITEMS then
      parts[#parts + 1] = ("... %d more"):format(#keys - MAX_ITEMS)
      break
    end
    local left = is_name(key) and key or "[" .. show(key, MAX_DEPTH, seen) .. "]"
    parts[#parts + 1] = left .. " = " .. show(rawget(t, key), depth + 1, seen)
  end
  seen[t] = nil
  local width = 0
  for _, part in ipairs(parts) do
    width = width + #part + 2
    if part:find("\n", 1, true) then long = true end
  end
  if not long and width <= 90 then return "{ " .. table.concat(parts, ", ") .. " }" end
  local indent = ("  "):rep(depth + 1)
  for i, part in ipairs(parts) do parts[i] = indent .. part end
  return "{\n" .. table.concat(parts, ",\n") .. "\n" .. ("  "):rep(depth) .. "}"
end

show = function(value, depth, seen)
  local kind = type(value)
  if kind == "string" then return quoted(value) end
  local meta = getmetatable(value)
  local has_text = type(meta) == "table" and rawget(meta, "__tostring") ~= nil
  if kind == "table" and not has_text then return show_table(value, depth, seen) end
  local text = tostring(value)
  if depth > 0 then
    -- Inside a table a large value is one line: its first.
    local first, rest = text:match("^([^\n]*)\n(.*)$")
    if first and rest ~= "" then
      if rawget(meta, "methods") and value.shape then -- a tensor
        return ("tensor (%s) %s"):format(table.concat(value.shape, ", "), value.dtype)
      end
      return first .. " ..."
    end
  end
  return text
end

--- A value as the prompt shows it: strings quoted (texts of several lines as they are), tables to three levels and forty items,
--- everything else by its own tostring.
---@param value any
---@return string
function M.show(value)
  if type(value) == "string" and #value <= MAX_TEXT * 4 and value:find("\n.") and utf8.len(value) and not value:find("[%z\1-\8\11-\31]") then
    return value
  end
  return show(value, 0, {})
end

-- ---- names and completion ----------------------------------------------------------------------

local function add_keys(out, t)
  for key in next, t do
    if type(key) == "string" then out[key] = true end
  end
end

local function collect(out, value, depth)
  if depth > 10 then return end
  if type(value) == "table" then add_keys(out, value) end
  local meta = type(value) == "string" and { __index = string } or getmetatable(value)
  if type(meta) ~= "table" then return end
  local names = rawget(meta, "__names")
  if type(names) == "function" then
    for _, name in ipairs(names(value)) do out[name] = true end
  end
  for _, part in ipairs { "methods", "properties" } do
    if type(rawget(meta, part)) == "table" and type(value) ~= "table" then add_keys(out, rawget(meta, part)) end
  end
  local index = rawget(meta, "__index")
  if type(index) == "table" and index ~= value then
    collect(out, index, depth + 1)
  elseif type(index) == "function" and meta ~= value and rawget(meta, "class_name") then
    collect(out, meta, depth + 1)
  end
end

--- Names that can stand behind `value.` or `value:`, sorted.
---@param value any
---@return string[]
function M.names(value)
  local found, names = {}, {}
  collect(found, value, 0)
  for name in pairs(found) do
    if is_name(name) and not name:find("^__") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function field(value, key)
  local ok, result = pcall(function() return value[key] end)
  return ok and result or nil
end

--- The value of a path such as `net.layers[1].weight`; nil when there is none. Calls nothing.
---@param path string
---@param env? table default: the globals
---@return any
function M.resolve(path, env)
  local name, rest = path:match("^([%a_][%w_]*)(.*)$")
  if not name then return nil end
  local value = field(env or _G, name)
  while rest ~= "" and value ~= nil do
    local key, more = rest:match("^[.:]([%a_][%w_]*)(.*)$")
    if not key then
      key, more = rest:match("^%[(%-?%d+)%](.*)$")
      key = math.tointeger(tonumber(key))
    end
    if not key then
      key, more = rest:match("^%[[\"']([^\"']*)[\"']%](.*)$")
    end
    if not key then return nil end
    value = field(value, key)
    rest = more
  end
  return value
end

-- The text behind an open quote, or nil when the cursor is not inside a string.
local function open_string(text)
  local i, quote, from = 1, nil, nil
  while i <= #text do
    local c = text:sub(i, i)
    if quote then
      if c == "\\" then
        i = i + 1
      elseif c == quote then
        quote = nil
      end
    elseif c == '"' or c == "'" then
      quote, from = c, i + 1
    elseif text:sub(i, i + 1) == "--" then
      return nil
    end
    i = i + 1
  end
  return quote and text:sub(from) or nil, quote
end

local function common_prefix(names)
  local prefix = names[1] or ""
  for _, name in ipairs(names) do
    while name:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  return prefix
end

local function starting_with(names, start)
  local out = {}
  for _, name in ipairs(names) do
    if name:sub(1, #start) == start then out[#out + 1] = name end
  end
  return out
end

local Session = {}
Session.__index = Session

local COMMANDS <const> = {
  { "help", "what there is; help(x) or ?x explains x" },
  { "time", ":time EXPR runs it until the time is known" },
  { "mem", "memory held by tensors and by Lua" },
  { "who", "the globals you have made" },
  { "reset", ":reset forgets the globals you have made" },
  { "quit", "leave (so does Ctrl-D)" },
}

function Session:complete_file(partial, quote)
  if not self.list_dir then return "", {} end
  local dir, base = partial:match("^(.*/)([^/]*)$")
  dir, base = dir or "", base or partial
  local real = dir
  if dir:sub(1, 2) == "~/" then real = (os.getenv("HOME") or "~") .. dir:sub(2) end
  local names = {}
  for _, name in ipairs(self.list_dir((real:gsub("(.)/$", "%1")))) do
    if base:sub(1, 1) == "." or name:sub(1, 1) ~= "." then names[#names + 1] = name end
  end
  table.sort(names)
  names = starting_with(names, base)
  local insert = common_prefix(names):sub(#base + 1)
  if #names == 1 and names[1]:sub(-1) ~= "/" then insert = insert .. quote end
  return insert, names
end

--- What Tab does: the text to insert behind the cursor, and the candidates.
---@param text string everything before the cursor
---@return string insert, string[] candidates
function Session:complete(text)
  local command = text:match("^%s*:(%a*)$")
  if command and not self.buffer then
    local names = {}
    for i, c in ipairs(COMMANDS) do names[i] = c[1] end
    names = starting_with(names, command)
    return common_prefix(names):sub(#command + 1), names
  end
  local partial, quote = open_string(text)
  if partial then return self:complete_file(partial, quote) end
  local path = text:match("[%a_][%w_.:%[%]\"']*$") or ""
  local before = text:sub(1, #text - #path)
  local base, separator, start = path:match("^(.*)([.:])([%w_]*)$")
  local names, value
  if base then
    value = self:resolve(base)
    if value == nil then return "", {} end
    names = M.names(value)
  else
    if before:find("[.:]%s*$") and not before:find("%.%.%s*$") and not before:find("^%s*:%a+%s") then return "", {} end
    start, value = path, self.env
    if path == "" and before:find("%S") and not before:find("[%s(,{=?+*/-]$") then return "", {} end
    names = M.names(self.env)
    for _, word in ipairs(KEYWORDS) do names[#names + 1] = word end
    table.sort(names)
  end
  names = starting_with(names, start)
  if separator == ":" then
    local callable = {}
    for _, name in ipairs(names) do
      if type(field(value, name)) == "function" then callable[#callable + 1] = name end
    end
    names = callable
  end
  local insert = common_prefix(names):sub(#start + 1)
  if #names == 1 and not before:find("%?$") then
    local full = field(value, names[1])
    if type(full) == "function" and not (separator == nil and is_keyword[names[1]]) then insert = insert .. "(" end
  end
  return insert, names
end

function Session:resolve(path) return M.resolve(path, self.env) end

-- ---- commands ----------------------------------------------------------------------------------

local function bytes_text(n)
  if n < 10000 then return ("%d B"):format(n) end
  if n < 10 * 2 ^ 20 then return ("%.1f KB"):format(n / 2 ^ 10) end
  if n < 10 * 2 ^ 30 then return ("%.1f MB"):format(n / 2 ^ 20) end
  return ("%.1f GB"):format(n / 2 ^ 30)
end

local function time_text(seconds)
  if seconds < 1e-6 then return ("%.0f ns"):format(seconds * 1e9) end
  if seconds < 1e-3 then return ("%.2f us"):format(seconds * 1e6) end
  if seconds < 1 then return ("%.2f ms"):format(seconds * 1e3) end
  return ("%.2f s"):format(seconds)
end

local function compile(text, name, env)
  local f = load("return " .. text, name, "t", env)
  if f then return f end
  return load(text, name, "t", env)
end

function Session:say(...) self.write(table.concat({ ... }), "\n") end

local run_command = {}

function run_command.help(self, rest)
  local help = require "scion.help"
  if rest == "" then
    self:say(help.overview())
  else
    self:say(help.text(rest, self.env))
  end
end

function run_command.time(self, rest)
  if rest == "" then return self:say("usage: :time EXPR") end
  local f, message = compile(rest, "=time", self.env)
  if not f then error(message, 0) end
  local clock = require("scion").clock
  local function measure(n)
    local begun = clock()
    for _ = 1, n do f() end
    return clock() - begun
  end
  local n, seconds = 1, measure(1)
  while seconds < 0.2 and n < 1e7 do
    n = seconds > 1e-5 and math.max(n + 1, math.min(n * 100, math.ceil(0.25 * n / seconds))) or n * 100
    seconds = measure(n)
  end
  self:say(("%s per run (%d run%s)"):format(time_text(seconds / n), n, n == 1 and "" or "s"))
end

function run_command.mem(self)
  local memory = require("scion").memory()
  self:say(("tensors  %s in %d blocks, at most %s so far, %s kept warm"):format(bytes_text(memory.live), memory.blocks,
    bytes_text(memory.peak), bytes_text(memory.pooled)))
  self:say(("Lua      %s"):format(bytes_text(math.floor(collectgarbage("count") * 1024))))
end

function run_command.who(self)
  local names = {}
  for name, value in pairs(self.env) do
    if not self.known[name] and is_name(name) and name ~= "_" then names[#names + 1] = { name, value } end
  end
  table.sort(names, function(a, b) return a[1] < b[1] end)
  for _, entry in ipairs(names) do
    local text = M.show { entry[2] }:gsub("^{ ?", ""):gsub(" ?}$", ""):gsub("%s+", " ")
    self:say(("%-16s %s"):format(entry[1], #text > 70 and text:sub(1, 67) .. "..." or text))
  end
end

function run_command.reset(self)
  for name in pairs(self.env) do
    if not self.known[name] then self.env[name] = nil end
  end
  collectgarbage()
end

function run_command.quit() os.exit(0, true) end

-- ---- the session -----------------------------------------------------------------------------------

--- Forgets an unfinished entry.
function Session:reset()
  self.buffer = nil
  return false
end

local function is_incomplete(message) return message:find("<eof>", -5, true) ~= nil or message:find("near '<eof>'", 1, true) ~= nil end

function Session:print_results(results)
  for i = 1, results.n do
    local value = results[i]
    if value ~= nil or results.n > 1 then self:say(M.show(value)) end
  end
  if results.n > 0 and results[1] ~= nil then self.env._ = results[1] end
end

--- Takes one line; nil means that no more will come. Returns true when the entry goes on.
---@param line string?
---@return boolean
function Session:feed(line)
  if not self.buffer and line then
    local asked = line:match("^%s*%?%s*(.-)%s*$")
    if asked then
      run_command.help(self, asked)
      return false
    end
    local name, rest = line:match("^%s*:(%a+)%s*(.-)%s*$")
    if name then
      if not run_command[name] then
        local known = {}
        for i, c in ipairs(COMMANDS) do known[i] = ":" .. c[1] end
        error(("unknown command :%s (known: %s)"):format(name, table.concat(known, ", ")), 0)
      end
      run_command[name](self, rest)
      return false
    end
    if line:match("^%s*help%s*$") then
      run_command.help(self, "")
      return false
    end
    if line:match("^%s*$") then return false end
  end
  local text = self.buffer and line and self.buffer .. "\n" .. line or line or self.buffer or ""
  local quiet = text:find(";%s*$") ~= nil
  local f = load("return " .. text, "=prompt", "t", self.env)
  local message
  if not f then
    quiet = false
    f, message = load(text, "=prompt", "t", self.env)
  end
  if not f then
    if line and is_incomplete(message) then
      self.buffer = text
      return true
    end
    self.buffer = nil
    error(message, 0)
  end
  self.buffer = nil
  if self.interactive and not self.hinted and text:find("^%s*local%s") and not text:find("\n") then
    self.hinted = true
    self:say("(a local ends with its line here: leave `local` away to keep the value)")
  end
  local results = table.pack(f())
  if not quiet then
    self:print_results(results)
  elseif results.n > 0 then
    self.env._ = results[1]
  end
  return false
end

local OPTIONS <const> = { write = true, list_dir = true, interactive = true, color = true, env = true }

--- A session. write(...): where text goes (default: standard output); list_dir(path): names for completion in
--- strings; interactive: a person is typing; env: the globals of what is typed.
---@param opts? { write?: function, list_dir?: function, interactive?: boolean, color?: boolean, env?: table }
function M.new(opts)
  local self = setmetatable({}, Session)
  for name, value in pairs(opts or {}) do
    if not OPTIONS[name] then error(("repl.new: unknown option '%s' (known: color, env, interactive, list_dir, write)"):format(name), 2) end
    self[name] = value
  end
  self.env = self.env or _G
  self.write = self.write or function(...) io.stdout:write(...) end
  if self.env.scion == nil then self.env.scion = require "scion" end
  if self.env.help == nil then self.env.help = require("scion.help").help end
  self.known = {}
  for name in pairs(self.env) do self.known[name] = true end
  return self
end

return M
