local helper = require "spec.helper"
local scion = require "scion"
local nn, meta = scion.nn, scion.meta

local function small_net(seed)
  scion.seed(seed or 1)
  return nn.Sequential { nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1) }:to("f64")
end

-- Two regression tasks of equal shapes.
local function tasks()
  local list = {}
  for t = 1, 2 do
    list[t] = { label = "task " .. t }
    for _, part in ipairs { "support", "query" } do
      local x = scion.randn({ 8, 2 }, { dtype = "f64" })
      list[t][part .. "_x"], list[t][part .. "_y"] = x, x:sum(2, true):mul(t):sin()
    end
  end
  return list
end

local function gradients(net)
  local out = {}
  for name, p in net:named_parameters() do out[name] = p.grad:clone() end
  return out
end

describe("Leap", function()
  it("with the energy, without loss term and stabiliser, is Reptile", function()
    local net = small_net()
    local list = tasks()
    local leap = meta.Leap { model = net, norm = false, loss_term = false, stabiliser = false, inner_steps = 6, lr = 0.1 }
    leap:meta_step(list)
    local mine = gradients(net)
    net:zero_grad()
    -- K steps of Leap give K - 1 segments: the path ends at psi_{K-1}
    meta.Reptile { model = net, all_items = false, inner_steps = 5, lr = 0.1, batched = false }:meta_step(list)
    for name, g in pairs(gradients(net)) do assert.allclose(mine[name], g, { rtol = 1e-10, atol = 1e-12 }) end
  end)

  it("gives K - 1 segments for K steps, of the formula's length and direction", function()
    local net = small_net(3)
    local task = tasks()[1]
    local lr, steps = 0.05, 5
    local leap = meta.Leap { model = net, inner_steps = steps, lr = lr }
    local path = meta.Leap.Path(leap)
    leap:walk(task, path, meta.tasks.batches("spec", task), steps)
    assert.equal(steps - 1, path.segments)
    -- the same by hand with scion.grad
    local params, points = {}, {}
    for i, p in ipairs(net:parameters()) do params[i] = p:detach():clone():requires_grad_() end
    for k = 1, steps do
      local loss = nn.mse_loss(net:call(task.support_x, { params = params }), task.support_y)
      local grads = scion.grad(loss, params)
      points[k] = { loss = loss:item(), params = params, grads = grads }
      local new = {}
      for i, p in ipairs(params) do new[i] = p:detach():sub(grads[i] * lr):requires_grad_() end
      params = new
    end
    for i = 1, #params do
      local sum = scion.zeros(params[i].shape, { dtype = "f64" })
      for k = 1, steps - 1 do
        local a, b = points[k], points[k + 1]
        local df = -math.abs(b.loss - a.loss)
        local length = df * df
        for j = 1, #params do length = length + a.params[j]:detach():sub(b.params[j]:detach()):square():sum():item() end
        sum = sum + (a.params[i]:detach() - b.params[i]:detach() - a.grads[i] * df) * (1 / math.sqrt(length))
      end
      assert.allclose(path.sum[i], sum, { rtol = 1e-9, atol = 1e-12 })
    end
  end)

  it("turns a segment on which the loss rose, unless the stabiliser is off", function()
    local zero, one = scion.zeros(1), scion.ones(1)
    local function sum(opts)
      local path = meta.Leap.Path(opts)
      path:point(1, { zero }, { one })
      path:point(3, { one }, { one }) -- moved by 1, loss up by 2
      return path.sum[1]:item()
    end
    assert.allclose(sum { norm = false }, -1 + 2)
    assert.allclose(sum { norm = false, stabiliser = false }, -1 - 2)
    assert.allclose(sum {}, (-1 + 2) / math.sqrt(5))
    assert.allclose(sum { norm = false, loss_term = false }, 1)
    assert.allclose(sum { norm = false, loss_term = false, stabiliser = false }, -1)
  end)

  it("counts a step that did not move as nothing", function()
    local path = meta.Leap.Path {}
    path:point(1, { scion.ones(2) }, { scion.zeros(2) })
    path:point(1, { scion.ones(2) }, { scion.zeros(2) })
    assert.equal(1, path.segments)
    assert.is_nil(path.sum[1])
  end)

  it("begins every task with the first running statistics and leaves the model's alone", function()
    scion.seed(5)
    local net = nn.Sequential { nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1) }
    net:buffers()[1]:fill_(0.25)
    local before = {}
    for name, b in net:named_buffers() do before[name] = b:clone() end
    local seen = {}
    local list = {}
    for t = 1, 2 do
      list[t] = { support_x = scion.randn(8, 2) + t * 3, support_y = scion.randn(8, 1) }
    end
    local leap = meta.Leap { model = net, inner_steps = 3, lr = 0.01 }
    for t = 1, 2 do
      local learner = leap:walk(list[t], meta.Leap.Path(leap), meta.tasks.batches("spec", list[t]), 3, function() end)
      seen[t] = learner.buffers
    end
    leap:meta_step(list)
    for name, b in net:named_buffers() do assert.allclose(b, before[name]) end
    -- the second task's statistics hold nothing of the first: running one alone gives the same
    local alone = leap:walk(list[2], meta.Leap.Path(leap), meta.tasks.batches("spec", list[2]), 3)
    for name, b in pairs(alone.buffers) do assert.allclose(seen[2][name], b) end
  end)

  it("lowers the loss of Xfer's demo below half of what Xfer prints, and prints Xfer's lines", function()
    local lines = {}
    local old = scion.progress.set_sink { width = function() end, draw = function() end, line = function(text) lines[#lines + 1] = text end }
    scion.seed(1)
    local net = nn.Linear(2, 1, { bias = false })
    nn.init.normal_(net.weight, 0, 1)
    local lmr = meta.LeapMetaRepurposer { model = net, num_meta_steps = 6, num_epochs = 7, log_params = true }
    local ok, message = pcall(lmr.repurpose, lmr, meta.tasks.linear { seed = 1 })
    scion.progress.set_sink(old)
    assert.is_true(ok, message)
    assert.truthy(lines[1]:match("^    Metastep: 0, Task: 0, Initial Loss: [%d.]+, Final Loss: [%d.]+, Loss delta: %-[%d.]+$"), lines[1])
    assert.truthy(lines[5]:match("^Metastep: 0, Num tasks: 4, Mean Loss: [%d.]+$"), lines[5])
    local first, last = lmr.meta_logger:mean_loss(1), lmr.meta_logger:mean_loss(6)
    assert.is_true(first > 40 and first < 75, first)
    assert.is_true(last < 15, last)
    local dir = helper.tmpdir()
    lmr.meta_logger:plot_losses(dir .. "/losses.svg")
    lmr.meta_logger:plot_params("weight", dir .. "/paths.svg")
    assert.truthy(helper.read_file(dir .. "/losses.svg"):find("Task 3", 1, true))
    assert.truthy(helper.read_file(dir .. "/paths.svg"):find("learned start", 1, true))
  end)

  it("runs and draws as Xfer's users write it", function()
    scion.seed(3)
    local net = nn.Linear(2, 1, { bias = false })
    local train_data_all = meta.tasks.linear { seed = 2, examples = 40 }
    local lmr = meta.LeapMetaRepurposer { model = net, num_meta_steps = 3, num_epochs = 2, verbosity = 0 }
    lmr:repurpose(train_data_all)
    local dir = helper.tmpdir()
    lmr.meta_logger:plot_losses(dir .. "/losses.svg")
    lmr.meta_logger:plot_params("w", dir .. "/path.svg")
    lmr.meta_logger:plot_params("w", dir .. "/plain.svg", { surface = false })
    assert.is_true(#helper.read_file(dir .. "/path.svg") > 2 * #helper.read_file(dir .. "/plain.svg")) -- the surfaces
    -- they are the tasks' losses: least at the weights that made the data, and in the log's units elsewhere
    local at = scion.tensor { { 100, 20 }, { 0, 0 } }
    local losses = lmr.meta_logger.loss_at(1, "weight", { 1, 2 }, at)
    local first = train_data_all[1]
    assert.is_true(losses[1] < 1e-3)
    assert.near(first.support_y:square():mean():item() / 2 / 4, losses[2], 1e-2 * losses[2])
    assert.has_error(function() lmr.meta_logger:plot_params("bias") end)
    local fast = lmr:adapt(first)
    assert.is_true(nn.mse_loss(fast(first.query_x), first.query_y):item() < nn.mse_loss(net(first.query_x), first.query_y):item())
  end)

  it("takes iterators as tasks", function()
    scion.seed(2)
    local list = {}
    for t = 1, 2 do
      local x = scion.randn(12, 2)
      list[t] = scion.data.tensors { x = x, targets = x:sum(2, true):mul(t), batch_size = 4 }
    end
    local lmr = meta.LeapMetaRepurposer { model = nn.Linear(2, 1), num_meta_steps = 2, num_epochs = 3, verbosity = 0 }
    lmr:repurpose(list, { meta_batch_size = 3, with_replacement = true })
    assert.equal(2, #lmr.meta_logger.losses)
    for _, name in ipairs { "Leap", "Reptile", "WarpLeap" } do -- these need no queries
      local net = nn.Sequential { nn.Linear(2, 3), nn.Linear(3, 1) }
      local algorithm = meta[name] { model = net, lr = 0.01, meta_lr = 0.01, inner_steps = 2, warp = name == "WarpLeap" and "linear" or nil }
      local plain = { { train = list[1] }, list[2], { support_x = scion.randn(4, 2), support_y = scion.randn(4, 1) } }
      algorithm:fit(plain, { meta_steps = 2, meta_batch_size = 3, progress = false })
      assert.equal(2, algorithm.meta_steps_done)
      assert.error_matches(function() algorithm:fit({ {} }, { meta_steps = 4, progress = false }) end, name .. ":fit: a task is .* or an iterator, got an empty table")
    end
    -- and adapts to one, over its batches for num_epochs
    local fast = lmr:adapt(list[1])
    assert.equal(9, fast.steps)
    assert.equal(4, lmr:adapt({ train = list[1] }, { steps = 4 }).steps)
    assert.error_matches(function() lmr:adapt(3) end, "a task is .* or an iterator, got 3")
  end)
end)
