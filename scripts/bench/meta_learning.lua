-- Learning to learn, one outer step of each: second-order MAML on sinusoids (25 tasks as one call) and on 5-way 1-shot Omniglot-sized images, a Leap
-- meta-step (one task of 50 inner steps), a prototypical episode (30-way 1-shot, 5 queries). Random data of the real shapes.

local scion = require "scion"

local nn = scion.nn

local function mlp() return nn.Sequential { nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1) } end

local function conv(filters, strided, outputs)
  local list, channels = {}, 1
  for _ = 1, 4 do
    list[#list + 1] = nn.Conv2d(channels, filters, 3, { padding = 1, stride = strided and 2 or 1 })
    list[#list + 1] = nn.BatchNorm2d(filters)
    list[#list + 1] = nn.ReLU()
    if not strided then list[#list + 1] = nn.MaxPool2d(2) end
    channels = filters
  end
  if strided then list[#list + 1] = nn.GlobalAvgPool2d() else list[#list + 1] = nn.Flatten() end
  if outputs then list[#list + 1] = nn.Linear(filters, outputs) end
  return nn.Sequential(list)
end

local function ids(ways, shots) return scion.arange(1, ways + 1, { dtype = "i64" }):reshape(-1, 1):expand(ways, shots):reshape(-1) end
local function images(ways, shots, queries)
  return { support_x = scion.rand(ways * shots, 1, 28, 28), support_y = ids(ways, shots), query_x = scion.rand(ways * queries, 1, 28, 28), query_y = ids(ways, queries) }
end

-- A source that gives the same tasks again and again: what is measured is the step, not the drawing of tasks.
local function fixed(list)
  local batch = scion.meta.tasks.stack(list)
  return { tasks = function() return list end, batch = function() return batch end, task = function(_, i) return list[i] end }
end

local function outer_step(algorithm, source, n)
  local optimiser = algorithm:meta_optimiser()
  return function()
    local scope <close> = scion.scope()
    optimiser:zero_grad()
    algorithm:gradient(source, 1, n)
    optimiser:step()
  end
end

local function sinusoid(batched)
  return function()
    scion.seed(0)
    local maml = scion.meta.MAML { model = mlp(), lr = 0.01, batched = batched }
    return outer_step(maml, fixed(scion.meta.tasks.sinusoid { shots = 10, queries = 10 }:tasks(1, 25)), 25)
  end
end

return {
  title = "learning to learn",
  rows = {
    { name = "MAML sinusoid, 25 tasks", unit = "ms", setup = sinusoid(true) },
    { name = "MAML sinusoid, 25 tasks one by one", unit = "ms", setup = sinusoid(false) },
    { name = "MAML Omniglot 5-way 1-shot, 4 tasks", unit = "ms", setup = function()
      scion.seed(0)
      local list = {}
      for t = 1, 4 do list[t] = images(5, 1, 1) end
      return outer_step(scion.meta.MAML { model = conv(64, true, 5), lr = 0.4, batched = false }, fixed(list), 4)
    end },
    { name = "Leap, 50 inner steps", unit = "ms", setup = function()
      scion.seed(0)
      local leap = scion.meta.Leap { model = conv(32, false, 20), lr = 0.1, inner_steps = 50 }
      return outer_step(leap, fixed { images(20, 1, 1) }, 1)
    end },
    { name = "ProtoNet 30-way episode", unit = "ms", setup = function()
      scion.seed(0)
      return outer_step(scion.meta.PrototypicalNet { model = conv(64, false) }, fixed { images(30, 1, 5) }, 1)
    end },
  },
}
