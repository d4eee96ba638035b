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
      native_docs[name] = { signature = name:gsub("^Tensor", "t"):gsub("^Net", "net"):gsub("^Loader", "loader") .. arguments,
        comment = comment_above(lines, i) }
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
      if fn and not source_path(fn) then op_of_function[fn] = name end -- Lua may have put a function of its own there
      local method = scion.Tensor.methods[name]
      if method and not source_path(method) then op_of_function[method] = name end
      local inplace = scion.Tensor.methods[name .. "_"]
      if inplace then op_of_function[inplace] = name end
    end
  end
  if op_of_function[f] then return op_of_function[f] end
  for name, value in next, rawget(engine(), "nn") or {} do -- scion.nn makes its functions when they are asked for
    if value == f and engine().op_info(name) then return name end
  end
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
    if line:find("[.:]$") and not line:find("^%u%w+:$") or line:find("%.%s") then break end
  end
  local all = table.concat(text, " "):gsub("^scion%.[%w_.]+:%s*", ""):gsub("^%u%w+:%s+", "")
  return (all:match("^(.-[.:])%s") or all):gsub(":$", "")
end

-- Names of functions that hang in scion.nn and scion.nn.init: layers made in loops know theirs only from there.
local layer_names

local function layer_name(f)
  if not layer_names then
    layer_names = {}
    local nn = engine().nn
    for _, part in ipairs { nn, nn.init } do
      for name, value in pairs(part) do
        if type(value) == "function" then layer_names[value] = name end
      end
    end
  end
  return layer_names[f]
end

