-- Averaged weights: EMA keeps an exponential moving average of parameters, SWA their plain average. The averages live
-- beside the parameters; swap() exchanges the two, for evaluation with the averaged ones.

local scion = require "scion"
local core = scion._optim
local optimizer = require "scion.optim.optimizer"

local M = {}

local Average = {}
Average.__index = Average

local function copies(list)
  local out = {}
  for i, t in ipairs(list) do out[i] = t:detach():clone() end
  return out
end

--- Takes the parameters' present values into the average.
function Average:update()
  self.n_updates = self.n_updates + 1
  core.average_update(self.averages, self.params, self:weight())
end

--- Exchanges parameters and averages; a second call restores them.
function Average:swap()
  scion.no_grad(function()
    for i, param in ipairs(self.params) do
      local kept = param:detach():clone()
      param:detach():copy_(self.averages[i])
      self.averages[i]:copy_(kept)
    end
  end)
  self.swapped = not self.swapped
end

--- Runs fn with the averaged weights in place and restores the others afterwards, also after an error.
function Average:apply(fn, ...)
  self:swap()
  local results = table.pack(pcall(fn, ...))
  self:swap()
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- Copies the averages into the parameters for good.
function Average:copy_to()
  scion.no_grad(function()
    for i, param in ipairs(self.params) do param:detach():copy_(self.averages[i]) end
  end)
end

--- { n_updates =, averages = { tensors } }: copies, for checkpoints.
---@return table
function Average:state_dict()
  return { n_updates = self.n_updates, averages = copies(self.averages) }
end

---@param dict table
function Average:load_state_dict(dict)
  local who = self.class_name .. ".load_state_dict"
  if type(dict) ~= "table" or type(dict.averages) ~= "table" or math.type(dict.n_updates) ~= "integer" then
    error(who .. ": expected a table made by state_dict", 2)
  end
  if #dict.averages ~= #self.averages then
    error(("%s: the state has %d averages, here there are %d"):format(who, #dict.averages, #self.averages), 2)
  end
  for i, t in ipairs(dict.averages) do
    local mine = self.averages[i]
    if not scion.is_tensor(t) or t.dtype ~= mine.dtype or tostring(t.shape) ~= tostring(mine.shape) then
      error(("%s: average %d is %s, expected %s %s"):format(who, i,
        scion.is_tensor(t) and ("%s %s"):format(t.dtype, t.shape) or type(t), mine.dtype, mine.shape), 2)
    end
  end
  self.n_updates = dict.n_updates
  self.averages = copies(dict.averages)
  self.swapped = false
end

local function new(class, params, fields)
  local list = optimizer.parameters(class.class_name, params, 4)
  if #list == 0 then error(class.class_name .. ": the list of parameters is empty", 3) end
  local self = setmetatable(fields, class)
  self.params = list
  self.averages = copies(list)
  self.n_updates = 0
  self.swapped = false
  return self
end

local function class(name, methods, construct)
  methods.class_name = name
  methods.__index = methods
  methods.__tostring = function(self) return ("%s of %d parameters after %d updates"):format(name, #self.params, self.n_updates) end
  return setmetatable(methods, {
    __index = Average, __name = "class", __tostring = function() return "class " .. name end,
    __call = function(_, ...) return construct(...) end,
  })
end

--- Exponential moving average: average = decay * average + (1 - decay) * value, at each update().
--- Options: decay 0.999; warmup (false): the decay of update k is at most (1 + k) / (10 + k), so that early
--- values are forgotten fast.
M.EMA = class("EMA", {}, function(params, opts)
  opts = optimizer.check_keys("EMA", opts or {}, { decay = "number", warmup = "boolean" }, 3)
  local decay = opts.decay or 0.999
  if not (decay >= 0 and decay <= 1) then error(("EMA: option 'decay' must be within 0 .. 1, got %s"):format(decay), 3) end
  return new(M.EMA, params, { decay = decay, warmup = opts.warmup or false })
end)
function M.EMA:weight()
  local decay = self.decay
  if self.warmup then decay = math.min(decay, (1 + self.n_updates) / (10 + self.n_updates)) end
  return 1 - decay
end

--- Plain average of all values seen at update() (stochastic weight averaging).
M.SWA = class("SWA", {}, function(params, opts)
  optimizer.check_keys("SWA", opts or {}, {}, 3)
  return new(M.SWA, params, {})
end)
function M.SWA:weight() return 1 / self.n_updates end

return M
