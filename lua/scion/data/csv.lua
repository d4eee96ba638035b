-- Comma-separated tables: quoted cells, any separator, with or without a header. The text is split in Lua column by
-- column; numbers become tensors. Gzip data are unpacked, whatever the name says.

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

local MISSING <const> = { [""] = true, ["?"] = true, na = true, nan = true, null = true }

--- Reads a file. opts: header (default: guessed), separator (default: guessed).
---@return table with header, n_columns, #rows, numbers(j), values(j)
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
  return setmetatable({ rows = rows, header = header, n_columns = n_columns, path = path }, Table)
end

--- Column j as an f32 tensor; a cell that is no number is an error naming it.
function Table:numbers(j)
  local out = {}
  for i, row in ipairs(self.rows) do
    local v = tonumber(row[j])
    if not v then
      local what = MISSING[row[j]:lower()] and "missing" or ("'%s'"):format(row[j])
      error(("data.csv: %s line %d, column %s: expected a number, the cell is %s"):format(self.path, row.line,
        self.header and self.header[j] or j, what), 4)
    end
    out[i] = v
  end
  return require("scion").tensor(out)
end

--- Column j as a list of numbers (when all are) or texts; missing cells are errors.
---@return any[] values, boolean numeric
function Table:values(j)
  local numbers, texts, numeric = {}, {}, true
  for i, row in ipairs(self.rows) do
    if MISSING[row[j]:lower()] then
      error(("data.csv: %s line %d, column %s: the value to predict is missing"):format(self.path, row.line,
        self.header and self.header[j] or j), 4)
    end
    texts[i] = row[j]
    numbers[i] = tonumber(row[j])
    if not numbers[i] then numeric = false end
  end
  return numeric and numbers or texts, numeric
end

return M
