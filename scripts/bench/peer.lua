-- The other side: a Python process that loads the peers and measures on demand (peer.py). Requests go to its standard input,
-- one JSON text a line; answers come back through a named pipe.

local scion = require "scion"

local M = {}
local Server = {}
Server.__index = Server

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local found
--- The Python with peers, or nil: SCION_PEER_PYTHON, else python3.
function M.python()
  if found == nil then
    local name = os.getenv("SCION_PEER_PYTHON") or "python3"
    found = os.execute(("command -v %s > /dev/null 2>&1"):format(quote(name))) and name or false
  end
  return found or nil
end

local function command(here, threads, config)
  config = config or {}
  return ("OMP_NUM_THREADS=%d PYTHONDONTWRITEBYTECODE=1 %s %s/peer.py --threads %d%s%s"):format(threads, quote(M.python()), quote(here), threads,
    config.quick and " --quick" or "", config.cpu and " --cpu" or "")
end

--- A command line that does a row's work twice in a fresh process and prints its peak memory.
function M.once_command(here, threads, group, name, label)
  return ("%s --once %s %s %s 2> /dev/null"):format(command(here, threads), quote(group), quote(name), quote(label))
end

--- Starts the process (config: quick, cpu, as on our side); nil when there is no Python or nothing to measure in it.
function M.start(here, threads, config)
  if not M.python() then return nil end
  local pipe = os.tmpname()
  os.remove(pipe)
  if not os.execute("mkfifo " .. quote(pipe)) then return nil end
  local to = io.popen(("%s --answers %s"):format(command(here, threads, config), quote(pipe)), "w")
  local from = io.open(pipe, "r")
  os.remove(pipe)
  local server = setmetatable({ to = to, from = from }, Server)
  local hello = server:ask { op = "hello" }
  server.about = hello and hello.about
  if not server.about then
    server:stop()
    return nil
  end
  return server
end

function Server:ask(request)
  self.to:write(scion.json.encode(request), "\n")
  self.to:flush()
  local line = self.from:read("l")
  if not line then return nil end
  local answer = scion.json.decode(line)
  if answer.error then
    io.stderr:write(("bench: peer: %s\n"):format(answer.error))
    return nil
  end
  return answer
end

--- Prepares a row and warms it up; returns who can do it: list of { label =, step = seconds of one step }.
function Server:open(row, seconds)
  local answer = self:ask { op = "open", group = row.group, row = row.name, seconds = seconds, arguments = row.arguments }
  local list = {}
  for i, label in ipairs(answer and answer.labels or {}) do list[i] = { label = label, step = answer.seconds and answer.seconds[i] } end
  return list
end

--- Seconds of one step in the row's unit.
function Server.value(row, seconds)
  local scale = ({ s = 1, ms = 1e3, us = 1e6 })[row.unit]
  return scale and seconds * scale or (row.items or 1) / seconds
end

--- One measurement in the row's unit, nil when it failed.
function Server:sample(row, label)
  local answer = self:ask { op = "sample", label = label }
  return answer and self.value(row, answer.seconds)
end

--- What the peers have to say about the row's results, or nil.
function Server:facts()
  local answer = self:ask { op = "facts" }
  return answer and answer.text ~= "" and answer.text or nil
end

function Server:close_row() self:ask { op = "close" } end

function Server:stop()
  self.to:close()
  if self.from then self.from:close() end
end

return M
