local helper = require "spec.helper"
local scion = require "scion"

-- f32 takes ways of its own (direct, depthwise, pointwise); f64 always goes through columns, and its gradients are checked
-- against finite differences. So the two must agree.
describe("convolution in f32 agrees with f64", function()
  local rng = 12345
  local function pick(n)
    rng = (rng * 1103515245 + 12345) % 2147483648
    return rng // 65536 % n + 1
  end
  local function run(op, x, w, b, opts)
    local leaves = { x:clone():requires_grad_(), w:clone():requires_grad_(), b:clone():requires_grad_() }
    local y = scion[op](leaves[1], leaves[2], leaves[3], opts)
    local dy = scion.arange(0, y:numel(), { dtype = "f64" }):remainder(7):sub(3):reshape(y.shape):to(y.dtype)
    local grads = scion.grad((y * dy):sum(), leaves)
    return y, grads[1], grads[2], grads[3]
  end
  local function nmse(a, b) return ((a:to("f64") - b):square():sum() / (b:square():sum() + 1e-30)):item() end
  local function check(op, x, w, b, opts)
    local exact = { run(op, x:to("f64"), w:to("f64"), b:to("f64"), opts) }
    local got = { run(op, x, w, b, opts) }
    for i, what in ipairs { "output", "gradient of x", "gradient of weight", "gradient of bias" } do
      assert.same({ table.unpack(exact[i].shape) }, { table.unpack(got[i].shape) })
      local gap = nmse(got[i], exact[i])
      assert.is_true(gap < 1e-11, ("%s of %s, x %s, weight %s, stride %s padding %s dilation %s groups %s: NMSE %g"):format(what, op, tostring(x.shape), tostring(w.shape),
        tostring(opts.stride), tostring(opts.padding), tostring(opts.dilation), tostring(opts.groups), gap))
    end
  end

  it("for random shapes in two dimensions", function()
    scion.seed(1)
    for _ = 1, 60 do
      local groups = ({ 1, 1, 1, 2, 3 })[pick(5)]
      local ci, co, k = groups * pick(9), groups * pick(19), pick(5)
      local kh = pick(3) == 1 and pick(3) or k
      local dilation, stride = pick(4) == 1 and 2 or 1, pick(3) == 1 and 2 or 1
      local h, w = (kh - 1) * dilation + pick(20), (k - 1) * dilation + pick(33)
      check("conv2d", scion.randn(pick(5), ci, h, w), scion.randn(co, ci // groups, kh, k), scion.randn(co),
        { stride = stride, padding = pick(4) - 1, dilation = dilation, groups = groups })
    end
  end)
  it("for uneven padding", function()
    check("conv2d", scion.randn(2, 5, 9, 11), scion.randn(9, 5, 3, 3), scion.randn(9), { padding = { 0, 1, 2, 0 } })
    check("conv2d", scion.randn(2, 8, 12, 12), scion.randn(8, 8, 3, 3), scion.randn(8), { padding = { 2, 0, 0, 2 } })
    check("conv2d", scion.randn(2, 3, 224, 40), scion.randn(8, 3, 3, 3), scion.randn(8), { stride = 2, padding = { 0, 0, 1, 1 } })
  end)
  it("for one and three dimensions", function()
    for _ = 1, 12 do
      local ci, co, k = pick(7), pick(11), pick(4)
      check("conv1d", scion.randn(pick(4), ci, k + pick(40)), scion.randn(co, ci, k), scion.randn(co), { stride = pick(2), padding = pick(3) - 1 })
      check("conv3d", scion.randn(pick(2), ci, k + pick(5), k + pick(5), k + pick(9)), scion.randn(co, ci, k, k, k), scion.randn(co), { stride = pick(2), padding = pick(3) - 1 })
      check("conv_transpose2d", scion.randn(pick(3), ci, pick(8), pick(9)), scion.randn(ci, co, k, k), scion.randn(co), { stride = pick(2) })
    end
  end)
  it("for large images and many channels", function()
    check("conv2d", scion.randn(1, 64, 56, 56), scion.randn(64, 64, 3, 3), scion.randn(64), { padding = 1 })
    check("conv2d", scion.randn(2, 512, 7, 7), scion.randn(32, 512, 3, 3), scion.randn(32), { padding = 1 })
    check("conv2d", scion.randn(1, 3, 96, 230), scion.randn(16, 3, 7, 7), scion.randn(16), { padding = 3 })
    check("conv2d", scion.randn(2, 32, 30, 30), scion.randn(32, 1, 3, 3), scion.randn(32), { padding = 1, groups = 32 })
    check("conv2d", scion.randn(2, 32, 30, 30), scion.randn(32, 1, 5, 5), scion.randn(32), { padding = 2, stride = 2, groups = 32 })
  end)
end)

describe("max pooling", function()
  it("of 2 x 2 agrees with the general way, NaN and all", function()
    scion.seed(2)
    local x = scion.randn(2, 3, 9, 13)
    x[{ 1, 1, 3, 4 }] = 0 / 0
    local y, at = scion.max_pool2d_with_indices(x, { kernel = 2 })
    local y64, at64 = scion.max_pool2d_with_indices(x:pad({ 0, 0, 0, 0 }):to("f64"), { kernel = 2 })
    assert.allclose(y, y64)
    assert.same(at64:tolist(), at:tolist())
    local slow = scion.max_pool2d(x, { kernel = { 2, 2 }, stride = { 2, 2 }, dilation = { 1, 1 }, padding = { 0, 0 }, ceil_mode = true })
    assert.allclose(y, slow[{ {}, {}, { 1, 4 }, { 1, 6 } }])
  end)
end)

describe("results of convolution", function()
  it("are the same bits for any number of threads", function()
    local code = [[
      scion.seed(3)
      local sum = {}
      for _, c in ipairs { { 3, 5, 16, 8, 14, 28, 3, 1 }, { 1, 64, 64, 1, 56, 56, 3, 1 }, { 5, 12, 20, 1, 7, 7, 3, 1 },
          { 2, 8, 8, 8, 30, 30, 3, 1 }, { 2, 6, 10, 1, 21, 21, 5, 2 } } do
        local x = scion.randn(c[1], c[2] * c[4], c[5], c[6]):requires_grad_()
        local w = scion.randn(c[3] * c[4], c[2], c[7], c[7]):requires_grad_()
        local y = scion.conv2d(x, w, nil, { padding = 1, stride = c[8], groups = c[4] })
        y:square():sum():backward()
        for _, t in ipairs { y, x.grad, w.grad } do
          sum[#sum + 1] = ("%016x"):format(string.unpack("<i8", t:bytes():sub(1, 8)) ~ #sum) .. ("%.17g"):format(t:to("f64"):sum():item())
        end
      end
      print(table.concat(sum, " "))]]
    local one = helper.lua(code, { env = { SCION_THREADS = "1" } })
    for _, n in ipairs { "2", "3", "7" } do assert.equal(one, helper.lua(code, { env = { SCION_THREADS = n } })) end
  end)

  it("agree between instruction sets", function()
    local code = [[
      scion.seed(4)
      local x, w = scion.randn(2, 9, 15, 17):requires_grad_(), scion.randn(11, 9, 3, 3):requires_grad_()
      local y = scion.conv2d(x, w, nil, { padding = 1 }):relu():max_pool2d { kernel = 2 }
      y:square():sum():backward()
      for _, t in ipairs { y, x.grad, w.grad } do for _, v in ipairs(t:reshape(-1):tolist()) do print(("%.9g"):format(v)) end end]]
    local function numbers(env)
      local list = {}
      for line in helper.lua(code, { env = env }):gmatch("%S+") do list[#list + 1] = tonumber(line) end
      return scion.tensor(list, { dtype = "f64" })
    end
    local expected = numbers { SCION_ISA = "scalar" }
    for _, env in ipairs { { SCION_ISA = "avx2", OPENBLAS_CORETYPE = "Haswell" }, { SCION_ISA = "avx512", OPENBLAS_CORETYPE = "SkylakeX" },
      { SCION_ISA = "scalar", OPENBLAS_CORETYPE = "Prescott" } } do
      -- A core type that the processor lacks would end the process inside OpenBLAS: ask for the set alone first.
      local has = helper.lua("io.write(scion.info().isa)", { env = { SCION_ISA = env.SCION_ISA } })
      if has ~= env.SCION_ISA then goto continue end
      local got = numbers(env)
      local gap = ((got - expected):square():sum() / expected:square():sum()):item()
      assert.is_true(gap < 1e-11, env.SCION_ISA .. ": NMSE " .. gap)
      ::continue::
    end
  end)
end)