-- What a table row { "Name", "op", ... } or an assignment `M.Name = make(...)` in the file of a function says about it.
local function comment_by_name(lines, name)
  for i, line in ipairs(lines) do
    if line:find("^%s*[%w_]+%." .. name .. "%s*=") then
      local comment = comment_above(lines, i)
      if #comment > 0 then return comment end
    end
    local op = line:match('{ "' .. name .. '", "([%w_]+)"')
    local info = op and engine().op_info(op)
    if info then
      local out = { info.doc }
      for _, p in ipairs(info.params) do
        if not p.base then out[#out + 1] = ("@param %s? %s %s"):format(p.name, p.type, p.doc) end
      end
      out[#out + 1] = "@return scion.Net"
      return out
    end
  end
end

--- The comment that describes a Lua function, as lines; nil when it has none.
---@param f function
---@param class? table where it is a method: what it overrides may be described
---@param method? string its name there
---@return string[]?
function M.comment(f, class, method)
  local path, line = source_path(f)
  local lines = path and lines_of(path)
  if not lines then return nil end
  local comment = comment_above(lines, line)
  if #comment > 0 then return comment end
  local name = layer_name(f)
  comment = name and comment_by_name(lines, name)
  if comment then return comment end
  local meta = class and method and getmetatable(class)
  local parent = meta and (rawget(class, "super") or type(meta) == "table" and rawget(meta, "__index"))
  if type(parent) == "table" and parent ~= class and type(parent[method]) == "function" then return M.comment(parent[method], parent, method) end
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

local natives_of -- below: name and documentation of a C function

-- One line about a function; class and method: where it is one.
local function short(value, class, method)
  if type(value) ~= "function" then return "" end
  local op = find_op(value)
  if op then return engine().op_info(op).doc end
  if not source_path(value) then
    local doc = natives_of(value)
    return doc and first_sentence(doc.comment) or ""
  end
  local comment = M.comment(value, class, method)
  return comment and first_sentence(comment) or ""
end

local module_files -- paths of all of scion's Lua files

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
  -- Its methods are made elsewhere: M.Adam = optimizer.class("Adam", ...)
  if not module_files then module_files = select(2, engine().sources()) end
  for _, path in ipairs(module_files) do
    for i, line in ipairs(lines_of(path) or {}) do
      if line:find("^[%w_]+%." .. class.class_name .. "%s*=") then return path, i, lines_of(path) end
    end
  end
end

-- Methods that are for classes, not for their users.
local HIDDEN <const> = { init = true, restore = true, start = true, class_name = true, super = true }

-- "number, default 0.5, at least 0" of a rule or plain default of scion.check.
local function rule_text(rule)
  local check = require "scion.check"
  local kind, default = check.kind_text(rule)
  if default ~= nil then kind = ("%s, default %s"):format(kind, type(default) == "string" and ("%q"):format(default)
    or type(default) == "table" and (next(default) == nil and "{}" or "a table") or tostring(default)) end
  return kind
end

-- The options of a class and its ancestors: those of OPTIONS, which their constructors check.
local function options_text(class)
  local rules, names = {}, {}
  local cls = class
  while cls do
    for name, rule in pairs(rawget(cls, "OPTIONS") or rawget(cls, "OPTS") or {}) do
      if rules[name] == nil then
        rules[name], names[#names + 1] = rule, name
      end
    end
    cls = rawget(cls, "super")
  end
  table.sort(names)
  return names, methods_text(names, function(name) return rule_text(rules[name]) end)
end

local function class_comment(class)
  local _, line, lines = class_place(class)
  local comment = line and comment_above(lines, line) or {}
  if #comment == 0 and line then comment = header(lines) end -- a file that holds one class begins with its description
  return comment
end

local function class_text(class)
  local out = { class.class_name .. (class.super and class.super.class_name and (" (a %s)"):format(class.super.class_name) or "") }
  for _, text in ipairs(render(class_comment(class))) do out[#out + 1] = "  " .. text end
  local init = rawget(class, "init")
  local comment = init and M.comment(init)
  if comment then
    for _, text in ipairs(render(comment)) do out[#out + 1] = "  " .. text end
  end
  local options, texts = options_text(class)
  if #options > 0 then
    out[#out + 1] = "  Options:"
    for _, text in ipairs(texts) do out[#out + 1] = text end
  end
  local names, cls = {}, class
  local seen = {}
  while cls do
    for name, value in pairs(cls) do
      if type(value) == "function" and type(name) == "string" and not name:find("^_") and not HIDDEN[name] and not seen[name] then
        seen[name], names[#names + 1] = true, name
      end
    end
    cls = rawget(cls, "super")
  end
  table.sort(names)
  if #names > 0 then
    out[#out + 1] = "  Methods:"
    for _, text in ipairs(methods_text(names, function(name) return short(class[name], class, name) end)) do out[#out + 1] = text end
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
      if type(item) ~= "table" then return short(item) end
      if rawget(item, "class_name") then return first_sentence(class_comment(item)) end
      local part = module_name(item)
      local part_path = part and module_path(part)
      local part_lines = part_path and lines_of(part_path)
      return part_lines and first_sentence(header(part_lines)) or ""
    end)) do out[#out + 1] = text end
  end
  return table.concat(out, "\n")
end

-- A C function's documented name, found by looking where it hangs.
local function native_name(f)
  local scion = engine()
  local registry = debug.getregistry()
  local function methods(meta) return registry[meta] and registry[meta].__index end
  for prefix, place in pairs { ["scion."] = scion, ["Tensor:"] = scion.Tensor.methods, ["Net:"] = scion.Net, ["scion.io."] = scion.io,
    ["Pictures:"] = methods "scion.pictures" or {}, ["Loader:"] = methods "scion.loader" or {} } do
    if type(place) == "table" then
      for name, value in next, place do
        if rawequal(value, f) then return prefix .. name end
      end
    end
  end
end

natives_of = function(f)
  local name = native_name(f)
  return name and natives()[name]
end

local function native_text(name)
  local doc = natives()[name]
  if not doc then return nil end
  local out = { doc.signature }
  for _, line in ipairs(render(doc.comment)) do out[#out + 1] = "  " .. line end
  return table.concat(out, "\n")
end

-- scion.metrics.mae: where a public function hangs, for those that are asked about by value.
local public_names

local function public_name(f)
  if not public_names then
    public_names = {}
    local seen = {}
    local function walk(path, value)
      if seen[value] then return end
      seen[value] = true
      for _, name in ipairs(require("scion.repl").names(value)) do
        local found, item = pcall(function() return value[name] end)
        if found and type(item) == "function" then
          public_names[item] = public_names[item] or path .. (rawget(value, "class_name") and ":" or ".") .. name
        elseif found and type(item) == "table" and (rawget(item, "class_name") or module_name(item)) then
          walk(path .. "." .. name, item)
        end
      end
    end
    walk("scion", engine())
  end
  return public_names[f]
end

local function function_text(f, name, class)
  local op = find_op(f)
  if op then return op_text(engine().op_info(op)) end
  local path = source_path(f)
  if not path then
    local known = native_name(f)
    return known and native_text(known) or ("%s: a function written in C"):format(name or known or "function")
  end
  local comment = M.comment(f, class, name)
  local out = { (name or public_name(f) or "function") .. "(" .. table.concat(parameters(f), ", ") .. ")" }
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

local function net_text(value)
  local scion = engine()
  local out = {}
  if value == scion.Net then
    out[1] = "Net: a graph of named layers; net(x) runs it, net[\"conv1.weight\"] is an entry"
  else
    out[1] = ("a net of %d layers and %d parameters; net:summary { sizes of x } lists them, help \"Net\" tells what it can do"):format(
      #value:layer_names(), (value:n_parameters()))
  end
  local names = {}
  for name, f in pairs(scion.Net) do
    if type(f) == "function" and type(name) == "string" and not name:find("^_") and not HIDDEN[name] then names[#names + 1] = name end
  end
  table.sort(names)
  out[#out + 1] = "  Methods (?net.summary explains one):"
  for _, text in ipairs(methods_text(names, function(name) return short(scion.Net[name]) end)) do out[#out + 1] = text end
  return table.concat(out, "\n")
end

local function io_text()
  local scion, names = engine(), {}
  for name in pairs(scion.io) do names[#names + 1] = name end
  table.sort(names)
  local out = { "scion.io: readers and writers of files; errors name the file" }
  for _, text in ipairs(methods_text(names, function(name) return short(scion.io[name]) end)) do out[#out + 1] = text end
  return table.concat(out, "\n")
end

local function value_text(value, name)
  local scion = engine()
  if value == scion then return M.overview() end
  if value == scion.Tensor then return tensor_class_text() end
  if value == scion.Net or scion.is_net(value) then return net_text(value) end
  if value == scion.io then return io_text() end
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
  if #found == 0 then -- a slip of the pen
    local all = {}
    for _, name in ipairs(scion.op_names()) do all[#all + 1] = name end
    for name in pairs(scion.Tensor.methods) do all[#all + 1] = name end
    for name in pairs(scion.Net) do all[#all + 1] = type(name) == "string" and name or nil end
    for _, name in ipairs(getmetatable(scion).__names()) do all[#all + 1] = name end
    found[1] = require("scion.check").nearest(word, all)
  end
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
  if type(scion.Net[name]) == "function" then return function_text(scion.Net[name], "net:" .. name) end
  local documented = native_text("Tensor:" .. name) or native_text("Tensor." .. name) or native_text("scion." .. name) or native_text("Net:" .. name)
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

-- Is there a comment for a module, a class, a function?
local function is_described(value, class, name)
  if type(value) == "function" then
    local op = find_op(value)
    if op then return engine().op_info(op).doc ~= "" end
    if not source_path(value) then
      local doc = natives_of(value)
      return doc ~= nil and #doc.comment > 0
    end
    return M.comment(value, class, name) ~= nil
  end
  if rawget(value, "class_name") then
    local _, line, lines = class_place(value)
    local init = rawget(value, "init")
    return line and #comment_above(lines, line) > 0 or init and M.comment(init) ~= nil or line and #header(lines) > 0 or false
  end
  local module = module_name(value)
  local path = module and module_path(module)
  local lines = path and lines_of(path)
  return lines and #header(lines) > 0 or false
end

--- Public names that nothing describes: in scion and its modules, classes with their methods, methods and properties of
--- tensors, nets, loaders. The list is empty, and a spec keeps it so.
---@return string[] names
---@return integer n how many names were looked at
function M.undocumented()
  local scion, bad, n, seen = engine(), {}, 0, {}
  local function look(path, value, class, name)
    n = n + 1
    if not is_described(value, class, name) then bad[#bad + 1] = path end
  end
  local function walk(path, value)
    if seen[value] then return end
    seen[value] = true
    local is_class = rawget(value, "class_name")
    if value ~= scion then look(path, value) end
    for _, name in ipairs(require("scion.repl").names(value)) do
      local found, item = pcall(function() return value[name] end)
      if found and not name:find("^_") and not HIDDEN[name] and not name:find("^%u[%u_]+$") then
        if type(item) == "function" then
          look(path .. (is_class and ":" or ".") .. name, item, is_class and value, name)
        elseif type(item) == "table" and (rawget(item, "class_name") or module_name(item)) then
          walk(path .. "." .. name, item)
        end
      end
    end
  end
  walk("scion", scion)
  local registry = debug.getregistry()
  for prefix, methods in pairs { ["Tensor:"] = scion.Tensor.methods, ["Net:"] = scion.Net, ["scion.io."] = scion.io, ["scion.nn.init."] = scion.nn.init,
    ["Pictures:"] = registry["scion.pictures"].__index, ["Loader:"] = registry["scion.loader"].__index } do
    for name, f in pairs(methods) do
      if type(f) == "function" and type(name) == "string" and not name:find("^_") then look(prefix .. name, f) end
    end
  end
  for name in pairs(scion.Tensor.properties) do
    n = n + 1
    if not natives()["Tensor." .. name] then bad[#bad + 1] = "Tensor." .. name end
  end
  table.sort(bad)
  return bad, n
end

return M
