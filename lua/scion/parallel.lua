-- scion.parallel: a function over a list on several threads, each with a Lua state and a context of its own.
--
--   local squares = scion.parallel.map(function(t) return t:square() end, { a, b, c })
--
-- The function is one of a module (scion.metrics.accuracy), or one without upvalues; it sees a fresh state: globals, `require`, scion. Plain data and
-- tensors cross, as copies. Results come back in the order of the items, and the random numbers of an item depend on its place and
-- on the caller's random state alone: the number of workers changes nothing.

local scion = require "scion"
local check = require "scion.check"

local M = {}

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The name under which a module holds the function (or, from another loading of the module, the one from the same line of its file), or nil.
local function name_in(module, fn)
  local info = debug.getinfo(fn, "S")
  for _, name in ipairs(sorted_names(module)) do
    local value = rawget(module, name)
    if rawequal(value, fn) then return name end
    if type(value) == "function" and info.what == "Lua" then
      local other = debug.getinfo(value, "S")
      if other.source == info.source and other.linedefined == info.linedefined then return name end
    end
  end
end

-- "module", "name" of a function that a loaded module holds, or nil. scion's own modules are found by their files, too.
local function module_of(fn)
  local own = debug.getinfo(fn, "S").source:match("^@.*(scion/[%w_/]+)%.lua$")
  if own then
    local module = own:gsub("/init$", ""):gsub("/", ".")
    local ok, value = pcall(require, module)
    local name = ok and type(value) == "table" and name_in(value, fn)
    if name then return module, name end
  end
  for _, module in ipairs(sorted_names(package.loaded)) do
    local value = package.loaded[module]
    local name = module ~= "_G" and type(value) == "table" and name_in(value, fn)
    if name then return module, name end
  end
end

local function code_of(fn)
  local module, name = module_of(fn)
  if module then return { module, name } end
  for i = 1, math.huge do
    local upvalue = debug.getupvalue(fn, i)
    if not upvalue then break end
    if upvalue ~= "_ENV" then
      error(("parallel.map: the function uses the local '%s' from outside; put what it needs into the items, or the function into a module"):format(upvalue), 3)
    end
  end
  local ok, code = pcall(string.dump, fn)
  if not ok then error("parallel.map: a function written in C must belong to a module", 3) end
  return code
end

local pool

--- Closes the worker states that map keeps for its next call.
function M.close()
  if pool then pool:close() end
  pool = nil
end

local OPTS <const> = { workers = check.integer { min = 1, max = 256 } }

--- fn(item) for every item of a list, on worker threads; a list of results. An error in fn is raised with the item's number. opts: workers
--- (default: the context's threads).
---@param fn function
---@param items any[]
---@param opts? { workers?: integer }
---@return any[]
function M.map(fn, items, opts)
  opts = check.opts("parallel.map", opts, OPTS)
  check.arg("parallel.map", "fn", fn, check.func { required = true })
  check.arg("parallel.map", "items", items, check.list { required = true })
  local code = code_of(fn)
  if #items == 0 then return {} end
  local workers = opts.workers or scion.threads()
  if pool and pool:size() ~= workers then M.close() end
  pool = pool or scion._parallel_pool(workers)
  -- random numbers: a stream an item, further on with every call
  local seed, counter = scion.rng_state()
  scion.rng_state(seed, counter + 1)
  local keys = {}
  for i = 1, #items do
    local key = seed * 0x9E3779B97F4A7C15 ~ (counter + 1) * 0xC2B2AE3D27D4EB4F ~ i * 0x165667B19E3779F9
    keys[i] = key & math.maxinteger
  end
  return pool:map(code, items, keys)
end

return M
