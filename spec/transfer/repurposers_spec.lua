local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local golden = dofile("spec/golden/estimators.lua")
local x, xt = scion.tensor(golden.x), scion.tensor(golden.xt)
local train = scion.data.tensors { x = x, labels = golden.y, batch_size = 16 }
local numbers = scion.data.tensors { x = x, targets = scion.tensor(golden.target), batch_size = 16 }
-- A source whose feature is its input.
local identity = nn.Sequential { nn.Identity { name = "same" }, nn.Linear(4, 2, { name = "fc" }) }

local function made(class, opts, data)
  opts = opts or {}
  opts.source_model, opts.feature_layer_names = opts.source_model or identity, opts.feature_layer_names or { "same" }
  local rp = scion[class](opts)
  if data ~= false then rp:repurpose(data or train) end
  return rp
end

local function raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find(text, 1, true), tostring(message))
end

local CLASSIFIERS <const> = { "LrRepurposer", "SvmRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer", "BnnRepurposer", "GpRepurposer" }
local REGRESSORS <const> = { "SvmRepurposer", "KnnRepurposer", "RidgeRepurposer", "LinearRegressionRepurposer", "BnnRepurposer", "GpRepurposer" }
local function known(list)
  local out = {}
  for _, name in ipairs(list) do
    if scion[name] then out[#out + 1] = name end
  end
  return out
end
local FAST <const> = { BnnRepurposer = { num_epochs = 60, calibrate = false } } -- calibrated in a test of its own
local function options(name)
  local out = {}
  for key, value in pairs(FAST[name] or {}) do out[key] = value end
  return out
end

describe("repurposers beside scikit-learn", function()
  it("LR: coefficients and probabilities", function()
    local rp = made("LrRepurposer", { tol = 1e-7 })
    local weight = rp.target_model["head.logistic_regression.weight"]
    assert.allclose(weight:sub(weight:mean(1)), scion.tensor(golden.lr.coef):sub(scion.tensor(golden.lr.coef):mean(1)), { rtol = 1e-3, atol = 1e-4 })
    assert.allclose(rp:predict_probability(xt), golden.lr.probability, { atol = 1e-4 })
    assert.is_true(rp:convergence().converged)
    local mean = x:mean(1)
    local std = x:sub(mean):square():mean(1):sqrt()
    local binary = made("LrRepurposer", { c = 0.3, class_weight = "none", tol = 1e-7, standardise = false },
      scion.data.tensors { x = x:sub(mean):div(std):narrow(1, 1, 44), labels = table.move(golden.y, 1, 44, 1, {}) })
    assert.allclose(binary:predict_probability(xt:sub(mean):div(std)), golden.lr.binary_probability, { atol = 1e-4 })
  end)

  it("SVM: decisions, votes, regression", function()
    for _, case in ipairs(golden.svm) do
      local rp = made("SvmRepurposer", { kernel = case.kernel, c = 1.5, gamma = 0.2, coef0 = 0.5, degree = 3, tol = 1e-6, enable_probability_estimates = false })
      local head = rp:_head_of_now()
      assert.allclose(head:features(xt, "svm"), case.decision, { rtol = 1e-3, atol = 2e-3 })
      assert.same(case.label, rp:predict_label(xt):tolist())
      assert.is_true(math.abs(rp:convergence().n_support - case.n_support) <= 1)
      for _, method in ipairs { "predict_probability", "reliability", "calibrate" } do
        raises("Probability estimates should have been enabled during model training", rp[method], rp, train)
      end
    end
    local rp = made("SvmRepurposer", { kernel = "rbf", c = 2, gamma = 0.2, epsilon = 0.1, tol = 1e-6 }, numbers)
    assert.allclose(rp:predict(xt), golden.svr, { rtol = 2e-3, atol = 2e-3 })
  end)

  it("k-NN: probabilities and means", function()
    for _, weights in ipairs { "uniform", "distance" } do
      assert.allclose(made("KnnRepurposer", { weights = weights }):predict_probability(xt), golden.knn[weights], { atol = 1e-4 })
      assert.allclose(made("KnnRepurposer", { weights = weights }, numbers):predict(xt), golden.knn_regression[weights], { rtol = 1e-4, atol = 1e-4 })
    end
  end)

  it("ridge and least squares", function()
    assert.allclose(made("RidgeRepurposer", { alpha = 2 }, numbers):predict(xt), golden.ridge, { rtol = 1e-4, atol = 1e-4 })
    assert.allclose(made("LinearRegressionRepurposer", {}, numbers):predict(xt), golden.ols, { rtol = 1e-4, atol = 1e-4 })
    -- more features than items: the dual gives the same
    local wide = scion.data.tensors { x = scion.cat({ x, x:square() }, 2):narrow(1, 1, 6), targets = scion.tensor(golden.target):narrow(1, 1, 6) }
    local net = nn.Sequential { nn.Identity { name = "same" }, nn.Linear(8, 1, { name = "fc" }) }
    local dual = made("RidgeRepurposer", { alpha = 1e-4, source_model = net }, wide)
    assert.allclose(dual:predict(wide), scion.tensor(golden.target):narrow(1, 1, 6), { atol = 1e-2 })
  end)

  it("Gaussian processes: evidence, means, deviations, class probabilities", function()
    local rp = made("GpRepurposer", {}, numbers)
    assert.allclose(rp:convergence().log_evidence, golden.gp.log_evidence, { atol = 0.02 })
    assert.allclose(rp:predict(xt), golden.gp.mean, { atol = 0.02 })
    local target = scion.tensor(golden.target, { dtype = "f64" })
    local noise = rp:convergence().noise * target:sub(target:mean()):square():mean():item()
    assert.allclose(rp:predict_variance(xt):add(noise):sqrt(), golden.gp.std, { atol = 0.01 })
    local same = made("GpRepurposer"):predict_id(xt):eq(scion.tensor(golden.gpc.probability):argmax(2)):to("f64"):sum():item()
    assert.is_true(same >= 14) -- probabilities differ: scikit-learn divides one-against-rest ones by their sum
    local two = scion.data.tensors { x = x:narrow(1, 1, 44), labels = table.move(golden.y, 1, 44, 1, {}) }
    local mean = x:mean(1)
    local std = x:sub(mean):square():mean(1):sqrt()
    local binary = made("GpRepurposer", { standardise = false, calibrate = false },
      scion.data.tensors { x = x:sub(mean):div(std):narrow(1, 1, 44), labels = two:labels() })
    assert.is_true(binary:predict_probability(xt:sub(mean):div(std)):sub(scion.tensor(golden.gpc.binary_probability)):abs():max():item() < 0.1)
    -- through fewer points than items
    local sparse = made("GpRepurposer", { exact_up_to = 20, n_inducing = 30 }, numbers)
    assert.equal(30, sparse:convergence().n_points)
    assert.allclose(sparse:predict(xt), rp:predict(xt), { atol = 0.15 })
    assert.same({ 15, 3 }, made("GpRepurposer"):predict_variance(xt).shape:tolist())
  end)

  it("one kernel for every feature layer", function()
    local net = nn.Sequential { nn.Identity { name = "same" }, nn.Linear(4, 6, { name = "noise" }), nn.Tanh { name = "t" } }
    local rp = made("GpRepurposer", { source_model = net, feature_layer_names = { "same", "noise" }, kernel = "matern52", apply_l2_norm = true }, numbers)
    assert.same({ 15 }, rp:predict(xt).shape:tolist())
    assert.truthy(rp.target_model["head.gp.points_2"])
  end)

  it("calibrates SVM probabilities sensibly", function()
    local rp = made("SvmRepurposer", { kernel = "rbf", c = 1.5, gamma = 0.2 })
    assert.is_true(rp:convergence().temperature < 1) -- coupled pairs are too careful
    local p = rp:predict_probability(xt)
    assert.is_true(p:sub(scion.tensor(golden.lr.probability)):abs():mean():item() < 0.12)
  end)
end)

describe("every classifier", function()
  for _, name in ipairs(known(CLASSIFIERS)) do
    it("keeps label values and agrees with its probabilities: " .. name, function()
      local rp = made(name, options(name))
      assert.same({ 3, 7, 9 }, rp.classes:tolist())
      local p = rp:predict_probability(train)
      assert.same({ 60, 3 }, p.shape:tolist())
      assert.allclose(p:sum(2), scion.ones(60), { rtol = 1e-5 })
      local labels, best = rp:predict_label(train), p:argmax(2):tolist()
      for i, label in ipairs(labels) do assert.equal(rp.classes[best[i]], label) end
      local result = rp:evaluate(train)
      assert.is_true(result.accuracy > 0.75)
      assert.is_number(result.measures.log_loss)
      assert.is_number(result.measures.ece)
      assert.truthy(tostring(result.confusion):find("true \\ predicted", 1, true))
    end)

    it("is the same after save and load, with and without its source: " .. name, function()
      local dir = helper.tmpdir()
      local rp = made(name, options(name))
      rp:save(dir .. "/rp.scion")
      local loaded = scion.load(dir .. "/rp.scion")
      assert.equal(name, getmetatable(loaded).class_name)
      assert.same({ 3, 7, 9 }, loaded.classes:tolist())
      assert.allclose(loaded:predict_probability(xt), rp:predict_probability(xt))
      assert.same(rp:predict_label(xt):tolist(), loaded:predict_label(xt):tolist())
      local a, b = rp:get_params(), loaded:get_params()
      for key, value in pairs(a) do
        if type(value) ~= "table" then assert.equal(value, b[key], key) end
      end
      rp:save(dir .. "/head.scion", { save_source = false })
      raises("was saved without its source network", scion.load, dir .. "/head.scion")
      local head = scion.load(dir .. "/head.scion", { source_model = identity })
      assert.allclose(head:predict_probability(xt), rp:predict_probability(xt))
      local other = identity:clone()
      scion.no_grad(function() other["fc.weight"]:mul_(2) end)
      raises("belongs to another source network", scion.load, dir .. "/head.scion", { source_model = other })
      local net = rp:to_net() -- hosts run the graph alone
      assert.allclose(net(xt), rp:predict_probability(xt))
    end)

    it("trains the same from the same seed: " .. name, function()
      local a, b = made(name, options(name)), made(name, options(name))
      assert.allclose(a:predict_probability(xt), b:predict_probability(xt), { rtol = 0, atol = 0 })
    end)

    it("puts several layers side by side: " .. name, function()
      local net = nn.Sequential { nn.Linear(4, 3, { name = "a" }), nn.Tanh { name = "b" }, nn.Linear(3, 2, { name = "c" }) }
      local opts = options(name)
      opts.source_model, opts.feature_layer_names = net, { "c", "a" }
      local rp = made(name, opts)
      assert.same({ layer = "c", first = 1, last = 2 }, rp.feature_indices_per_layer[1])
      assert.same({ layer = "a", first = 3, last = 5 }, rp.feature_indices_per_layer[2])
      assert.same({ 15, 3 }, rp:predict_probability(xt).shape:tolist())
    end)
  end

  for _, name in ipairs(known(CLASSIFIERS)) do
    it("manages with classes without items, a single item, features that never change, f64: " .. name, function()
      local sparse = scion.data.tensors { x = x, labels = golden.y, classes = { 1, 3, 5, 7, 9 } }
      local rp = made(name, options(name), sparse)
      assert.is_true(rp:accuracy(train) > 0.75)
      local p = rp:predict_probability(xt):mean(1):tolist()
      assert.is_true(p[1] < 0.15 and p[3] < 0.15, ("%f %f"):format(p[1], p[3]))
      for _, label in ipairs(rp:predict_label(xt)) do assert.is_true(label ~= 1 and label ~= 5) end
      local few = scion.data.tensors { x = x:narrow(1, 1, 3), labels = { "a", "b", "c" } }
      local opts = options(name)
      if name == "KnnRepurposer" then opts.n_neighbors = 1 end
      assert.allclose(made(name, opts, few):predict_probability(xt):sum(2), scion.ones(15), { rtol = 1e-5 })
      local flat = scion.data.tensors { x = scion.ones(20, 4), labels = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 } }
      assert.is_true(made(name, options(name), flat):predict_probability(xt):isfinite():all():item())
      local wide = scion.data.tensors { x = x:to("f64"), labels = golden.y }
      assert.is_true(made(name, options(name), wide):accuracy(wide) > 0.75)
      raises("the data give 5 features of an item, it was trained on 4", rp.predict_label, rp, scion.rand(2, 5))
    end)
  end

  it("can be cross-validated and trained again after loading, and saved under Xfer's words", function()
    local dir = helper.tmpdir()
    made("LrRepurposer"):save_repurposer("lr.scion", dir)
    local loaded = scion.load(dir .. "/lr.scion")
    assert.is_true(loaded:cross_validate(train, { folds = 3 }).mean.accuracy > 0.7)
    assert.is_true(loaded:repurpose(train):accuracy(train) > 0.75)
    raises("model_name", loaded.save_repurposer, loaded, 5)
  end)

  it("has a validation split, class weights and a temperature", function()
    local rp = made("LrRepurposer", { validation_split = 0.25, calibrate = true, class_weight = { [3] = 1, [7] = 2, [9] = 0 } })
    assert.is_number(rp.validation.accuracy)
    assert.is_number(rp.temperature)
    for _, label in ipairs(rp:predict_label(train)) do assert.is_true(label ~= 9) end
    local function odds(weight) return made("LrRepurposer", { class_weight = weight }):predict_probability(train) end
    assert.allclose(odds { [3] = 2 }, odds { [3] = 2, [7] = 1, [9] = 1 }) -- classes that are not named count once
    raises("class_weight names 8, which is no class", made, "LrRepurposer", { class_weight = { [3] = 1, [8] = 1 } })
    local given = made("LrRepurposer", { validation = train })
    assert.equal(given:accuracy(train), given.validation.accuracy)
  end)

  it("calibrates on data of its own, and saves the temperature", function()
    local rp = made("LrRepurposer", { c = 1000 })
    local before = rp:predict_probability(xt)
    local test = scion.data.tensors { x = xt, labels = { 9, 7, 3, 3, 7, 9, 3, 7, 9, 3, 7, 9, 3, 7, 9 } }
    local loss = rp:evaluate(test).measures.log_loss
    local t = rp:calibrate(test)
    assert.is_true(t > 1)
    assert.is_true(rp:evaluate(test).measures.log_loss < loss)
    assert.same(before:argmax(2):tolist(), rp:predict_probability(xt):argmax(2):tolist())
    local path = helper.tmpdir() .. "/t.scion"
    rp:save(path)
    assert.allclose(scion.load(path):predict_probability(xt), rp:predict_probability(xt))
    local figure = rp:reliability(test, { out = path .. ".svg", bins = 5 })
    assert.truthy(tostring(figure):find("expected calibration error", 1, true))
    assert.truthy(helper.read_file(path .. ".svg"):find("<svg", 1, true))
  end)

  it("cross-validates, stratified, without running the source twice", function()
    local cache = scion.features.Cache {}
    local rp = made("LrRepurposer", { cache = cache }, false)
    local result = rp:cross_validate(train, { folds = 4, repeats = 2 })
    assert.equal(8, #result.folds)
    assert.equal(60, #result.predicted)
    assert.is_true(result.mean.accuracy > 0.7)
    assert.equal(60, cache.misses)
    assert.truthy(tostring(result):find("mean", 1, true))
    assert.is_nil(rp.target_model)
    raises("80 folds of 60 items", rp.cross_validate, rp, train, { folds = 80 })
    local some = rp:cross_validate(train, { folds = 4, first = 2 }) -- the same folds, fewer of them
    assert.same({ result.folds[1], result.folds[2] }, some.folds)
  end)
end)

describe("regression", function()
  for _, name in ipairs(known(REGRESSORS)) do
    it("predicts real numbers: " .. name, function()
      local rp = made(name, options(name), numbers)
      local result = rp:evaluate(numbers)
      assert.is_true(result.r2 > 0.3, tostring(result.r2))
      assert.same({ 15 }, rp:predict(xt).shape:tolist())
      assert.equal(15, #rp:predict_label(xt))
      assert.is_number(rp:predict_label(xt)[1])
      assert.truthy(tostring(result):find("r2 = ", 1, true))
      raises("this repurposer predicts numbers", rp.predict_probability, rp, xt)
      local path = helper.tmpdir() .. "/r.scion"
      rp:save(path)
      assert.allclose(scion.load(path):predict(xt), rp:predict(xt))
      local several = scion.data.tensors { x = x, targets = scion.stack({ scion.tensor(golden.target), x:narrow(2, 1, 1):squeeze(2) }, 2) }
      local two = made(name, options(name), several)
      assert.same({ 15, 2 }, two:predict(xt).shape:tolist())
      assert.equal(2, #two:predict_label(xt)[1])
      if name ~= "BnnRepurposer" then
        assert.allclose(two:predict(xt):narrow(2, 1, 1):squeeze(2), rp:predict(xt), { rtol = 0.1, atol = 0.1 })
      end
    end)
  end

  it("takes labels that are numbers, and refuses others", function()
    local rp = made("RidgeRepurposer")
    local values = rp:predict(xt)
    assert.is_true(values:min():item() > 0 and values:max():item() < 13)
    assert.is_true(rp:evaluate(train).rmse < 3)
    raises("regression needs numbers as labels", made, "RidgeRepurposer", {},
      scion.data.tensors { x = xt, labels = { "a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c" } })
    raises("cannot predict numbers (it predicts classes, multi-label targets)", made, "LrRepurposer", { task = "regression" }, numbers)
    raises("repurpose needs data with classes", made, "LrRepurposer", {}, numbers)
  end)

  it("tells its uncertainty where the family has one", function()
    local rp = made("BnnRepurposer", { num_epochs = 60 }, numbers)
    local near, far = rp:predict_variance(x):mean():item(), rp:predict_variance(x:mul(20)):mean():item()
    assert.is_true(near > 0 and far > 4 * near)
    local ridge = made("RidgeRepurposer", {}, numbers)
    raises("has no predictive variance", ridge.predict_variance, ridge, xt)
  end)
end)

describe("multi-label", function()
  local right, up = x:narrow(2, 1, 1):squeeze(2):gt(1):to("f32"), x:narrow(2, 2, 1):squeeze(2):gt(0):to("f32")
  local data = scion.data.tensors { x = x, targets = scion.stack({ right, up, scion.ones(60) }, 2), batch_size = 16 }
  local function labelled(name, opts)
    opts = opts or options(name)
    opts.task, opts.label_names = "multi_label", { "right", "up", "always" }
    return made(name, opts, data)
  end
  for _, name in ipairs { "LrRepurposer", "SvmRepurposer", "GpRepurposer", "BnnRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer" } do
    it("predicts sets of labels: " .. name, function()
      local rp = labelled(name)
      raises("multi_label targets must be 0 or 1", made, name, { task = "multi_label" }, numbers)
      raises("label_names has 1 names, the targets have 3 labels", made, name, { task = "multi_label", label_names = { "one" } }, data)
      local result = rp:evaluate(data)
      assert.is_true(result.f1 > 0.9, tostring(result.f1))
      assert.is_true(result.hamming_loss < 0.12, tostring(result.hamming_loss))
      local p, sets = rp:predict_probability(xt), rp:predict_label(xt)
      for i, row in ipairs(p:tolist()) do
        local expected = {}
        for k, label in ipairs { "right", "up", "always" } do
          if row[k] >= 0.5 then expected[#expected + 1] = label end
        end
        assert.same(expected, sets[i]:tolist())
      end
      local path = helper.tmpdir() .. "/labels.scion"
      rp:save(path)
      assert.allclose(scion.load(path):predict_probability(xt), p)
      assert.same(sets[1]:tolist(), scion.load(path):predict_label(xt)[1]:tolist())
    end)

    it("weighs labels: " .. name, function()
      local opts, many = options(name), options(name)
      opts.class_weight = "none"
      local plain = labelled(name, opts):predict_probability(data):mean(1):tolist()
      many.class_weight = { right = 30 }
      local weighted = labelled(name, many):predict_probability(data):mean(1):tolist()
      assert.is_true(weighted[1] > plain[1] + 0.02, ("%f %f"):format(weighted[1], plain[1]))
      assert.is_true(math.abs(weighted[2] - plain[2]) < (name == "BnnRepurposer" and 0.08 or 1e-3))
      raises("class_weight names 'wrong', which is no label", labelled, name, { class_weight = { wrong = 1 } })
    end)
  end

  it("SVM labels agree with the sign of the decision where there are no probabilities", function()
    for _, kernel in ipairs { "linear", "rbf" } do
      local rp = labelled("SvmRepurposer", { kernel = kernel, enable_probability_estimates = false })
      raises("Probability estimates should have been enabled", rp.predict_probability, rp, xt)
      assert.is_true(rp:evaluate(data).f1 > 0.9)
    end
  end)
end)

describe("class weights", function()
  local uneven = train:subset(table.move({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 41, 42, 43, 44, 45 }, 1, 29, 1, {}))
  for _, name in ipairs { "LrRepurposer", "SvmRepurposer", "GpRepurposer", "BnnRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer" } do
    it("move predictions: " .. name, function()
      local wanted = uneven:labels()[29]
      local function share(weight)
        local opts = options(name)
        opts.calibrate = false
        if weight then
          opts.class_weight = {}
          for _, label in ipairs(uneven.classes) do opts.class_weight[label] = label == wanted and weight or 1 end
        else
          opts.class_weight = "none"
        end
        local rp = made(name, opts, uneven)
        local k
        for i, label in ipairs(rp.classes) do k = label == wanted and i or k end
        return rp:predict_probability(x):mean(1):tolist()[k]
      end
      assert.is_true(share(20) > share() + 0.01, ("%f %f"):format(share(20), share()))
    end)
  end

  it("are refused where they make no sense", function()
    for _, name in ipairs { "LrRepurposer", "KnnRepurposer" } do
      raises("class_weight names 8, which is no class", made, name, { class_weight = { [3] = 1, [7] = 1, [8] = 1, [9] = 1 } })
      raises("class_weight: all weights are 0", made, name, { class_weight = { [3] = 0, [7] = 0, [9] = 0 } })
      raises("class_weight of class 9 must be a number of at least 0, got -1", made, name, { class_weight = { [3] = 0, [7] = 0, [9] = -1 } })
    end
    raises("class_weight of class 9 is 0; leave the class out", made, "SvmRepurposer", { class_weight = { [3] = 1, [7] = 1, [9] = 0 } })
    raises("class_weight is for classes, the data have numbers to predict", made, "GpRepurposer", { class_weight = "balanced" }, numbers)
  end)
end)

describe("repurposers refuse", function()
  it("a source that is no net", function()
    raises("source_model", scion.LrRepurposer, { source_model = "net", feature_layer_names = { "a" } })
    raises("option 'source_model' is required", scion.LrRepurposer, { feature_layer_names = { "a" } })
  end)

  it("bad feature layers", function()
    for _, names in ipairs { 5, "same" } do
      raises("feature_layer_names must be a list. Instead got type: " .. type(names), scion.LrRepurposer, { source_model = identity, feature_layer_names = names })
    end
    raises("must be a list", scion.LrRepurposer, { source_model = identity, feature_layer_names = { same = true } })
    raises("feature_layer_names cannot be empty", scion.LrRepurposer, { source_model = identity, feature_layer_names = {} })
    raises("feature_layer_name 'nope' is not found in source_model", scion.LrRepurposer, { source_model = identity, feature_layer_names = { "same", "nope", "no" } })
    raises("twice", scion.LrRepurposer, { source_model = identity, feature_layer_names = { "same", "same" } })
  end)

  it("to predict or be saved before they are repurposed", function()
    local rp = made("LrRepurposer", {}, false)
    raises("cannot predict because target_model is not initialized", rp.predict_label, rp, xt)
    raises("cannot predict because target_model is not initialized", rp.predict_probability, rp, xt)
    raises("cannot save repurposer before source model has been repurposed", rp.save, rp, "nowhere")
  end)

  it("options that do not exist or make no sense", function()
    raises("unknown option 'cc'", made, "LrRepurposer", { cc = 1 })
    raises("option 'kernel' must be one of linear, poly, rbf, sigmoid", made, "SvmRepurposer", { kernel = "magic" })
    raises("option 'context_function' must be one of cpu", made, "LrRepurposer", { context_function = "gpu" })
    raises("start_annealing (200) must be below num_epochs (200)", made, "BnnRepurposer", { start_annealing = 200 })
    raises("end_annealing (300) must be at most num_epochs (200)", made, "BnnRepurposer", { end_annealing = 300 })
    raises("end_annealing (5) must be above start_annealing (7)", made, "BnnRepurposer", { start_annealing = 7, end_annealing = 5 })
    raises("cache must be true, false, a directory or a features.Cache, got 5", made, "LrRepurposer", { cache = 5 })
    raises("n_neighbors is 99 but there are 60 items", made, "KnnRepurposer", { n_neighbors = 99 })
    local few = scion.data.tensors { x = xt:narrow(1, 1, 3), labels = { 3, 7, 9 } }
    assert.equal(3, made("KnnRepurposer", {}, few):convergence().n_neighbors)
    assert.same({ 20, 40 }, { made("BnnRepurposer", {}, false):get_params().start_annealing, made("BnnRepurposer", {}, false):get_params().end_annealing })
  end)

  it("data without labels, with one class, or with unknown classes", function()
    local rp = made("LrRepurposer", {}, false)
    raises("needs data with classes", rp.repurpose, rp, xt)
    raises("at least 2 classes", rp.repurpose, rp, scion.data.tensors { x = xt, labels = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 } })
    raises("needs an iterator, a data set or a tensor, got 5", rp.repurpose, rp, 5)
    rp:repurpose(train)
    local strange = scion.data.tensors { x = xt, labels = { 3, 7, 8, 3, 7, 9, 3, 7, 9, 3, 7, 9, 3, 7, 9 } }
    assert.is_number(rp:evaluate(strange).accuracy) -- a class that was not there counts as wrong
    raises("the data have the class 8", rp.calibrate, rp, strange)
  end)

  it("files of later versions, tell of other ones, and of damaged descriptions", function()
    local path = helper.tmpdir() .. "/v.scion"
    made("LrRepurposer"):save(path)
    local net = nn.load(path)
    local info = scion.json.decode(net:attr("repurposer"))
    local function rewritten(change)
      local copy = scion.json.decode(scion.json.encode(info))
      change(copy)
      net:set_attr("repurposer", scion.json.encode(copy))
      net:save(path)
      return path
    end
    raises("has format 99; this scion reads up to", scion.load, rewritten(function(i) i.format = 99 end))
    raises("holds a EvilRepurposer, which is not registered", scion.load, rewritten(function(i) i.class = "EvilRepurposer" end))
    raises("the description of the repurposer is damaged", scion.load, rewritten(function(i) i.class = nil end))
    local heard, emit = nil, scion.emit
    scion.emit = function(_, text) heard = text end
    local ok = pcall(scion.load, rewritten(function(i) i.version = "0.0.1" end))
    scion.emit = emit
    assert.is_true(ok)
    assert.truthy(heard:find("was written by scion 0.0.1, this is", 1, true))
  end)

  it("at the user's line, however deep it was found", function()
    local rp = made("LrRepurposer", {}, false)
    for _, method in ipairs { "accuracy", "evaluate", "reliability", "calibrate", "save" } do
      local ok, message = pcall(function() return rp[method](rp, "x") end)
      assert.is_false(ok)
      assert.truthy(message:find("^[^:]*repurposers_spec"), message)
    end
  end)

  it("missing and foreign files", function()
    raises("Cannot find repurposer or network file (/nowhere/x)", scion.load, "/nowhere/x")
    raises("path must be a string, got 5", scion.load, 5)
    local dir = helper.tmpdir()
    for name, says in pairs { [""] = "no format that is known", ["hello\n"] = "no format that is known", ['{"a": 1}'] = "no format that is known",
      ["\x89HDF\r\n\x1a\n1234567890"] = "an HDF5 file (Keras); export it as ONNX" } do
      raises(says, scion.load, helper.write_file(dir .. "/some", name))
    end
  end)

  it("nothing that a file cannot hold: what is missing there is at its default again", function()
    local path = helper.tmpdir() .. "/fn.scion"
    local net = nn.Sequential { nn.Linear(4, 3, { name = "fc" }) }
    local rp = scion.NeuralNetworkRandomFreezeRepurposer { source_model = net, num_layers_to_drop = 0, num_epochs = 1, validation = train,
      optimizer = function(p) return scion.optim.SGD(p, { lr = 0.1 }) end, schedule = function(share) return 1 - share end }:repurpose(train)
    rp:save(path)
    local loaded = scion.load(path, { source_model = net })
    assert.equal("adam", loaded:get_params().optimizer)
    assert.is_number(loaded:repurpose(train):accuracy(train))
  end)
end)

describe("files of Xfer", function()
  local dir = helper.tmpdir()
  it("of other classes are named, and where their network is", function()
    local path = helper.write_file(dir .. "/ft.json", '{"repurposer_class": "NeuralNetworkFineTuneRepurposer", "version": "1.2.0"}')
    raises("holds a NeuralNetworkFineTuneRepurposer", scion.load, path)
    raises(dir .. "/ft-symbol.json, which scion.load reads", scion.load, path)
  end)

  local function written(case) return helper.write_file(dir .. "/" .. case.what .. ".json", case.json) end

  for _, case in ipairs(golden.xfer) do
    it(("are read by what they hold: %s predicts as scikit-learn does"):format(case.what), function()
      local path = written(case)
      assert.equal("xfer", scion.io.file_format(path))
      local rp = scion.load(path, { source_model = identity })
      assert.equal(case.class, getmetatable(rp).class_name)
      if case.class == "LrRepurposer" or not case.probability then assert.same(case.label, rp:predict_label(xt):tolist()) end
      if not case.probability then
        raises("Probability estimates should have been enabled", rp.predict_probability, rp, xt)
        return
      end
      local p = rp:predict_probability(xt)
      -- libsvm couples pairs step by step, and stops near the solution
      assert.allclose(p, case.probability, case.class == "SvmRepurposer" and { atol = 4e-3 } or { atol = 1e-5 })
      for i = 1, #xt do -- Xfer's labels come from votes and may disagree with its probabilities; ours do not
        local k = p[i]:argmax():item()
        assert.equal(rp.classes[k], rp:predict_label(xt)[i])
      end
      rp:to_net():save_onnx(dir .. "/again.onnx", { 1, 4 })
      assert.allclose(scion.load(dir .. "/again.onnx")(xt:to("f32")), p, { atol = 1e-5 })
      rp:save(dir .. "/again.scion")
      assert.allclose(scion.load(dir .. "/again.scion"):predict_probability(xt), p)
    end)
  end

  it("bring the source network that lies beside them", function()
    helper.write_file(dir .. "/whole_source-symbol.json", [=[{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "Flatten", "name": "same", "inputs": [[0, 0, 0]]}],
      "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10000]}}]=])
    helper.write_file(dir .. "/whole_source-0000.params", string.pack("<I8I8I8I8", 0x112, 0, 0, 0))
    helper.write_file(dir .. "/whole.json", golden.xfer[1].json)
    for _, name in ipairs { "whole.json", "whole" } do
      assert.allclose(scion.load(dir .. "/" .. name):predict_probability(xt), golden.xfer[1].probability, { atol = 1e-5 })
    end
    raises("holds a repurposer of Xfer and no source is beside it", scion.load, written(golden.xfer[2]))
  end)

  it("are known by what they hold, and find the source beside them", function()
    local lr = scion.load(helper.write_file(dir .. "/known.json", golden.xfer[1].json), { source_model = identity })
    assert.same({ 3, 7, 9 }, lr.classes:tolist())
    raises("holds a repurposer of Xfer and no source is beside it", scion.load, dir .. "/known")
    local symbol = helper.find_data "models/mxnet/test_mnist_model-symbol.json"
    if not symbol then return end
    for ending, other in pairs { ["-symbol.json"] = "-symbol.json", ["-0010.params"] = "-0000.params" } do
      helper.write_file(dir .. "/known_source" .. other, helper.read_file((symbol:gsub("%-symbol%.json$", "")) .. ending))
    end
    raises("feature_layer_name 'same' is not found in source_model", scion.load, dir .. "/known") -- the network beside it is another one
    local text = golden.xfer[1].json:gsub('"feature_layer_names": %["same"%]', '"feature_layer_names": ["fullyconnected1"]')
    helper.write_file(dir .. "/known.json", text)
    local on_digits = scion.load(dir .. "/known")
    assert.same({ 3, 7, 9 }, on_digits.classes:tolist())
    raises("the data give 64 features of an item, it was trained on 4", on_digits.predict_label, on_digits, scion.rand(2, 1, 28, 28))
  end)

  it("that are not there, are something else, or do not fit are refused", function()
    local load = scion.repurpose.load_xfer
    raises("Cannot find repurposer file", load, dir .. "/none.json", { source_model = identity })
    raises("is no repurposer of Xfer", load, helper.write_file(dir .. "/x.json", "{}"), { source_model = identity })
    raises("is no repurposer of Xfer", load, helper.write_file(dir .. "/y.json", "import os"), { source_model = identity })
    raises("holds a GpRepurposer", load, helper.write_file(dir .. "/z.json", '{"repurposer_class":"GpRepurposer"}'), { source_model = identity })
    raises("feature_layer_name 'same' is not found", load, written(golden.xfer[1]), { source_model = nn.Sequential { nn.Linear(4, 2, { name = "other" }) } })
    raises("has no target_model", load, helper.write_file(dir .. "/w.json", '{"repurposer_class":"LrRepurposer"}'), { source_model = identity })
  end)
end)

describe("Bayesian networks", function()
  it("report every epoch when asked, and nothing otherwise", function()
    local code = [[
      local net = scion.nn.Sequential { scion.nn.Identity { name = "same" } }
      local it = scion.data.tensors { x = scion.randn(10, 4), labels = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 } }
      scion.BnnRepurposer { source_model = net, feature_layer_names = { "same" }, num_epochs = 4, verbose = %s }:repurpose(it)]]
    local loud = helper.run { "scion", "-e", code:format("1") }
    assert.equal(0, loud.code, loud.err)
    assert.equal(4, select(2, loud.err:gsub("epoch %d/4", "")))
    assert.equal("", helper.run({ "scion", "-e", code:format("0") }).err)
  end)

  it("are calibrated by folds, in silence", function()
    local rp = made("BnnRepurposer", { num_epochs = 40 })
    local plain = made("BnnRepurposer", { num_epochs = 40, calibrate = false })
    assert.is_true(rp.temperature < 1) -- mean field is too careful
    assert.is_nil(plain.temperature)
    assert.same(plain:predict_label(train):tolist(), rp:predict_label(train):tolist())
    assert.equal(40, #rp.history)
  end)

  it("leave the context's random numbers alone, and begin anew at every training", function()
    scion.seed(5)
    local expected = scion.randn(3)
    scion.seed(5)
    local rp = made("BnnRepurposer", { num_epochs = 5, num_layers = 2 })
    assert.allclose(scion.randn(3), expected)
    local first = rp:predict_probability(xt)
    rp:repurpose(train)
    assert.allclose(rp:predict_probability(xt), first, { rtol = 0, atol = 0 })
    assert.equal(5, #rp.history)
    assert.equal(0, rp.history[1].anneal <= 1 and 0 or 1)
  end)
end)
