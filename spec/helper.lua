-- What specs share. busted runs this file once before all specs; `local helper = require "spec.helper"` gives
-- its functions.
--
--   assert.allclose(actual, expected, { rtol = 1e-5, atol = 1e-7 })    tensors, numbers, nested tables
--   helper.data "models/imagenet"            path below SCION_DATA, or the spec becomes pending
--   helper.tmpdir()                          a directory that is gone after the specs
--   helper.run { "scion", "-e", "print(1)" } runs a program, gives code, out, err
--   helper.gradcheck(f, { x, y })            gradients against finite differences in f64
--   helper.typed { "x = 1\r", "\t" }         what the prompt answers on a terminal

local assert = require "luassert"
local say = require "say"

local M = {}

local function scion() return require "scion" end

-- busted forgets after every file which modules it loaded; ours hang in `scion` all the same, so they are loaded before the first.
for _, name in ipairs(scion().sources()) do
  if name:find "^scion%." and name ~= "scion.repl" then require(name) end
end

--- Directory of what was built: build/release, build/asan, ...
M.build = os.getenv("SCION_BUILD") or "build/release"
M.program = M.build .. "/scion"
M.sanitized = M.build:find("san$") ~= nil

-- ---- numbers ---------------------------------------------------------------------------------------

local function shape_text(t) return "(" .. table.concat(t.shape, ", ") .. ")" end

