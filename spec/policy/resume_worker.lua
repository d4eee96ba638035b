-- A training run that can be killed: everything that a checkpoint must keep is on (dropout, batch norm, augmentation on threads,
-- shuffling, EMA, a schedule, weight decay, accumulation, early stopping with its best weights, validation, metrics).
--   resume_worker.lua CHECKPOINT VARIANT [STEP]      with STEP the process kills itself after that many updates
-- Prints a digest of the weights and the history; both must be the same however often the run was killed.

local scion = require "scion"
local nn, data = scion.nn, scion.data
local path, variant, last = arg[1], arg[2], tonumber(arg[3] or math.huge)

scion.seed(11)
local pixels = scion.rand(44, 1, 12, 12):mul(255):to("u8")
local labels = {}
for i = 1, #pixels do labels[i] = ({ "a", "b", "c" })[i % 3 + 1] end
local all = data.images { x = pixels, labels = labels, batch_size = 5, shuffle = true, seed = 3 }
local train = all:subset(scion.arange(1, 33)):augment { { "random_crop", 12, padding = 2 }, { "random_flip" }, { "random_erasing" } }
local validation = all:subset(scion.arange(33, 45)):in_order(6)

local net = nn.Sequential { nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(400, 3) }
local options = {
  validation = validation, metrics = { "accuracy" }, progress = false, ema = 0.9,
  checkpoint = { path = path, every_steps = 3 }, resume = true,
  callbacks = { on_step = function(run)
    if run.step == last then os.execute("kill -KILL $PPID") end
  end },
}
local more = {
  share = { epochs = 5, optimizer = "adamw", optimizer_params = { lr = 5e-3, weight_decay = 0.01 }, schedule = "one_cycle", warmup = 0.1,
    accumulate = 2, grad_clip = 1, early_stopping = { patience = 3 } },
  rate = { steps = 31, optimizer = "sgd", optimizer_params = { lr = 0.05, momentum = 0.9, nesterov = true },
    scheduler = function(optimiser) return scion.optim.CosineAnnealingLR(optimiser, { T_max = 31 }) end },
  plateau = { epochs = 4, optimizer = "rmsprop", lr = 1e-2, early_stopping = { metric = "val_accuracy", patience = 9 },
    scheduler = function(optimiser) return scion.optim.ReduceLROnPlateau(optimiser, { patience = 1, factor = 0.5 }) end },
}
for name, value in pairs(more[variant]) do options[name] = value end
if variant == "rate" then train = train:with { balance = "oversample", last_batch = "drop" } end
local history = net:fit(train, options)
print(net:hash())
for _, record in ipairs(history.epochs) do
  print(("%d %a %a %a %a"):format(record.epoch, record.loss, record.accuracy, record.val_loss, record.val_accuracy))
end
print(history.stopped, history.steps, history.best_epoch)
