-- Measures of predictions. As functions of whole tensors (metrics.accuracy(predicted, truth)) and as
-- running metrics that a training loop feeds batch by batch (metrics.new "accuracy").
--
-- Class ids are 1..K. "output" is what a network returns: scores (N, K) for classification.

local check = require "scion.check"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

local function same_length(where, a, b)
  if #a ~= #b then
    error(("%s: %d predictions but %d true values"):format(where, #a, #b), 3)
  end
  if #a == 0 then error(where .. ": no items", 3) end
end

local function is_tensor(v) return type(v) == "userdata" end

local function as_list(v) return is_tensor(v) and v:tolist() or v end

--- Fraction of predictions that are right. Lists of labels or tensors of class ids.
function M.accuracy(predicted, truth)
  same_length("accuracy", predicted, truth)
  if is_tensor(predicted) and is_tensor(truth) then
    return predicted:eq(truth):to("f64"):mean():item()
  end
  predicted, truth = as_list(predicted), as_list(truth)
  local right = 0
  for i = 1, #truth do
    if predicted[i] == truth[i] then right = right + 1 end
  end
  return right / #truth
end

--- Fraction of items whose class is among the k best scores. scores: (N, K); truth: ids (N).
function M.top_k(scores, truth, k)
  check.arg("top_k", "k", k, check.integer { required = true, min = 1, max = scores:size(2) })
  same_length("top_k", scores, truth)
  local _, best = scores:topk(k, 2)
  return best:eq(truth:reshape(-1, 1)):to("f64"):sum():item() / #truth
end

-- ---- confusion ------------------------------------------------------------------------------------

local Confusion = {}
Confusion.__index = Confusion

--- Counts of (true class, predicted class). ids: lists or tensors of 1..K.
---@param predicted integer[]|scion.Tensor
---@param truth integer[]|scion.Tensor
---@param classes any[]|integer labels of the classes, or their number
function M.confusion(predicted, truth, classes)
  same_length("confusion", predicted, truth)
  if type(classes) == "number" then
    local list = {}
    for i = 1, classes do list[i] = i end
    classes = list
  end
  local k = #classes
  local counts = {}
  for i = 1, k do
    counts[i] = {}
    for j = 1, k do counts[i][j] = 0 end
  end
  predicted, truth = as_list(predicted), as_list(truth)
  for i = 1, #truth do
    local t, p = truth[i], predicted[i]
    local row = counts[math.tointeger(t) or t]
    if not row or not row[math.tointeger(p) or p] then
      error(("confusion: item %d has true id %s and predicted id %s; ids are 1..%d"):format(i, t, p, k), 2)
    end
    p = math.tointeger(p)
    row[p] = row[p] + 1
  end
  return setmetatable({ counts = counts, classes = classes, n = #truth }, Confusion)
end

local function ratio(a, b) return b > 0 and a / b or 0 end

--- precision, recall, f1 and support of every class, as lists, with the means over classes.
function Confusion:report()
  local out = { precision = {}, recall = {}, f1 = {}, support = {} }
  local k = #self.classes
  local right = 0
  for c = 1, k do
    local row_sum, column_sum = 0, 0
    for j = 1, k do
      row_sum = row_sum + self.counts[c][j]
      column_sum = column_sum + self.counts[j][c]
    end
    local hit = self.counts[c][c]
    right = right + hit
    local p, r = ratio(hit, column_sum), ratio(hit, row_sum)
    out.precision[c], out.recall[c], out.support[c] = p, r, row_sum
    out.f1[c] = ratio(2 * p * r, p + r)
  end
  for _, name in ipairs { "precision", "recall", "f1" } do
    local sum, weighted = 0, 0
    for c = 1, k do
      sum = sum + out[name][c]
      weighted = weighted + out[name][c] * out.support[c]
    end
    out["macro_" .. name], out["weighted_" .. name] = sum / k, weighted / self.n
    out[name] = show.list(out[name])
  end
  out.accuracy = right / self.n
  return out
end

function Confusion:accuracy() return self:report().accuracy end

--- The counts as an i64 tensor (K, K), rows are true classes.
function Confusion:tensor() return scion().tensor(self.counts, { dtype = "i64" }) end

Confusion.__tostring = function(self)
  local columns = { { title = "true \\ predicted", align = "left" } }
  for _, label in ipairs(self.classes) do columns[#columns + 1] = { title = tostring(label), align = "right" } end
  columns[#columns + 1] = { title = "recall", align = "right", format = "%.3f" }
  local report = self:report()
  local rows = {}
  for c, label in ipairs(self.classes) do
    rows[c] = { tostring(label) }
    for j = 1, #self.classes do rows[c][j + 1] = self.counts[c][j] end
    rows[c][#self.classes + 2] = report.recall[c]
  end
  rows[#rows + 1] = "-"
  local last = { "precision" }
  for c = 1, #self.classes do last[c + 1] = ("%.3f"):format(report.precision[c]) end
  last[#self.classes + 2] = ("%.3f"):format(report.accuracy)
  rows[#rows + 1] = last
  return show.table(columns, rows)
end

--- The confusion table, from labels of any kind.
function M.confusion_of_labels(predicted, truth, classes)
  local id_of = {}
  for i, label in ipairs(classes) do id_of[label] = i end
  local function ids(list)
    local out = {}
    for i, label in ipairs(list) do out[i] = id_of[label] end
    return out
  end
  return M.confusion(ids(as_list(predicted)), ids(as_list(truth)), classes)
end

-- ---- numbers --------------------------------------------------------------------------------------

local function difference(where, predicted, truth)
  same_length(where, predicted, truth)
  return predicted:to("f64"):sub(truth:to("f64"):reshape(table.unpack(predicted.shape)))
end

--- Mean squared error.
function M.mse(predicted, truth) return difference("mse", predicted, truth):square():mean():item() end
--- Mean absolute error.
function M.mae(predicted, truth) return difference("mae", predicted, truth):abs():mean():item() end
--- Root of the mean squared error.
function M.rmse(predicted, truth) return math.sqrt(M.mse(predicted, truth)) end

--- Share of the variance that the predictions explain: 1 is perfect, 0 as good as the mean.
function M.r2(predicted, truth)
  local residual = difference("r2", predicted, truth):square():sum():item()
  local centred = truth:to("f64"):sub(truth:to("f64"):mean())
  local total = centred:square():sum():item()
  if total == 0 then return residual == 0 and 1.0 or 0.0 end
  return 1 - residual / total
end

--- Mean negative log probability of the true class. probabilities: (N, K); truth: ids (N).
function M.log_loss(probabilities, truth)
  same_length("log_loss", probabilities, truth)
  local p = probabilities:to("f64"):gather(2, truth:reshape(-1, 1)):clamp(1e-15, 1)
  return -p:log():mean():item()
end

--- Expected calibration error: how far confidence and accuracy are apart, over equal bins of confidence.
---@return number ece
---@return table[] bins   { n, confidence, accuracy } of the bins that hold items
function M.calibration(probabilities, truth, n_bins)
  same_length("calibration", probabilities, truth)
  n_bins = n_bins or 15
  local confidence, best = probabilities:to("f64"):max(2)
  confidence, best, truth = confidence:tolist(), best:tolist(), as_list(truth)
  local bins = {}
  for b = 1, n_bins do bins[b] = { n = 0, confidence = 0, accuracy = 0 } end
  for i, c in ipairs(confidence) do
    local bin = bins[math.min(n_bins, math.max(1, math.ceil(c * n_bins)))]
    bin.n, bin.confidence = bin.n + 1, bin.confidence + c
    if best[i] == truth[i] then bin.accuracy = bin.accuracy + 1 end
  end
  local ece, filled = 0, {}
  for _, bin in ipairs(bins) do
    if bin.n > 0 then
      bin.confidence, bin.accuracy = bin.confidence / bin.n, bin.accuracy / bin.n
      ece = ece + bin.n / #confidence * math.abs(bin.confidence - bin.accuracy)
      filled[#filled + 1] = bin
    end
  end
  return ece, filled
end

-- ---- running metrics ------------------------------------------------------------------------------

-- update(self, output, target) adds a batch, value(self) reads, reset(self) forgets. Sums are plain
-- numbers, so that checkpoints can keep them (metric.sums).
local Running = {}
Running.__index = Running

function Running:reset() self.sums = { n = 0, total = 0 } end
function Running:update(output, target)
  local total, n = self.measure(output, target)
  self.sums.total, self.sums.n = self.sums.total + total, self.sums.n + n
end
function Running:value()
  local mean = self.sums.n > 0 and self.sums.total / self.sums.n or 0 / 0
  return self.finish and self.finish(mean) or mean
end

local function elements(t) return t:numel() end

local function right_count(output, target)
  local predicted = output:dim() > 1 and output:argmax(2) or output
  return predicted:eq(target):to("f64"):sum():item(), #target
end

local function top_measure(k)
  return function(output, target)
    local _, best = output:topk(math.min(k, output:size(2)), 2)
    return best:eq(target:reshape(-1, 1)):to("f64"):sum():item(), #target
  end
end

local function shaped(output, target)
  return output:reshape(-1), target:to(output.dtype):reshape(-1)
end

local MEASURES <const> = {
  accuracy = { measure = right_count, better = "high" },
  mse = { better = "low", measure = function(output, target)
    local o, t = shaped(output, target)
    return o:sub(t):square():to("f64"):sum():item(), elements(o)
  end },
  mae = { better = "low", measure = function(output, target)
    local o, t = shaped(output, target)
    return o:sub(t):abs():to("f64"):sum():item(), elements(o)
  end },
}
MEASURES.rmse = { better = "low", measure = MEASURES.mse.measure, finish = math.sqrt }

--- A running metric by name ("accuracy", "top_5", "mse", "rmse", "mae"), or from a function
--- fn(output, target) -> number (the mean over the batch).
function M.new(metric, name)
  if type(metric) == "function" then
    local self = setmetatable({ name = name or "metric", better = "low" }, Running)
    self.measure = function(output, target)
      local value = metric(output, target)
      if is_tensor(value) then value = value:item() end
      return value * #target, #target
    end
    self:reset()
    return self
  end
  local k = type(metric) == "string" and metric:match("^top_(%d+)$")
  local found = k and { measure = top_measure(math.tointeger(tonumber(k))), better = "high" } or MEASURES[metric]
  if not found then
    error(("metrics.new: unknown metric %s (known: accuracy, top_K, mse, rmse, mae, or a function)"):format(
      check.describe(metric)), 2)
  end
  local self = setmetatable({ name = metric, measure = found.measure, better = found.better, finish = found.finish }, Running)
  self:reset()
  return self
end

return M
