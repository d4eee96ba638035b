local helper = require "spec.helper"
local scion = require "scion"
local d = scion.distributions

local function raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find(text, 1, true), tostring(message))
end

describe("distributions of one variable", function()
  it("normal: densities, draws, entropy, divergence", function()
    local n = d.Normal { mean = scion.tensor { 1.0, -2.0 }, std = 0.5 }
    assert.allclose(n:log_prob(scion.tensor { 1.0, -1.0 }), { -0.2257913526, -2.2257913526 }, { rtol = 1e-5 })
    assert.allclose(n:entropy(), 1.4515827, { rtol = 1e-5 })
    scion.seed(3)
    local x = n:sample(20000)
    assert.allclose(x:mean(1), { 1, -2 }, { atol = 0.02 })
    assert.allclose(x:std(1), { 0.5, 0.5 }, { atol = 0.02 })
    local other = d.Normal { mean = scion.zeros(2), std = scion.tensor { 1.0, 2.0 } }
    -- log(s2 / s1) + (s1^2 + (m1 - m2)^2) / (2 s2^2) - 1 / 2 of each
    assert.allclose(n:kl(other), math.log(2) + 1.25 / 2 - 0.5 + math.log(4) + 4.25 / 8 - 0.5, { rtol = 1e-5 })
    assert.allclose(n:kl_sample(other, 4000), n:kl(other), { atol = 0.1 })
    raises("have different support: shapes (2) and (3)", n.kl, n, d.Normal { mean = 0, std = 1, shape = { 3 } })
    raises("has no exact divergence", n.kl, n, d.Categorical { logits = scion.zeros(2) })
    raises("std must be above 0", d.Normal, { mean = 0, std = -1 })
    raises("size of std is not compatible: (3) for a variable of shape (2)", d.Normal, { mean = scion.zeros(2), std = scion.ones(3) })
    raises("option 'std' is required", d.Normal, { mean = 0 })
  end)

  it("gives draws with gradients", function()
    local mean, std = scion.tensor({ 1.0 }, { requires_grad = true }), scion.tensor({ 2.0 }, { requires_grad = true })
    scion.seed(4)
    local x = d.Normal { mean = mean, std = std }:sample(5)
    x:sum():backward()
    assert.allclose(mean.grad, { 5 })
    assert.allclose(std.grad, x:detach():sub(1):div(2):sum():reshape(1), { rtol = 1e-5 })
  end)

  it("categorical: probabilities, draws, entropy, divergence", function()
    local c = d.Categorical { probabilities = { { 0.2, 0.5, 0.3 }, { 1.0, 0.0, 0.0 } } }
    assert.allclose(c:log_prob(scion.tensor({ 2, 1 }, { dtype = "i64" })), { math.log(0.5), 0 }, { atol = 1e-6 })
    scion.seed(5)
    local ids = c:sample(20000)
    for k, p in ipairs { 0.2, 0.5, 0.3 } do
      assert.is_true(math.abs(ids:narrow(2, 1, 1):eq(k):to("f64"):mean():item() - p) < 0.015)
    end
    assert.is_true(ids:narrow(2, 2, 1):eq(1):all():item())
    assert.allclose(c:entropy():narrow(1, 1, 1), { 1.0296530 }, { rtol = 1e-5 })
    local uniform = d.Categorical { logits = scion.zeros(2, 3) }
    assert.allclose(c:kl(uniform), math.log(3) - 1.0296530 + math.log(3), { rtol = 1e-5 })
    raises("give either logits or probabilities", d.Categorical, {})
    raises("must not be negative", d.Categorical, { probabilities = { 0.5, -0.5 } })
    raises("must be (K) or (N, K)", d.Categorical, { logits = scion.zeros(2, 2, 2) })
  end)
end)