-- Nested numbers as flat lists with the path of each.
local function flatten(value, path, out, where)
  if scion().is_tensor(value) then value = value:tolist() end
  if type(value) == "table" then
    for i, item in ipairs(value) do flatten(item, ("%s[%d]"):format(path, i), out, where) end
    return
  end
  if value == true then value = 1 elseif value == false then value = 0 end
  out[#out + 1] = value
  where[#where + 1] = path
end

local function close(a, b, rtol, atol)
  if a == b then return true end
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  return math.abs(a - b) <= atol + rtol * math.abs(b)
end

--- Are all numbers of `actual` within atol + rtol * |expected|? Returns true, or false and what differs most.
function M.compare(actual, expected, opts)
  opts = opts or {}
  local rtol, atol = opts.rtol or 1e-5, opts.atol or 1e-7
  local is_tensor = scion().is_tensor
  if is_tensor(actual) and is_tensor(expected) and shape_text(actual) ~= shape_text(expected) then
    return false, ("shapes differ: %s, expected %s"):format(shape_text(actual), shape_text(expected))
  end
  local a, b, where = {}, {}, {}
  flatten(actual, "", a, where)
  flatten(expected, "", b, {})
  if #a ~= #b then return false, ("%d numbers, expected %d"):format(#a, #b) end
  local wrong, worst, worst_excess = 0, nil, -1
  for i = 1, #a do
    if type(a[i]) ~= "number" or type(b[i]) ~= "number" then
      return false, ("%s is a %s, expected a %s"):format(where[i], type(a[i]), type(b[i]))
    end
    if not close(a[i], b[i], rtol, atol) then
      wrong = wrong + 1
      local excess = math.abs(a[i] - b[i]) / (atol + rtol * math.abs(b[i]))
      if excess ~= excess then excess = math.huge end
      if excess > worst_excess then worst, worst_excess = i, excess end
    end
  end
  if wrong == 0 then return true end
  worst = worst or 1
  return false, ("%d of %d numbers differ (rtol %g, atol %g); worst at %s: %.9g, expected %.9g"):format(wrong, #a, rtol, atol,
    where[worst] == "" and "the value" or where[worst], a[worst], b[worst])
end

local function allclose(state, arguments)
  local ok, message = M.compare(arguments[1], arguments[2], arguments[3])
  if state.mod == ok then return true end
  state.failure_message = message or "all numbers are close"
  return false
end
say:set("assertion.allclose.positive", "Numbers are not close:\n%s\nexpected:\n%s")
say:set("assertion.allclose.negative", "Numbers are close:\n%s\nand:\n%s")
assert:register("assertion", "allclose", allclose, "assertion.allclose.positive", "assertion.allclose.negative")

--- The gradient of the scalar function f at x (f64) by central differences, of x's shape.
function M.numeric_grad(f, x, eps)
  eps = eps or 1e-6
  local grad = scion().zeros(x.shape, { dtype = "f64" })
  local flat, out = x:detach():clone():reshape(-1), grad:reshape(-1)
  local function value() return scion().no_grad(function() return f(flat:reshape(x.shape)):item() end) end
  for i = 1, #flat do
    local old = flat[i]
    flat[i] = old + eps
    local high = value()
    flat[i] = old - eps
    local low = value()
    flat[i] = old
    out[i] = (high - low) / (2 * eps)
  end
  return grad
end

--- Asserts that the gradients of f(...) agree with finite differences. inputs: f64 tensors; f gives any tensor.
function M.gradcheck(f, inputs, opts)
  opts = opts or {}
  local leaves = {}
  for i, x in ipairs(inputs) do leaves[i] = x:detach():clone():requires_grad_() end
  local y = f(table.unpack(leaves))
  local weights = scion().randn(y.shape, { dtype = "f64" })
  local grads = scion().grad((y * weights):sum(), leaves, { allow_unused = true })
  for i, leaf in ipairs(leaves) do
    local expected = M.numeric_grad(function(x)
      local arguments = table.move(leaves, 1, #leaves, 1, {})
      arguments[i] = x
      return (f(table.unpack(arguments)) * weights):sum()
    end, leaf, opts.eps)
    assert.allclose(grads[i] or scion().zeros(leaf.shape, { dtype = "f64" }), expected, { rtol = opts.rtol or 1e-5, atol = opts.atol or 1e-7 })
  end
end

-- ---- files -------------------------------------------------------------------------------------------

local function exists(path)
  local file = io.open(path, "r")
  if file then file:close() end
  return file ~= nil
end
M.exists = exists

--- Where a data file or directory lies, or nil: below SCION_DATA, else below ../shared/data.
function M.find_data(path)
  local root = os.getenv("SCION_DATA") or "../shared/data"
  local full = path == "" and root or root .. "/" .. path
  return exists(full) and full or nil
end

--- The same for specs: one that needs absent data is pending.
function M.data(path)
  local full = M.find_data(path)
  if full then return full end
  -- busted's `pending` that ends a test lives in the environment of the test's function alone
  for level = 2, 50 do
    local frame = debug.getinfo(level, "f")
    if not frame then break end
    for i = 1, 250 do
      local name, env = debug.getupvalue(frame.func, i)
      if not name then break end
      if name == "_ENV" and env.pending and env.finally then env.pending("needs " .. path .. " below SCION_DATA") end
    end
  end
  error("helper.data is for the body of a test", 2)
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end
M.quote = quote

-- Directories to remove when this instance of the module goes, at the latest with the process.
local directories = setmetatable({}, { __gc = function(self)
  for _, path in ipairs(self) do os.execute("rm -rf " .. quote(path)) end
end })

--- A new directory, removed after the specs of the file.
function M.tmpdir()
  local pipe = assert(io.popen("mktemp -d"))
  local path = pipe:read("l")
  pipe:close()
  directories[#directories + 1] = path
  return path
end

function M.write_file(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
  return path
end

function M.read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

-- ---- programs ------------------------------------------------------------------------------------------

--- Runs a command: a list of words ("scion" is the program under test) or a shell line. opts: env (name ->
--- value), stdin (text). Returns { code, out, err }.
function M.run(command, opts)
  opts = opts or {}
  local words = {}
  for name, value in pairs(opts.env or {}) do words[#words + 1] = name .. "=" .. quote(value) end
  if #words > 0 then table.insert(words, 1, "env") end
  if type(command) == "table" then
    for i, word in ipairs(command) do words[#words + 1] = quote(i == 1 and word == "scion" and M.program or word) end
  else
    if #words > 0 then words[#words + 1] = "sh -c " .. quote(command) else words[1] = "sh -c " .. quote(command) end
  end
  local names = { os.tmpname(), os.tmpname(), os.tmpname() }
  M.write_file(names[1], opts.stdin or "")
  local line = ("%s < %s > %s 2> %s"):format(table.concat(words, " "), names[1], names[2], names[3])
  local _, why, code = os.execute(line)
  local result = { code = why == "exit" and code or 128 + code, out = M.read_file(names[2]), err = M.read_file(names[3]) }
  for _, name in ipairs(names) do os.remove(name) end
  return result
end

--- Runs Lua code in a fresh process; fails the spec unless it succeeds; gives what it printed.
function M.lua(code, opts)
  local result = M.run({ "scion", "-e", code }, opts)
  if result.code ~= 0 then error(("exit code %d: %s%s"):format(result.code, result.out, result.err), 2) end
  return result.out
end

-- One try of M.typed: what appeared, what it waited for in vain, the exit code.
local function type_once(keys, opts)
  local fifo = os.tmpname()
  os.remove(fifo)
  assert(os.execute("mkfifo " .. quote(fifo)))
  local pipe = assert(io.popen(("env %s TERM=%s timeout --foreground -k 2 15 script -qefc %s /dev/null < %s"):format(opts.env or "", opts.term or "vt100",
    quote(opts.command or M.program), quote(fifo)), "r"))
  local input = assert(io.open(fifo, "w"))
  local seen, from = {}, 1
  local function plain(text) return (text:gsub("\27%[[%d;?]*[%a]", ""):gsub("\27[%(%)]%a", ""):gsub("\r", "")) end
  local function wait_for(text)
    while true do
      local all = plain(table.concat(seen))
      local _, stop = all:find(text, from, true)
      if stop then
        from = stop + 1
        return true
      end
      local byte = pipe:read(1)
      if not byte then return false end
      seen[#seen + 1] = byte
    end
  end
  local missing
  for _, key in ipairs(keys) do
    -- A prompt stands on a line of its own: libedit may draw a line again, prompt and all.
    local awaited, text = "\n> ", key
    if type(key) == "table" then awaited, text = key[1], key[2] end
    if not wait_for(awaited) then
      missing = awaited
      break
    end
    input:write(text)
    input:flush()
  end
  seen[#seen + 1] = pipe:read("a")
  input:close()
  local _, _, code = pipe:close()
  os.remove(fifo)
  local all = table.concat(seen)
  return opts.raw and all or plain(all), missing, code
end

--- Types at the prompt on a pseudo-terminal: `keys` is a list of texts, each sent when the prompt has come, or of { what to
--- wait for, text }. Returns everything that appeared, without colours and cursor movements (opts.raw: as
--- it came). opts: env (assignments), command.
-- A key that comes while libedit goes from looking for signals to reading is lost; nobody types that fast. Such a run ends
-- by the clock (exit code 124, or 137 when it has to be killed) and is done again.
function M.typed(keys, opts)
  local text, missing, code
  for _ = 1, 3 do
    text, missing, code = type_once(keys, opts or {})
    if code ~= 124 and code ~= 137 then break end
  end
  if missing or code == 124 or code == 137 then error(("the program ended before '%s' appeared:\n%s"):format(missing or "its end", text), 2) end
  return text
end

return M
