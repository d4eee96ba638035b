-- Checkpoints of training runs: everything that the rest of the run depends on (weights, buffers, optimiser, EMA, random
-- state, iterator state, early stopping with its best weights, sums of the running epoch, history), so that a run that is
-- resumed continues bit for bit. A checkpoint is a safetensors file; what is no tensor is JSON in its metadata.

local check = require "scion.check"
local json = require "scion.json"

local M = {}

local FORMAT <const> = 1

local function scion() return require "scion" end

--- Copies of a net's parameters and buffers by name.
function M.snapshot(net)
  local copy = {}
  for _, entry in ipairs(net:entries()) do
    if entry.kind ~= "const" then copy[entry.name] = entry.tensor:detach():clone() end
  end
  return copy
end

--- Writes a snapshot back into the net's own tensors.
function M.restore(net, snapshot)
  scion().no_grad(function()
    for _, entry in ipairs(net:entries()) do
      local saved = snapshot[entry.name]
      if saved then
        entry.tensor:copy_(saved)
      elseif entry.kind ~= "const" then
        error(("checkpoint: it has no tensor for '%s'"):format(entry.name), 0)
      end
    end
  end)
end

-- Numbers that JSON cannot hold (NaN, infinities) and 64-bit words go as texts.
local function pack_numbers(t)
  local out = {}
  for key, value in pairs(t) do
    if type(value) == "table" then
      out[key] = pack_numbers(value)
    elseif type(value) == "number" then
      out[key] = math.type(value) == "integer" and ("i%d"):format(value) or ("%a"):format(value)
    else
      out[key] = value
    end
  end
  return out
end

local function unpack_numbers(t)
  local out = {}
  for key, value in pairs(t) do
    if type(value) == "table" then
      out[key] = unpack_numbers(value)
    elseif type(value) == "string" and value:match("^i%-?%d+$") then
      out[key] = math.tointeger(tonumber(value:sub(2)))
    elseif type(value) == "string" then
      out[key] = value:find("nan") and 0 / 0 or value == "inf" and math.huge or value == "-inf" and -math.huge or tonumber(value) or value
    else
      out[key] = value
    end
  end
  return out
end

-- The state of an optimiser or EMA: a table of numbers, texts, tensors and such tables. Tensors go to `tensors` under their path.
local function flatten(value, path, tensors)
  if type(value) == "userdata" then
    tensors[path] = value
    return { tensor = path }
  end
  if type(value) ~= "table" then return { value = value } end
  local fields = {}
  for key, item in pairs(value) do
    local name = math.type(key) == "integer" and ("#%d"):format(key) or tostring(key)
    fields[name] = flatten(item, path .. "." .. name, tensors)
  end
  return { fields = fields }
end

local function unflatten(node, tensors)
  if node.tensor then return tensors[node.tensor] end
  if not node.fields then return node.value end
  local out = {}
  for name, item in pairs(node.fields) do
    local index = name:match("^#(%-?%d+)$")
    out[index and math.tointeger(tonumber(index)) or name] = unflatten(item, tensors)
  end
  return out
end

--- Writes a table of numbers, texts, booleans, tensors and such tables to one file; read_state gives it back bit for bit.
function M.write_state(path, state)
  local tensors = {}
  local structure = json.encode(pack_numbers(flatten(state, "state", tensors)))
  scion().io.save_safetensors(path, tensors, { scion_state = structure, format = ("%d"):format(FORMAT) })
end

--- What write_state wrote.
function M.read_state(path)
  local tensors, metadata = scion().io.read_safetensors(path)
  if not metadata or not metadata.scion_state then error(("%s is not a checkpoint"):format(path), 0) end
  if metadata.format ~= ("%d"):format(FORMAT) then
    error(("%s is a checkpoint of format %s, this version reads %d"):format(path, tostring(metadata.format), FORMAT), 0)
  end
  return unflatten(unpack_numbers(json.decode(metadata.scion_state)), tensors)
end

