-- scion.repurpose.auto: which source network, which layer's features, which repurposer, which hyper-parameters, and whether to
-- transfer at all.
--
--   local rp, report = scion.repurpose.auto { source = { net_a, net_b }, train = few, budget = 120 }
--   print(report); print(rp:predict_label(test))
--
-- 1. Features of the last layers of every source are computed once. LogME and the H-score rank sources and layers.
-- 2. A study searches over the best of them and the raw input, simple repurposers and their hyper-parameters; a trial is a
--    cross-validation on features at hand, so it costs fits and no forward pass.
-- 3. Fine-tuning the best source, and the same budget of training a small network from scratch, are cross-validated beside them,
--    on fewer of the folds where time is short.
-- 4. The finalists, among them every repurposer as it comes and a vote of several, are compared on fresh folds, as often as the
--    budget allows. What was tuned has to beat the vote, or the best default, by more than the standard error of the difference:
--    with few items the winner of many trials is a lucky one. Transfer pays when the best transfer beats the best of raw input and
--    scratch by more than such an error; the report says so in words, with the talk's six settings.

local check = require "scion.check"
local class = require "scion.class"
local features = require "scion.features"
local progress = require "scion.progress"
local setting = require "scion.repurpose.setting"
local show = require "scion.show"
local transferability = require "scion.repurpose.transferability"

local M = {}

local OPTS <const> = {
  source = check.any { required = true },           -- a net, a list of nets, { name = net }, or a list of { net =, name =, ... }
  train = check.any { required = true },            -- labelled data set, or an iterator over one
  budget = check.number { default = 120, above = 0 }, -- seconds, about
  n_trials = check.integer { default = 40, min = 4 }, -- of the search over features
  folds = check.integer { default = 4, min = 2 },
  n_layers = check.integer { default = 3, min = 1 },  -- layers considered of each source, from the last one down
  n_ranked = check.integer { default = 6, min = 1 },  -- pairs of source and layer that the search sees, the best by LogME
  max_features = check.integer { default = 4096, min = 1 }, -- layers with more are left out
  fine_tune = check.either({ check.boolean(), check.choice { "auto" } }, { default = "auto" }), -- auto: for inputs of up to 64 x 64 pixels
  steps = check.integer { default = 150, min = 1 },   -- of fine-tuning and of training from scratch
  cache = check.any {},                             -- of features, as for repurposers
  log = check.string {}, seed = check.integer { default = 0 }, progress = false,
}

local SOURCE <const> = {
  net = check.any { required = true }, name = check.string {},
  classes = check.list {},                          -- labels that the source was trained on
  n_labelled = check.integer { min = 1 },           -- labelled items that it was trained on
  data = check.any {},                              -- some of its inputs, for comparing distributions
}

local MAX_ROUNDS <const> = 6 -- of cross-validation of the finalists

local function scion() return require "scion" end
local function is_net(v) return require("scion.repurpose.graph").is_net(v) end

-- ---- what was given -----------------------------------------------------------------------------------------------------

