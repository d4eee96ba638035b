-- Search spaces: named parameters with their domains.
--
--   { name = "learning_rate", type = "continuous", domain = { 1e-6, 1 }, scale = "log" }
--   { name = "layers", type = "integer", domain = { 1, 8 } }
--   { name = "batch", type = "discrete", domain = { 16, 32, 64 } }               numbers, in their order
--   { name = "optimizer", type = "categorical", domain = { "sgd", "adam" } }     any values, without order
--   { name = "momentum", type = "continuous", domain = { 0, 0.99 }, when = { optimizer = "sgd" } }
--
-- A parameter with `when` exists where every parameter named there (an earlier one) has the value, or one of the list of
-- values. Samplers see a point in three ways: as its parameters { name = value } (active ones only), as numbers of the unit
-- cube (one per parameter), and encoded for a Gaussian process: one column for a number, one per value for a category.

local check = require "scion.check"

local M = {}

local Space = {}
Space.__index = Space

local TYPES <const> = { "continuous", "integer", "discrete", "categorical" }
local PARAMETER <const> = {
  name = check.string { required = true },
  type = check.choice(TYPES, { default = "continuous" }),
  domain = check.list { required = true, min_length = 1 },
  scale = check.choice({ "linear", "log" }, { default = "linear" }),
  when = check.table {},
}

local function is_finite(v) return type(v) == "number" and v == v and math.abs(v) < math.huge end
local function is_plain(v) return type(v) == "string" or type(v) == "boolean" or is_finite(v) end

