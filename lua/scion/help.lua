-- What the prompt and editors say about a name. Nothing is written twice: operations are described by the
-- registry, Lua functions by the comment above them, C functions by lua/scion/native.lua, modules and classes by
-- the comment at their head.
--
--   help(scion.conv2d)   help "conv2d"   help(net)   help "data"   ?net.summary

local M = {}

local function engine() return require "scion" end

-- ---- reading sources -------------------------------------------------------------------------------

local line_cache = {}

-- The lines of a source: one of ours by its path, or a file.
local function lines_of(path)
  if line_cache[path] ~= nil then return line_cache[path] end
  local text = engine().source(path)
  if not text then
    local file = io.open(path, "r")
    if file then
      text = file:read("a")
      file:close()
    end
  end
  local lines = false
  if text then
    lines = {}
    for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  end
  line_cache[path] = lines
  return lines
end

local function strip(line) return (line:gsub("^%s*%-%-%-?%s?", "")) end
local function is_comment(line) return line ~= nil and line:find("^%s*%-%-") ~= nil and not line:find("^%s*%-%-%[%[") end

-- The comment that ends right above line n.
local function comment_above(lines, n)
  local first = n
  while is_comment(lines[first - 1]) do first = first - 1 end
  local out = {}
  for i = first, n - 1 do
    local text = strip(lines[i])
    if not text:find("^%-%-%-%-") and not text:find("^%- %-%-%-") then out[#out + 1] = text end
  end
  return out
end

-- The comment a file begins with.
local function header(lines)
  local out, i = {}, 1
  while lines[i] and lines[i]:find("^#!") do i = i + 1 end
  while is_comment(lines[i]) do
    local text = strip(lines[i])
    if not text:find("^@") then out[#out + 1] = text end
    i = i + 1
  end
  return out
end

-- Annotations become sentences; the rest stays.
local function render(comment)
  local out = {}
  for _, line in ipairs(comment) do
    local name, kind, text = line:match("^@param%s+(%S+)%s+(.*)$")
    if name then
      kind, text = kind:match("^(%b{}%S*)%s*(.*)$")
      if not kind then
        local rest = line:match("^@param%s+%S+%s+(.*)$")
        kind, text = rest:match("^(fun%b():?%s*[^%s]*)%s*(.*)$")
        if not kind then kind, text = rest:match("^(%S+)%s*(.*)$") end
      end
      out[#out + 1] = ("  %s: %s%s"):format(name, kind, text ~= "" and "  " .. text or "")
    elseif line:find("^@return") then
      out[#out + 1] = "  returns " .. line:match("^@return%s*(.*)$")
    elseif line:find("^@field") then
      out[#out + 1] = "  ." .. line:match("^@field%s*(.*)$")
    elseif not line:find("^@") then
      out[#out + 1] = line
    end
  end
  while out[1] == "" do table.remove(out, 1) end
  while out[#out] == "" do out[#out] = nil end
  return out
end

local function source_path(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" or info.source:sub(1, 1) ~= "@" then return nil end
  return info.source:sub(2), info.linedefined
end

-- "(a, b, ...)" of a Lua function.
local function parameters(f)
  local info, names = debug.getinfo(f, "u"), {}
  for i = 1, info.nparams do names[i] = debug.getlocal(f, i) end
  if info.isvararg then names[#names + 1] = "..." end
  return names
end

-- ---- C functions -------------------------------------------------------------------------------------

local native_docs

-- "scion.memory", "Tensor:item", "Tensor.shape" -> { signature, comment }
local function natives()
  if native_docs then return native_docs end
  native_docs = {}
  local lines = lines_of("lua/scion/native.lua") or {}
  for i, line in ipairs(lines) do
    local name, arguments = line:match("^function ([%w_.:]+)(%b())")
    if name then
      native_docs[name] = { signature = name:gsub("^Tensor", "t") .. arguments, comment = comment_above(lines, i) }
    end
    local property, text = line:match("^%-%-%-@field ([%w_]+)%??%s+(.*)$")
    if property then native_docs["Tensor." .. property] = { signature = "t." .. property, comment = { text } } end
  end
  return native_docs
end

-- ---- operations ----------------------------------------------------------------------------------------

local op_of_function

local function find_op(f)
  if not op_of_function then
    op_of_function = {}
    local scion = engine()
    for _, name in ipairs(scion.op_names()) do
      local fn = rawget(scion, name)
      if fn then op_of_function[fn] = name end
      local inplace = scion.Tensor.methods[name .. "_"]
      if inplace then op_of_function[inplace] = name end
    end
  end
  return op_of_function[f]
end

local function default_text(p)
  if p.required then return "required" end
  if p.default == nil then return nil end
  if type(p.default) == "string" then return ("default %q"):format(p.default) end
  return "default " .. tostring(p.default)
end

--- The signature of an operation as one would write a call: `conv2d(input, weight [, bias] [, options])`.
---@param info table from scion.op_info
---@return string
function M.op_signature(info)
  local text, first = info.name .. "(", true
  local function add(word, optional)
    if optional then
      text = text .. (first and "[" or " [, ") .. word .. "]"
    else
      text = text .. (first and "" or ", ") .. word
    end
    first = false
  end
  for _, slot in ipairs(info.inputs) do
    add(slot.variadic and ("{ %s, ... }"):format(slot.name) or slot.name, slot.optional)
  end
  for _, p in ipairs(info.params) do
    if not p.base then add(p.varargs and p.name .. "..." or p.name, not p.required) end
  end
  return text .. ")"
end

local function sentence(text)
  if text == "" then return text end
  return text:find("[.:!?]$") and text or text .. "."
end

local function op_text(info)
  local out = { M.op_signature(info), "  " .. sentence(info.doc) }
  local rows, width = {}, 0
  for _, slot in ipairs(info.inputs) do
    local kind = slot.variadic and "list of tensors" or slot.number and "tensor or number" or "tensor"
    rows[#rows + 1] = { slot.name, kind .. (slot.optional and ", optional" or ""), slot.doc }
  end
  for _, p in ipairs(info.params) do
    local kind = p.type
    if p.choices then
      local words = {}
      for i, choice in ipairs(p.choices) do words[i] = ("%q"):format(choice) end
      kind = table.concat(words, " or ")
    end
    local default = default_text(p)
    rows[#rows + 1] = { p.name, kind .. (default and ", " .. default or ""), p.doc }
  end
  for _, row in ipairs(rows) do width = math.max(width, #row[1]) end
  for _, row in ipairs(rows) do
    out[#out + 1] = ("    %-" .. width .. "s  %s%s"):format(row[1], row[2], row[3] ~= "" and ": " .. row[3] or "")
  end
  local notes = {}
  if not info.is_function and not info.internal and #info.inputs > 0 then notes[#notes + 1] = ("also t:%s(...)"):format(info.name) end
  if info.inplace then notes[#notes + 1] = ("in place: t:%s_(...)"):format(info.name) end
  if info.view then notes[#notes + 1] = "the result shares storage with its input" end
  if info.random then notes[#notes + 1] = "takes random numbers" end
  if info.no_grad then notes[#notes + 1] = "has no gradient" end
  if #notes > 0 then out[#out + 1] = "  " .. table.concat(notes, "; ") .. "." end
  return table.concat(out, "\n")
end

-- ---- modules, classes, functions --------------------------------------------------------------------------

local function module_name(value)
  for name, loaded in pairs(package.loaded) do
    if loaded == value and type(name) == "string" and name:find("^scion%.") then return name end
  end
end

local function module_path(name)
  local names, paths = engine().sources()
  for i, n in ipairs(names) do
    if n == name then return paths[i] end
  end
end

local function first_sentence(lines)
  local text = {}
  for _, line in ipairs(render(lines)) do
    if line:find("^%s*$") or line:find("^  ") then break end
    text[#text + 1] = line
    if line:find("[.:]$") or line:find("%.%s") then break end
  end
  local all = table.concat(text, " "):gsub("^scion%.[%w_.]+:%s*", "")
  return (all:match("^(.-[.:])%s") or all):gsub(":$", "")
end

--- The comment that describes a Lua function, as lines; nil when it has none.
---@param f function
---@return string[]?
function M.comment(f)
  local path, line = source_path(f)
  local lines = path and lines_of(path)
  if not lines then return nil end
  local comment = comment_above(lines, line)
  if #comment > 0 then return comment end
  -- `Name = function(...)` or a function given to something on an earlier line
  comment = comment_above(lines, line)
  return #comment > 0 and comment or nil
end

local function methods_text(names, describe)
  local out, width = {}, 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for _, name in ipairs(names) do
    local text = describe(name)
    out[#out + 1] = text ~= "" and ("    %-" .. width .. "s  %s"):format(name, text) or "    " .. name
  end
  return out
end

local function short(value)
  if type(value) ~= "function" then return "" end
  local op = find_op(value)
  if op then return engine().op_info(op).doc end
  local comment = M.comment(value)
  return comment and first_sentence(comment) or ""
end

-- Where a class of that name is made: its file and the line.
local function class_place(class)
  for _, value in pairs(class) do
    local path = type(value) == "function" and source_path(value)
    local lines = path and lines_of(path)
    if lines then
      for i, line in ipairs(lines) do
        if line:find('"' .. class.class_name .. '"', 1, true) and (line:find("class", 1, true) or line:find("layer", 1, true)) then
          return path, i, lines
        end
      end
      for i, line in ipairs(lines) do
        if line:find("[%s.]" .. class.class_name .. "%s*=") then return path, i, lines end
      end
    end
  end
end

local function class_text(class)
  local out = { class.class_name .. (class.super and class.super.class_name and (" (a %s)"):format(class.super.class_name) or "") }
  local _, line, lines = class_place(class)
  if line then
    for _, text in ipairs(render(comment_above(lines, line))) do out[#out + 1] = "  " .. text end
  end
  local init = rawget(class, "init")
  local comment = init and M.comment(init)
  if comment then
    for _, text in ipairs(render(comment)) do out[#out + 1] = "  " .. text end
  end
  local names = {}
  for name, value in pairs(class) do
    if type(value) == "function" and type(name) == "string" and not name:find("^_") and name ~= "init" then names[#names + 1] = name end
  end
  table.sort(names)
  if #names > 0 then
    out[#out + 1] = "  Methods:"
    for _, text in ipairs(methods_text(names, function(name) return short(class[name]) end)) do out[#out + 1] = text end
  end
  return table.concat(out, "\n")
end

local function module_text(name, value)
  local path = module_path(name)
  local lines = path and lines_of(path)
  local out = { name }
  if lines then
    for _, text in ipairs(header(lines)) do out[#out + 1] = "  " .. text end
  end
  local names = require("scion.repl").names(value)
  if #names > 0 then
    out[#out + 1] = "  Names:"
    for _, text in ipairs(methods_text(names, function(n)
      local item = value[n]
      if type(item) == "table" and rawget(item, "class_name") then
        local _, line, class_lines = class_place(item)
        return line and first_sentence(comment_above(class_lines, line)) or "class"
      end
      return short(item)
    end)) do out[#out + 1] = text end
  end
  return table.concat(out, "\n")
end

-- A C function's or property's documented name, found by looking where it hangs.
local function native_name(f)
  local scion = engine()
  for name, value in next, scion do
    if rawequal(value, f) then return "scion." .. name end
  end
  for name, value in next, scion.Tensor.methods do
    if rawequal(value, f) then return "Tensor:" .. name end
  end
end

local function native_text(name)
  local doc = natives()[name]
  if not doc then return nil end
  local out = { doc.signature }
  for _, line in ipairs(render(doc.comment)) do out[#out + 1] = "  " .. line end
  return table.concat(out, "\n")
end

local function function_text(f, name)
  local op = find_op(f)
  if op then return op_text(engine().op_info(op)) end
  local path = source_path(f)
  if not path then
    local known = native_name(f)
    return known and native_text(known) or ("%s: a function written in C"):format(name or known or "function")
  end
  local comment = M.comment(f)
  local out = { (name or "function"):gsub("^.*[.:]", "") .. "(" .. table.concat(parameters(f), ", ") .. ")" }
  if comment then
    for _, line in ipairs(render(comment)) do out[#out + 1] = "  " .. line end
  else
    out[#out + 1] = "  (no description)"
  end
  local info = debug.getinfo(f, "S")
  out[#out + 1] = ("  %s:%d"):format(info.short_src, info.linedefined)
  return table.concat(out, "\n")
end

local function tensor_text(t)
  local out = { ("a tensor of shape (%s) and type %s"):format(table.concat(t.shape, ", "), t.dtype) }
  out[#out + 1] = "  t:<Tab> completes its methods; help \"Tensor\" lists them; ?name explains one."
  return table.concat(out, "\n")
end

local function columns(names, width)
  local widest = 0
  for _, name in ipairs(names) do widest = math.max(widest, #name) end
  local per_line, out = math.max(1, width // (widest + 2)), {}
  for i = 1, #names, per_line do
    local parts = {}
    for j = i, math.min(i + per_line - 1, #names) do parts[#parts + 1] = ("%-" .. widest .. "s"):format(names[j]) end
    out[#out + 1] = ("    " .. table.concat(parts, "  ")):gsub("%s+$", "")
  end
  return out
end

local function tensor_class_text()
  local scion = engine()
  local out = { "Tensor: an array of numbers of one type, with gradients", "  Properties:" }
  local properties = {}
  for name in pairs(scion.Tensor.properties) do properties[#properties + 1] = name end
  table.sort(properties)
  for _, text in ipairs(methods_text(properties, function(name)
    local doc = natives()["Tensor." .. name]
    return doc and first_sentence(doc.comment) or ""
  end)) do out[#out + 1] = text end
  local names = {}
  for name in pairs(scion.Tensor.methods) do names[#names + 1] = name end
  table.sort(names)
  out[#out + 1] = "  Methods (?name explains one; a trailing _ changes the tensor itself):"
  for _, text in ipairs(columns(names, 90)) do out[#out + 1] = text end
  return table.concat(out, "\n")
end

local function value_text(value, name)
  local scion = engine()
  if value == scion then return M.overview() end
  if value == scion.Tensor then return tensor_class_text() end
  if type(value) == "function" then return function_text(value, name) end
  if scion.is_tensor(value) then return tensor_text(value) end
  if type(value) == "table" then
    if rawget(value, "class_name") then return class_text(value) end
    local module = module_name(value)
    if module then return module_text(module, value) end
    local meta = getmetatable(value)
    if type(meta) == "table" and rawget(meta, "class_name") then return "an instance of " .. class_text(meta) end
  end
  local names = (type(value) == "table" or type(value) == "userdata") and require("scion.repl").names(value) or {}
  local out = { ("%s: a %s"):format(name or "value", type(value)) }
  if #names > 0 then
    out[#out + 1] = "  Names:"
    for _, text in ipairs(columns(names, 90)) do out[#out + 1] = text end
  end
  return table.concat(out, "\n")
end

-- ---- asking -----------------------------------------------------------------------------------------------

--- What `help` alone says: the parts of scion, one line each.
---@return string
function M.overview()
  local scion = engine()
  local out = { tostring(scion) .. ": transfer learning in Lua over a C engine", "",
    "  scion.tensor { { 1, 2 }, { 3, 4 } }, scion.zeros(2, 3), scion.randn(2, 3)    make tensors",
    "  x:matmul(y), x + y, x:sum { dim = 1 }, x[1], loss:backward(), x.grad         use them", "", "Parts:" }
  local meta, names = getmetatable(scion), {}
  for _, name in ipairs(meta.__names()) do
    local found, module = pcall(function() return scion[name] end)
    if found and type(module) == "table" and module_name(module) then names[#names + 1] = name end
  end
  for _, text in ipairs(methods_text(names, function(name)
    local path = module_path(module_name(scion[name]))
    local lines = path and lines_of(path)
    return lines and first_sentence(header(lines)) or ""
  end)) do out[#out + 1] = (text:gsub("^    ", "  ")) end
  out[#out + 1] = ""
  out[#out + 1] = "help(x) or ?x explains a value, a function, an operation or a part: ?conv2d, ?Tensor, ?data, ?scion.optim.Adam"
  out[#out + 1] = "?ops lists the operations. :time EXPR measures, :mem shows memory, :who your globals, Tab completes."
  return table.concat(out, "\n")
end

local function ops_text()
  local scion, names = engine(), {}
  for _, name in ipairs(scion.op_names()) do
    if not scion.op_info(name).internal then names[#names + 1] = name end
  end
  table.sort(names)
  return ("%d operations; ?name explains one:\n"):format(#names) .. table.concat(columns(names, 96), "\n")
end

local function similar(word)
  local scion, found, seen = engine(), {}, {}
  local function consider(name)
    if not seen[name] and name:lower():find(word:lower(), 1, true) then
      seen[name] = true
      found[#found + 1] = name
    end
  end
  for _, name in ipairs(scion.op_names()) do consider(name) end
  for name in pairs(scion.Tensor.methods) do consider(name) end
  for name in next, scion do consider(name) end
  for _, name in ipairs(getmetatable(scion).__names()) do consider(name) end
  table.sort(found)
  return found
end

--- The help text for a value, or for a name given as a string: a global's path, an operation, a tensor method
--- or property, a module, a public name of scion.
---@param what any
---@param env? table globals in which a path is looked up
---@return string
function M.text(what, env)
  if type(what) ~= "string" then return value_text(what) end
  local scion = engine()
  local name = what:gsub("^scion%.", ""):gsub("^[Tt][:.]", ""):gsub("%(.*$", "")
  if what == "" then return M.overview() end
  if name == "ops" then return ops_text() end
  local value = require("scion.repl").resolve(what, env or _G)
  if value ~= nil and value ~= scion then return value_text(value, what) end
  local info = scion.op_info(name) or scion.op_info((name:gsub("_$", "")))
  if info then return op_text(info) end
  value = require("scion.repl").resolve(name, scion)
  if value ~= nil then return value_text(value, name) end
  local documented = native_text("Tensor:" .. name) or native_text("Tensor." .. name) or native_text("scion." .. name)
  if documented then return documented end
  local found = similar(name)
  if #found == 0 then return ("nothing is known about '%s'"):format(what) end
  return ("nothing is called '%s'; similar names:\n"):format(what) .. table.concat(columns(found, 90), "\n")
end

--- Prints what is known about a value or a name; without argument an overview.
---@param what? any
function M.help(...)
  if select("#", ...) == 0 then
    print(M.overview())
  else
    print(M.text((...)))
  end
end

--- Is there a description of this public name? Specs ask for every one.
---@param owner "scion"|"Tensor:"|"Tensor."
---@param name string
---@return boolean
function M.is_documented(owner, name)
  if owner == "scion" then
    local value = engine()[name]
    if type(value) == "function" then
      if find_op(value) then return engine().op_info(find_op(value)).doc ~= "" end
      if source_path(value) then return M.comment(value) ~= nil end
    end
    return natives()["scion." .. name] ~= nil or (type(value) == "table" and (module_name(value) or rawget(value, "class_name")) ~= nil)
  end
  local f = owner == "Tensor:" and engine().Tensor.methods[name]
  if f and find_op(f) then return engine().op_info(find_op(f)).doc ~= "" end
  if f and source_path(f) then return M.comment(f) ~= nil end
  return natives()[owner .. name] ~= nil
end

return M
