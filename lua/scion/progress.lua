-- Progress of long work: a bar with rate and time left on a terminal, one line per step otherwise.
--
--   local bar = progress.new { label = "epoch 1/3", total = #train, unit = "batch" }
--   for x, y in train do ...; bar:step(1, { loss = 0.31 }) end
--   bar:finish()
--
-- Everything goes through one sink, so that a host decides where text ends up. A sink is a table
--   { draw = function(text) end,   shows a line that will be overwritten (only on terminals)
--     line = function(text) end,   shows a finished line
--     width = function() end }     columns of the terminal, or nil when there is none
-- The default asks scion.terminal (set by the scion program) and writes through scion.log.

local check = require "scion.check"
local show = require "scion.show"

local M = {}

local sink
local clock = os.clock

--- Wall-clock seconds: the engine's clock where it is loaded.
function M.now()
  local engine = package.loaded.scion
  local engine_clock = type(engine) == "table" and rawget(engine, "clock")
  return engine_clock and engine_clock() or clock()
end

local function default_sink()
  local scion = package.loaded.scion
  local has_engine = type(scion) == "table"
  return {
    width = function()
      if not has_engine then return nil end
      local terminal = rawget(scion, "terminal")
      if type(terminal) == "function" then return terminal() end
      return nil
    end,
    draw = function(text)
      if has_engine and scion.emit then scion.emit("progress", "\r" .. text) end
    end,
    line = function(text)
      if has_engine and scion.emit then scion.emit("progress", text) end
    end,
  }
end

--- Replaces the sink (nil: back to the default); returns the old one. Specs and hosts use it.
function M.set_sink(new)
  local old = sink
  sink = new
  return old
end

local function current_sink()
  if not sink then sink = default_sink() end
  return sink
end

--- Takes a half-drawn bar away, before a script writes something of its own.
function M.clear()
  local out = current_sink()
  if out.width() then out.draw("") end
end

--- One finished line of information.
function M.say(format, ...)
  local text = select("#", ...) > 0 and format:format(...) or format
  current_sink().line(text)
end

local n_interruptions = 0

--- How often Ctrl-C has been answered by a loop that then returned as usual: an outer loop that sees the number grow ends, too.
function M.interruptions() return n_interruptions end

--- For such loops: counts one.
function M.count_interruption() n_interruptions = n_interruptions + 1 end

--- Is this error Ctrl-C?
function M.is_interrupt(message)
  local text = tostring(message)
  return text:find("interrupted!", 1, true) ~= nil or text:lower():find("cancelled", 1, true) ~= nil
end

--- Runs a loop; Ctrl-C ends it alone, and outer loops see that it did. Other errors are raised as they are.
---@return boolean finished  false when it was interrupted
function M.interruptible(loop)
  local caught = n_interruptions
  local ok, message = pcall(loop)
  if not ok and not M.is_interrupt(message) then error(message, 0) end
  if not ok then
    local scion = require "scion"
    if scion.clear_interrupt then scion.clear_interrupt() end
    M.count_interruption()
  end
  return n_interruptions == caught
end

local Bar = {}
Bar.__index = Bar
Bar.__close = function(self) self:finish() end

local function info_text(info)
  if type(info) == "string" then return info end
  local names = {}
  for name in pairs(info or {}) do names[#names + 1] = name end
  table.sort(names, function(a, b) return #a == #b and a < b or #a < #b end)
  local parts = {}
  for i, name in ipairs(names) do
    local value = info[name]
    if math.type(value) == "float" then value = ("%.4g"):format(value) end
    parts[i] = ("%s %s"):format(name, value)
  end
  return table.concat(parts, "  ")
end

local OPTS <const> = {
  label = "", total = check.integer { min = 0 }, unit = "",
  interval = check.number { default = 0.1, min = 0 }, -- seconds between redraws
  quiet = false,                                       -- count, but show nothing
}

--- A bar that has just begun.
---@param opts { label?: string, total?: integer, unit?: string, interval?: number, quiet?: boolean }
function M.new(opts)
  local self = setmetatable(check.opts("progress.new", opts, OPTS), Bar)
  self.done, self.begun, self.drawn = 0, M.now(), -math.huge
  self.info = nil
  return self
end

local function rate_text(rate, unit)
  if rate >= 100 then return ("%.0f %s/s"):format(rate, unit) end
  if rate >= 1 then return ("%.1f %s/s"):format(rate, unit) end
  return ("%.2f s/%s"):format(1 / rate, unit)
end

function Bar:rate()
  local elapsed = M.now() - self.begun
  return elapsed > 0 and self.done / elapsed or 0
end

local BLOCKS <const> = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

local function blocks(fraction, width)
  local eighths = math.floor(math.max(0, math.min(1, fraction)) * width * 8 + 0.5)
  local full, rest = eighths // 8, eighths % 8
  local text = ("█"):rep(full) .. (rest > 0 and BLOCKS[rest] or "")
  return text .. (" "):rep(width - full - (rest > 0 and 1 or 0))
end

--- The line as it stands: label, bar, count, rate, time left, information.
function Bar:text(columns)
  local unit = self.unit == "" and "it" or self.unit
  local rate = self:rate()
  local parts = {}
  if self.label ~= "" then parts[1] = self.label end
  local count = self.total and ("%d/%d"):format(self.done, self.total) or tostring(self.done)
  local tail = { count }
  if rate > 0 then tail[#tail + 1] = rate_text(rate, unit) end
  if self.total and self.done < self.total and rate > 0 then
    tail[#tail + 1] = "left " .. show.seconds((self.total - self.done) / rate)
  elseif self.done > 0 then
    tail[#tail + 1] = show.seconds(M.now() - self.begun)
  end
  local info = info_text(self.info)
  if info ~= "" then tail[#tail + 1] = info end
  local rest = table.concat(tail, "  ")
  if columns and self.total and self.total > 0 then
    local room = columns - 1 - show.width(rest) - show.width(parts[1] or "") - 6
    if room >= 8 then parts[#parts + 1] = "│" .. blocks(self.done / self.total, math.min(room, 30)) .. "│" end
  end
  parts[#parts + 1] = rest
  local text = table.concat(parts, "  ")
  if columns and show.width(text) >= columns then
    local cut = utf8.offset(text, columns)
    if cut then text = text:sub(1, cut - 1) end
  end
  return text
end

--- Counts `n` more; `info` (a table of numbers or a text) is shown behind the rate.
function Bar:step(n, info)
  self.done = self.done + (n or 1)
  if info ~= nil then self.info = info end
  if self.quiet then return end
  local now = M.now()
  if now - self.drawn < self.interval then return end
  local out = current_sink()
  local columns = out.width()
  if columns then
    self.drawn = now
    out.draw(self:text(columns))
  end
end

--- Ends the bar with one line that stays.
function Bar:finish(info)
  if self.finished then return end
  self.finished = true
  if info ~= nil then self.info = info end
  if not self.quiet then
    local out = current_sink()
    out.line(self:text(nil))
  end
end

--- `for i in progress.range(n, { label = ... }) do` counts from 1 to n behind a bar.
function M.range(n, opts)
  opts = opts or {}
  opts.total = n
  local bar = M.new(opts)
  local i = 0
  return function()
    if i > 0 then bar:step(1) end
    i = i + 1
    if i > n then
      bar:finish()
      return nil
    end
    return i
  end, nil, nil, bar
end

return M
