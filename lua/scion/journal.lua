-- A journal: a file of JSON lines that only grows, shared by processes on one machine. Every event is on the disk when append
-- returns; a line that was torn when its writer was killed is dropped by the next writer. Readers apply new lines in order, so
-- the file is the state. (System calls: runtime/bind/bind_journal.c.)

local check = require "scion.check"
local json = require "scion.json"

local M = {}

local Journal = {}
Journal.__index = Journal
Journal.__name = "scion.journal"

--- Opens or creates the file. apply(event) is called for every line, old ones now, later ones by sync.
---@param path string
---@param apply fun(event: table)
function M.open(path, apply)
  local scion = require "scion"
  local ok, file = pcall(scion.open_journal, path)
  if not ok then check.raise("%s", (tostring(file):gsub("^.-:%d+: ", ""))) end
  local self = setmetatable({ path = path, file = file, apply = apply, at = 0, line = 0, locked = false }, Journal)
  self:sync()
  return self
end

--- Applies what has been written since the last time, whole lines only.
function Journal:sync()
  local text = self.file:read(self.at)
  local from = 1
  while true do
    local stop = text:find("\n", from, true)
    if not stop then break end
    local line = text:sub(from, stop - 1)
    self.line = self.line + 1
    if line ~= "" then
      local ok, event = pcall(json.decode, line)
      if not ok or type(event) ~= "table" then
        error(("journal: line %d of %s is no JSON object (%s): is this another kind of file?"):format(self.line, self.path,
          tostring(event):gsub("^.-json: ", "")), 0)
      end
      self.apply(event)
    end
    from = stop + 1
  end
  self.at = self.at + from - 1
end

--- Runs fn(...) with the file for oneself and everything in it applied; gives fn's results.
function Journal:transaction(fn, ...)
  if self.locked then return fn(...) end
  while not self.file:try_lock(0.1) do end -- in naps: Ctrl-C is heard between them
  self.locked = true
  local function done(ok, ...)
    self.locked = false
    self.file:unlock()
    if not ok then error((...), 0) end
    return ...
  end
  return done(pcall(function(...)
    self:sync()
    -- What lies behind the last whole line was torn off by a kill: its writer is gone, since the lock is ours.
    if self.file:size() > self.at then self.file:truncate(self.at) end
    return fn(...)
  end, ...))
end

--- Writes events (inside a transaction) and applies them.
function Journal:append(...)
  local lines = {}
  for i, event in ipairs { ... } do lines[i] = json.encode(event) .. "\n" end
  self.file:append(table.concat(lines))
  self:sync()
end

function Journal:close() self.file:close() end

return M