local function read_domain(p, fail)
  local domain = p.domain
  if p.type == "continuous" or p.type == "integer" then
    if #domain ~= 2 then fail("domain must be { low, high }, got a list of %d", #domain) end
    for i = 1, 2 do
      if not is_finite(domain[i]) then fail("domain must hold two finite numbers, got %s", check.describe(domain[i])) end
    end
    p.low, p.high = domain[1], domain[2]
    if p.type == "integer" then
      p.low, p.high = math.tointeger(p.low), math.tointeger(p.high)
      if not p.low or not p.high then fail("domain must hold integers, got { %s, %s }", domain[1], domain[2]) end
      if p.low > p.high then fail("domain is empty: low %d is above high %d", p.low, p.high) end
      p.count = p.high - p.low + 1
    else
      p.low, p.high = p.low + 0.0, p.high + 0.0
      if not (p.low < p.high) then fail("domain is empty: low %g is not below high %g", p.low, p.high) end
    end
  else
    local seen = {}
    p.values, p.index_of = {}, {}
    for i, value in ipairs(domain) do
      if p.type == "discrete" and not is_finite(value) or not is_plain(value) then
        fail("domain must hold %s, got %s", p.type == "discrete" and "numbers" or "strings, numbers or booleans", check.describe(value))
      end
      if seen[value] then fail("domain holds %s twice", check.describe(value)) end
      seen[value] = true
      p.values[i] = value
    end
    if p.type == "discrete" then table.sort(p.values) end
    for i, value in ipairs(p.values) do p.index_of[value] = i end
    p.count = #p.values
    p.low, p.high = p.values[1], p.values[#p.values]
  end
  if p.scale == "log" then
    if p.type == "categorical" then fail("scale \"log\" has no meaning for categories") end
    if not (p.low > 0) then fail("scale \"log\" needs a domain above 0, got %s", p.low) end
  end
end

--- A space from a list of parameters; see the head of this file.
---@param list table[]
---@return table space
function M.new(list, where, level)
  where, level = where or "space", level or 2
  if getmetatable(list) == Space then return list end
  if type(list) ~= "table" or #list == 0 then
    error(("%s: expected a list of parameters { name =, type =, domain = }, got %s"):format(where, check.describe(list)), level + 1)
  end
  local self = setmetatable({ by_name = {} }, Space)
  for i, given in ipairs(list) do
    local p = check.opts(("%s: parameter %d"):format(where, i), given, PARAMETER, level + 2)
    local function fail(message, ...) error(("%s: parameter '%s': " .. message):format(where, p.name, ...), level + 2) end
    if self.by_name[p.name] then fail("this name is used twice") end
    read_domain(p, function(message, ...) error(("%s: parameter '%s': " .. message):format(where, p.name, ...), level + 3) end)
    if p.when then
      local conditions = {}
      for parent_name, values in pairs(p.when) do
        local parent = self.by_name[parent_name]
        if not parent then fail("when names '%s', which is no earlier parameter", tostring(parent_name)) end
        if not parent.index_of and parent.type ~= "integer" then fail("when needs a parent with separate values, '%s' is continuous", parent_name) end
        local allowed = {}
        for _, value in ipairs(type(values) == "table" and values or { values }) do
          if not self:_valid(parent, value) then
            fail("when asks for %s = %s, which is not in its domain: it would never exist", parent_name, check.describe(value))
          end
          allowed[value] = true
        end
        if next(allowed) == nil then fail("when gives no value for '%s': it would never exist", parent_name) end
        conditions[#conditions + 1] = { name = parent_name, allowed = allowed }
        parent.is_parent = true
      end
      table.sort(conditions, function(a, b) return a.name < b.name end)
      p.conditions = conditions
      self.conditional = true
    end
    p.number = i
    self[i], self.by_name[p.name] = p, p
  end
  self:_lay_out()
  return self
end

-- Columns of the encoding: first and last per parameter, and the parameter of each column (its length scale).
function Space:_lay_out()
  self.tie, self.n_columns, self.all_continuous, self.finite = {}, 0, true, true
  for i, p in ipairs(self) do
    local width = p.type == "categorical" and #p.values or 1
    p.first, p.last = self.n_columns + 1, self.n_columns + width
    for column = p.first, p.last do self.tie[column] = i end
    self.n_columns = p.last
    if p.type ~= "continuous" then self.all_continuous = false else self.finite = false end
  end
  if self.conditional then self.all_continuous = false end
end

function Space:_valid(p, value)
  if p.index_of then return p.index_of[value] ~= nil end
  if not is_finite(value) or value < p.low or value > p.high then return false end
  return p.type == "continuous" or math.tointeger(value) ~= nil
end

--- Does the parameter exist in a point whose earlier parameters are these?
function Space:active(p, params)
  for _, condition in ipairs(p.conditions or {}) do
    local value = params[condition.name]
    if value == nil or not condition.allowed[value] then return false end
  end
  return true
end


local function value_text(v)
  if math.type(v) == "float" then return (("%.6g"):format(v)) end
  return type(v) == "string" and v or tostring(v)
end
M.value_text = value_text

--- A table of parameters that prints itself in the order of the space.
function Space:params(values)
  local meta = self.params_meta
  if not meta then
    meta = { __name = "parameters", __tostring = function(t)
      local parts = {}
      for _, p in ipairs(self) do
        if t[p.name] ~= nil then parts[#parts + 1] = ("%s = %s"):format(p.name, value_text(t[p.name])) end
      end
      return "{ " .. table.concat(parts, ", ") .. " }"
    end }
    self.params_meta = meta
  end
  return setmetatable(values, meta)
end

--- Checks a point given by a user; returns it complete and printable. Raises at `level`.
function Space:validate(where, given, level)
  level = (level or 2) + 1
  if type(given) ~= "table" then error(("%s: parameters must be a table, got %s"):format(where, check.describe(given)), level) end
  local out, known = {}, {}
  for i, p in ipairs(self) do
    known[i] = p.name
    if self:active(p, out) then
      local value = given[p.name]
      if value == nil then error(("%s: parameter '%s' is missing"):format(where, p.name), level) end
      if not self:_valid(p, value) then
        error(("%s: parameter '%s' must be in its domain %s, got %s"):format(where, p.name, self:domain_text(p), check.describe(value)), level)
      end
      out[p.name] = p.type == "integer" and math.tointeger(value) or p.type == "continuous" and value + 0.0 or value
    elseif given[p.name] ~= nil then
      error(("%s: parameter '%s' does not exist at this point (see its 'when')"):format(where, p.name), level)
    end
  end
  for name in pairs(given) do
    if not self.by_name[name] then
      error(("%s: unknown parameter %s (known: %s)"):format(where, check.describe(name), table.concat(known, ", ")), level)
    end
  end
  return self:params(out)
end

function Space:domain_text(p)
  if not p.values then return ("{ %s, %s }"):format(value_text(p.low), value_text(p.high)) end
  local parts = {}
  for i, value in ipairs(p.values) do parts[i] = value_text(value) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- ---- between values and numbers in [0, 1] ---------------------------------------------------------------------------

-- Position of a number in its domain; logarithmic where asked.
local function position(p, value)
  if p.high == p.low then return 0.5 end
  if p.scale == "log" then return math.log(value / p.low) / math.log(p.high / p.low) end
  return (value - p.low) / (p.high - p.low)
end

local function at_position(p, u)
  u = math.max(0.0, math.min(1.0, u))
  if p.scale == "log" then return math.max(p.low, math.min(p.high, p.low * (p.high / p.low) ^ u)) end
  return math.max(p.low, math.min(p.high, p.low + (p.high - p.low) * u))
end

--- The value of parameter p at u in [0, 1]. Whole numbers and values get equal shares of it (on a log scale: shares of the scale).
function Space:value_at(p, u)
  if p.type == "continuous" then return at_position(p, u) end
  if p.type == "integer" then
    if p.scale == "linear" then return p.low + math.min(p.count - 1, math.floor(u * p.count)) end
    local low, high = p.low - 0.5, p.high + 0.5
    if low <= 0 then low = p.low * 0.5 end
    return math.max(p.low, math.min(p.high, math.floor(low * (high / low) ^ math.max(0.0, math.min(1.0, u)) + 0.5)))
  end
  return p.values[1 + math.min(p.count - 1, math.floor(u * p.count))]
end

--- The middle of a value's share of [0, 1]: the inverse of value_at.
function Space:unit_of(p, value)
  if p.type == "continuous" then return position(p, value) end
  if p.type == "integer" then
    if p.scale == "linear" then return (value - p.low + 0.5) / p.count end
    local low, high = p.low - 0.5, p.high + 0.5
    if low <= 0 then low = p.low * 0.5 end
    return math.max(0.0, math.min(1.0, math.log(value / low) / math.log(high / low)))
  end
  return (p.index_of[value] - 0.5) / p.count
end

--- The point at unit-cube coordinates u (one per parameter).
function Space:from_unit(u)
  local params = {}
  for i, p in ipairs(self) do
    if self:active(p, params) then params[p.name] = self:value_at(p, u[i]) end
  end
  return self:params(params)
end

--- Unit-cube coordinates of a point; 0.5 where a parameter does not exist.
function Space:to_unit(params)
  local u = {}
  for i, p in ipairs(self) do
    local value = params[p.name]
    u[i] = value == nil and 0.5 or self:unit_of(p, value)
  end
  return u
end

--- A random point.
function Space:sample(rng)
  local u = {}
  for i = 1, #self do u[i] = rng:uniform() end
  return self:from_unit(u)
end

--- Columns for a Gaussian process: numbers in [0, 1] by their position, categories as 0 and 1 / sqrt(2) (two of them are 1
--- apart), the middle where a parameter does not exist.
function Space:encode(params)
  local row = {}
  for _, p in ipairs(self) do
    local value = params[p.name]
    if p.type == "categorical" then
      for column = p.first, p.last do row[column] = 0.0 end
      if value ~= nil then row[p.first + p.index_of[value] - 1] = math.sqrt(0.5) end
    else
      row[p.first] = value == nil and 0.5 or position(p, value)
    end
  end
  return row
end

--- The point of an encoded row, for spaces in which all parameters are continuous.
function Space:from_row(row)
  local out = {}
  for _, p in ipairs(self) do out[p.name] = at_position(p, row[p.first]) end
  return self:params(out)
end

--- Puts the continuous columns of an encoded row back into a point (a copy).
function Space:with_columns(params, row)
  local out = {}
  for _, p in ipairs(self) do
    local value = params[p.name]
    if value ~= nil and p.type == "continuous" then value = at_position(p, row[p.first]) end
    out[p.name] = value
  end
  return self:params(out)
end

-- ---- counting --------------------------------------------------------------------------------------------------------

local HUGE <const> = 1e15

-- Value k of a parameter that has separate ones; it may be false.
local function value_number(p, k)
  if p.values then return p.values[k] end
  return p.low + k - 1
end

--- How many points the space has; math.huge when a parameter is continuous (or they are beyond counting).
function Space:count()
  if self.n_points then return self.n_points end
  local function from(i, params)
    local p = self[i]
    if not p then return 1 end
    if not self:active(p, params) then return from(i + 1, params) end
    if not p.count then return math.huge end
    if not p.is_parent then return p.count * from(i + 1, params) end
    local total = 0
    for k = 1, p.count do
      params[p.name] = value_number(p, k)
      total = total + from(i + 1, params)
      if total >= HUGE then break end
    end
    params[p.name] = nil
    return total
  end
  local n = from(1, {})
  self.n_points = n < HUGE and math.tointeger(n) or math.huge
  return self.n_points
end

--- All points in order, for finite spaces; levels(p) gives the values taken of a continuous parameter (grid search).
function Space:points(levels)
  return coroutine.wrap(function()
    local params = {}
    local function from(i)
      local p = self[i]
      if not p then
        local copy = {}
        for name, value in pairs(params) do copy[name] = value end
        coroutine.yield(self:params(copy))
        return
      end
      if not self:active(p, params) then
        from(i + 1)
        return
      end
      local values = p.values or levels and levels(p)
      for k = 1, values and #values or p.count do
        if values then params[p.name] = values[k] else params[p.name] = value_number(p, k) end
        from(i + 1)
      end
      params[p.name] = nil
    end
    from(1)
  end)
end

--- A text that two points share exactly when they are equal.
function Space:key(params)
  local parts = {}
  for i, p in ipairs(self) do
    local value = params[p.name]
    parts[i] = value == nil and "-" or type(value) == "number" and ("%.17g"):format(value) or type(value) .. tostring(value)
  end
  return table.concat(parts, "\0")
end

--- The list of parameters as plain data: what a log keeps.
function Space:describe()
  local list = {}
  for i, p in ipairs(self) do
    list[i] = { name = p.name, type = p.type, domain = p.values or { p.low, p.high }, scale = p.scale }
    if p.conditions then
      list[i].when = {}
      for _, condition in ipairs(p.conditions) do
        local values = {}
        for value in pairs(condition.allowed) do values[#values + 1] = value end
        table.sort(values, function(a, b) return tostring(a) < tostring(b) end)
        list[i].when[condition.name] = values
      end
    end
  end
  return list
end

Space.__tostring = function(self)
  local lines = {}
  for i, p in ipairs(self) do
    lines[i] = ("%s: %s %s%s%s"):format(p.name, p.type, self:domain_text(p), p.scale == "log" and ", log scale" or "",
      p.conditions and ", conditional" or "")
  end
  return table.concat(lines, "\n")
end

function M.is_space(value) return getmetatable(value) == Space end

return M
