-- The optimiser class: parameter groups, steps and state over the engine's fused updates (scion._optim).
-- One Lua class per kind; all share these methods.

local scion = require "scion"
local core = scion._optim

local M = {}

-- ---- checks ---------------------------------------------------------------------------------------------

--- Checks the keys and types of an options table; level as error()'s, seen from the caller.
function M.check_keys(who, opts, types, level)
  if type(opts) ~= "table" then
    error(("%s: options must be a table, got %s"):format(who, type(opts)), level + 1)
  end
  for key, value in pairs(opts) do
    local expected = types[key]
    if not expected then
      local known = {}
      for name in pairs(types) do known[#known + 1] = name end
      table.sort(known)
      error(("%s: unknown option '%s' (known: %s)"):format(who, tostring(key), table.concat(known, ", ")), level + 1)
    elseif type(value) ~= expected then
      error(("%s: option '%s' must be a %s, got %s"):format(who, key, expected, type(value)), level + 1)
    end
  end
  return opts
end

--- A list of tensors from a list, one tensor, or an object with :parameters().
function M.parameters(who, params, level)
  if scion.is_tensor(params) then return { params } end
  if type(params) == "table" or type(params) == "userdata" then
    local has, method = pcall(function() return params.parameters end)
    if has and type(method) == "function" then params = params:parameters() end
  end
  if type(params) ~= "table" then
    error(("%s: expected a list of parameters, got %s"):format(who, type(params)), level)
  end
  for i, t in ipairs(params) do
    if not scion.is_tensor(t) then
      error(("%s: element %d of the parameters is a %s, expected a tensor"):format(who, i, type(t)), level)
    end
  end
  return params
end

-- Runs an engine function; its error is raised again at the user's line.
local function guarded(level, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  if type(result) == "string" then result = result:gsub("^[^\n]-:%d+: ", "", 1) end
  error(result, level + 1)
end

-- ---- options: names of users and of the engine --------------------------------------------------------------

-- betas is a pair and line_search_fn a name here; the engine has numbers and flags.
local function set_option(optimizer, group, key, value, level)
  local raw, who = optimizer.raw, optimizer.class_name
  if key == "betas" then
    if type(value) ~= "table" or type(value[1]) ~= "number" or type(value[2]) ~= "number" or #value ~= 2 then
      error(("%s: option 'betas' must be a pair of numbers such as { 0.9, 0.999 }"):format(who), level + 1)
    end
    guarded(level + 1, raw.set, raw, group, "beta1", value[1])
    guarded(level + 1, raw.set, raw, group, "beta2", value[2])
  elseif key == "line_search_fn" and optimizer.kind == "lbfgs" then
    if value ~= "strong_wolfe" and value ~= nil and value ~= false then
      error(("%s: option 'line_search_fn' must be \"strong_wolfe\" or nil, got %s"):format(who, tostring(value)), level + 1)
    end
    guarded(level + 1, raw.set, raw, group, "strong_wolfe", value == "strong_wolfe")
  else
    guarded(level + 1, raw.set, raw, group, tostring(key), value)
  end
end

local function get_option(optimizer, group, key)
  local raw = optimizer.raw
  if key == "betas" and optimizer.known.beta1 then
    return { raw:get(group, "beta1"), raw:get(group, "beta2") }
  elseif key == "line_search_fn" and optimizer.kind == "lbfgs" then
    return raw:get(group, "strong_wolfe") and "strong_wolfe" or nil
  elseif optimizer.known[key] then
    return raw:get(group, key)
  end
end

-- A view of one group: group.lr reads and writes the engine's value; group.params lists its tensors;
-- other names keep what users and schedules put there (initial_lr).
local group_meta = {}
function group_meta.__index(view, key)
  local self = rawget(view, "_")
  if key == "params" then return self.optimizer.raw:params(self.index) end
  local value = get_option(self.optimizer, self.index, key)
  if value ~= nil then return value end
  return self.extra[key]
end
function group_meta.__newindex(view, key, value)
  local self = rawget(view, "_")
  if key == "params" then error("the parameters of a group cannot be replaced; use add_param_group", 2) end
  if self.optimizer.known[key] or key == "betas" or key == "line_search_fn" then
    set_option(self.optimizer, self.index, key, value, 2)
  else
    self.extra[key] = value
  end
end
function group_meta.__pairs(view)
  local self, all = rawget(view, "_"), {}
  for name in pairs(self.optimizer.known) do all[name] = self.optimizer.raw:get(self.index, name) end
  for name, value in pairs(self.extra) do all[name] = value end
  all.params = self.optimizer.raw:params(self.index)
  return next, all, nil
end
function group_meta.__tostring(view)
  local self, parts = rawget(view, "_"), {}
  for _, option in ipairs(core.options(self.optimizer.kind)) do
    parts[#parts + 1] = ("%s = %s"):format(option.name, self.optimizer.raw:get(self.index, option.name))
  end
  return ("group %d of %d parameters { %s }"):format(self.index, self.optimizer.raw:count(self.index), table.concat(parts, ", "))
end

-- ---- the class ----------------------------------------------------------------------------------------------

---@class scion.Optimizer
---@field param_groups table   list of groups: group.lr and the other options, group.params
local Optimizer = {}

--- Adds a group of parameters with its own options: opt:add_param_group { params = list, lr = 0.1 }.
function Optimizer:add_param_group(group, level)
  level = level or 2
  local who = self.class_name
  if type(group) ~= "table" or group.params == nil then
    error(("%s: a parameter group is a table with a field 'params'"):format(who), level)
  end
  for key in pairs(group) do
    if key ~= "params" and not self.known[key] and not (key == "betas" and self.known.beta1)
      and not (key == "line_search_fn" and self.kind == "lbfgs") then
      error(("%s: unknown option '%s' (known: %s)"):format(who, tostring(key), self.known_text), level)
    end
  end
  local list = M.parameters(who, group.params, level + 1)
  -- The engine gives a new group the defaults: put this group's options there first, so that a bad one adds nothing.
  local before = {}
  for name in pairs(self.known) do before[name] = self.raw:get(nil, name) end
  local ok, message = pcall(function()
    for key, value in pairs(group) do
      if key ~= "params" then set_option(self, nil, key, value, 0) end
    end
    self.raw:add(list)
  end)
  for name, value in pairs(before) do self.raw:set(nil, name, value) end
  if not ok then
    if type(message) == "string" then message = message:gsub("^[^\n]-:%d+: ", "", 1) end
    error(message, level)
  end
  local index = self.raw:count()
  self.param_groups[index] = setmetatable({ _ = { optimizer = self, index = index, extra = {} } }, group_meta)
end

--- One update of every parameter that has a gradient. With a closure: calls it first (LBFGS: several times) and returns
--- the loss it gave.
---@param closure? fun(): scion.Tensor|number
function Optimizer:step(closure)
  return self.raw:step(closure)
end

--- Drops the gradients of all parameters.
function Optimizer:zero_grad()
  return self.raw:zero_grad()
end

--- Everything needed to continue bit for bit, as plain tables, numbers and tensors (copies):
--- { kind =, groups = { { n =, lr =, ... } }, state = { { step =, exp_avg =, ... } } }, one state per parameter in order.
---@return table
function Optimizer:state_dict()
  local raw, groups, state = self.raw, {}, {}
  for g = 1, raw:count() do
    local group = { n = raw:count(g) }
    for name in pairs(self.known) do group[name] = raw:get(g, name) end
    for name, value in pairs(rawget(self.param_groups[g], "_").extra) do group[name] = value end
    groups[g] = group
    for i = 1, raw:count(g) do
      local entry = raw:state(g, i)
      for name, value in pairs(entry) do
        if type(value) ~= "number" then entry[name] = scion.no_grad(function() return value:clone() end) end
      end
      state[#state + 1] = entry
    end
  end
  return { kind = self.kind, groups = groups, state = state }
end

-- Names in the order that the engine accepts: numbered ones ("old_dirs.2") by number.
local function ordered_names(entry)
  local names = {}
  for name in pairs(entry) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    local na, nb = tonumber(a:match("%.(%d+)$")) or 0, tonumber(b:match("%.(%d+)$")) or 0
    if na ~= nb then return na < nb end
    return a < b
  end)
  return names
end

local function check_state_dict(self, dict, level)
  local who = self.class_name .. ".load_state_dict"
  if type(dict) ~= "table" or type(dict.groups) ~= "table" or type(dict.state) ~= "table" then
    error(who .. ": expected a table made by state_dict", level + 1)
  end
  if dict.kind ~= self.kind then
    error(("%s: the state is of kind '%s', this optimiser is '%s'"):format(who, tostring(dict.kind), self.kind), level + 1)
  end
  if #dict.groups ~= self.raw:count() then
    error(("%s: the state has %d parameter groups, this optimiser %d"):format(who, #dict.groups, self.raw:count()), level + 1)
  end
  local total = 0
  for g, group in ipairs(dict.groups) do
    if type(group) ~= "table" or group.n ~= self.raw:count(g) then
      error(("%s: group %d of the state has %s parameters, here it has %d"):format(who, g,
        type(group) == "table" and tostring(group.n) or "no", self.raw:count(g)), level + 1)
    end
    total = total + group.n
  end
  for i = 1, total do
    if type(dict.state[i] or {}) ~= "table" then error(("%s: state %d must be a table"):format(who, i), level + 1) end
  end
end

--- Takes over what state_dict gave: options of the groups and state of the parameters. A state that does not fit
--- (other kind, other number of parameters or shapes) raises and changes nothing.
---@param dict table
function Optimizer:load_state_dict(dict)
  check_state_dict(self, dict, 2)
  local backup = self:state_dict()
  local function load(source)
    self.raw:clear_state()
    local at = 0
    for g, group in ipairs(source.groups) do
      for name, value in pairs(group) do
        if name ~= "n" then
          if type(name) == "string" and self.known[name] then self.raw:set(g, name, value)
          else rawget(self.param_groups[g], "_").extra[name] = value end
        end
      end
      for i = 1, group.n do
        at = at + 1
        local entry = source.state[at] or {}
        for _, name in ipairs(ordered_names(entry)) do self.raw:set_state(g, i, name, entry[name]) end
      end
    end
  end
  local ok, message = pcall(load, dict)
  if ok then return end
  load(backup)
  if type(message) == "string" then message = message:gsub("^[^\n]-:%d+: ", "", 1) end
  error(("%s.load_state_dict: %s; nothing was changed"):format(self.class_name, message), 2)
end

--- All parameters, group after group.
---@return scion.Tensor[]
function Optimizer:parameters()
  local all = {}
  for g = 1, self.raw:count() do
    for _, t in ipairs(self.raw:params(g)) do all[#all + 1] = t end
  end
  return all
end

local function is_group_list(params)
  if type(params) ~= "table" then return false end
  local first = rawget(params, 1)
  return type(first) == "table" and rawget(first, "params") ~= nil
end

--- Makes the class of one kind of optimiser: a callable table, Class(params, opts).
function M.class(name, kind)
  local known, names = {}, {}
  for _, option in ipairs(core.options(kind)) do
    known[option.name] = option
    names[#names + 1] = option.name
  end
  local class = setmetatable({ class_name = name, kind = kind, known = known }, { __index = Optimizer })
  if known.beta1 then names[#names + 1] = "betas" end
  if kind == "lbfgs" then names[#names + 1] = "line_search_fn" end
  class.known_text = table.concat(names, ", ")
  class.__index = class
  class.__name = "scion.Optimizer"
  class.__tostring = function(self)
    local lines = {}
    for _, group in ipairs(self.param_groups) do lines[#lines + 1] = "  " .. tostring(group) end
    return ("%s(\n%s)"):format(name, table.concat(lines, "\n"))
  end
  return setmetatable(class, {
    __index = Optimizer,
    __name = "class",
    __tostring = function() return "class " .. name end,
    __call = function(_, params, opts)
      if opts ~= nil and type(opts) ~= "table" then
        error(("%s: options must be a table, got %s"):format(name, type(opts)), 2)
      end
      local self = setmetatable({ raw = core.new(kind), param_groups = {} }, class)
      for key, value in pairs(opts or {}) do
        if not known[key] and not (key == "betas" and known.beta1) and not (key == "line_search_fn" and kind == "lbfgs") then
          error(("%s: unknown option '%s' (known: %s)"):format(name, tostring(key), class.known_text), 2)
        end
        set_option(self, nil, key, value, 2)
      end
      local groups = is_group_list(params) and params or { { params = params } }
      if params == nil then error(("%s: expected a list of parameters, got nil"):format(name), 2) end
      for _, group in ipairs(groups) do self:add_param_group(group, 3) end
      return self
    end,
  })
end

M.Optimizer = Optimizer
return M
