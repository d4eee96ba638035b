-- Numbers to predict: the progress of diabetes from ten measurements (UCI diabetes). A network learns from the older patients; its features
-- serve the younger ones, of whom few are known, through every family that predicts numbers, beside ridge regression on the
-- measurements themselves.
--
--   scion scripts/regression.lua --out result

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "regression", about = "Repurposes a regression network for other patients.",
  options = { { "dir", "DIR", "with diabetes_data_raw.csv.gz and diabetes_target.csv.gz; default: the shared data" },
    { "known", "N", "younger patients to learn from", default = 40, min = 10 }, { "splits", "N", "repetitions with other patients", default = 10, min = 1 } },
}
local root = data.data_dir()
local dir = args.dir or root and root .. "/datasets/uci" or error("no data directory was found; give --dir", 0)
local splits = args.quick and 2 or args.splits
scion.seed(args.seed)

-- ---- patients -----------------------------------------------------------------------------------------------------------

local function read(name)
  local rows = {}
  for line in scion.io.read_file(dir .. "/" .. name):gmatch("[^\n]+") do
    local row = {}
    for word in line:gmatch("[^%s,]+") do row[#row + 1] = tonumber(word) end
    rows[#rows + 1] = row
  end
  return scion.tensor(rows)
end
local x, y = read "diabetes_data_raw.csv.gz", read "diabetes_target.csv.gz"
x = x:sub(x:mean(1)):div(x:std(1))
local young, old = {}, {}
local middle = x:narrow(2, 1, 1):median():item() -- the first measurement is the age
for i, age in ipairs(x:narrow(2, 1, 1):squeeze(2):tolist()) do table.insert(age > middle and old or young, i) end
local all = data.tensors { x = x, targets = y, batch_size = 16 }
local older, younger = all:subset(old), all:subset(young)

-- ---- the source -------------------------------------------------------------------------------------------------------------

local source = nn.Sequential { nn.Linear(10, 32, { name = "fc1" }), nn.Tanh { name = "tanh1" }, nn.Linear(32, 16, { name = "fc2" }), nn.Tanh { name = "tanh2" },
  nn.Linear(16, 1, { name = "fc3" }) }
-- The target is centred for the source; repurposers scale targets themselves.
local mean, spread = y:mean():item(), y:std():item()
source:fit(older:map(function(batch, target) return batch, target:sub(mean):div(spread) end):with { shuffle = true, seed = args.seed },
  { num_epochs = args.quick and 10 or 40, lr = 2e-3, optimizer = "adamw", optimizer_params = { weight_decay = 0.05 }, loss = "mse", progress = false })
source:eval()
local raw = nn.Sequential { nn.Identity { name = "measurements" }, nn.Linear(10, 1, { name = "fc" }) }

-- ---- every family that predicts numbers ----------------------------------------------------------------------------------------

local function on(net, class, layers, opts)
  return function(seed)
    local options = { source_model = net, feature_layer_names = layers, seed = seed }
    for key, value in pairs(opts or {}) do options[key] = value end
    return scion[class](options)
  end
end
local methods = {
  { "ridge on the measurements", on(raw, "RidgeRepurposer", { "measurements" }, { alpha = 3 }) },
  { "ridge on features", on(source, "RidgeRepurposer", { "tanh2" }, { alpha = 3 }) },
  { "SVM (RBF) on features", on(source, "SvmRepurposer", { "tanh2" }, { kernel = "rbf", epsilon = 0.2 }) },
  { "Gaussian process on features", on(source, "GpRepurposer", { "tanh2" }) },
  { "Bayesian network on features", on(source, "BnnRepurposer", { "tanh2" }, { num_epochs = args.quick and 30 or 150 }) },
  { "10 nearest neighbours", on(source, "KnnRepurposer", { "tanh2" }, { n_neighbors = 10 }) },
  { "fine-tuning", function(seed)
    return scion.NeuralNetworkFineTuneRepurposer { source_model = source, transfer_layer_name = "tanh2", num_epochs = args.quick and 5 or 30,
      head = "regression", optimizer_params = { lr = 1e-4 }, lr_decay = 0.3, seed = seed }
  end },
}
local scores, last = {}, {}
for m in ipairs(methods) do scores[m] = { r2 = {}, mae = {} } end
for split = 1, splits do
  local order = data.rng.new(args.seed, split):permutation(#younger.dataset)
  local few, test = younger:subset(table.move(order, 1, args.known, 1, {})), younger:subset(table.move(order, args.known + 1, #order, 1, {}))
  for m, method in ipairs(methods) do
    local rp = method[2](args.seed + split)
    rp:repurpose(few:with { shuffle = true, seed = split })
    local result = rp:evaluate(test)
    scores[m].r2[split], scores[m].mae[split] = result.r2, result.mae
    last[m] = { rp = rp, test = test, result = result }
  end
end
local rows, labels, means, spreads = {}, {}, {}, {}
for m, method in ipairs(methods) do
  local line, middle_r2, spread_r2 = show.mean_spread(scores[m].r2, "%.3f")
  rows[m], labels[m], means[m], spreads[m] = { method[1], line, (show.mean_spread(scores[m].mae)) }, method[1], middle_r2, spread_r2
end
print(show.table({ "method", { title = "R2", align = "right" }, { title = "mean absolute error", align = "right" } }, rows,
  { title = ("%d younger patients to learn from, %d to be tested on, %d repetitions; the source saw %d older ones"):format(args.known, #last[1].test.dataset,
    splits, #older.dataset) }))

-- How well the Gaussian process knows what it does not know.
local gp = last[4]
local noise = gp.rp:convergence().noise
local deviation = gp.rp:predict_variance(gp.test):sqrt():mean():item()
print(("Gaussian process: mean deviation of the function %.1f, noise %.2f of the targets' variance"):format(deviation, noise))
if args.out then
  scion.io.make_dir(args.out)
  local ends = { y:min():item(), y:max():item() }
  local ideal = { x = ends, y = ends, line = true, colour = "#999999" }
  scion.plot.scatter { series = { { x = last[2].result.truth, y = last[2].result.predicted }, ideal }, x_label = "progress after a year", y_label = "predicted",
    title = ("Diabetes, %s: R2 %.2f"):format(labels[2], last[2].result.r2), out = args.out .. "/regression.svg" }
end
local out = { script = "regression", seed = args.seed, splits = splits }
for m, method in ipairs(methods) do out[method[1]] = means[m] end
print(scion.json.encode(out))
