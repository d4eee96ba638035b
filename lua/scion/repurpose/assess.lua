-- Assessing repurposers: measures of predictions, cross-validation, temperature calibration, reliability diagrams. They
-- become methods of Repurposer.

local check = require "scion.check"
local metrics = require "scion.metrics"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

--- The temperature T for which softmax(log p / T) has the least mean log loss: golden-section search over log T (the loss is
--- convex in 1 / T). Guo, Pleiss, Sun and Weinberger 2017.
---@param probabilities scion.Tensor (N, K)
---@param truth integer[] class ids
---@param spread? number deviation of log T about 0 expected beforehand: few items then move it little; default: they alone decide
---@param weight? scion.Tensor what the items count; default: alike
---@return number
function M.temperature(probabilities, truth, spread, weight)
  local s = scion()
  weight = (weight or s.ones(#truth, { dtype = "f64" })):reshape(-1)
  weight = weight:div(weight:sum())
  local logits = probabilities:to("f64"):clamp(1e-12, 1):log()
  local ids = s.tensor(truth, { dtype = "i64" }):reshape(-1, 1)
  local function loss(log_t)
    local expected = spread and 0.5 * (log_t / spread) ^ 2 / #truth or 0
    return expected - logits:mul(math.exp(-log_t)):log_softmax(2):gather(2, ids):reshape(-1):mul(weight):sum():item()
  end
  local low, high, ratio = math.log(0.05), math.log(20), (math.sqrt(5) - 1) / 2
  local a, b = high - ratio * (high - low), low + ratio * (high - low)
  local fa, fb = loss(a), loss(b)
  while high - low > 1e-3 do
    if fa < fb then
      high, b, fb = b, a, fa
      a = high - ratio * (high - low)
      fa = loss(a)
    else
      low, a, fa = a, b, fb
      b = low + ratio * (high - low)
      fb = loss(b)
    end
  end
  return math.exp((low + high) / 2)
end

--- Measures by task. classes: accuracy, log_loss, ece; regression: rmse, mae, r2; multi_label: subset_accuracy, hamming_loss, f1.
---@param task string
---@param output scion.Tensor  probabilities (N, K) or values (N, D)
---@param truth any            class ids (list or tensor), or targets
function M.measures(task, output, truth)
  local s = scion()
  if task == "classes" then
    local ids = type(truth) == "table" and s.tensor(truth, { dtype = "i64" }) or truth
    return { accuracy = metrics.accuracy(output:argmax(2), ids), log_loss = metrics.log_loss(output, ids), ece = (metrics.calibration(output, ids)) }
  end
  truth = truth:to("f64"):reshape(#truth, -1)
  if task == "multi_label" then
    local said = output:ge(0.5):to("f64")
    local hits = said:mul(truth):sum():item()
    local total = said:sum():item() + truth:sum():item()
    local wrong = said:sub(truth):abs()
    return { subset_accuracy = wrong:sum(2):eq(0):to("f64"):mean():item(), hamming_loss = wrong:mean():item(), f1 = total > 0 and 2 * hits / total or 1 }
  end
  local values = output:to("f64"):reshape(#truth, -1)
  return { rmse = metrics.rmse(values, truth), mae = metrics.mae(values, truth), r2 = metrics.r2(values, truth) }
end

local Folds = {}
Folds.__index = Folds
Folds.__tostring = function(self)
  local names = {}
  for name in pairs(self.mean) do names[#names + 1] = name end
  table.sort(names)
  local columns, rows = { "fold" }, {}
  for _, name in ipairs(names) do columns[#columns + 1] = { title = name, format = "%.4f", align = "right" } end
  for f, measures in ipairs(self.folds) do
    rows[f] = { tostring(f) }
    for j, name in ipairs(names) do rows[f][j + 1] = measures[name] end
  end
  rows[#rows + 1] = "-"
  for _, what in ipairs { "mean", "std" } do
    local row = { what }
    for j, name in ipairs(names) do row[j + 1] = self[what][name] end
    rows[#rows + 1] = row
  end
  return show.table(columns, rows)
end

local CROSS <const> = { folds = check.integer { default = 5, min = 2 }, repeats = check.integer { default = 1, min = 1 },
  first = check.integer { min = 1 }, seed = check.integer { default = 0 } }
local RELIABILITY <const> = { bins = check.integer { default = 10, min = 2 }, out = check.string {}, title = check.string {} }

local Reliability = {}
Reliability.__index = Reliability
Reliability.__tostring = function(self)
  local rows = {}
  for i, bin in ipairs(self.bins) do rows[i] = { bin.confidence, bin.accuracy, bin.n } end
  return show.table({ { title = "confidence", format = "%.3f" }, { title = "accuracy", format = "%.3f" }, "items" }, rows) ..
    ("\nexpected calibration error %.4f, log loss %.4f"):format(self.ece, self.log_loss)
end

function M.install(Repurposer)
  --- k-fold cross-validation: trains a new repurposer with the same options on every fold and measures it on the rest.
  --- Features of the source network are computed once for all folds. opts: folds = 5, repeats = 1, first (only so many of the folds, for
  --- a rougher answer in less time), seed = 0.
  ---@return table result folds (measures of each), mean, std by measure; predicted and truth in the order of the data (last repeat)
  function Repurposer:cross_validate(data, opts)
    opts = check.opts("cross_validate", opts, CROSS)
    local iterator = self:_iterator("cross_validate", data)
    if type(iterator) ~= "table" or not iterator.dataset then check.raise("cross_validate needs a data set or an iterator over one") end
    local set = iterator.dataset
    if opts.folds > #set then check.raise("cross_validate: %d folds of %d items", opts.folds, #set) end
    local settings = {}
    for name, value in pairs(self.options) do settings[name] = value end
    settings.source_model = self.source_model or self._feature_net and self:_feature_net() -- a loaded one has the network in its own
    if not settings.source_model then
      check.raise("%s: cross_validate: the source network is not there (scion.load(path, { source_model = net }))", getmetatable(self).class_name)
    end
    local out = setmetatable({ folds = {}, mean = {}, std = {}, predicted = {}, truth = {} }, Folds)
    for r = 1, opts.repeats do
      for k, fold in ipairs(set:kfold(opts.folds, { seed = opts.seed + r - 1 })) do
        if k > (opts.first or opts.folds) then break end
        local again = getmetatable(self)(settings)
        again:repurpose(fold[1]:iterator(iterator.options))
        local result = again:evaluate(fold[2]:iterator { batch_size = iterator.batch_size })
        out.folds[#out.folds + 1] = result.measures
        for i, position in ipairs(fold[2].positions) do
          out.predicted[position], out.truth[position] = result.predicted[i], result.truth[i]
        end
      end
    end
    for name in pairs(out.folds[1]) do
      local values = {}
      for f, measures in ipairs(out.folds) do values[f] = measures[name] end
      local _, mean, spread = show.mean_spread(values)
      out.mean[name], out.std[name] = mean, spread
    end
    return out
  end

  --- Fits the temperature of the probabilities on labelled data that were not used for training. Returns it.
  ---@return number temperature
  function Repurposer:calibrate(data)
    self:_need_target("calibrate")
    if self.task ~= "classes" then check.raise("calibrate: only probabilities of classes have a temperature") end
    if not self._set_temperature then check.raise(getmetatable(self).class_name .. ": has no temperature") end
    local iterator = self:_iterator("calibrate", data, true)
    self:_set_temperature(1)
    local probabilities, truth = self:_predict_probability(iterator)
    if not truth then check.raise("calibrate: needs labelled data") end
    local t = M.temperature(probabilities, self:_align(truth, iterator):tolist())
    self:_set_temperature(t)
    return t
  end

  --- How far confidence and accuracy are apart on labelled data: { ece, log_loss, bins }, which prints itself; opts.out draws the
  --- reliability diagram (SVG, PNG, PDF).
  function Repurposer:reliability(data, opts)
    opts = check.opts("reliability", opts, RELIABILITY)
    self:_need_target("measure reliability")
    if self.task ~= "classes" then check.raise("reliability: only probabilities of classes have one") end
    local iterator = self:_iterator("reliability", data, true)
    local probabilities, truth = self:_predict_probability(iterator)
    if not truth then check.raise("reliability: needs labelled data") end
    truth = self:_align(truth, iterator)
    local ece, bins = metrics.calibration(probabilities, truth, opts.bins)
    local out = setmetatable({ ece = ece, bins = bins, log_loss = metrics.log_loss(probabilities, truth) }, Reliability)
    if opts.out then -- dots as large as the bins are full
      local colours = scion().plot.COLOURS
      local line, series = { x = {}, y = {}, line = true, colour = colours[1] }, {}
      series[1] = { label = "ideal", x = { 0, 1 }, y = { 0, 1 }, line = true, colour = "#999999" }
      series[2] = line
      for i, bin in ipairs(bins) do
        line.x[i], line.y[i] = bin.confidence, bin.accuracy
        series[#series + 1] = { x = { bin.confidence }, y = { bin.accuracy }, colour = colours[1], radius = 3 + 9 * math.sqrt(bin.n / #truth),
          label = i == 1 and "observed (size: items)" or nil }
      end
      scion().plot.scatter { out = opts.out, title = opts.title or ("Reliability: ECE %.3f of %d items"):format(ece, #truth), x_label = "confidence",
        y_label = "accuracy", width = 560, height = 400, series = series }
    end
    return out
  end
end

return M
