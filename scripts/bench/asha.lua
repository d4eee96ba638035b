-- ASHA against random search: learning rate and weight decay of a small CNN on Fashion-MNIST, median over seeds. Both look at the
-- same sequence of random settings; one trains each for all epochs, the other stops those that lag at 1, 3, 9, ... of them. Told is
-- what ASHA has spent, in epochs, when its best accuracy first reaches what random search has at the end of its budget.

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show

local args = scion.cli.parse {
  name = "bench/asha", about = "Epochs that ASHA needs for the accuracy of random search.",
  options = { { "seeds", "N", "repetitions", default = 10, min = 1 }, { "trials", "N", "settings that random search trains", default = 16, min = 2 },
    { "epochs", "N", "of each of them", default = 27, min = 4 }, { "items", "N", "training images", default = 200, min = 100 },
    { "factor", "N", "of ASHA", default = 3, min = 2 } },
}
if args.quick then args.seeds, args.trials, args.epochs, args.items = 1, 4, 4, 200 end

local train = data.fashion_mnist { split = "train" }:take_per_class(args.items // 10, { seed = 1 }).dataset
local valid = data.fashion_mnist { split = "test" }:head(300).dataset
local SPACE <const> = { { name = "learning_rate", type = "continuous", domain = { 1e-5, 1 }, scale = "log" },
  { name = "weight_decay", type = "continuous", domain = { 1e-6, 1e-1 }, scale = "log" } }

local function objective(seed, spent, on_epoch)
  return function(params, trial)
    scion.seed(seed * 1000 + trial.id)
    local net = nn.Sequential { nn.Conv2d(1, 8, 3, { padding = 1 }), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, { padding = 1 }), nn.ReLU(), nn.MaxPool2d(2),
      nn.Flatten(), nn.Linear(16 * 49, 10) }
    local optimiser = scion.optim.AdamW(net:parameters(), { lr = params.learning_rate, weight_decay = params.weight_decay })
    local batches = train:iterator { batch_size = 25, shuffle = true, seed = seed }
    local accuracy
    for epoch = 1, args.epochs do
      for x, y in batches do
        local scope <close> = scion.scope()
        local loss = nn.cross_entropy(net(x), y)
        optimiser:zero_grad()
        loss:backward()
        optimiser:step()
      end
      accuracy = net:evaluate(valid:iterator { batch_size = 100 }, { metrics = { "accuracy" } }).accuracy
      spent.epochs = spent.epochs + 1
      on_epoch(accuracy)
      trial:report(epoch, accuracy)
      if trial:should_stop() then return accuracy end
    end
    return accuracy
  end
end

local rows, shares = {}, {}
for seed = 1, args.seeds do
  local spent, best = { epochs = 0 }, 0
  local random = scion.hpo.study { space = SPACE, sampler = "random", seed = seed, direction = "maximize" }
  random:optimize(objective(seed, spent, function(accuracy) best = math.max(best, accuracy) end), { n_trials = args.trials, progress = false })
  local target = random:best_trial().value
  -- ASHA over the same settings and, should they not do, those that follow.
  local used, reached = { epochs = 0 }, nil
  local asha = scion.hpo.study { space = SPACE, sampler = "random", seed = seed, direction = "maximize", pruner = scion.hpo.asha { factor = args.factor } }
  asha:optimize(objective(seed, used, function(accuracy)
    if accuracy >= target then reached = reached or used.epochs end
  end), { n_trials = 4 * args.trials, progress = false, on_trial = function() return reached == nil end })
  local share = (reached or math.huge) / spent.epochs
  shares[#shares + 1] = share
  rows[#rows + 1] = { seed, spent.epochs, 100 * target, reached or used.epochs, reached and share or "not reached" }
  print(scion.json.encode { seed = seed, random_epochs = spent.epochs, accuracy = target, asha_epochs = reached, asha_spent = used.epochs })
end
table.sort(shares)
print(show.table({ "seed", "epochs, random", { title = "accuracy %", format = "%.1f" }, "epochs, ASHA", { title = "share", format = "%.2f" } }, rows))
print(("median share of the epochs: %.2f"):format((shares[(#shares + 1) // 2] + shares[#shares // 2 + 1]) / 2))
