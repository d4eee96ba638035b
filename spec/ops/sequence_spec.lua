-- ctc_loss against the sum over all alignments, max_unpool against the pooling it undoes, rrelu's slopes, and their errors.

local scion = require "scion"
local nn = scion.nn

-- Every path of T classes that gives the target once repeats and blanks (class 1) are taken out, one by one.
local function all_alignments(probs, steps, classes, target)
  local total = 0
  local path = {}
  local function walk(t, p)
    if t > steps then
      local out, last = {}, nil
      for _, k in ipairs(path) do
        if k ~= last and k ~= 1 then out[#out + 1] = k end
        last = k
      end
      if table.concat(out, " ") == table.concat(target, " ") then total = total + p end
      return
    end
    for k = 1, classes do
      path[t] = k
      walk(t + 1, p * probs[t][k])
    end
    path[t] = nil
  end
  walk(1, 1)
  return -math.log(total)
end

describe("ctc_loss", function()
  local function ids(t) return scion.tensor(t, { dtype = "i64" }) end
  local lp = scion.no_grad(function()
    scion.seed(3)
    return scion.randn({ 5, 4, 3 }, { dtype = "f64" }):log_softmax(3)
  end)
  local targets, steps, sizes = { { 2, 3, 2 }, { 2, 2, 1 }, { 3, 1, 1 }, { 1, 1, 1 } }, { 5, 4, 2, 3 }, { 3, 2, 1, 0 }

  it("is the sum over all alignments, for ragged batches, padded or in a row", function()
    local padded = nn.ctc_loss(lp, ids(targets), ids(steps), ids(sizes), { reduction = "none" })
    local row = nn.ctc_loss(lp, ids { 2, 3, 2, 2, 2, 3 }, ids(steps), ids(sizes), { reduction = "none" })
    for n = 1, 4 do
      local wanted = all_alignments(lp:select(2, n):exp():tolist(), steps[n], 3, { table.unpack(targets[n], 1, sizes[n]) })
      assert.near(wanted, padded[n], 1e-10)
      assert.near(wanted, row[n], 1e-10)
    end
    local mean = (padded[1] / 3 + padded[2] / 2 + padded[3] + padded[4]) / 4 -- PyTorch: per id, an empty target counts 1
    assert.near(mean, nn.ctc_loss(lp, ids(targets), ids(steps), ids(sizes)):item(), 1e-10)
    assert.near(mean, nn.CTCLoss {}(lp, ids(targets), ids(steps), ids(sizes)):item(), 1e-10)
  end)
  it("is infinite where the target needs more steps, or 0 without a gradient", function()
    local x = lp:clone():requires_grad_()
    local function loss(opts) return nn.ctc_loss(x, ids { { 2, 2 }, { 2, 2 }, { 2, 3 }, { 2, 3 } }, ids { 2, 3, 1, 2 }, ids { 2, 2, 2, 2 }, opts) end
    local none = loss { reduction = "none" }
    assert.same({ math.huge, math.huge }, { none[1], none[3] })
    assert.is_true(none[2] < math.huge and none[4] < math.huge)
    loss({ zero_infinity = true }):backward()
    assert.is_true(x.grad:isfinite():all():item())
    assert.equal(0, x.grad:select(2, 1):abs():sum():item())
  end)
  it("names what is wrong with lengths and ids", function()
    local function with(change)
      local a = { lp, ids(targets), ids(steps), ids(sizes), { reduction = "sum" } }
      change(a)
      return function() nn.ctc_loss(table.unpack(a)) end
    end
    assert.error_matches(with(function(a) a[2] = ids { { 1, 2, 3 }, { 1, 1, 1 }, { 1, 1, 1 }, { 1, 1, 1 } } end),
      "ctc_loss: targets has the id 1; ids are 1..3 without the blank 1")
    assert.error_matches(with(function(a) a[3] = ids { 6, 1, 1, 1 } end), "input_lengths has 6 at position 1; 0..5 are valid")
    assert.error_matches(with(function(a) a[4] = ids { 3, 4, 1, 0 } end), "target_lengths has 4 at position 2; 0..3 are valid")
    assert.error_matches(with(function(a) a[4] = ids { 3 } end), "target_lengths needs one length for each of the 4 sequences")
    assert.error_matches(with(function(a) a[5] = { blank = 7 } end), "blank must be 1..3, got 7")
  end)
end)

describe("max_unpool", function()
  it("puts maxima back, in one, two and three dimensions", function()
    for n, size in ipairs { { 7 }, { 6, 7 }, { 4, 5, 6 } } do
      local x = scion.randperm(2 * 3 * scion.tensor(size):prod():item()):to("f32"):reshape(2, 3, table.unpack(size))
      local pool = nn[("MaxPool%dd"):format(n)](2, { return_indices = true })
      local unpool = nn[("MaxUnpool%dd"):format(n)](2, { output_size = size })
      local y, at = pool(x)
      local back = unpool(y, at)
      assert.same(scion.list(x.shape), scion.list(back.shape))
      assert.is_true(back:ne(0):logical_and(back:ne(x)):any():item() == false, "what is not 0 is x")
      assert.is_true(pool(back):equal(y))
    end
  end)
  it("names an output size that the pooling cannot have come from, and indices outside the plane", function()
    local x, at = scion.ones(1, 1, 2, 2), scion.ones({ 1, 1, 2, 2 }, { dtype = "i64" })
    assert.error_matches(function() nn.MaxUnpool2d(2, { output_size = { 4, 9 } })(x, at) end, "output_size must be 3..5 in dimension 4, got 9")
    assert.error_matches(function() nn.MaxUnpool2d(2)(x, at * 17) end, "17")
    assert.error_matches(function() nn.MaxUnpool2d(2)(x, scion.ones({ 1, 1, 2, 1 }, { dtype = "i64" })) end, "indices must have the shape of x")
  end)
end)

describe("rrelu", function()
  it("draws a slope for each element in training, and takes the mean afterwards", function()
    local layer = nn.RReLU(0.1, 0.3)
    local x = scion.full({ 10000 }, -1)
    local slopes = -layer(x)
    assert.is_true(slopes:amin():item() >= 0.1 and slopes:amax():item() <= 0.3)
    assert.near(0.2, slopes:mean():item(), 0.002)
    assert.near((0.2 / 12 ^ 0.5), slopes:std():item(), 0.002)
    layer:eval()
    assert.near(0.2, -layer(x)[1], 1e-6)
    assert.error_matches(function() scion.nn.rrelu(x, 0.5, 0.1) end, "lower must be at most upper")
  end)
end)

describe("numbers", function()
  it("signs, shifts, divisors and edges", function()
    local inf, nan = math.huge, 0 / 0
    local function t(v, dtype) return scion.tensor(v, { dtype = dtype or "f64" }) end
    assert.same({ true, true, false, true }, t({ -1, -0.0, 0, -inf }):signbit():tolist())
    assert.same({ -1, -2 }, t({ 1, -2 }):copysign(-0.0):tolist())
    assert.same({ 0, 0.5, 1 }, t({ -3, 0, 2 }):heaviside(0.5):tolist())
    assert.same({ false, true, false }, t({ 1, inf, -inf }):isposinf():tolist())
    assert.same({ false, false, true }, t({ 1, inf, -inf }):isneginf():tolist())
    assert.same({ 0.5, 2 }, t({ nan, 2 }):fmax(0.5):tolist())
    assert.same({ 0.5, 0.5 }, t({ nan, 2 }):fmin(0.5):tolist())
    assert.same({ 2, 2, 0, 3, 5 }, t({ 4, 6, 0, -9, 0 }, "i64"):gcd(t({ 6, -4, 0, 3, 5 }, "i64")):tolist())
    assert.same({ 12, 12, 0, 9, 0 }, t({ 4, 6, 0, -9, 0 }, "i64"):lcm(t({ 6, -4, 0, 3, 5 }, "i64")):tolist())
    assert.same({ 12, -20 }, t({ 3, -5 }, "i32"):bitwise_left_shift(2):tolist())
    assert.same({ 1, -3 }, t({ 3, -5 }, "i32"):bitwise_right_shift(1):tolist())
    assert.same({ 12 }, t({ 3 }):ldexp(2):tolist())
    assert.error_matches(function() t({ 1 }):gcd(t({ 1 })) end, "gcd: .* must hold integers, got f64")
    assert.error_matches(function() t({ 1 }):fmax("a") end, "fmax: other must be a tensor or a number")
    assert.error_matches(function() scion.ones(2, 3):matrix_exp() end, "matrix_exp: x must be a square matrix")
    assert.error_matches(function() scion.full({ 2, 2 }, inf):matrix_exp() end, "NaN or infinity")
  end)
  it("matrix_exp of large and nilpotent matrices, with its gradient", function()
    local x = scion.tensor({ { 0, 1, 2 }, { 0, 0, 3 }, { 0, 0, 0 } }, { dtype = "f64" })
    assert.is_true(x:matrix_exp():allclose(scion.tensor({ { 1, 1, 3.5 }, { 0, 1, 3 }, { 0, 0, 1 } }, { dtype = "f64" })))
    local d = scion.tensor({ 50, -40, 3 }, { dtype = "f64" })
    assert.is_true(d:diag():matrix_exp():diag():allclose(d:exp(), 1e-9))
    local a = scion.randn({ 3, 3 }, { dtype = "f64" }):requires_grad_()
    a:matrix_exp():trace():backward() -- d tr(exp A) = exp(A)^T
    assert.is_true(a.grad:allclose(a:detach():matrix_exp():t(), 1e-9))
  end)
end)
