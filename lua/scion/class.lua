-- Classes: scion.class(name, parent) makes a callable table; Class(...) builds an instance and runs
-- Class:init(...). Methods are inherited through __index; metamethods, which Lua looks up raw, are
-- copied when the class is made, so a parent defines its metamethods before it gets children.

local M = {}

local METAMETHODS <const> = {
  "__tostring", "__len", "__call", "__eq", "__lt", "__le", "__concat", "__close", "__gc", "__pairs", "__newindex",
}

local function construct(class, ...)
  local object = setmetatable({}, class)
  local init = class.init
  if init then
    init(object, ...)
  elseif select("#", ...) > 0 then
    error(("%s: takes no arguments (it has no init method)"):format(class.class_name), 2)
  end
  return object
end

--- A new class. Instances are made by calling it: `local k = KNNRepurposer { source_model = net }`.
---@param name string      shown by tostring and stored in saved files
---@param parent? table    class to inherit from
---@return table class     with the fields class_name and super
function M.class(name, parent)
  if type(name) ~= "string" or not name:match("^[%a_][%w_.]*$") then
    error(("class: name must be an identifier, got %s"):format(
      type(name) == "string" and ("'%s'"):format(name) or type(name)), 2)
  end
  if parent ~= nil and not M.is_class(parent) then
    error(("class: parent of '%s' must be a class, got %s"):format(name, type(parent)), 2)
  end
  local class = { class_name = name, super = parent }
  if parent then
    for _, event in ipairs(METAMETHODS) do
      class[event] = rawget(parent, event)
    end
  end
  -- A parent may look up computed fields (__index function); its children keep that behaviour.
  local parent_index = parent and rawget(parent, "__index")
  if type(parent_index) == "function" and rawget(parent, "__field") then
    class.__field = parent.__field
    class.__index = M.field_index(class)
  else
    class.__index = class
  end
  if not class.__tostring then
    class.__tostring = function(self)
      return ("%s: %p"):format(getmetatable(self).class_name, self)
    end
  end
  return setmetatable(class, {
    __index = parent,
    __call = construct,
    __name = "class",
    __tostring = function() return "class " .. name end,
  })
end

--- An __index that looks a name up among the methods first, then asks class.__field(self, name).
function M.field_index(class)
  return function(self, name)
    local value = class[name]
    if value ~= nil then return value end
    return class.__field(self, name)
  end
end

function M.is_class(value)
  return type(value) == "table" and type(rawget(value, "class_name")) == "string"
end

--- Is `value` an instance of `class` or of one of its descendants?
function M.is_a(value, class)
  local meta = type(value) == "table" and getmetatable(value)
  while meta do
    if meta == class then return true end
    meta = rawget(meta, "super")
  end
  return false
end

return M