describe("normals over named weights", function()
  local shapes = { w = { 2, 3 }, b = { 3 } }

  it("share one number over a variable, and refuse other sizes", function()
    local p = d.GaussianPrior { shapes = shapes, means = { w = scion.tensor { { 0.5 } } }, sigmas = 2 }
    assert.allclose(p:get_mean().w, scion.full({ 2, 3 }, 0.5))
    assert.allclose(p:get_mean().b, scion.zeros(3))
    assert.allclose(p:get_sigma().b, scion.full({ 3 }, 2.0), { rtol = 1e-5 })
    raises("size of means.w is not compatible: (3, 2) for a variable of shape (2, 3)", d.GaussianPrior, { shapes = shapes, means = { w = scion.zeros(3, 2) } })
    raises("sigmas.b must be above 0", d.GaussianPrior, { shapes = shapes, sigmas = { b = 0.0 } })
    raises("sigmas names 'c', which is no variable", d.GaussianPrior, { shapes = shapes, sigmas = { c = 1 } })
    raises("shapes is empty", d.GaussianPrior, { shapes = {} })
  end)

  it("learn what is not fixed, in the order of the names", function()
    assert.equal(0, #d.GaussianPrior { shapes = shapes }:parameters())
    local q = d.GaussianVariationalPosterior { shapes = shapes, seed = 1 }
    local list = q:parameters()
    assert.equal(4, #list)
    assert.is_true(list[1]:is_same(q.means.b) and list[2]:is_same(q.rhos.b) and list[3]:is_same(q.means.w))
    assert.equal(2, #d.GaussianVariationalPosterior { shapes = shapes, fix_means = true }:parameters())
    assert.allclose(q:get_sigma().w, scion.full({ 2, 3 }, 0.05), { rtol = 1e-4 })
    scion.seed(8)
    local expected = scion.randn(2)
    scion.seed(8)
    local again = d.GaussianVariationalPosterior { shapes = shapes, seed = 1 }
    assert.allclose(scion.randn(2), expected) -- the context's numbers are left alone
    assert.allclose(again:get_mean().w, q:get_mean().w)
  end)

  it("know their divergence, and where they do not", function()
    local q, p = d.GaussianVariationalPosterior { shapes = shapes, seed = 2, sigmas = 0.5 }, d.GaussianPrior { shapes = shapes }
    assert.is_true(q:is_conjugate(p))
    scion.seed(1)
    assert.allclose(q:kl_sample(p, 3000), q:KL(p), { rtol = 0.05 })
    local other = d.GaussianPrior { shapes = { w = { 2, 3 }, b = { 4 } } }
    assert.is_false(q:is_conjugate(other))
    raises("different support: b is (3) here, (4) there", q.kl, q, other)
    raises("different support", q.kl, q, d.GaussianPrior { shapes = { w = { 2, 3 } } })
    raises("no exact divergence to 5", q.kl, q, 5)
    raises("posterior must be a distribution, got 5", d.negative_evidence_bound, { log_likelihood = scion.tensor(0.0), posterior = 5, prior = p })
    raises("kl_sample: expected a distribution, got 'x'", q.kl_sample, q, "x")
    raises("log_pdf: w must be a tensor (2, 3), got nil", q.log_pdf, q, { b = scion.zeros(3) })
  end)

  it("are the same from a file", function()
    local q = d.GaussianVariationalPosterior { shapes = shapes, seed = 3, fix_sigmas = true }
    local path = helper.tmpdir() .. "/q.safetensors"
    q:save(path)
    local loaded = d.load(path)
    for _, name in ipairs { "w", "b" } do
      assert.allclose(loaded.means[name], q.means[name], { rtol = 0, atol = 0 })
      assert.allclose(loaded.rhos[name], q.rhos[name], { rtol = 0, atol = 0 })
      assert.is_true(loaded.means[name].requires_grad)
      assert.is_false(loaded.rhos[name].requires_grad)
    end
    scion.io.save_safetensors(path, { x = scion.zeros(2) })
    raises("holds no distribution", d.load, path)
  end)

  it("find the exact posterior of a linear regression whose columns are orthogonal", function()
    local x = scion.tensor { { 1, 1 }, { 1, -1 }, { -1, 1 }, { -1, -1 }, { 2, 2 }, { 2, -2 } }
    local y = scion.tensor { { 1.2 }, { 2.9 }, { -3.1 }, { -0.8 }, { 2.3 }, { 6.2 } }
    local noise = 0.5
    local q = d.GaussianVariationalPosterior { shapes = { w = { 2, 1 } }, seed = 1 }
    local p = d.GaussianPrior { shapes = { w = { 2, 1 } }, sigmas = 1 }
    scion.seed(1)
    local adam = scion.optim.Adam(q:parameters(), { lr = 2e-2 })
    for step = 1, 1500 do
      if step == 1000 then adam.param_groups[1].lr = 2e-3 end
      local fit
      for _ = 1, 4 do
        local part = d.Normal { mean = x:matmul(q:generate_sample().w), std = noise }:log_pdf(y):div(4)
        fit = fit and fit:add(part) or part
      end
      adam:zero_grad()
      d.negative_evidence_bound { log_likelihood = fit, posterior = q, prior = p }:backward()
      adam:step()
    end
    local precision = x:t():matmul(x):div(noise * noise):add(scion.eye(2))
    local mean = scion.solve(precision, x:t():matmul(y):div(noise * noise))
    assert.allclose(q:get_mean().w, mean, { atol = 0.02 })
    assert.allclose(q:get_sigma().w, precision:diagonal():reciprocal():sqrt():reshape(2, 1), { rtol = 0.1 })
  end)
end)
