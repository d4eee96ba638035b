-- The Gaussian process against scikit-learn, its gradients against differences, and what it refuses.

local helper = require "spec.helper"
local scion = require "scion"
local golden = require "spec.golden.gaussian_process"

local F64 <const> = { dtype = "f64" }
local x, y, q = scion.tensor(golden.x, F64), scion.tensor(golden.y, F64), scion.tensor(golden.q, F64)

describe("GaussianProcess", function()
  for _, case in ipairs(golden.fixed) do
    it("gives scikit-learn's evidence, gradient and predictions: " .. case.kernel, function()
      local gp = scion.GaussianProcess { kernel = case.kernel, length_scale = golden.scales, variance = golden.variance,
        noise = golden.noise, fixed = true, normalise_y = false, priors = false }
      gp:fit(x, y)
      local evidence, gradient = gp:log_evidence(gp.theta)
      assert.allclose(gp:log_evidence(), case.evidence, { rtol = 1e-10 })
      assert.allclose(evidence, case.evidence, { rtol = 1e-10 })
      assert.allclose(gradient, case.gradient, { rtol = 1e-7, atol = 1e-9 })
      local mean, variance = gp:predict(q)
      assert.allclose(mean, case.mean, { rtol = 1e-9 })
      assert.allclose(variance:add(gp.noise), case.variance, { rtol = 1e-8 })
    end)
  end

  for _, case in ipairs(golden.fitted) do
    it("finds scikit-learn's maximum of the evidence, or a better one: " .. case.kernel, function()
      local gp = scion.GaussianProcess { kernel = case.kernel, priors = false, restarts = 6, max_iter = 200 }
      gp:fit(x, y)
      assert.is_true(gp:log_evidence() > case.evidence - 1e-3, ("%g against %g"):format(gp:log_evidence(), case.evidence))
      if math.abs(gp:log_evidence() - case.evidence) < 1e-3 then
        assert.allclose(gp:predict(q), case.mean, { rtol = 0.02, atol = 0.02 })
      end
    end)
  end

  it("adds kernels over groups of columns, with length scales that columns share", function()
    local gp = scion.GaussianProcess { components = { { columns = { 1, 3 }, kernel = "rbf", tie = { 1, 1 } }, { columns = { 2 }, variance = 2 } },
      noise = 0.01 }
    gp:fit(x, y)
    assert.same({ 1, 1 }, { #gp.length_scales[1], #gp.length_scales[2] })
    local value, gradient = gp:log_evidence(gp.theta)
    assert.allclose(value, gp:log_evidence(), { rtol = 1e-9 })
    for k = 1, #gp.theta do
      local up, down = { table.unpack(gp.theta) }, { table.unpack(gp.theta) }
      up[k], down[k] = up[k] + 1e-5, down[k] - 1e-5
      assert.allclose(gradient[k], (gp:log_evidence(up) - gp:log_evidence(down)) / 2e-5, { rtol = 1e-4, atol = 1e-5 })
    end
    -- The sum is additive: a change of column 2 alone moves predictions by an amount that the other columns do not alter.
    local function at(a, b, c) return (gp:predict(scion.tensor({ { a, b, c } }, F64))):item() end
    assert.allclose(at(0.3, 1, 0.2) - at(0.3, 0, 0.2), at(-1, 1, 1.5) - at(-1, 0, 1.5), { atol = 1e-9 })
  end)

  it("predicts with gradients in x", function()
    local gp = scion.GaussianProcess { seed = 3 }
    gp:fit(x, y)
    helper.gradcheck(function(points)
      local mean, variance = gp:predict(points)
      return mean + variance
    end, { q }, { rtol = 1e-4, atol = 1e-6 })
  end)

  it("is sure at its points and unsure far away, and draws accordingly", function()
    local gp = scion.GaussianProcess { noise = 1e-8, length_scale = 1, variance = 1, fixed = true }
    gp:fit(x, y)
    local mean, variance = gp:predict(x)
    assert.allclose(mean, y, { atol = 1e-3 })
    assert.is_true(variance:max():item() < 1e-4)
    local far = scion.full({ 1, 3 }, 100, F64)
    local m, v = gp:predict(far)
    assert.allclose(m, { y:mean():item() }, { atol = 1e-9 })
    assert.allclose(v, { 1 }, { rtol = 1e-9 })
    local draws = gp:sample(scion.cat({ x:narrow(1, 1, 2), far }, 1), 400, 1)
    assert.same({ 400, 3 }, { draws:size(1), draws:size(2) })
    assert.allclose(draws:narrow(2, 1, 2):mean(1), y:narrow(1, 1, 2), { atol = 5e-3 })
    assert.allclose(draws:select(2, 3):std(), 1, { rtol = 0.15 })
    assert.is_true(gp:sample(far, 3, 7):eq(gp:sample(far, 3, 7)):all():item())
  end)

  it("takes a constant y, one point, repeated points", function()
    local gp = scion.GaussianProcess {}
    gp:fit(x, scion.full({ 14 }, 2.5, F64))
    assert.allclose((gp:predict(q)), { 2.5, 2.5, 2.5, 2.5, 2.5, 2.5 }, { rtol = 1e-6 })
    gp:fit(scion.zeros(1, 3), { 4 })
    assert.allclose((gp:predict(scion.zeros(1, 3))), { 4 }, { rtol = 1e-6 })
    gp:fit(scion.zeros(9, 3), { 1, 1, 1, 1, 1, 1, 1, 1, 2 })
    assert.allclose((gp:predict(scion.zeros(1, 3))), { 10 / 9 }, { rtol = 0.01 })
    -- no noise allowed and twice the same point: the covariance is singular, noise is added until it is not
    gp = scion.GaussianProcess { fixed = true, noise = 1e-300, length_scale = 1 }
    gp:fit(scion.zeros(2, 1), { 1, 2 })
    assert.allclose((gp:predict(scion.zeros(1, 1))), { 1.5 }, { rtol = 1e-3 })
  end)

  it("says what it cannot take", function()
    local gp = scion.GaussianProcess {}
    assert.error_matches(function() gp:predict(q) end, "needs a fitted process")
    assert.error_matches(function() gp:fit(x, { 1, 2 }) end, "fit needs y %(N%) beside x %(14, 3%)")
    assert.error_matches(function() gp:fit(x, y * (0 / 0)) end, "NaN or infinite")
    assert.error_matches(function() gp:fit(scion.zeros(0, 2), {}) end, "at least one point")
    assert.error_matches(function() gp:fit(x, y):predict(scion.zeros(2, 2)) end, "predict needs x %(M, 3%), got %(2, 2%)")
    assert.error_matches(function() scion.GaussianProcess { kernel = "cubic" } end, "one of rbf, matern12, matern32, matern52")
    assert.error_matches(function() scion.GaussianProcess { bounds = { noise = { 1, 0.1 } } } end, "bounds.noise must be { low, high }")
    assert.error_matches(function() scion.GaussianProcess { priors = { noise = { 1 } } } end, "priors.noise must be { mean, deviation }")
    assert.error_matches(function() scion.GaussianProcess { components = { { columns = { 4 } } } }:fit(x, y) end, "column 4 of x")
  end)
end)

describe("log_expected_improvement", function()
  it("is exact far below 0, where phi(z) + z Phi(z) cancels", function()
    assert.allclose(scion.tensor(golden.z, F64):log_expected_improvement(), golden.log_expected_improvement, { rtol = 1e-10, atol = 1e-12 })
  end)
end)

describe("minimise.boxed", function()
  it("finds the minimum of Rosenbrock's function from several starts at once, inside and at bounds", function()
    local calls = 0
    local function rosenbrock(points)
      local values, gradients = {}, {}
      calls = calls + 1
      for i, p in ipairs(points) do
        local a, b = 1 - p[1], p[2] - p[1] ^ 2
        values[i] = a * a + 100 * b * b
        gradients[i] = { -2 * a - 400 * p[1] * b, 200 * b }
      end
      return values, gradients
    end
    for _, result in ipairs(scion.minimise.boxed(rosenbrock, { { -1.2, 1 }, { 0, 0 }, { 2, -3 } }, { f_tol = 0 })) do
      assert.allclose(result.x, { 1, 1 }, { atol = 1e-4 })
    end
    assert.is_true(calls < 100)
    local result = scion.minimise.boxed(rosenbrock, { { -1.2, 1 } }, { lower = { -2, -2 }, upper = { 0.5, 2 }, f_tol = 0 })[1]
    assert.allclose(result.x, { 0.5, 0.25 }, { atol = 1e-5 })
  end)

  it("turns back from places where the function is not defined", function()
    local function log_barrier(points)
      local values, gradients = {}, {}
      for i, p in ipairs(points) do
        values[i] = p[1] > 0 and p[1] - math.log(p[1]) or 0 / 0
        gradients[i] = { 1 - 1 / p[1] }
      end
      return values, gradients
    end
    assert.allclose(scion.minimise.boxed(log_barrier, { { 30 }, { 1e-3 } })[2].x, { 1 }, { atol = 1e-4 })
  end)
end)
