-- Every public function and method outside the registry of ops, called with nonsense: it must work or raise an error of
-- its own words. What Lua says by itself when a value of the wrong kind reaches the middle of a function ("attempt to
-- index a nil value") counts as a failure, as does a crash. The registry's own ops: spec/ops/arguments_spec.lua.
local scion = require "scion"

local NOT_WORDS <const> = { "attempt to ", "stack overflow", "invalid order function",
  "number has no integer representation$", "'for' ", "invalid value %(at index" }
-- Functions that end the process, run for long by design, or are no part of a user's program.
local SKIP <const> = { ["scion.cli.parse"] = true, ["scion.testing"] = true, ["scion.repl"] = true, ["scion.help"] = true,
  ["scion.data.fashion_mnist"] = true, ["scion.data.mnist"] = true, ["scion.data.cifar10"] = true } -- these three read all their data each time

local function garbage()
  local closed = scion.zeros(1)
  getmetatable(closed).__close(closed)
  return { n = 19, nil, true, false, 0, -1, 1.5, 0 / 0, "no/such/place", "", {}, { no_such_option = 1 }, { 1, 2 }, { {} }, { "a" }, function(...) return ... end,
    coroutine.create(print), scion.zeros(2, 2), scion.zeros(0), closed }
end

-- Words that name an option or argument, once per class of message.
local function foreign(message)
  message = tostring(message)
  for _, pattern in ipairs(NOT_WORDS) do
    if message:find(pattern) then return message:match("^[^\n]*") end
  end
end

local complaints
local tell = require("scion.check").describe

local function try(name, f, how, ...)
  local ok, message = pcall(f, ...)
  local meta = ok and getmetatable(message) -- guards and loaders are closed again
  if type(meta) == "table" and meta.__close and not scion.is_tensor(message) then meta.__close(message) end
  local found = not ok and foreign(message)
  if found then complaints[#complaints + 1] = ("%s(%s): %s"):format(name, how, found) end
end

-- Calls make() for a first argument each time, or none for functions.
local function sweep(name, f, make)
  local list = garbage()
  local function first() if make then return make() end end
  try(name, f, "", first())
  for i = 1, list.n do
    local text = tell(list[i])
    if make then try(name, f, text, first(), list[i]) else try(name, f, text, list[i]) end
    for _, j in ipairs { 1, 5, 8, 10, 11, 16, 17 } do
      text = tell(list[i]) .. ", " .. tell(list[j])
      if make then try(name, f, text, first(), list[i], list[j]) else try(name, f, text, list[i], list[j]) end
    end
  end
end

-- Methods that the library itself calls.
local INTERNAL <const> = { init = true, new = true, restore = true, column_scaling = true }
local OPS <const> = {}
for _, name in ipairs(scion.op_names()) do OPS[name] = true end

local function is_callable(v)
  return type(v) == "function" or (type(v) == "table" and getmetatable(v) ~= nil and type(getmetatable(v).__call) == "function" and v.class_name ~= nil)
end

local function sorted(t)
  local names = {}
  for name in pairs(t) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Methods of an object: its class's functions, its ancestors' too, without private ones.
local function methods_of(object)
  local found, seen, at = {}, {}, getmetatable(object)
  local function take(t)
    if type(t) ~= "table" or seen[t] then return end
    seen[t] = true
    for name, f in pairs(t) do
      if type(name) == "string" and type(f) == "function" and not name:find("^_") and not found[name] then found[name] = f end
    end
    take(rawget(t, "super"))
    local meta = getmetatable(t)
    if meta and type(meta.__index) == "table" then take(meta.__index) end
  end
  take(at)
  if type(at.__index) == "table" then take(at.__index) end
  take(rawget(at, "methods"))
  return found
end

local function report()
  collectgarbage()
  assert(#complaints == 0, ("%d complaints:\n  %s"):format(#complaints, table.concat(complaints, "\n  ", 1, math.min(#complaints, 60))))
end

describe("nonsense as arguments", function()
  local nn, data, optim = scion.nn, scion.data, scion.optim
  before_each(function() complaints = {} end)

  local MODULES <const> = { scion = scion, nn = nn, ["nn.init"] = nn.init, optim = optim, data = data, ["data.rng"] = data.rng, metrics = scion.metrics,
    plot = scion.plot, io = scion.io,
    schedule = optim.schedule, json = require "scion.json", cli = scion.cli }
  for _, module in ipairs(sorted(MODULES)) do
    local t = MODULES[module]
    if type(t) == "table" then
      it(("to the functions of %s raise errors that explain"):format(module), function()
        local threads, seed = scion.threads(), table.pack(scion.rng_state())
        for _, name in ipairs(sorted(t)) do
          local f, full = t[name], module == "scion" and "scion." .. name or ("scion.%s.%s"):format(module, name)
          if is_callable(f) and not SKIP[full] and not (module == "scion" and OPS[name]) and not name:find("^_") and name ~= "super" then
            sweep(full, f)
          end
        end
        -- directories made of the nonsense
        for _, path in ipairs { "0", "-1", "1.5", tostring(0 / 0), "no/such/place", "no/such", "no" } do os.remove(path) end
        scion.threads(threads)
        scion.rng_state(seed[1], seed[2])
        scion.memory_limit(64 << 20)
        report()
      end)
    end
  end

  local function net() return nn.Sequential { nn.Linear(3, 4, { name = "fc1" }), nn.ReLU { name = "relu" }, nn.Linear(4, 2, { name = "fc2" }) } end
  local function few() return data.tensors { x = scion.ones(6, 3), ids = scion.tensor({ 1, 2, 1, 2, 1, 2 }, "i64"), classes = { "a", "b" }, batch_size = 2 } end
  local function adam() return optim.Adam({ scion.zeros(2, { requires_grad = true }) }, { lr = 0.1 }) end
  local OBJECTS <const> = {
    net = net, iterator = few, optimizer = adam, dataset = function() return few().dataset end,
    lr_repurposer = function() return scion.LrRepurposer { source_model = net(), feature_layer_names = { "relu" } } end,
    fine_tune_repurposer = function() return scion.NeuralNetworkFineTuneRepurposer { source_model = net(), transfer_layer_name = "relu" } end,
    random_freeze_repurposer = function()
      return scion.NeuralNetworkRandomFreezeRepurposer { source_model = net(), target_class_count = 2, fixed_layers = {}, random_layers = { "fc2" } }
    end,
    step_schedule = function() return optim.StepLR and optim.StepLR(adam(), { step_size = 1 }) or optim.schedule.StepLR(adam(), { step_size = 1 }) end,
    tensor = function() return scion.ones(2, 3) end,
  }
  for _, kind in ipairs(sorted(OBJECTS)) do
    it(("to the methods of a %s raise errors that explain"):format(kind), function()
      local make = OBJECTS[kind]
      local made, object = pcall(make)
      assert(made, object)
      local methods = methods_of(object)
      for _, name in ipairs(sorted(methods)) do
        if not (kind == "tensor" and (OPS[name] or OPS[name:gsub("_$", "")])) and not INTERNAL[name] then
          sweep(kind .. ":" .. name, methods[name], make)
        end
      end
      report()
    end)
  end
end)
