-- Writes lua/meta/scion.lua, the annotations for editors (LuaCATS): the functions written in C as described in
-- lua/scion/native.lua, then every operation of the registry as function, method and in-place method, then the
-- public names written in Lua.
--
--   scion scripts/annotate.lua [FILE]      default lua/meta/scion.lua; with --check compares instead of writing

local scion = require "scion"
local help = require "scion.help"

local path, check = "lua/meta/scion.lua", false
for _, word in ipairs(arg) do
  if word == "--check" then check = true else path = word end
end

local function read(name)
  local file = assert(io.open(name, "r"))
  local text = file:read("a")
  file:close()
  return text
end

local RESERVED <const> = { ["end"] = true, ["repeat"] = true, ["and"] = true, ["or"] = true, ["not"] = true, ["function"] = true }
local TYPES <const> = { boolean = "boolean", integer = "integer", number = "number", integers = "integer|integer[]",
  dtype = "scion.dtype", string = "string" }

local lines = {}
local function add(format, ...) lines[#lines + 1] = select("#", ...) > 0 and format:format(...) or format end

local function param_type(p)
  if not p.choices then return TYPES[p.type] or "any" end
  local words = {}
  for i, choice in ipairs(p.choices) do words[i] = ('"%s"'):format(choice) end
  return table.concat(words, "|")
end

local function doc_of(text, default) return text ~= "" and " " .. text or default or "" end

-- One function: owner "scion" or "Tensor"; in_place drops nothing but the name and the result's newness.
local function add_op(info, owner, in_place)
  add("--- %s%s", info.doc, in_place and " In place: changes and returns the tensor." or "")
  local names = {}
  for i, slot in ipairs(info.inputs) do
    if not (owner == "Tensor" and i == 1) then
      local kind = slot.variadic and "scion.Tensor[]" or slot.number and "scion.Tensor|number" or "scion.Tensor"
      local name = RESERVED[slot.name] and slot.name .. "_" or slot.name
      add("---@param %s%s %s%s", name, slot.optional and "?" or "", kind, doc_of(slot.doc))
      names[#names + 1] = name
    end
  end
  for _, p in ipairs(info.params) do
    if not p.base then
      local name = RESERVED[p.name] and p.name .. "_" or p.name
      local default = p.default ~= nil and (" (default %s)"):format(type(p.default) == "string" and p.default or tostring(p.default)) or ""
      add("---@param %s%s %s%s%s", name, p.required and "" or "?", param_type(p), doc_of(p.doc), default)
      names[#names + 1] = name
    end
  end
  local results = {}
  for i, slot in ipairs(info.outputs) do results[i] = "scion.Tensor " .. slot.name end
  add("---@return %s", table.concat(results, ", "))
  if RESERVED[info.name] and not in_place then -- x["repeat"](x, ...)
    if owner == "Tensor" then table.insert(names, 1, "self") end
    add('%s["%s"] = function(%s) end', owner == "Tensor" and "Tensor" or "scion", info.name, table.concat(names, ", "))
  else
    add("function %s%s%s(%s) end", owner == "Tensor" and "Tensor:" or "scion.", info.name, in_place and "_" or "", table.concat(names, ", "))
  end
  add("")
end

add((read("lua/scion/native.lua"):gsub("\nreturn scion%s*$", "")))
add("-- ---- operations ---------------------------------------------------------------------------------------")
add("")
local ops = scion.op_names()
local sorted = table.move(ops, 1, #ops, 1, {})
table.sort(sorted)
for _, name in ipairs(sorted) do
  local info = scion.op_info(name)
  if not info.internal then
    add_op(info, "scion", false)
    if not info.is_function and #info.inputs > 0 then add_op(info, "Tensor", false) end
    if info.inplace then add_op(info, "Tensor", true) end
  end
end

add("-- ---- parts written in Lua ------------------------------------------------------------------------------")
add("")
local repl = require "scion.repl"
local function is_lua(f) return type(f) == "function" and debug.getinfo(f, "S").what ~= "C" end
local function add_function(full, f, class, method)
  local comment = help.comment(f, class, method)
  for _, line in ipairs(comment or {}) do add(line:find("^@") and "---%s" or "--- %s", line) end
  local names = {}
  local u = debug.getinfo(f, "u")
  for i = 1, u.nparams do
    local parameter = debug.getlocal(f, i)
    if not (i == 1 and (parameter == "self" or full:find("^Net:"))) then names[#names + 1] = parameter end
  end
  if u.isvararg then names[#names + 1] = "..." end
  add("function %s(%s) end", full, table.concat(names, ", "))
  add("")
end

-- Methods that Lua adds to classes made in C, and functions of scion that are neither in the registry nor in a part of their own.
local tensor = require "scion.tensor"
for _, list in ipairs { { "Net:", scion.Net }, { "Tensor:", tensor.methods }, { "scion.", tensor.functions } } do
  local names = {}
  for name, f in pairs(list[2]) do
    if type(name) == "string" and is_lua(f) and not name:find("^_") then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do add_function(list[1] .. name, list[2][name]) end
end

-- Modules found through a name of scion are written once, under that name.
local seen = {}
local function add_part(full, value, depth)
  if type(value) == "function" then
    if is_lua(value) and not seen[value] then
      seen[value] = true
      add_function(full, value)
    end
    return
  end
  if type(value) ~= "table" or seen[value] or depth > 2 then return end
  seen[value] = true
  if rawget(value, "class_name") then
    local parent = rawget(value, "super")
    add("---@class scion.%s%s", value.class_name, parent and parent.class_name and ": scion." .. parent.class_name or "")
    add("---@overload fun(...): scion.%s", value.class_name)
    add("%s = {}", full)
    add("")
    local methods = {}
    for name, f in pairs(value) do
      if type(name) == "string" and is_lua(f) and not name:find("^_") then methods[#methods + 1] = name end
    end
    table.sort(methods)
    for _, name in ipairs(methods) do
      if not seen[value[name]] then
        seen[value[name]] = true
        add_function(full .. ":" .. name, value[name], value, name)
      end
    end
    return
  end
  add("%s = {}", full)
  add("")
  for _, name in ipairs(repl.names(value)) do add_part(full .. "." .. name, value[name], depth + 1) end
end
for _, name in ipairs(getmetatable(scion).__names()) do
  local found, value = pcall(function() return scion[name] end)
  if found and value ~= nil then add_part("scion." .. name, value, 0) end
end

add("return scion")
local text = table.concat(lines, "\n") .. "\n"
if check then
  if read(path) ~= text then
    io.stderr:write(path, " is out of date: run scion scripts/annotate.lua\n")
    os.exit(1, true)
  end
else
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
  print(("%s: %d lines"):format(path, select(2, text:gsub("\n", ""))))
end
