-- The tasks of a meta-batch shared among others: MPI ranks (scion.mpi), or worker threads (scion.parallel). Every task's gradient is what it
-- would be alone; they are summed in the order of the tasks by threads, in MPI's order by ranks (the same up to rounding). Running statistics
-- of batch norms move by keep * old + new with each task in turn; each task's `new` is taken from a start at zero, and they are put together.

local scion = require "scion"

local M = {}

--- Is there anybody to share with?
function M.active(algorithm) return scion.mpi.size() > 1 or (algorithm.workers or 1) > 1 end

--- Everyone starts from rank 0's parameters, buffers and random state.
function M.begin(algorithm)
  if scion.mpi.size() == 1 then return end
  local random = scion.tensor({ scion.rng_state() }, { dtype = "i64" })
  scion.no_grad(function()
    scion.mpi.broadcast_(algorithm:gradient_tensors())
    for _, b in ipairs(algorithm.model:buffers()) do scion.mpi.broadcast_(b) end
    for _, t in pairs(algorithm.extras and algorithm:extras() or {}) do if not t.requires_grad then scion.mpi.broadcast_(t) end end
    scion.mpi.broadcast_(random)
  end)
  scion.rng_state(random[1], random[2])
end

-- One task alone: what it adds to the gradients goes to .grad as usual; also the statistics it makes from zero.
local function alone(algorithm, one)
  local statistics, new = algorithm:statistics(), {}
  scion.no_grad(function()
    for _, s in ipairs(statistics) do s.tensor:zero_() end
  end)
  local info = algorithm:meta_step(one)
  for i, s in ipairs(statistics) do new[i] = s.tensor:clone() end
  return info, new
end

local function by_ranks(algorithm, source, first, n)
  local mpi = scion.mpi
  local rank, size = mpi.rank(), mpi.size()
  local all = algorithm:draw(source, first, n)
  local seed, counter = scion.rng_state()
  local statistics, before, loss, right, counted = algorithm:statistics(), {}, 0, 0, 0
  local parts = {} -- of the statistics after all n tasks
  for i, s in ipairs(statistics) do before[i], parts[i] = s.tensor:clone(), scion.zeros_like(s.tensor) end
  for k = rank + 1, n, size do
    local info, new = alone(algorithm, { all[k], total = n, numbers = { k }, random = all.random })
    loss = loss + info.loss
    if info.accuracy then right, counted = right + info.accuracy, counted + 1 end
    for i, s in ipairs(statistics) do parts[i] = parts[i]:add_scaled(new[i], s.keep ^ (n - k)) end
  end
  local sums = scion.tensor({ loss, right, counted }, { dtype = "f64" })
  scion.no_grad(function()
    for _, p in ipairs(algorithm:gradient_tensors()) do
      local g = p.grad and p.grad:contiguous() or scion.zeros_like(p)
      mpi.allreduce_(g)
      p.grad = g
    end
    for i, s in ipairs(statistics) do s.tensor:copy_(before[i]:mul(s.keep ^ n):add(mpi.allreduce_(parts[i]))) end
    mpi.allreduce_(sums)
  end)
  scion.rng_state(seed, counter + 1)
  return { loss = sums[1] / n, accuracy = sums[3] > 0 and sums[2] / n or nil }
end

-- ---- threads ------------------------------------------------------------------------------------------------------

local cache = {} -- of a worker: path of the model -> algorithm

--- One task on a worker: { class, options, nets (option -> path), params, task, total, number, random } -> { grads, statistics, loss, accuracy }.
function M.work(item)
  local algorithm = cache[item.nets.model]
  if not algorithm then
    for name, path in pairs(item.nets) do item.options[name] = scion.nn and scion.load_net(path) end -- nn adds to the methods of nets
    algorithm = scion.meta[item.class](item.options)
    cache = { [item.nets.model] = algorithm }
  end
  local list = algorithm:gradient_tensors()
  scion.no_grad(function()
    for i, p in ipairs(list) do p:copy_(item.params[i]) end
  end)
  for _, p in ipairs(list) do p.grad = nil end
  algorithm.tasks_drawn, algorithm.meta_steps_done = item.drawn, item.done
  local info, new = alone(algorithm, { item.task, total = item.total, numbers = { item.number }, random = item.random })
  local grads = {}
  for i, p in ipairs(list) do grads[i] = p.grad or false end
  return { grads = grads, statistics = new, loss = info.loss, accuracy = info.accuracy }
end

-- The options that a worker makes its algorithm with, nets as files; functions stay here.
local function for_workers(algorithm)
  local options, nets = {}, {}
  for name, value in pairs(algorithm.options) do
    if type(value) == "function" then
      error(("%s:fit: option '%s' is a function, which cannot go to workers"):format(algorithm.name, name), 0)
    elseif scion.is_net(value) then
      nets[name] = os.tmpname()
      value:save(nets[name])
    else
      options[name] = value
    end
  end
  return setmetatable({ options = options, nets = nets }, { __gc = function() for _, path in pairs(nets) do os.remove(path) end end })
end

local function by_threads(algorithm, source, first, n)
  if not algorithm.for_workers then
    if algorithm.name == "MAMLPlusPlus" and algorithm.bn == "running" and #algorithm.model:buffers() > 0 then
      error("MAMLPlusPlus:fit: queries look at statistics that every task moves, one after the other; workers are possible with bn = \"batch\"", 0)
    end
    algorithm.for_workers = for_workers(algorithm)
  end
  local list, params, items = algorithm:draw(source, first, n), {}, {}
  for i, p in ipairs(algorithm:gradient_tensors()) do params[i] = p:detach() end
  for k, task in ipairs(list) do
    items[k] = { class = algorithm.name, options = algorithm.for_workers.options, nets = algorithm.for_workers.nets, params = params, task = task,
      total = n, number = k, random = list.random, drawn = algorithm.tasks_drawn, done = algorithm.meta_steps_done }
  end
  local loss, right, statistics = 0, nil, algorithm:statistics()
  local results = scion.parallel.map(M.work, items, { workers = algorithm.workers }) -- moves the random state on, as a meta-step does
  scion.no_grad(function()
    for _, r in ipairs(results) do
      for i, p in ipairs(algorithm:gradient_tensors()) do
        local g = r.grads[i]
        if g then p.grad = p.grad and p.grad:add(g) or g end
      end
      for i, s in ipairs(statistics) do s.tensor:copy_(s.tensor:mul(s.keep):add(r.statistics[i])) end
      loss = loss + r.loss
      if r.accuracy then right = (right or 0) + r.accuracy end
    end
  end)
  return { loss = loss / n, accuracy = right and right / n }
end

--- The meta gradient of tasks first .. first + n - 1.
function M.gradient(algorithm, source, first, n)
  if scion.mpi.size() > 1 then return by_ranks(algorithm, source, first, n) end
  return by_threads(algorithm, source, first, n)
end

return M
