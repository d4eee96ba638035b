-- scion.repurpose.auto and the scores that rank sources.

local scion = require "scion"
local transferability = require "scion.repurpose.transferability"

local F64 <const> = { dtype = "f64" }

-- Three classes on two rings' angles, hidden in 20 noisy columns: what the source has learned to see through.
local function task(n, seed, angle)
  scion.seed(seed)
  local x, labels = scion.randn(n, 20), {}
  for i = 1, n do
    labels[i] = ({ "a", "b", "c" })[(i - 1) % 3 + 1]
    local phase = 2 * math.pi * ((i - 1) % 3) / 3 + angle
    x[i]:narrow(1, 1, 2):copy_(scion.tensor { 2.2 * math.cos(phase), 2.2 * math.sin(phase) }:add(scion.randn(2):mul(0.4)))
  end
  return scion.data.tensors { x = x, y = labels, batch_size = 16 }
end

-- A network with features of the two columns that matter (good), or of two that do not (useless).
local function network(first)
  local net = scion.nn.Sequential { scion.nn.Linear(20, 6, { name = "hidden" }), scion.nn.Tanh(), scion.nn.Linear(6, 3, { name = "out" }) }
  local weight = scion.zeros(6, 20)
  for k = 1, 6 do
    weight[k][first] = math.cos(k)
    weight[k][first + 1] = math.sin(k)
  end
  scion.no_grad(function() net["hidden.weight"]:copy_(weight) end)
  return net:eval()
end

describe("transferability scores", function()
  it("agree with the direct formulas", function()
    scion.seed(3)
    local x, ids = scion.randn(40, 5, F64), {}
    for i = 1, 40 do ids[i] = i % 3 + 1 end
    for i = 1, 40 do x[i]:add_(ids[i] * 0.8) end
    -- LogME: the evidence written out with the hyper-parameters at their fixed point
    local total, xtx = 0, x:t():matmul(x)
    for k = 1, 3 do
      local values = {}
      for i = 1, 40 do values[i] = ids[i] == k and 1 or 0 end
      local y, alpha, beta = scion.tensor(values, F64), 1.0, 1.0
      local eigenvalues, eye = xtx:eigh(), scion.eye(5, F64)
      local a, m
      for _ = 1, 300 do
        a = eye * alpha + xtx * beta
        m = a:solve((x:t():mv(y) * beta):unsqueeze(2)):squeeze(2)
        local gamma = (eigenvalues * beta / (eigenvalues * beta + alpha)):sum():item()
        alpha, beta = gamma / m:square():sum():item(), (40 - gamma) / (y - x:mv(m)):square():sum():item()
      end
      local residual, m2 = (y - x:mv(m)):square():sum():item(), m:square():sum():item()
      total = total + (20 * math.log(beta) + 2.5 * math.log(alpha) - 20 * math.log(2 * math.pi) - beta / 2 * residual - alpha / 2 * m2 - 0.5 * a:logdet():item()) / 40
    end
    assert.allclose(transferability.log_me(x, ids), total / 3, { rtol = 1e-4 })
    -- H-score without noise to shrink for: many items
    scion.seed(4)
    local n = 3000
    local wide, labels = scion.randn(n, 4, F64), {}
    for i = 1, n do labels[i] = i % 2 + 1 end
    local one = scion.tensor(labels, { dtype = "i64" })
    wide = wide + (one:to("f64") - 1.5):unsqueeze(2) * 2
    local z = wide - wide:mean(1)
    local means = scion.cat({ z:index_select(1, one:eq(1):nonzero():reshape(-1)):mean(1):unsqueeze(1), z:index_select(1, one:eq(2):nonzero():reshape(-1)):mean(1):unsqueeze(1) }, 1)
    local between = means:t():matmul(means) / 2
    local plain = (z:t():matmul(z) / n):solve(between):trace():item()
    assert.allclose(transferability.h_score(wide, labels), plain, { rtol = 0.02 })
  end)

  it("rank features that tell the classes apart above those that do not, and more features than items are no trouble", function()
    scion.seed(5)
    local ids = {}
    for i = 1, 30 do ids[i] = i % 3 + 1 end
    local bad = scion.randn(30, 100, F64)
    local good = bad + scion.tensor(ids, { dtype = "i64" }):one_hot { num_classes = 3 }:to("f64"):matmul(scion.randn(3, 100, F64)) * 2
    assert.is_true(transferability.log_me(good, ids) > transferability.log_me(bad, ids) + 0.05)
    assert.is_true(transferability.h_score(good, ids) > transferability.h_score(bad, ids) + 0.2)
    assert.error_matches(function() transferability.log_me(good, { 1, 2 }) end, "needs 30 class ids")
  end)
end)

describe("repurpose.auto", function()
  it("finds the source that helps, says that transfer pays, and returns a repurposer that works", function()
    local rp, report = scion.repurpose.auto { source = { useful = network(1), useless = network(9) }, train = task(30, 1, 0.3), budget = 30, n_trials = 10,
      folds = 3, fine_tune = false, seed = 1 }
    assert.is_true(report.transfer, tostring(report))
    assert.same("useful", report.best.candidate.source.name)
    assert.matches("^useful", report.ranking[1].name)
    assert.is_true(rp:accuracy(task(150, 2, 0.3)) > 0.9)
    assert.matches("^Transfer pays", tostring(report))
    assert.same(6, #report.settings)
  end)

  it("says not to transfer when the source's features carry nothing", function()
    local rp, report = scion.repurpose.auto { source = network(9), train = task(45, 1, 0.3), budget = 30, n_trials = 8, folds = 3, fine_tune = false, seed = 1 }
    assert.is_false(report.transfer)
    assert.matches("^Do not transfer", tostring(report))
    assert.is_false(report.best.is_transfer)
    assert.is_true(rp:accuracy(task(150, 2, 0.3)) > 0.6)
  end)

  it("says what it cannot use", function()
    assert.error_matches(function() scion.repurpose.auto { source = 3, train = task(9, 1, 0) } end, "source must be a net")
    assert.error_matches(function() scion.repurpose.auto { source = network(1), train = 3 } end, "train must be a data set with classes")
    assert.error_matches(function() scion.repurpose.auto { train = task(9, 1, 0) } end, "option 'source' is required")
    assert.error_matches(function() scion.repurpose.auto { source = network(1), train = task(4, 1, 0) } end, "at least 2 items")
    local one = scion.data.tensors { x = scion.randn(4, 6), labels = { "a", "a", "a", "a" } }
    assert.error_matches(function() scion.repurpose.auto { source = network(1), train = one } end, "train needs at least 2 classes, it has 1")
    assert.error_matches(function() scion.repurpose.auto { source = { network(1), 3 }, train = task(9, 1, 0) } end, "one of them is 3")
    assert.error_matches(function() scion.repurpose.auto { source = { ok = network(1), wide = scion.nn.Linear(9, 2) }, train = task(9, 1, 0) } end,
      "source 'wide' does not take the items of train: .*9")
  end)
end)
