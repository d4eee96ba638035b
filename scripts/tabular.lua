-- Rows of numbers: a small network learns the digits 0 to 4 from their 64 numbers (UCI digits); its features then serve the digits 5 to 9
-- from ten rows a class, through every family of repurposers. Labels keep their values.
--
--   scion scripts/tabular.lua --out result

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "tabular", about = "Repurposes a network on rows of numbers: digits 0-4 to digits 5-9.",
  options = { { "data", "FILE", "UCI digits, 64 numbers and the digit in a row; default: the shared file" },
    { "per-class", "N", "rows of each new class to learn from", default = 10, min = 2 }, { "splits", "N", "repetitions with other rows", default = 10, min = 1 } },
}
local root = data.data_dir()
local path = args.data or root and root .. "/datasets/uci/digits.csv.gz" or error("no data directory was found; give --data", 0)
local splits = args.quick and 2 or args.splits
scion.seed(args.seed)

local digits = data.csv { path = path, header = false, kind = "labels", batch_size = 32 }
local source_rows, new_rows = digits:only { 0, 1, 2, 3, 4 }, digits:only { 5, 6, 7, 8, 9 }

-- ---- the source ------------------------------------------------------------------------------------------------------

local source = nn.Sequential { nn.Linear(64, 64, { name = "fc1" }), nn.ReLU { name = "relu1" }, nn.Linear(64, 32, { name = "fc2" }), nn.ReLU { name = "relu2" },
  nn.Linear(32, 5, { name = "fc3" }) }
local learn, check = source_rows:split(0.8, { seed = args.seed })
source:fit(learn:with { shuffle = true }, { num_epochs = args.quick and 3 or 15, lr = 2e-3, progress = false })
print(("source  digits 0-4: %.1f %% of %d held-out rows"):format(100 * source:evaluate(check).accuracy, #check.dataset))
source:eval()

-- ---- every family on the same rows ---------------------------------------------------------------------------------------

local layers = { "fc1", "fc2" }
local function on_features(class, opts)
  return function(seed)
    local options = { source_model = source, feature_layer_names = layers, seed = seed }
    for key, value in pairs(opts or {}) do options[key] = value end
    return scion[class](options)
  end
end
local methods = {
  { "logistic regression", on_features("LrRepurposer", { c = 0.1 }) },
  { "SVM, RBF kernel", on_features("SvmRepurposer", { kernel = "rbf", c = 10 }) },
  { "Gaussian process", on_features "GpRepurposer" },
  { "Bayesian network", on_features("BnnRepurposer", { num_epochs = args.quick and 20 or 100 }) },
  { "5 nearest neighbours", on_features "KnnRepurposer" },
  { "nearest prototype", on_features "NearestPrototypeRepurposer" },
  { "fine-tuning", function(seed)
    return scion.NeuralNetworkFineTuneRepurposer { source_model = source, transfer_layer_name = "relu2", num_epochs = args.quick and 5 or 60,
      optimizer_params = { lr = 3e-3 }, lr_decay = 0.5, seed = seed }
  end },
}
local measures = {}
for m in ipairs(methods) do measures[m] = { accuracy = {}, log_loss = {}, ece = {} } end
local example
for split = 1, splits do
  local few = new_rows:take_per_class(args.per_class, { seed = args.seed + split })
  local taken = {}
  for _, position in ipairs(few.dataset.positions) do taken[position] = true end
  local rest = {}
  for i = 1, #new_rows.dataset do
    if not taken[i] then rest[#rest + 1] = i end
  end
  local test = new_rows:subset(rest)
  for m, method in ipairs(methods) do
    local rp = method[2](args.seed + split)
    rp:repurpose(few:with { shuffle = true, batch_size = 10, seed = split })
    local result = rp:evaluate(test)
    for name, list in pairs(measures[m]) do list[split] = (name == "accuracy" and 100 or 1) * result.measures[name] end
    example = example or result
  end
end
local rows, labels, means, spreads = {}, {}, {}, {}
for m, method in ipairs(methods) do
  local line, mean, spread = show.mean_spread(measures[m].accuracy)
  local _, loss = show.mean_spread(measures[m].log_loss)
  local _, ece = show.mean_spread(measures[m].ece)
  rows[m], labels[m], means[m], spreads[m] = { method[1], line, loss, ece }, method[1], mean, spread
end
print(show.table({ "method", { title = "accuracy %", align = "right" }, { title = "log loss", format = "%.3f" }, { title = "calibration error", format = "%.3f" } }, rows,
  { title = ("digits 5-9 from %d rows a class, %d repetitions"):format(args.per_class, splits) }))
print(example.confusion)
if args.out then
  scion.io.make_dir(args.out)
  scion.plot.bars { labels = labels, values = means, errors = spreads, x_label = "accuracy %", title = "Digits 5-9 from a network for 0-4", out = args.out .. "/tabular.svg" }
end
local out = { script = "tabular", seed = args.seed, splits = splits }
for m, method in ipairs(methods) do out[method[1]] = means[m] / 100 end
print(scion.json.encode(out))
