-- What fine-tuning needs beyond the plain training loop: learning rates by layer and by depth, gradual unfreezing, mix-up,
-- augmentation of image tensors, and the search for a learning rate.

local check = require "scion.check"
local class = require "scion.class"
local rng = require "scion.data.rng"

local M = {}

local function scion() return require "scion" end

-- ---- parameter groups ------------------------------------------------------------------------------------------------

-- Layers that own trainable parameters, in the order of the graph: { name, entries }.
local function trainable_layers(net)
  local trainable, seen, list = {}, {}, {}
  for _, e in ipairs(net:entries()) do trainable[e.name] = e.kind == "param" and not e.frozen end
  for _, layer in ipairs(net:layers()) do
    local mine = {}
    for _, entry in ipairs(layer.entries) do
      if trainable[entry] and not seen[entry] then
        seen[entry] = true
        mine[#mine + 1] = entry
      end
    end
    if #mine > 0 then list[#list + 1] = { name = layer.name, entries = mine } end
  end
  return list
end
M.trainable_layers = trainable_layers

-- Factor that layer_lr gives a layer: the longest name or dotted prefix that fits; nil when none does.
local function named_factor(layer_lr, name)
  local best, length
  for prefix, factor in pairs(layer_lr) do
    if (name == prefix or name:sub(1, #prefix + 1) == prefix .. ".") and (not length or #prefix > length) then best, length = factor, #prefix end
  end
  return best
end

--- Parameter groups with their learning rates: `lr` times decay^(layers above), times what layer_lr says.
---@param net scion.Net
---@param lr number          of the last layer
---@param decay number       factor from one layer with parameters to the one below it
---@param layer_lr? table    layer name or dotted prefix -> factor; unknown names raise
function M.groups(where, net, lr, decay, layer_lr)
  local layers = trainable_layers(net)
  for name in pairs(layer_lr or {}) do
    local found = false
    for _, layer in ipairs(net:layer_names()) do found = found or layer == name or layer:sub(1, #name + 1) == name .. "." end
    if not found then error(("%s: layer_lr names '%s', which is no layer of the network"):format(where, name), 0) end
  end
  local groups = {}
  for i, layer in ipairs(layers) do
    local factor = layer_lr and named_factor(layer_lr, layer.name)
    local rate = lr * (factor or decay ^ (#layers - i))
    local params = {}
    for _, entry in ipairs(layer.entries) do params[#params + 1] = net[entry] end
    if rate > 0 then groups[#groups + 1] = { params = params, lr = rate } end
  end
  return groups
end

-- ---- gradual unfreezing -------------------------------------------------------------------------------------------------

--- Callbacks that train the last layer first and let one more layer join every `epochs` epochs (Howard and Ruder 2018). Layers
--- that wait keep their weights and, as batch norms, their statistics.
function M.unfreezing(net, epochs, callbacks)
  local layers = trainable_layers(net)
  local modes = {}
  for _, layer in ipairs(net:layers()) do modes[layer.name] = layer.mode or false end
  local function set(layer, frozen)
    for _, entry in ipairs(layer.entries) do net:set_frozen(entry, frozen) end
    local info = net:layer(layer.name)
    if info.op == "batch_norm" then net:set_mode(layer.name, frozen and "eval" or modes[layer.name] or nil) end
  end
  local out = {}
  for name, fn in pairs(callbacks or {}) do out[name] = fn end
  out.on_begin = function(...)
    for i = 1, #layers - 1 do set(layers[i], true) end
    if callbacks and callbacks.on_begin then return callbacks.on_begin(...) end
  end
  out.on_epoch_begin = function(run, epoch, ...)
    local awake = 1 + (epoch - 1) // epochs
    for i = math.max(1, #layers - awake + 1), #layers do set(layers[i], false) end
    if callbacks and callbacks.on_epoch_begin then return callbacks.on_epoch_begin(run, epoch, ...) end
  end
  out.on_end = function(...)
    for _, layer in ipairs(layers) do set(layer, false) end
    if callbacks and callbacks.on_end then return callbacks.on_end(...) end
  end
  return out
end

-- ---- mix-up ------------------------------------------------------------------------------------------------------------------

-- A walk whose batches are mixed in pairs: x = l x + (1 - l) x', targets likewise as (N, K) (Zhang et al. 2018).
local Mixed = class.class("MixedIterator")

function Mixed:init(iterator, alpha, n_classes, seed)
  self.iterator, self.alpha, self.n_classes, self.seed = iterator, alpha, n_classes, seed or 0
  self.count, self.classes = 0, iterator.classes
end
Mixed.__len = function(self) return #self.iterator end
function Mixed:reset(...) return self.iterator:reset(...) end

-- Beta(a, a) by Johnk's method.
local function beta(r, a)
  for _ = 1, 100 do
    local u, v = r:uniform() ^ (1 / a), r:uniform() ^ (1 / a)
    if u + v > 0 and u + v <= 1 then return u / (u + v) end
  end
  return 0.5
end

Mixed.__call = function(self, ...)
  local x, y = self.iterator(...)
  if x == nil then return nil end
  local s = scion()
  self.count = self.count + 1
  local r = rng.new(self.seed, self.count)
  local share = beta(r, self.alpha)
  local inputs = type(x) == "table" and x or { x }
  local order = s.tensor(r:permutation(#inputs[1]), { dtype = "i64" })
  local mixed = {}
  for i, input in ipairs(inputs) do
    if input.dtype ~= "f32" and input.dtype ~= "f64" then error(("mixup: inputs must be real numbers to be mixed, got %s"):format(input.dtype), 0) end
    mixed[i] = input:mul(share):add(input:index_select(1, order):mul(1 - share))
  end
  local target = y
  if y.dtype == "i64" then
    target = s.zeros(#y, self.n_classes)
    target:scatter_(2, y:reshape(-1, 1), s.ones(#y, 1))
  else
    target = y:to("f32")
  end
  return type(x) == "table" and mixed or mixed[1], target:mul(share):add(target:index_select(1, order):mul(1 - share))
end

function M.mixed(iterator, alpha, n_classes, seed) return Mixed(iterator, alpha, n_classes, seed) end

--- Cross entropy with targets (N, K) that are shares of classes, weighed by class if asked for: as nn.cross_entropy, divided by the weights.
function M.soft_cross_entropy(output, target, weight)
  if weight then target = target:mul(weight) end
  return output:log_softmax(2):mul(target):sum():neg():div(target:sum())
end

-- ---- augmentation ---------------------------------------------------------------------------------------------------------------

local AUGMENT <const> = { flip = false, shift = check.integer { default = 0, min = 0 } }

-- Images moved by whole pixels, one choice per image; what comes in is 0.
local function shifted(x, pixels, r)
  local s = scion()
  local n, c, h, w = #x, x:size(2), x:size(3), x:size(4)
  local dy, dx = {}, {}
  for i = 1, n do dy[i], dx[i] = r:integer(2 * pixels + 1) - 1, r:integer(2 * pixels + 1) - 1 end
  local wide = w + 2 * pixels
  local rows = s.arange(0, h, { dtype = "i64" }):reshape(1, h):add(s.tensor(dy, { dtype = "i64" }):reshape(n, 1))
  local columns = s.arange(0, w, { dtype = "i64" }):reshape(1, w):add(s.tensor(dx, { dtype = "i64" }):reshape(n, 1))
  local index = rows:reshape(n, h, 1):mul(wide):add(columns:reshape(n, 1, w)):reshape(n, 1, h * w):add(1):expand(n, c, h * w)
  local padded = x:pad { pixels, pixels, pixels, pixels }
  return padded:reshape(n, c, -1):gather(3, index:contiguous()):reshape(n, c, h, w)
end

--- A transform for iterators from augment = { flip = true, shift = 4 } (mirroring, whole pixels) or a function(x, y, keys).
function M.augmentation(where, given)
  if type(given) == "function" then return given end
  local opts = check.opts(where .. ": augment", given == true and { flip = true } or given, AUGMENT, 5)
  return function(x, y, keys)
    if type(x) == "table" then error(("%s: augment changes images, the data have %d inputs (give a function)"):format(where, #x), 0) end
    if x:dim() ~= 4 then error(("%s: augment changes images (N, C, H, W), the data are %s"):format(where, tostring(x.shape)), 0) end
    local r = rng.new(keys.seed, keys.epoch, keys.batch)
    if opts.shift > 0 then x = shifted(x, opts.shift, r) end
    if opts.flip then
      local mirror = {}
      for i = 1, #x do mirror[i] = r:integer(2) == 1 end
      x = scion().where(scion().tensor(mirror):reshape(-1, 1, 1, 1), x:flip(4), x)
    end
    return x, y
  end
end

-- ---- the learning-rate finder --------------------------------------------------------------------------------------------------

local FIND <const> = { from = check.number { default = 1e-6, above = 0 }, to = check.number { default = 1, above = 0 },
  steps = check.integer { default = 60, min = 5 }, out = check.string {} }

local Found = {}
Found.__index = Found
Found.__tostring = function(self)
  return ("learning rate %.3g (the loss fell fastest at %.3g, was least at %.3g, %d steps)"):format(self.lr, self.steepest, self.least, #self.losses)
end

--- The learning-rate range test (Smith 2017): the rate grows from step to step by a constant factor while a copy of the net is
--- trained; the rate at which the smoothed loss falls fastest is suggested, but at most a tenth of that of the least loss.
---@param net scion.Net              is not changed
---@param batches function           x, y = batches(); starts again when it ends
---@param make_optimiser function    (net, lr) -> optimiser
---@param loss_of function           (output, y) -> loss
function M.find_rate(net, batches, make_optimiser, loss_of, opts)
  opts = check.opts("find_learning_rate", opts, FIND, 4)
  if opts.to <= opts.from then check.raise("find_learning_rate: to must be above from") end
  local copy = net:clone()
  copy:train()
  local optimiser = make_optimiser(copy, opts.from)
  local factors = {}
  for g, group in ipairs(optimiser.param_groups) do factors[g] = group.lr / opts.from end
  local rates, losses, smooth, least = {}, {}, nil, math.huge
  for step = 1, opts.steps do
    local scope <close> = scion().scope()
    local rate = opts.from * (opts.to / opts.from) ^ ((step - 1) / (opts.steps - 1))
    for g, group in ipairs(optimiser.param_groups) do group.lr = rate * factors[g] end
    local x, y = batches()
    if x == nil then x, y = batches() end
    local loss = loss_of(copy(x), y)
    local value = loss:item()
    if value ~= value or value == math.huge then break end
    smooth = smooth and 0.8 * smooth + 0.2 * value or value
    if step > 3 and smooth > 3 * least + 1e-3 then break end -- it diverges
    least = math.min(least, smooth)
    rates[#rates + 1], losses[#losses + 1] = rate, smooth
    optimiser:zero_grad()
    loss:backward()
    optimiser:step()
  end
  if #losses < 3 then check.raise("find_learning_rate: the loss left the numbers at once; lower from") end
  local steepest, slope, best = 1, 0, 1
  for i = 2, #losses - 1 do
    local fall = losses[i - 1] - losses[i + 1]
    if fall > slope then steepest, slope = i, fall end
    if losses[i] < losses[best] then best = i end
  end
  local found = setmetatable({ rates = rates, losses = losses, steepest = rates[steepest], least = rates[best],
    lr = math.min(rates[steepest], rates[best] / 10) }, Found)
  if opts.out then
    scion().plot.lines { out = opts.out, title = ("Learning-rate range test: %.2g"):format(found.lr), x_label = "learning rate", y_label = "loss",
      log_x = true, series = { { label = "loss", x = rates, y = losses }, { label = "suggested", x = { found.lr, found.lr },
        y = { math.min(table.unpack(losses)), math.max(table.unpack(losses)) }, colour = scion().plot.GOOD } } }
  end
  return found
end

return M
