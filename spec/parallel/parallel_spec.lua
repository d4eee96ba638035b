local helper = require "spec.helper"
local scion = require "scion"

describe("parallel.map", function()
  local map = scion.parallel.map
  local function says(text, ...)
    local ok, message = pcall(map, ...)
    assert.is_false(ok)
    assert.truthy(message:find(text, 1, true), message)
  end

  it("gives results in the order of the items, whatever the number of workers", function()
    local items = {}
    for i = 1, 40 do items[i] = { n = i, name = "item " .. i, deep = { { i * 0.5, true } } } end
    local function work(item)
      local sum = 0
      for k = 1, (41 - item.n) * 200 do sum = sum + k % 7 end -- the first take longest
      return { item.name, item.n * 2, item.deep[1][1], math.type(item.n), sum > 0 }
    end
    local one = map(work, items, { workers = 1 })
    assert.same(one, map(work, items, { workers = 3 }))
    assert.same({ "item 7", 14, 3.5, "integer", true }, one[7])
    assert.same({}, map(work, {}))
  end)

  it("takes tensors across, and gives the same random numbers to an item wherever it runs", function()
    local items = { scion.arange(0, 6):reshape(2, 3), scion.tensor({ 1, 2 }, { dtype = "i64" }), scion.randn(2, 2):t() }
    local function work(t)
      local scion = require "scion"
      return { twice = t + t, noise = scion.randn(3), threads = scion.threads() }
    end
    scion.seed(5)
    local a = map(work, items, { workers = 1 })
    scion.seed(5)
    local b = map(work, items, { workers = 2 })
    for i, t in ipairs(items) do
      assert.allclose(a[i].twice, t + t, { rtol = 0, atol = 0 })
      assert.allclose(a[i].noise, b[i].noise, { rtol = 0, atol = 0 })
      assert.equal(t.dtype, a[i].twice.dtype)
    end
    assert.is_false((helper.compare(a[1].noise, a[2].noise)))
    local c = map(work, items, { workers = 2 }) -- the next call draws others
    assert.is_false((helper.compare(a[1].noise, c[1].noise)))
    assert.is_true(map(function(t) return t.requires_grad end, { scion.randn(2):requires_grad_(true) })[1])
  end)

  it("runs functions of modules", function()
    assert.same({ "a\"b", 3 }, map(scion.json.decode, { '"a\\"b"', "3" }))
    assert.same({ 2, 1 }, map(math.floor, { 2.5, 1.25 }))
  end)

  it("raises what a worker raised, with the item", function()
    says("parallel.map: item 2: ", function(x) return #x end, { "a", 3 })
    says("matmul", function(t) return t:matmul(t) end, { scion.randn(2, 3) })
    assert.same({ 4 }, map(function(x) return x * 2 end, { 2 })) -- and goes on working
  end)

  it("says what cannot cross", function()
    local outside = 3
    says("uses the local 'outside'", function(x) return x + outside end, { 1 })
    says("item 2 holds a function", function() end, { 1, print })
    says("the result holds a function", function() return print end, { 1 })
    local loop = {}
    loop[1] = loop
    says("deeper than", function() end, { loop })
    says("at most 256", function() end, { 1 }, { workers = 1000 })
    says("argument 'items' must be a list", function() end, { a = 1 })
  end)

  it("may be closed and used again", function()
    scion.parallel.close()
    assert.same({ 3 }, map(function(x) return x + 1 end, { 2 }))
    scion.parallel.close()
  end)
end)

describe("learning to learn on workers", function()
  it("gives the same as one task after the other, bit for bit", function()
    local function run(method, workers)
      scion.seed(3)
      local nn, meta = scion.nn, scion.meta
      local net = nn.Sequential { nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1) }
      local algorithm = meta[method] { model = net, lr = 0.05, inner_steps = 3, batched = false, seed = 2 }
      algorithm:fit(meta.tasks.sinusoid { shots = 5, queries = 5 }, { meta_steps = 4, meta_batch_size = 3, workers = workers, progress = false })
      return net
    end
    for _, method in ipairs { "MAML", "MetaSGD", "Reptile", "Leap" } do
      local alone, shared = run(method, 1), run(method, 2)
      for name, p in alone:named_parameters() do assert.allclose(shared[name], p, { rtol = 0, atol = 0 }) end
    end
    scion.parallel.close()
  end)

  it("gives the same for warps, dropout, and nets beside the model; running statistics up to rounding", function()
    local nn, meta = scion.nn, scion.meta
    local labels = {}
    for i = 1, 60 do labels[i] = i % 3 end
    local source = meta.tasks.episodes { data = scion.data.tensors { x = scion.randn(60, 4), labels = labels }, ways = 3, shots = 2, queries = 3, seed = 1 }
    local function run(method, workers, more)
      scion.seed(3)
      local net = nn.Sequential { nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3) }
      local opts = { model = net, batched = false, seed = 2 }
      for key, value in pairs(more or {}) do opts[key] = value end
      if opts.relation then opts.relation = nn.Sequential { nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid() } end
      local algorithm = meta[method](opts)
      algorithm:fit(source, { meta_steps = 4, meta_batch_size = 3, workers = workers, progress = false })
      return net, opts.relation
    end
    for method, more in pairs { MAML = {}, MAMLPlusPlus = { inner_steps = 2 }, WarpLeap = { warp = "linear_2", inner_steps = 3 },
      PrototypicalNet = {}, RelationNet = { relation = true }, IMAML = { inner_steps = 2, cg_steps = 2 } } do
      local nets, shared = { run(method, 1, more) }, { run(method, 2, more) }
      for k, net in ipairs(nets) do
        for name, p in net:named_parameters() do assert.allclose(shared[k][name], p, { rtol = 0, atol = 0 }, method .. " " .. name) end
        for name, b in net:named_buffers() do assert.allclose(shared[k][name], b, { rtol = 1e-5, atol = 1e-6 }, method .. " " .. name) end
      end
    end
    scion.parallel.close()
  end)
