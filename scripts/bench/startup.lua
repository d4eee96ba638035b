-- From the start of the program to the end, with the first result in between; and what that takes of memory.

local peer = require "peer"

local LUA <const> = [[local scion = require 'scion'; local t = (scion.ones(4, 4) + 1):sum():item();
for line in io.lines('/proc/self/status') do local kb = line:match('^VmHWM:%s*(%d+)') if kb then print(t, kb) end end]]
local PYTHON <const> = [[import torch; t = (torch.ones(4, 4) + 1).sum().item()
for line in open('/proc/self/status'):
    if line.startswith('VmHWM:'): print(t, line.split()[1])]]

-- Milliseconds and MB of one run.
local function measure(bench, line)
  local text, seconds = bench.process(line)
  local value, kb = text:match("(%S+)%s+(%S+)")
  if tonumber(value) ~= 32 then return nil end
  return 1000 * seconds, tonumber(kb) / 1024
end
local function ours(bench) return measure(bench, ("%s -e %s"):format(bench.program(), bench.quote(LUA:gsub("\n", " ")))) end
local function theirs(bench)
  if not peer.python() then return nil end
  return measure(bench, ("%s -c %s 2> /dev/null"):format(bench.quote(peer.python()), bench.quote(PYTHON)))
end

return { title = "start-up", rows = {
  { name = "start to first result", unit = "ms", measure = function(bench) return (ours(bench)) end,
    peer = { { "torch", function(bench) return (theirs(bench)) end } } },
  { name = "start to first result: peak memory", unit = "MB", measure = function(bench) return (select(2, ours(bench))) end,
    peer = { { "torch", function(bench) return (select(2, theirs(bench))) end } } },
} }
