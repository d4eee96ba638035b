-- Comma-separated tables: quoted cells, any separator, with or without a header; columns of numbers and of texts, with cells that are
-- missing. The text is split in Lua column by column; features become tensors. Gzip data are unpacked, whatever the name says.

local show = require "scion.show"

local M = {}

local Table = {}
Table.__index = Table

local function read_file(path)
  local ok, text = pcall(require("scion").io.read_file, path) -- gzip data come unpacked
  if not ok then error("data.csv: " .. text, 4) end
  return text
end

-- One line's cells. Quoted cells may hold separators and line ends, so this works on the whole text.
local function split(text, separator, path)
  local rows, row = {}, {}
  local position, line = 1, 1
  local plain = "^[^" .. separator:gsub("%W", "%%%0") .. "\r\n]*"
  local n = #text
  while position <= n do
    local cell
    if text:byte(position) == 34 then
      local from, parts = position + 1, {}
      while true do
        local stop = text:find('"', from, true)
        if not stop then error(("data.csv: %s line %d: a quoted cell has no end"):format(path, line), 0) end
        parts[#parts + 1] = text:sub(from, stop - 1)
        if text:byte(stop + 1) ~= 34 then
          position = stop + 1
          break
        end
        parts[#parts + 1] = '"'
        from = stop + 2
      end
      cell = table.concat(parts)
    else
      local _, stop = text:find(plain, position)
      cell = text:sub(position, stop):match("^%s*(.-)%s*$")
      position = stop + 1
    end
    row[#row + 1] = cell
    local c = text:sub(position, position)
    if c == separator then
      position = position + 1
      if position > n then row[#row + 1] = "" end
    elseif c == "\r" or c == "\n" or c == "" then
      position = position + (text:sub(position, position + 1) == "\r\n" and 2 or 1)
      if #row > 1 or row[1] ~= "" then
        row.line = line
        rows[#rows + 1] = row
      end
      row, line = {}, line + 1
    else
      error(("data.csv: %s line %d: unexpected '%s' after a quoted cell"):format(path, line, c), 0)
    end
  end
  if #row > 0 then
    row.line = line
    rows[#rows + 1] = row
  end
  return rows
end

local function guess_separator(text)
  local first = text:match("^[^\r\n]*")
  local best, most = ",", 0
  for _, c in ipairs { ",", ";", "\t", " " } do
    local _, count = first:gsub(c, "")
    if count > most then best, most = c, count end
  end
  return best
end

-- Cells that say that nothing is known, in lower case; besides those that missing_values names.
local MISSING <const> = { [""] = true, ["?"] = true, na = true, nan = true, null = true, ["n/a"] = true, ["#n/a"] = true, ["<na>"] = true }

--- Reads a file. opts: header (default: guessed), separator (default: guessed), decimal ("."), missing_values (more texts that mean nothing).
---@return table with header, n_columns, #rows, values(j), features(...)
function M.read(path, opts)
  local text = read_file(path):gsub("^\239\187\191", "")
  local ok, rows = pcall(split, text, opts.separator or guess_separator(text), path)
  if not ok then error(rows, 3) end
  if #rows == 0 then error(("data.csv: %s is empty"):format(path), 3) end
  local header
  local has_header = opts.header
  if has_header == nil then
    has_header = true
    for _, cell in ipairs(rows[1]) do
      if tonumber(cell) then has_header = false end
    end
  end
  if has_header then header = show.list(table.remove(rows, 1)) end
  if #rows == 0 then error(("data.csv: %s has a header but no rows"):format(path), 3) end
  local n_columns = #rows[1]
  for _, row in ipairs(rows) do
    if #row ~= n_columns then
      error(("data.csv: %s line %d has %d cells, line %d has %d"):format(path, row.line, #row, rows[1].line, n_columns), 3)
    end
  end
  local unknown = {}
  for _, text in ipairs(opts.missing_values or {}) do unknown[tostring(text)] = true end
  return setmetatable({ rows = rows, header = header, n_columns = n_columns, path = path, unknown = unknown, decimal = opts.decimal }, Table)
end

function Table:is_missing(cell) return MISSING[cell:lower()] or self.unknown[cell] or false end

-- A cell as a number, or nil.
function Table:number(cell)
  if self.decimal and self.decimal ~= "." then cell = cell:gsub(self.decimal:gsub("%W", "%%%0"), ".", 1) end
  return tonumber(cell)
end

function Table:name(j) return self.header and self.header[j] or ("x%d"):format(j) end

-- Raises at a cell.
function Table:refuse(row, j, format, ...)
  error(("data.csv: %s line %d, column %s: %s"):format(self.path, row.line, self.header and self.header[j] or j, format:format(...)), 0)
end

--- Takes away the rows in which one of these columns is missing; returns how many.
function Table:drop_missing(columns)
  local kept = {}
  for _, row in ipairs(self.rows) do
    local whole = true
    for _, j in ipairs(columns) do whole = whole and not self:is_missing(row[j]) end
    if whole then kept[#kept + 1] = row end
  end
  local n = #self.rows - #kept
  if #kept == 0 then error(("data.csv: every row of %s misses something"):format(self.path), 0) end
  self.rows = kept
  return n
end

--- Column j as a list of numbers (when all are) or texts; missing cells are errors.
---@return any[] values, boolean numeric
function Table:values(j)
  local numbers, texts, numeric = {}, {}, true
  for i, row in ipairs(self.rows) do
    if self:is_missing(row[j]) then self:refuse(row, j, "the value to predict is missing (missing = \"drop\" leaves such rows out)") end
    texts[i] = row[j]
    numbers[i] = self:number(row[j])
    if not numbers[i] then numeric = false end
  end
  return numeric and numbers or texts, numeric
end

--- Column j as a list of numbers; a cell that is none is an error naming it.
function Table:numbers(j)
  local out = {}
  for i, row in ipairs(self.rows) do
    out[i] = self:number(row[j])
    if not out[i] then
      self:refuse(row, j, "expected a number, the cell is %s", self:is_missing(row[j]) and "missing" or ("'%s'"):format(row[j]))
    end
  end
  return out
end

-- ---- how columns become features -----------------------------------------------------------------------------------------

local function middle(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[n // 2 + 1] or (list[n // 2] + list[n // 2 + 1]) / 2
end

-- What a column is: { name, kind = "number", fill } or { name, kind = "one_hot" or "ordinal", categories, fill }. fill is what a missing cell
-- counts as; none: an error.
local function learn_column(self, j, opts)
  local column, numbers, counts, strange = { name = self:name(j) }, {}, {}, nil
  for _, row in ipairs(self.rows) do
    local cell = row[j]
    if not self:is_missing(cell) then
      numbers[#numbers + 1] = self:number(cell)
      counts[cell] = (counts[cell] or 0) + 1
      if not self:number(cell) then strange = strange or row end
    end
  end
  local given = opts.categories and opts.categories[column.name]
  local how = type(opts.text) == "table" and opts.text[column.name] or type(opts.text) == "string" and opts.text or "error"
  if not strange and not given and not (type(opts.text) == "table" and opts.text[column.name]) then
    if #numbers == 0 then error(("data.csv: %s: column %s has no value in any row"):format(self.path, column.name), 0) end
    column.kind = "number"
    if opts.missing == "mean" then
      column.fill = 0
      for _, v in ipairs(numbers) do column.fill = column.fill + v / #numbers end
    elseif opts.missing == "median" then
      column.fill = middle(numbers)
    elseif type(opts.missing) == "number" then
      column.fill = opts.missing
    end
    return column
  end
  if how == "error" then
    if not strange then how = "ordinal" else
      self:refuse(strange, j, "expected a number, the cell is '%s' (text = \"one_hot\" or \"ordinal\" takes texts)", strange[j])
    end
  end
  column.kind, column.categories = how, {}
  if given then
    for i, c in ipairs(given) do column.categories[i] = tostring(c) end
  else
    for cell in pairs(counts) do table.insert(column.categories, cell) end
    table.sort(column.categories, function(a, b) -- numbers by size
      local x, y = tonumber(a), tonumber(b)
      if x and y and x ~= y then return x < y end
      return a < b
    end)
  end
  if opts.missing == "mean" or opts.missing == "median" then -- the most frequent one
    for _, c in ipairs(column.categories) do
      if not column.fill or (counts[c] or 0) > (counts[column.fill] or 0) then column.fill = c end
    end
  elseif type(opts.missing) == "number" then -- a category of its own
    column.fill = ""
    table.insert(column.categories, "")
  end
  return column
end

--- How these columns become features: plain data, which another file can be read by.
function Table:learn(columns, opts)
  local encoding = { missing = opts.missing, columns = {} }
  for i, j in ipairs(columns) do encoding.columns[i] = learn_column(self, j, opts) end
  return encoding
end

--- Features of the columns: (N, F) f32, and their names. unknown: what a text that is no category does: "error", or "ignore" (0).
---@return scion.Tensor, string[]
function Table:features(columns, encoding, unknown)
  if #columns ~= #encoding.columns then
    error(("data.csv: %s has %d columns to predict from, the encoding has %d"):format(self.path, #columns, #encoding.columns), 0)
  end
  local s, parts, names = require "scion", {}, show.list {}
  for i, j in ipairs(columns) do
    local column, values = encoding.columns[i], {}
    if self.header and column.name ~= self:name(j) then
      error(("data.csv: %s: column %d is %s, the encoding has %s there"):format(self.path, j, self:name(j), column.name), 0)
    end
    local id_of = {}
    for k, c in ipairs(column.categories or {}) do id_of[c] = k end
    for r, row in ipairs(self.rows) do
      local cell = row[j]
      if self:is_missing(cell) then
        if column.fill == nil then
          self:refuse(row, j, "expected a %s, the cell is missing (missing = \"mean\", \"median\", \"drop\" or a number says what to do)",
            column.kind == "number" and "number" or "category")
        end
        values[r] = id_of[column.fill] or column.fill
      elseif column.kind == "number" then
        values[r] = self:number(cell)
        if not values[r] then self:refuse(row, j, "expected a number, the cell is '%s'", cell) end
      else
        values[r] = id_of[cell] or unknown == "ignore" and 0
        if not values[r] then
          self:refuse(row, j, "'%s' is none of the categories %s (unknown = \"ignore\" takes it as none)", cell, tostring(show.list(column.categories)))
        end
      end
    end
    if column.kind == "one_hot" then
      local ids = s.tensor(values, { dtype = "i64" }):reshape(-1, 1)
      parts[#parts + 1] = ids:eq(s.arange(1, #column.categories + 1, { dtype = "i64" }):reshape(1, -1)):to("f32")
      for _, c in ipairs(column.categories) do names[#names + 1] = ("%s=%s"):format(column.name, c == "" and "missing" or c) end
    else
      parts[#parts + 1] = s.tensor(values):to("f32"):reshape(-1, 1)
      names[#names + 1] = column.name
    end
  end
  return #parts == 1 and parts[1] or s.cat(parts, 2), names
end

return M