end)

describe("mpi", function()
  it("is one rank without mpirun", function()
    local mpi = scion.mpi
    assert.equal(0, mpi.rank())
    assert.equal(1, mpi.size())
    mpi.barrier()
    local t = scion.ones(3)
    mpi.allreduce_(t, "mean")
    mpi.broadcast_ { t }
    assert.allclose(t, scion.ones(3))
    assert.has_error(function() mpi.allreduce_(t, "product") end, "mpi.allreduce_: how is 'product', expected 'sum' or 'mean'")
  end)

  local mpirun = helper.run("command -v mpirun").code == 0
  local function run2(code)
    local path = helper.tmpdir() .. "/script.lua"
    helper.write_file(path, code)
    return helper.run(("mpirun -n 2 --oversubscribe --allow-run-as-root %s %s"):format(helper.quote(helper.program), helper.quote(path)))
  end

  it("sums, sends and waits between 2 ranks", function()
    if not mpirun then return pending "needs openmpi-bin" end
    if helper.sanitized then return pending "OpenMPI's own leaks" end
    local result = run2 [[
      local scion = require "scion"
      local mpi = scion.mpi
      local t = scion.full(3, mpi.rank() + 1)
      mpi.allreduce_(t)
      local b = scion.tensor({ mpi.rank() * 10 }, { dtype = "i64" })
      mpi.broadcast_(b, 1)
      mpi.barrier()
      local ok, message = pcall(mpi.broadcast_, b, 5)
      print(("rank %d of %d: %g %d %s"):format(mpi.rank(), mpi.size(), t[1], b[1], tostring(message):match("no such rank"))) ]]
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("rank 0 of 2: 3 10 no such rank", 1, true), result.out)
    assert.truthy(result.out:find("rank 1 of 2: 3 10 no such rank", 1, true), result.out)
  end)

  it("ends when one rank fails, whoever waits for it", function()
    if not mpirun then return pending "needs openmpi-bin" end
    if helper.sanitized then return pending "OpenMPI's own leaks" end
    local result = run2 [[
      local scion = require "scion"
      local tasks = {}
      for i = 1, 2 do
        tasks[i] = { support_x = scion.ones(2, 1), support_y = scion.full({ 2, 1 }, i == 2 and 1e30 or 1), query_x = scion.ones(2, 1), query_y = scion.ones(2, 1) }
      end
      local maml = scion.meta.MAML { model = scion.nn.Linear(1, 1), inner_steps = 3, batched = false }
      maml:fit(tasks, { meta_steps = 3, meta_batch_size = 2, progress = false }) ]]
    assert.is_true(result.code ~= 0)
    assert.truthy(result.err:find("inner loop diverged: task 2, step 1", 1, true), result.err)
  end)

  it("spreads the tasks of a meta-batch: the same as one rank, up to rounding", function()
    if not mpirun then return pending "needs openmpi-bin" end
    if helper.sanitized then return pending "OpenMPI's own leaks" end
    local code = [[
      local scion = require "scion"
      local nn, meta = scion.nn, scion.meta
      scion.seed(3)
      local curves = meta.tasks.sinusoid { shots = 5, queries = 5 }
      for _, method in ipairs { "MAML", "Reptile", "Leap", "WarpLeap", "MultiTask" } do
        local net = nn.Sequential { nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1) }
        local algorithm = meta[method] { model = net, lr = 0.05, inner_steps = 3, batched = false, seed = 2, warp = method == "WarpLeap" and "linear" or nil }
        algorithm:fit(method == "MultiTask" and curves:tasks(1, 4) or curves, { meta_steps = 5, meta_batch_size = 3, progress = false })
        if scion.mpi.rank() == 0 then print(("%s %.5f"):format(method, net["linear.weight"]:abs():sum():item())) end
      end
      local labels = {}
      for i = 1, 60 do labels[i] = i % 3 end
      local net = nn.Sequential { nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3) }
      local source = meta.tasks.episodes { data = scion.data.tensors { x = scion.randn(60, 4), labels = labels }, ways = 3, shots = 2, queries = 3, seed = 1 }
      meta.PrototypicalNet { model = net }:fit(source, { meta_steps = 4, meta_batch_size = 3, progress = false })
      if scion.mpi.rank() == 0 then print(("%.4f"):format(net["batchnorm1d.running_var"]:sum():item())) end ]]
    local two, one = run2(code), helper.run { "scion", "-e", code }
    assert.equal(0, two.code, two.err)
    assert.equal(one.out, two.out)
  end)
end)
