-- The bench itself: choosing rows, taking turns with the peers, the table.

local scion = require "scion"
local show = require "scion.show"
local peer = require "peer"

local M = {}

local config

--- here: this folder; rounds, at most; budget: seconds of a row's rounds; seconds of a measurement; quick; cpu: measure processor time; peer: ask the peers too.
function M.configure(options) config = options end
--- What the rows may ask: quick, here.
function M.config() return config end

local function less_is_better(unit) return not unit:find("/s", 1, true) end
local SECONDS <const> = { s = 1, ms = 1e3, us = 1e6 }

-- ---- rows ------------------------------------------------------------------------------------------------------

local function all_rows()
  local list = {}
  for _, group in ipairs(require "list") do
    local g = require(group)
    for _, row in ipairs(g.rows) do
      row.group, row.id, row.title = group, group .. "/" .. row.name, g.title
      list[#list + 1] = row
    end
  end
  return list
end

--- Rows of the groups (or "group/part of a name") in `wanted`; nil: all.
function M.select(wanted)
  local rows = all_rows()
  if not wanted then return rows end
  local chosen, list = {}, {}
  for _, want in ipairs(wanted) do
    local found = false
    for _, row in ipairs(rows) do
      if row.group == want or row.id:find(want, 1, true) == 1 or (want:find("/", 1, true) and row.group == want:match("^[^/]*")
          and row.name:find(want:match("/(.*)$"), 1, true)) then
        chosen[row], found = true, true
      end
    end
    if not found then
      io.stderr:write(("bench: no row '%s' (--list shows them)\n"):format(want))
      os.exit(2, true)
    end
  end
  for _, row in ipairs(rows) do
    if chosen[row] then list[#list + 1] = row end
  end
  return list
end

-- ---- measuring our side ------------------------------------------------------------------------------------------

local function time(step, n)
  local clock = config.cpu and os.clock or scion.clock
  local start = clock()
  for _ = 1, n do step() end
  return clock() - start
end

-- A function that takes one measurement, in the row's unit, and the row's facts. The number of steps is found while warming up; a
-- step that is long by itself has had its warm-up when it has run once.
local function sampler(row)
  if row.measure then return function() return row.measure(M) end end
  local step, facts = row.setup(M)
  local n, took = 1, time(step, 1)
  if took < config.seconds then took = time(step, 1) end
  while took < config.seconds do
    n = took < config.seconds / 20 and n * 8 or math.max(n + 1, math.ceil(n * config.seconds / took * 1.05))
    took = time(step, n)
    if took >= 0.5 * config.seconds then break end
  end
  return function()
    local seconds = time(step, n) / n
    return SECONDS[row.unit] and seconds * SECONDS[row.unit] or (row.items or 1) / seconds, seconds
  end, facts
end

local function median(list)
  local s = table.move(list, 1, #list, 1, {})
  table.sort(s)
  local n = #s
  if n == 0 then return nil end
  return n % 2 == 1 and s[n // 2 + 1] or (s[n // 2] + s[n // 2 + 1]) / 2
end

-- ---- one row -------------------------------------------------------------------------------------------------------

-- Where rounds are dear, fewer are taken (config.budget: seconds of a row), and who was slower than the best peer by half in the first
-- round (by a quarter in the first step, where one takes more than a second) is not asked again: what it showed is kept.
local FAR <const>, FAR_LONG <const> = 1.5, 1.25

local function run_row(row, server)
  local result = { row = row, samples = {}, peers = {} }
  local ok, sample, facts = pcall(sampler, row)
  if not ok then error(("bench: %s: %s"):format(row.id, sample), 0) end
  if row.peer then
    for _, p in ipairs(config.peer and peer.python() and row.peer or {}) do
      result.peers[#result.peers + 1] = { label = p[1], samples = {}, take = function() return p[2](M) end }
    end
  elseif server then
    for _, p in ipairs(server:open(row, config.seconds)) do
      result.peers[#result.peers + 1] = { label = p.label, samples = {}, long = p.step and p.step > 1 and p.step,
        take = function() return server:sample(row, p.label) end }
    end
  end
  local function leave_out(seconds_of, far)
    local least = math.huge
    for _, p in ipairs(result.peers) do least = math.min(least, seconds_of(p) or math.huge) end
    for _, p in ipairs(result.peers) do p.far = p.far or (seconds_of(p) or 0) > far * least end
  end
  leave_out(function(p) return p.long end, FAR_LONG)
  for _, p in ipairs(result.peers) do
    if p.far then p.samples[1] = server.value(row, p.long) end
  end
  local start = scion.clock()
  local rounds = row.rounds and math.min(row.rounds, config.rounds) or config.rounds
  for round = 1, rounds do
    -- the order turns round, so that nobody is always first
    local turns = { function() result.samples[round] = sample() end }
    for _, p in ipairs(result.peers) do
      if not p.far then turns[#turns + 1] = function() p.samples[#p.samples + 1] = p.take() end end
    end
    for i = 1, #turns do turns[(i + round - 2) % #turns + 1]() end
    collectgarbage()
    local spent = scion.clock() - start
    if (round >= 2 and spent * (round + 1) / round > config.budget) or spent > 3 * config.budget then break end
    if round == 1 and not config.quick then
      leave_out(function(p)
        local v = p.samples[1]
        return v and (less_is_better(row.unit) and v or 1 / v)
      end, FAR)
    end
  end
  result.value = median(result.samples)
  for _, p in ipairs(result.peers) do
    p.value = median(p.samples)
    local better = less_is_better(row.unit) and function(a, b) return a < b end or function(a, b) return a > b end
    local kind = p.label:match("^[^,]+")
    local best = result[kind]
    if p.value and (not best or better(p.value, best.value)) then result[kind] = p end
    if p.value and (not result.best or better(p.value, result.best.value)) then result.best = p end
  end
  result.facts = facts and facts()
  if server and not row.peer then
    result.peer_facts = server:facts(row)
    server:close_row(row)
  end
  if row.cleanup then row.cleanup() end
  if result.best then
    result.ratio = less_is_better(row.unit) and result.best.value / result.value or result.value / result.best.value
  end
  if row.flops and not less_is_better(row.unit) then
    local f = type(row.flops) == "function" and row.flops() or row.flops
    result.gflops = f / (row.items or 1) * result.value * 1e-9
  end
  return result
end

-- ---- the machine's limits ---------------------------------------------------------------------------------------------

local function limits()
  local build = os.getenv("SCION_BUILD") or "build/release"
  local pipe = io.popen(("'%s/hosts/limits' %d 2>/dev/null"):format(build, scion.threads()))
  local one, all, copy_one, copy_all = (pipe and pipe:read("a") or ""):match("(%S+) (%S+) (%S+) (%S+)")
  if pipe then pipe:close() end
  if not one then return nil end
  return { gflops_one = tonumber(one), gflops_all = tonumber(all), copy_one = tonumber(copy_one), copy_all = tonumber(copy_all) }
end

-- ---- telling -----------------------------------------------------------------------------------------------------------

local function number(v)
  if v == nil then return "" end
  local digits = v >= 1000 and 0 or v >= 100 and 1 or v >= 10 and 2 or 3
  return (("%%.%df"):format(digits)):format(v)
end

--- Measures the rows, printing a line for each as it is done; returns what table and json show.
function M.run(rows)
  local begin = scion.clock()
  local out = { results = {}, limits = limits(), threads = scion.threads(), info = scion.info() }
  local server = config.peer and peer.start(config.here, scion.threads(), config)
  out.peer = server and server.about
  local width = 0
  for _, row in ipairs(rows) do width = math.max(width, #row.id) end
  for i, row in ipairs(rows) do
    local r = run_row(row, server or nil)
    out.results[i] = r
    local words = { ("%4.0f s %3d/%d  %-" .. width .. "s  scion %s %s"):format(scion.clock() - begin, i, #rows, row.id, number(r.value), row.unit) }
    for _, p in ipairs(r.peers) do
      if p.value then words[#words + 1] = ("%s %s"):format(p.label, number(p.value)) end
    end
    if r.ratio then words[#words + 1] = ("ratio %.2f"):format(r.ratio) end
    print(table.concat(words, "; "))
    io.stdout:flush()
  end
  if server then server:stop() end
  out.seconds = scion.clock() - begin
  return out
end

--- The table, with what it was measured on above it and what is worth knowing below.
function M.table(run)
  local lines, notes = {}, {}
  lines[#lines + 1] = ("scion %s, %s, BLAS %s, %d threads; medians of up to %d rounds in turn of at least %g s%s"):format(run.info.version, run.info.isa,
    run.info.blas, run.threads, config.rounds, config.seconds, config.cpu and " of processor time" or "")
  lines[#lines] = lines[#lines] .. ("; %.0f s in all"):format(run.seconds)
  lines[#lines + 1] = run.peer and ("peers: " .. run.peer)
    or config.peer and "no peer: set SCION_PEER_PYTHON to a Python with PyTorch, ONNX Runtime, scikit-learn" or "no peer asked"
  if run.limits then
    lines[#lines + 1] = ("limits measured here: %.0f GFLOP/s of fused multiply-adds on one core, %.0f on %d; copies at %.1f and %.1f GB/s"):format(
      run.limits.gflops_one, run.limits.gflops_all, run.threads, run.limits.copy_one, run.limits.copy_all)
  end
  local cells, group = {}, nil
  for _, r in ipairs(run.results) do
    if group and group ~= r.row.group then cells[#cells + 1] = "-" end
    group = r.row.group
    local other
    for _, p in ipairs(r.peers) do
      local kind = p.label:match("^[^,]+")
      if kind ~= "torch" and r[kind] == p and (not other or r.best == p) then other = p end
    end
    cells[#cells + 1] = {
      r.row.name, r.row.unit, number(r.value), r.torch and number(r.torch.value) or "", other and number(other.value) .. " " .. other.label or "",
      r.gflops and run.limits and ("%.0f %%"):format(100 * r.gflops / run.limits.gflops_all) or "",
      r.ratio and ("%.2f"):format(r.ratio) or "",
    }
    if r.torch and r.torch.label ~= "torch" then notes[#notes + 1] = ("%s: PyTorch is %s"):format(r.row.name, r.torch.label:gsub("^torch, ", "")) end
    if r.facts then notes[#notes + 1] = ("%s: %s%s"):format(r.row.name, r.facts, r.peer_facts and "; " .. r.peer_facts or "") end
  end
  local right = function(title) return { title = title, align = "right" } end
  lines[#lines + 1] = show.table({ { title = "row", align = "left" }, "unit", right "scion", right "PyTorch", right "other", right "of peak", right "ratio" }, cells)
  lines[#lines + 1] = "ratio: how many times better than the best peer (above 1: scion is faster, or smaller); of peak: operations of the direct method, so\n"
    .. "that a way with fewer multiplications may pass 100 %"
  for _, note in ipairs(notes) do lines[#lines + 1] = note end
  return table.concat(lines, "\n")
end

--- Everything measured, as plain data.
function M.json(run)
  local rows = {}
  for i, r in ipairs(run.results) do
    local peers = {}
    for k, p in ipairs(r.peers) do peers[k] = { label = p.label, median = p.value, samples = p.samples } end
    rows[i] = { row = r.row.id, unit = r.row.unit, median = r.value, samples = r.samples, peers = peers, ratio = r.ratio, gflops = r.gflops,
      facts = r.facts, peer_facts = r.peer_facts }
  end
  return { scion = run.info, threads = run.threads, peers = run.peer, limits = run.limits, rows = rows }
end

-- ---- processes of their own ----------------------------------------------------------------------------------------------

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
M.quote = quote

--- Runs a command line; returns its output and the seconds it took from start to end.
function M.process(line)
  local start = scion.clock()
  local pipe <close> = assert(io.popen(line, "r"))
  local text = pipe:read("a")
  pipe:close()
  return text, scion.clock() - start
end

--- The peak resident memory of this process in MB, as Linux tells it.
function M.peak_memory()
  for line in io.lines("/proc/self/status") do
    local kb = line:match("^VmHWM:%s*(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
end

--- This program, for command lines.
function M.program() return quote((os.getenv("SCION_BUILD") or "build/release") .. "/scion") end

--- A row that tells the peak memory of a fresh process doing another row's work twice. peers: the labels of its peers.
function M.memory_row(group, name, peers)
  local id = group .. "/" .. name
  local function peak(line)
    return tonumber((M.process(line):match("peak (%S+)")))
  end
  local list = {}
  for i, label in ipairs(peers) do
    list[i] = { label, function() return peer.python() and peak(peer.once_command(config.here, scion.threads(), group, name, label)) end }
  end
  return { name = name .. ": peak memory", unit = "MB", rounds = 1, peer = list, measure = function()
    return peak(("%s %s/run.lua --once %s"):format(M.program(), quote(config.here), quote(id)))
  end }
end

--- Does a row's work twice and prints the peak memory of this process.
function M.once(id)
  local row = M.select { id }[1]
  local step = row.setup(M)
  step()
  step()
  print(("peak %.2f"):format(M.peak_memory()))
end

return M