--- Writes a run (see trainer.lua).
function M.save(run, path)
  local s = scion()
  local tensors = {}
  for _, entry in ipairs(run.net:entries()) do
    if entry.kind ~= "const" then tensors["net." .. entry.name] = entry.tensor:detach() end
  end
  local early = run.early
  if early and early.weights then
    for name, tensor in pairs(early.weights) do tensors["best." .. name] = tensor end
  end
  local sums = {}
  for i, metric in ipairs(run.metrics) do sums[i] = { n = metric.sums.n, total = metric.sums.total } end
  local seed, counter = s.rng_state()
  local state = {
    format = FORMAT, epoch = run.epoch, batch = run.batch, step = run.step, gathered = run.gathered,
    rng = { seed, counter }, sums = run.sums, metric_sums = json.array(sums), base_lr = run.base_lr,
    iterator = type(run.data) == "table" and run.data.get_state and run.data:get_state() or nil,
    history = json.array(run.history.epochs),
    early = early and { best = early.best, best_epoch = early.best_epoch, waited = early.waited } or nil,
  }
  local metadata = {
    scion_checkpoint = json.encode(pack_numbers(state)),
    optimiser = json.encode(pack_numbers(flatten(run.optimiser:state_dict(), "optim", tensors))),
  }
  if run.scheduler then
    metadata.scheduler = json.encode(pack_numbers(flatten(run.scheduler:state_dict(), "scheduler", tensors)))
  end
  if run.ema then metadata.ema = json.encode(pack_numbers(flatten(run.ema:state_dict(), "ema", tensors))) end
  s.io.save_safetensors(path, tensors, metadata)
end

--- Raises unless tensors that were saved (name -> tensor) are those asked for, in name and shape: nothing is changed by a checkpoint of
--- something else. `what` begins the message: "fit: run.st is a checkpoint of another net".
function M.check_fit(what, name, here, saved)
  if not saved then check.raise("%s: it has no '%s'", what, name) end
  local mine, there = table.concat(here.shape, ", "), table.concat(saved.shape, ", ")
  if mine ~= there then check.raise("%s: '%s' is (%s) there and (%s) here", what, name, there, mine) end
end

--- The same for all weights of a net.
function M.check_weights(what, net, weights)
  for _, entry in ipairs(net:entries()) do
    if entry.kind ~= "const" then M.check_fit(what, entry.name, entry.tensor, weights[entry.name]) end
  end
end

--- Puts a run back to where it was when the file was written.
function M.load(run, path)
  local s = scion()
  local found, tensors, metadata = pcall(s.io.read_safetensors, path)
  if not found then check.raise("fit: resume: %s", tensors) end
  if not metadata or not metadata.scion_checkpoint then check.raise("fit: %s is not a checkpoint", path) end
  local state = unpack_numbers(json.decode(metadata.scion_checkpoint))
  if state.format ~= FORMAT then
    check.raise("fit: %s is a checkpoint of format %s, this version reads %d", path, tostring(state.format), FORMAT)
  end
  local weights, best = {}, nil
  for name, tensor in pairs(tensors) do
    local mine = name:match("^net%.(.*)$")
    if mine then weights[mine] = tensor end
    local kept = name:match("^best%.(.*)$")
    if kept then
      best = best or {}
      best[kept] = tensor
    end
  end
  if run.ema and not metadata.ema then check.raise("fit: %s holds no averaged weights (ema)", path) end
  M.check_weights(("fit: %s is a checkpoint of another net"):format(path), run.net, weights)
  M.restore(run.net, weights)
  run.optimiser:load_state_dict(unflatten(unpack_numbers(json.decode(metadata.optimiser)), tensors))
  if run.scheduler and metadata.scheduler then
    run.scheduler:load_state_dict(unflatten(unpack_numbers(json.decode(metadata.scheduler)), tensors))
  end
  if run.ema then
    run.ema:load_state_dict(unflatten(unpack_numbers(json.decode(metadata.ema)), tensors))
  end
  run.epoch, run.batch, run.step, run.gathered = state.epoch, state.batch, state.step, state.gathered
  run.sums = state.sums
  for g, lr in ipairs(state.base_lr) do run.base_lr[g] = lr end
  for i, sums in ipairs(state.metric_sums) do
    if run.metrics[i] then run.metrics[i].sums = sums end
  end
  for i, record in ipairs(state.history) do run.history.epochs[i] = record end
  if state.early and run.early then
    run.early.best, run.early.best_epoch, run.early.waited = state.early.best, state.early.best_epoch, state.early.waited
    run.early.weights = best
  end
  if state.iterator and type(run.data) == "table" and run.data.set_state then run.data:set_state(state.iterator) end
  s.rng_state(state.rng[1], state.rng[2])
end

return M