local function read_sources(given)
  local list, names = {}, {}
  local function add(item, name)
    if is_net(item) then item = { net = item } end
    if type(item) ~= "table" then check.raise("repurpose.auto: source must be a net, a list or a table of nets, one of them is %s", check.describe(item)) end
    item = check.opts("repurpose.auto: source", item, SOURCE, 6)
    if not is_net(item.net) then error("repurpose.auto: source must be nets, got " .. check.describe(item.net), 5) end
    item.name = item.name or name or ("source %d"):format(#list + 1)
    if names[item.name] then check.raise("repurpose.auto: two sources are called '%s'", item.name) end
    names[item.name] = true
    list[#list + 1] = item
  end
  if is_net(given) then
    add(given, "source")
  elseif type(given) == "table" and given.net then
    add(given, "source")
  elseif type(given) == "table" and #given > 0 then
    for _, item in ipairs(given) do add(item) end
  elseif type(given) == "table" then
    local keys = {}
    for name in pairs(given) do keys[#keys + 1] = name end
    table.sort(keys)
    for _, name in ipairs(keys) do add(given[name], name) end
  end
  if #list == 0 then error("repurpose.auto: source must be a net, a list or a table of nets, got " .. check.describe(given), 4) end
  return list
end

local function read_data(given) -- told by what it can do: a host may load the data module twice
  local set = type(given) == "table" and given.dataset or given
  if type(set) ~= "table" or not set.kfold or not set.classes then
    error("repurpose.auto: train must be a data set with classes, or an iterator over one, got " .. check.describe(given), 4)
  end
  return set
end

-- ---- candidates: features at hand -----------------------------------------------------------------------------------------

-- The last layers of a source whose features are not too many; of layers with equal values (dropout, flatten) one.
local function candidate_layers(source, set, o)
  local names = source.net:layer_names()
  local probe = set:subset { 1, math.min(2, #set) }:iterator { batch_size = 2 }
  local tried = table.move(names, math.max(1, #names - 40), #names, 1, {})
  local ok, values = pcall(features.collect, source.net, probe, tried, {})
  if not ok then check.raise("repurpose.auto: source '%s' does not take the items of train: %s", source.name, (tostring(values):gsub("^%S+:%d+: ", ""))) end
  local out, above = {}, nil
  for i = #tried, 1, -1 do
    local value = values[i]:reshape(values[i]:size(1), -1)
    local same = above and value:size(2) == above:size(2) and value:eq(above):all():item()
    if value:size(2) <= o.max_features and value:size(2) >= 2 and not same then
      out[#out + 1] = tried[i]
      above = value
    end
    if #out >= o.n_layers then break end
  end
  return out
end

-- Flat features as a data set that any repurposer takes, through a network that does nothing.
local function as_set(x, labels)
  return scion().data.tensors { x = x, y = labels }.dataset
end
local function identity() return scion().nn.Sequential { scion().nn.Flatten { name = "features" } } end

-- The raw input, flat; as pictures of at most max_features numbers; and one item as it is.
local function raw_features(set, max_features)
  local xs = {}
  for x in set:iterator { batch_size = 64 } do xs[#xs + 1] = x:to("f32") end
  local x, item = scion().cat(xs, 1), xs[1]:narrow(1, 1, 1)
  if x:dim() == 4 and x:numel() // x:size(1) > max_features then -- pictures in fewer pixels
    local side = math.floor(math.sqrt(max_features / x:size(2)))
    x = x:adaptive_avg_pool2d { side, side }
  end
  return x:reshape(x:size(1), -1), x, item
end

-- ---- repurposers and their parameters -----------------------------------------------------------------------------------------

local METHODS <const> = { lr = "LrRepurposer", svm = "SvmRepurposer", knn = "KnnRepurposer", prototype = "NearestPrototypeRepurposer",
  gp = "GpRepurposer", vote = "VotingRepurposer" }
local DEFAULTS <const> = { lr = { c = 1.0 }, svm = { c = 1.0 }, knn = { n_neighbors = 5, weights = "uniform", metric = "euclidean" },
  prototype = { metric = "euclidean" }, gp = {}, vote = {} }
local IN_TURN <const> = { "lr", "vote", "svm", "prototype", "gp", "knn" }
local VOTERS <const> = { { "LrRepurposer" }, { "SvmRepurposer" }, { "NearestPrototypeRepurposer" }, { "GpRepurposer" } }

local function default_of(method, name)
  local params = { features = name, method = method }
  for key, value in pairs(DEFAULTS[method]) do params[key] = value end
  return params
end
local function is_default(params)
  for key, value in pairs(DEFAULTS[params.method]) do
    if params[key] ~= value then return false end
  end
  return true
end

local function space_of(candidates)
  local names = {}
  for i, c in ipairs(candidates) do names[i] = c.name end
  return {
    { name = "features", type = "categorical", domain = names },
    { name = "method", type = "categorical", domain = { "lr", "svm", "knn", "prototype", "gp", "vote" } },
    { name = "c", type = "continuous", domain = { 1e-4, 1e2 }, scale = "log", when = { method = { "lr", "svm" } } },
    { name = "n_neighbors", type = "integer", domain = { 1, 15 }, when = { method = "knn" } },
    { name = "weights", type = "categorical", domain = { "uniform", "distance" }, when = { method = "knn" } },
    { name = "metric", type = "categorical", domain = { "euclidean", "cosine" }, when = { method = { "knn", "prototype" } } },
  }
end

local function options_of(params)
  local out = {}
  for _, name in ipairs { "c", "n_neighbors", "weights", "metric" } do out[name] = params[name] end
  return out
end

local function new_repurposer(params, net, layer, cache)
  local opts = options_of(params)
  if params.method == "vote" then opts.members = VOTERS end
  opts.source_model, opts.feature_layer_names, opts.cache = net, { layer }, cache
  return scion()[METHODS[params.method]](opts)
end

-- Accuracy of every fold, for one description of a way.
local function cross_validate(way, o, repeats, seed)
  local rp, set = way.make(), way.set
  local result = rp:cross_validate(set, { folds = o.folds, first = way.n_folds, repeats = repeats, seed = seed })
  local accuracies = {}
  for i, measures in ipairs(result.folds) do accuracies[i] = measures.accuracy end
  return result.mean.accuracy, accuracies, result.mean.log_loss
end

-- A small convolutional network, or a perceptron for other inputs, with fresh weights.
local function fresh_net(x, n_classes)
  local nn = scion().nn
  if x:dim() == 4 and math.min(x:size(3), x:size(4)) >= 12 then
    return nn.Sequential { nn.Conv2d(x:size(2), 16, 3, { padding = 1 }), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, { padding = 1 }), nn.ReLU(),
      nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * (x:size(3) // 4) * (x:size(4) // 4), 128), nn.ReLU(), nn.Linear(128, n_classes) }
  end
  return nn.Sequential { nn.Flatten(), nn.Linear(x:numel() // x:size(1), 128), nn.ReLU(), nn.Linear(128, n_classes) }
end

-- ---- the verdict ----------------------------------------------------------------------------------------------------------------

-- The mean difference over folds and its standard error. Training sets of different folds overlap, so folds say less than as many
-- independent samples would: their variance counts 1 / n + test items / training items (Nadeau and Bengio 2003).
local function paired(a, b, n_folds)
  local n = math.min(#a, #b)
  local differences, sum = {}, 0
  for i = 1, n do
    differences[i] = a[i] - b[i]
    sum = sum + differences[i]
  end
  local mean, squares = sum / n, 0
  for i = 1, n do squares = squares + (differences[i] - mean) ^ 2 end
  return mean, n > 1 and math.sqrt(squares / (n - 1) * (1 / n + 1 / (n_folds - 1))) or 0
end

local Report = class.class("TransferReport")
Report.__tostring = function(self) return self.text end

local function percent(v) return ("%.1f %%"):format(100 * v) end

local function write_report(r, o, set, sources)
  local lines = {}
  local function say(format, ...) lines[#lines + 1] = format:format(...) end
  local best, transfer, plain = r.best, r.best_transfer, r.best_plain
  local of_transfer, of_plain = #transfer.folds_accuracy, #plain.folds_accuracy
  local where = of_transfer ~= of_plain and (" on the %d folds that both saw"):format(math.min(of_transfer, of_plain)) or ""
  if r.transfer then
    say("Transfer pays: %s reaches %s in cross-validation; without transfer %s reaches %s (difference%s %+.1f points, standard error %.1f).",
      transfer.label, percent(transfer.accuracy), plain.label, percent(plain.accuracy), where, 100 * r.gain, 100 * r.error)
  else
    say("Do not transfer: the best with transfer, %s, reaches %s; without it %s reaches %s (difference%s %+.1f points, standard error %.1f).",
      transfer.label, percent(transfer.accuracy), plain.label, percent(plain.accuracy), where, 100 * r.gain, 100 * r.error)
  end
  if r.passed_over then
    say("%s with %s is ahead of %s by no more than chance; the vote, then repurposers as they come, go before what was tuned.", r.passed_over.label,
      percent(r.passed_over.accuracy), transfer.label)
  end
  say("Fitted on all %d items: %s.", #set, best.label)
  if #r.left_out > 0 then say("Left out, since the budget of %g s is too short: %s.", o.budget, table.concat(r.left_out, "; ")) end
  lines[#lines + 1] = ""
  local rows = {}
  for i, c in ipairs(r.ranking) do rows[i] = { c.name, c.n_features, c.log_me, c.h_score, c.in_search and "yes" or "" } end
  lines[#lines + 1] = show.table({ "features", { title = "number" }, { title = "LogME", format = "%.4f" }, { title = "H-score", format = "%.3f" },
    "searched" }, rows, { title = "Sources and layers, ranked before any training (higher is better):" })
  lines[#lines + 1] = ""
  rows = {}
  for i, way in ipairs(r.ways) do
    local _, mean, spread = show.mean_spread(way.folds_accuracy)
    rows[i] = { way.label, 100 * mean, 100 * spread / math.sqrt(#way.folds_accuracy), way.is_transfer and "transfer" or "no transfer" }
  end
  lines[#lines + 1] = show.table({ "way", { title = "accuracy %", format = "%.1f" }, { title = "error", format = "%.1f" }, "" }, rows,
    { title = ("Finalists, %d folds that the search did not see:"):format(r.n_final_folds) })
  lines[#lines + 1] = ""
  lines[#lines + 1] = "What holds here, of the settings that decide how to transfer:"
  for _, item in ipairs(r.settings) do say("- %s: %s. %s", item.name, item.holds == nil and "not known" or item.holds and "yes" or "no", item.text) end
  r.text = table.concat(lines, "\n")
  return r
end

-- ---- the search ------------------------------------------------------------------------------------------------------------------

--- Finds out how to solve the task of `train` from the sources; see the head of this file. opts: source, train, budget = 120 (seconds,
--- about), n_trials = 40, folds = 4, n_layers = 3 (of each source), n_ranked = 6, max_features = 4096, fine_tune = "auto", steps = 150,
--- cache, log (file of the study, resumes), seed, progress. A source may be { net =, name =, classes =, n_labelled =, data = }: what
--- is told of its training sharpens the report.
---@return table repurposer fitted on all of train
---@return table report     prints itself; transfer, best, ways, ranking, settings, study
function M.auto(opts)
  local s = scion()
  local o = check.opts("repurpose.auto", opts, OPTS, 4)
  local sources, set = read_sources(o.source), read_data(o.train)
  local counts = set:class_counts()
  local smallest = math.huge
  for _, n in ipairs(counts) do smallest = math.min(smallest, n) end
  if #counts < 2 then check.raise("repurpose.auto: train needs at least 2 classes, it has %d", #counts) end
  if smallest < 2 then check.raise("repurpose.auto: every class needs at least 2 items for cross-validation") end
  o.folds = math.min(o.folds, smallest)
  local begun = progress.now()
  local labels = require("scion.data.labels").decode(s.tensor(set:ids(), { dtype = "i64" }), set.classes)
  local ids, n_classes = s.tensor(set:ids(), { dtype = "i64" }), #set.classes
  local r = Report()

  -- features and their ranking
  local candidates = {}
  local cache = o.cache == nil or o.cache
  for _, source in ipairs(sources) do
    local names = candidate_layers(source, set, o)
    if #names == 0 then check.raise("repurpose.auto: no layer of '%s' has 2 to %d features (raise max_features)", source.name, o.max_features) end
    local values = features.collect(source.net, set:iterator { batch_size = 64 }, names, { cache = cache, progress = o.progress, label = source.name })
    local has_head, _, below = pcall(require("scion.repurpose.graph").head, source.net)
    local at_head
    for i, layer in ipairs(names) do at_head = has_head and layer == below and i or at_head end
    for i, layer in ipairs(names) do
      local x = values[i]:reshape(#set, -1):to("f32"):contiguous()
      candidates[#candidates + 1] = { name = ("%s: %s"):format(source.name, layer), source = source, layer = layer, x = x, n_features = x:size(2),
        is_transfer = true, last = i == (at_head or 1) }
    end
  end
  local raw, shaped, item = raw_features(set, o.max_features)
  local raw_candidate = { name = "raw input", x = raw, n_features = raw:size(2), is_transfer = false }
  local step = math.max(1, #set // 2000)
  local some = {}
  for i = 1, #set, step do some[#some + 1] = i end
  some = s.tensor(some, { dtype = "i64" })
  local some_ids = ids:index_select(1, some)
  candidates[#candidates + 1] = raw_candidate
  for _, c in ipairs(candidates) do
    local x = c.x:index_select(1, some):to("f64")
    local z = x:sub(x:mean(1))
    local scale = z:square():mean():sqrt():item()
    z = z:div(scale > 0 and scale or 1)
    c.log_me, c.h_score = transferability.log_me(z, some_ids, n_classes), transferability.h_score(z, some_ids, n_classes)
  end
  r.ranking = show.list(table.move(candidates, 1, #candidates, 1, {}))
  table.sort(r.ranking, function(a, b)
    if a.log_me ~= b.log_me then return a.log_me > b.log_me end
    return a.name < b.name
  end)
  local searched = { raw_candidate }
  for _, c in ipairs(r.ranking) do
    if c.is_transfer and #searched <= o.n_ranked then searched[#searched + 1] = c end
  end
  local by_name = {}
  for _, c in ipairs(searched) do
    c.in_search, by_name[c.name] = true, c
    c.set = as_set(c.x, labels)
  end

  -- the study: simple repurposers on features at hand
  local nothing = identity()
  local study = s.hpo.study { space = space_of(searched), direction = "maximize", seed = o.seed, log = o.log, sampler = "tpe" }
  if #study.trials == 0 then -- as they come first: nothing that is tried later may be worse than these
    local order = table.move(searched, 2, #searched, 1, {}) -- transfer, then raw input: both are needed for a verdict
    order[#order + 1] = raw_candidate
    for _, method in ipairs(IN_TURN) do
      for _, c in ipairs(order) do
        if c.last or method == "lr" or method == "svm" and not c.is_transfer then study:enqueue(default_of(method, c.name)) end
      end
    end
  end
  local function way_of(params)
    local c = by_name[params.features]
    local text = {}
    for _, name in ipairs { "c", "n_neighbors", "weights", "metric" } do
      local value = params[name]
      if value ~= nil then text[#text + 1] = ("%s = %s"):format(name, type(value) == "number" and ("%.3g"):format(value) or value) end
    end
    local settings = #text > 0 and (" (%s)"):format(table.concat(text, ", ")) or ""
    return { label = ("%s on %s%s"):format(METHODS[params.method], c.name, settings), is_transfer = c.is_transfer, set = c.set,
      params = params, candidate = c, is_default = c.last and is_default(params),
      is_vote = c.last and params.method == "vote", make = function() return new_repurposer(params, nothing, "features", false) end }
  end
  local pixels = item:dim() == 4 and item:size(3) * item:size(4) or item:numel()
  local train_networks = o.fine_tune == true or o.fine_tune == "auto" and pixels <= 64 * 64
  local function spent() return progress.now() - begun end
  local seconds_of = {} -- what a trial took, by the key of its point
  local function judge(params)
    local before = progress.now()
    local accuracy, _, log_loss = cross_validate(way_of(params), o, 1, o.seed)
    seconds_of[study.space:key(params)] = progress.now() - before
    return accuracy - 1e-3 * math.min(log_loss or 0, 10) -- equal accuracies: the surer one
  end
  study:optimize(judge, { max_trials = math.min(o.n_trials, #searched), progress = o.progress }) -- one of transfer and one of raw input at least
  study:optimize(judge, { max_trials = o.n_trials, timeout = math.max(1, (train_networks and 0.3 or 0.4) * o.budget - spent()), progress = o.progress })
  if study.stopped == "interrupted" then error("repurpose.auto: interrupted!", 0) end

  -- finalists: the best of transfer and of no transfer, and networks that are trained
  local done = {}
  for _, trial in ipairs(study.trials) do
    if trial.state == "complete" then done[#done + 1] = trial end
  end
  table.sort(done, function(a, b)
    if a.value ~= b.value then return a.value > b.value end
    return a.id < b.id
  end)
  local ways, n_of, top = {}, { [true] = 0, [false] = 0 }, done[1] and done[1].value
  for _, trial in ipairs(done) do
    local way = way_of(trial.params)
    n_of[way.is_transfer] = n_of[way.is_transfer] + 1
    way.seconds, way.needed = seconds_of[study.space:key(trial.params)] or 0, n_of[way.is_transfer] == 1
    if n_of[way.is_transfer] <= (way.is_transfer and 3 or 1) or way.is_default and trial.value > top - 0.1 then ways[#ways + 1] = way end
  end
  if #ways == 0 then error("repurpose.auto: no trial succeeded; the first failed with: " .. tostring(study.trials[1] and study.trials[1].reason), 2) end
  r.left_out = {}
  if train_networks then
    local function trained(net, steps)
      return s.NeuralNetworkFineTuneRepurposer { source_model = net, steps = steps or o.steps, batch_size = math.min(32, #set) }
    end
    local function add(way, net)
      local before, short = progress.now(), math.max(1, o.steps // 30)
      trained(net(), short):repurpose(set:iterator { batch_size = 32, shuffle = true, seed = o.seed })
      local each = math.max((progress.now() - before) * o.steps / short, 1e-6)
      way.n_folds = math.min(o.folds, math.floor((0.9 * o.budget - spent()) / each) - 1) -- and once more on all items, should it win
      if way.n_folds < 2 then
        r.left_out[#r.left_out + 1] = ("%s (%.0f s for two folds)"):format(way.label, 3 * each)
      else
        way.once, way.set, way.make = true, set:iterator { batch_size = 32, shuffle = true, seed = o.seed }, function()
          s.seed(o.seed + 1)
          return trained(net())
        end
        way.accuracy, way.folds_accuracy, way.log_loss = cross_validate(way, o, 1, o.seed + 1001)
        ways[#ways + 1] = way
      end
    end
    add({ label = "network trained from scratch", is_transfer = false }, function()
      s.seed(o.seed + 1)
      return fresh_net(item, n_classes)
    end)
    local best_source = searched[2].source
    add({ label = "fine-tuning " .. best_source.name, is_transfer = true, is_default = true, source = best_source }, function() return best_source.net end)
  end
  -- Round after round on other folds, all finalists on the same ones.
  local longest = 0
  r.n_final_folds = 0
  for round = 1, MAX_ROUNDS do
    local before = progress.now()
    if round > 1 and spent() + longest > 0.9 * o.budget then break end
    for _, way in ipairs(ways) do -- the best first; what the budget does not reach is no finalist
      if round == 1 and not way.once and not way.needed and spent() + way.seconds > 0.9 * o.budget then
        way.dropped = true
      elseif not way.once then
        local _, more, log_loss = cross_validate(way, o, 1, o.seed + 1000 + round)
        way.folds_accuracy = table.move(more, 1, #more, #(way.folds_accuracy or {}) + 1, way.folds_accuracy or {})
        way.log_loss = ((way.log_loss or 0) * (round - 1) + (log_loss or 0)) / round
        local _, mean = show.mean_spread(way.folds_accuracy)
        way.accuracy = mean
      end
      r.n_final_folds = math.max(r.n_final_folds, #(way.folds_accuracy or {}))
    end
    for i = #ways, 1, -1 do
      if ways[i].dropped then table.remove(ways, i) end
    end
    longest = math.max(longest, progress.now() - before)
  end
  for i, way in ipairs(ways) do way.order = i end
  table.sort(ways, function(a, b)
    if a.accuracy ~= b.accuracy then return a.accuracy > b.accuracy end
    local x, y = a.log_loss or math.huge, b.log_loss or math.huge -- equally right: the surer one
    if x ~= y then return x < y end
    return a.order < b.order
  end)
  for _, way in ipairs(ways) do
    if way.is_transfer then r.best_transfer = r.best_transfer or way else r.best_plain = r.best_plain or way end
  end
  -- The vote, else the best default, unless the first is better by more than chance.
  local first = r.best_transfer
  local function prefer(kind)
    for _, way in ipairs(ways) do
      if way.is_transfer and way[kind] then
        local gain, deviation = paired(first.folds_accuracy, way.folds_accuracy, o.folds)
        if gain <= deviation then r.best_transfer = way end
        return
      end
    end
  end
  prefer "is_default"
  prefer "is_vote"
  if first ~= r.best_transfer then r.passed_over = first end
  r.gain, r.error = paired(r.best_transfer.folds_accuracy, r.best_plain.folds_accuracy, o.folds)
  r.transfer = r.gain > r.error and r.gain > 0
  r.best, r.ways, r.study = r.transfer and r.best_transfer or r.best_plain, ways, study
  r.settings = setting.describe(sources, set, searched[2].source, r)

  -- the winner, on all the data
  local best, rp = r.best, nil
  if best.params and best.is_transfer then
    rp = new_repurposer(best.params, best.candidate.source.net, best.candidate.layer, cache)
  elseif best.params then
    rp = new_repurposer(best.params, M.raw_net(raw, shaped), "raw", false)
  else
    rp = best.make()
  end
  rp:repurpose(set:iterator { batch_size = 32, shuffle = not best.params, seed = o.seed })
  write_report(r, o, set, sources)
  r.seconds = progress.now() - begun
  return rp, r
end

--- The network behind "raw input": pictures in fewer pixels where the search saw them so, flat.
function M.raw_net(raw, shaped)
  local nn = scion().nn
  if shaped:dim() == 4 and shaped:numel() // shaped:size(1) == raw:size(2) then
    return nn.Sequential { nn.AdaptiveAvgPool2d { shaped:size(3), shaped:size(4) }, nn.Flatten { name = "raw" } }
  end
  return nn.Sequential { nn.Flatten { name = "raw" } }
end

return M
