-- The tasks of a meta-batch shared among others: MPI ranks (scion.mpi), or worker threads (scion.parallel). Every task's gradient is what it
-- would be alone; they are summed in the order of the tasks by threads, in MPI's order by ranks (the same up to rounding).

local scion = require "scion"

local M = {}

--- Is there anybody to share with?
function M.active(algorithm) return scion.mpi.size() > 1 or (algorithm.workers or 1) > 1 end

local function parameters(algorithm)
  local list = {}
  for i, pair in ipairs(algorithm:meta_parameters()) do list[i] = pair[2] end
  return list
end

--- Everyone starts from rank 0's parameters and buffers.
function M.begin(algorithm)
  if scion.mpi.size() == 1 then return end
  scion.no_grad(function()
    scion.mpi.broadcast_(parameters(algorithm))
    for _, b in ipairs(algorithm.model:buffers()) do scion.mpi.broadcast_(b) end
  end)
end

local function by_ranks(algorithm, source, first, n)
  local mpi = scion.mpi
  local rank, size = mpi.rank(), mpi.size()
  local all, mine = source:tasks(first, n), { total = n, numbers = {} }
  for k = rank + 1, n, size do
    mine[#mine + 1] = all[k]
    mine.numbers[#mine] = k
  end
  local info = { loss = 0 }
  if #mine > 0 then info = algorithm:meta_step(mine) end
  local sums = scion.tensor({ info.loss * #mine, (info.accuracy or 0) * #mine }, { dtype = "f64" })
  scion.no_grad(function()
    for _, p in ipairs(parameters(algorithm)) do
      local g = p.grad and p.grad:contiguous() or scion.zeros_like(p)
      mpi.allreduce_(g)
      p.grad = g
    end
    for _, b in ipairs(algorithm.model:buffers()) do mpi.allreduce_(b, "mean") end
    mpi.allreduce_(sums)
  end)
  return { loss = sums[1] / n, accuracy = sums[2] > 0 and sums[2] / n or nil }
end

-- ---- threads ------------------------------------------------------------------------------------------------------

local cache = {} -- of a worker: path of the net -> algorithm

--- One task on a worker: { class, options, net (path), params, task, total, number } -> { grads, loss, accuracy }.
function M.work(item)
  local algorithm = cache[item.net]
  if not algorithm then
    item.options.model = scion.nn and scion.load_net(item.net) -- nn adds to the methods of nets
    algorithm = scion.meta[item.class](item.options)
    cache = { [item.net] = algorithm }
  end
  local list = parameters(algorithm)
  scion.no_grad(function()
    for i, p in ipairs(list) do p:copy_(item.params[i]) end
  end)
  for _, p in ipairs(list) do p.grad = nil end
  algorithm.tasks_drawn, algorithm.meta_steps_done = item.drawn, item.done
  local info = algorithm:meta_step { item.task, total = item.total, numbers = { item.number } }
  local grads = {}
  for i, p in ipairs(list) do grads[i] = p.grad or false end
  return { grads = grads, loss = info.loss, accuracy = info.accuracy }
end

-- The options that a worker makes its algorithm with; functions stay here.
local function plain_options(algorithm)
  local out = {}
  for name, value in pairs(algorithm.options) do
    if name ~= "model" then
      if type(value) == "function" then
        error(("%s:fit: option '%s' is a function, which cannot go to workers"):format(algorithm.name, name), 0)
      end
      out[name] = value
    end
  end
  return out
end

local function by_threads(algorithm, source, first, n)
  if not algorithm.worker_net then
    if #algorithm.model:buffers() > 0 and (algorithm.moves_statistics or algorithm.bn == "running") then
      error(("%s:fit: running statistics move with every task, one after the other; workers are possible with bn = \"batch\""):format(algorithm.name), 0)
    end
    local path = os.tmpname()
    algorithm.model:save(path)
    algorithm.worker_net = setmetatable({ path = path }, { __gc = function(self) os.remove(self.path) end })
  end
  local list, options, params, items = source:tasks(first, n), plain_options(algorithm), {}, {}
  for i, p in ipairs(parameters(algorithm)) do params[i] = p:detach() end
  for k, task in ipairs(list) do
    items[k] = { class = algorithm.name, options = options, net = algorithm.worker_net.path, params = params, task = task, total = n, number = k,
      drawn = algorithm.tasks_drawn, done = algorithm.meta_steps_done }
  end
  local results = scion.parallel.map(M.work, items, { workers = algorithm.workers })
  local loss, right = 0, nil
  scion.no_grad(function()
    for _, r in ipairs(results) do
      for i, p in ipairs(parameters(algorithm)) do
        local g = r.grads[i]
        if g then p.grad = p.grad and p.grad:add(g) or g end
      end
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
