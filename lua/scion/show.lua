-- What the console sees: lists that print themselves, and tables with aligned columns.

local M = {}

local List = {}
List.__index = function(_, key)
  if key == "tolist" then return function(self) return table.move(self, 1, #self, 1, {}) end end
end
List.__name = "list"
List.__tostring = function(self)
  local parts = {}
  for i, value in ipairs(self) do
    parts[i] = type(value) == "string" and value or tostring(value)
  end
  local text = table.concat(parts, ", ")
  if #text <= 78 then return "{" .. text .. "}" end
  -- Long lists fold at 78 columns.
  local lines, line = {}, " "
  for i, part in ipairs(parts) do
    if i < #parts then part = part .. "," end
    if #line + #part + 1 > 78 and line ~= " " then
      lines[#lines + 1] = line
      line = " "
    end
    line = line .. " " .. part
  end
  lines[#lines + 1] = line
  return "{\n" .. table.concat(lines, "\n") .. "\n}"
end
List.__concat = function(a, b) return tostring(a) .. tostring(b) end
List.__eq = function(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- Makes a plain list print itself; it stays an ordinary Lua list.
function M.list(items) return setmetatable(items or {}, List) end
--- Is this a list that prints itself?
function M.is_list(value) return getmetatable(value) == List end

local Record = { __name = "record" }

local function plain_text(value, depth)
  if math.type(value) == "float" then return ("%.4g"):format(value + 0.0) end
  local meta = getmetatable(value)
  if type(value) ~= "table" or meta ~= Record and type(meta) == "table" and meta.__tostring then return tostring(value) end
  if depth > 3 then return "{...}" end
  local names, parts = {}, {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) == "number" or type(b) ~= "number" and tostring(a) < tostring(b)
  end)
  for i, name in ipairs(names) do
    local text = plain_text(value[name], depth + 1)
    parts[i] = math.type(name) == "integer" and name <= #value and text or tostring(name) .. " = " .. text
    if i > 12 and #names > 14 then
      parts[i] = ("... (%d more)"):format(#names - i + 1)
      break
    end
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

Record.__tostring = function(self) return plain_text(self, 1) end

--- Makes a table of named values print itself: { accuracy = 0.95, n = 40 }.
function M.record(fields) return setmetatable(fields, Record) end

--- Number of columns a text takes on a terminal (UTF-8 code points; combining marks are not used here).
function M.width(text) return utf8.len(text) or #text end

local function pad(text, width, align)
  local space = width - M.width(text)
  if space <= 0 then return text end
  if align == "right" then return (" "):rep(space) .. text end
  if align == "center" then return (" "):rep(space // 2) .. text .. (" "):rep(space - space // 2) end
  return text .. (" "):rep(space)
end

local function cell_text(value, format)
  if value == nil then return "" end
  if type(value) == "number" and format then return format:format(value) end
  if math.type(value) == "float" then return ("%.4g"):format(value + 0.0) end
  return tostring(value)
end

--- A table for the console. columns: list of names or { title=, align=, format= }; rows: lists of
--- cells, or "-" for a rule across.
---@return string text without a final newline
function M.table(columns, rows, opts)
  opts = opts or {}
  local specs, width, numeric = {}, {}, {}
  for j, column in ipairs(columns) do
    specs[j] = type(column) == "table" and column or { title = column }
    width[j] = M.width(specs[j].title or "")
    numeric[j] = true
  end
  local cells = {}
  for i, row in ipairs(rows) do
    if row == "-" then
      cells[i] = "-"
    else
      cells[i] = {}
      for j = 1, #specs do
        local text = cell_text(row[j], specs[j].format)
        if row[j] ~= nil and type(row[j]) ~= "number" and not text:match("^[%-+]?%d") then numeric[j] = false end
        cells[i][j] = text
        width[j] = math.max(width[j], M.width(text))
      end
    end
  end
  local lines, total = {}, 0
  for j = 1, #specs do total = total + width[j] + (j > 1 and 2 or 0) end
  local rule = ("─"):rep(total)
  if opts.title then lines[#lines + 1] = opts.title end
  local function add(row, header)
    local parts = {}
    for j = 1, #specs do
      local align = specs[j].align or (numeric[j] and "right" or "left")
      parts[j] = pad(row[j] or "", width[j], align)
    end
    lines[#lines + 1] = (table.concat(parts, "  "):gsub("%s+$", ""))
    if header then lines[#lines + 1] = rule end
  end
  if not opts.no_header then
    local titles = {}
    for j, spec in ipairs(specs) do titles[j] = spec.title or "" end
    lines[#lines + 1] = rule
    add(titles, true)
  end
  for _, row in ipairs(cells) do
    if row == "-" then lines[#lines + 1] = rule else add(row) end
  end
  if not opts.no_header then lines[#lines + 1] = rule end
  return table.concat(lines, "\n")
end

--- Seconds as a person says them: 0.35 s, 12.3 s, 4 min 10 s, 2 h 05 min.
function M.seconds(s)
  if s ~= s or s == math.huge then return "?" end
  if s < 10 then return ("%.2f s"):format(s) end
  if s < 60 then return ("%.1f s"):format(s) end
  if s < 3600 then return ("%d min %02d s"):format(s // 60, math.floor(s % 60)) end
  return ("%d h %02d min"):format(s // 3600, math.floor(s % 3600 / 60))
end

--- "91.5 ± 0.8" from a list of numbers: mean and sample standard deviation.
function M.mean_spread(values, format)
  local n, sum, squares = #values, 0, 0
  for _, v in ipairs(values) do sum = sum + v end
  local mean = n > 0 and sum / n or 0 / 0
  for _, v in ipairs(values) do squares = squares + (v - mean) ^ 2 end
  local spread = n > 1 and math.sqrt(squares / (n - 1)) or 0
  format = format or "%.1f"
  return (format .. " ± " .. format):format(mean, spread), mean, spread
end

return M
