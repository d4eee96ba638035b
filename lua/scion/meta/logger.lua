-- What a run over tasks did: losses and parameters by meta-step, task and epoch, with the two plots of Xfer's logger.

local check = require "scion.check"
local class = require "scion.class"

local MetaLogger = class.class "MetaLogger"

local function scion() return require "scion" end

function MetaLogger:init()
  self.losses = {}    -- [metastep][task] = list of losses, one an epoch
  self.parameters = {} -- [metastep][task] = list of { name -> tensor }
  self.starts = {}    -- [metastep] = { name -> tensor }: the learned start
  self.tasks = 0
  -- loss_at: function(task, name, elements, points) -> losses where two elements of a parameter are the (n, 2) points; set by who knows the tasks
end

MetaLogger.__tostring = function(self) return ("MetaLogger: %d meta-steps, %d tasks"):format(#self.losses, self.tasks) end

local function at(t, a, b)
  t[a] = t[a] or {}
  t[a][b] = t[a][b] or {}
  return t[a][b]
end

--- The loss of one epoch. Meta-steps count from 1, tasks from 1.
function MetaLogger:log_loss(metastep, task, loss)
  table.insert(at(self.losses, metastep, task), loss)
  self.tasks = math.max(self.tasks, task)
end
--- Copies of parameters (name -> tensor) after an epoch.
function MetaLogger:log_parameters(metastep, task, params)
  local copy = {}
  for name, p in pairs(params) do copy[name] = p:detach():clone() end
  table.insert(at(self.parameters, metastep, task), copy)
end
--- Copies of the start that meta-step `metastep` began from.
function MetaLogger:log_start(metastep, params)
  local copy = {}
  for name, p in pairs(params) do copy[name] = p:detach():clone() end
  self.starts[metastep] = copy
end

--- Mean over tasks of the last loss of a meta-step, and the number of tasks.
function MetaLogger:mean_loss(metastep)
  local sum, n = 0, 0
  for _, losses in pairs(self.losses[metastep] or {}) do sum, n = sum + losses[#losses], n + 1 end
  return n > 0 and sum / n or nil, n
end

local GREY <const> = "#b9c4d0"

-- From light to strong with the meta-steps.
local function shade(k, n)
  local f = n > 1 and (k - 1) / (n - 1) or 1
  local function mix(a, b) return math.floor(a + (b - a) * f + 0.5) end
  return ("#%02x%02x%02x"):format(mix(0xd3, 0x00), mix(0xde, 0x72), mix(0xea, 0xb2))
end

--- Loss over the epochs of each task, a panel a task, earlier meta-steps faded. Writes SVG to `out`; returns the drawing.
---@param out? string
function MetaLogger:plot_losses(out)
  if #self.losses == 0 then error("plot_losses: nothing has been logged", 2) end
  local panels = {}
  for task = 1, self.tasks do
    local series, steps = {}, {}
    for step, by_task in ipairs(self.losses) do
      if by_task[task] then
        series[#series + 1], steps[#steps + 1] = { y = by_task[task], colour = shade(step, #self.losses) }, step
      end
    end
    for i, s in ipairs(series) do
      if i == 1 or i == #series then s.label = ("meta-step %d"):format(steps[i] - 1) end
    end
    if #series > 0 then panels[#panels + 1] = { series = series, title = ("Task %d"):format(task - 1), x_label = "epoch", y_label = "loss" } end
  end
  return scion().plot.panels { panels = panels, out = out, title = "Losses" }
end

-- The name of a logged parameter from what a user writes: the name, or a part of it that only one has.
local function full_name(params, name)
  if params[name] then return name end
  local found, all = {}, {}
  for known in pairs(params) do
    all[#all + 1] = known
    if known:find(name, 1, true) then found[#found + 1] = known end
  end
  if #found == 1 then return found[1] end
  table.sort(all)
  error(("plot_params: no parameter '%s' was logged (known: %s)"):format(name, table.concat(all, ", ")), 3)
end

-- The two elements of parameter `name` that a plane shows.
local function point(name, params, elements)
  local flat = params[name]:reshape(-1)
  for _, e in ipairs(elements) do
    if e > flat:size(1) then error(("plot_params: '%s' has %d elements, element %d is asked for"):format(name, flat:size(1), e), 3) end
  end
  return { flat[elements[1]], flat[elements[2]] }
end

local PARAMS <const> = { elements = check.list { default = { 1, 2 }, of = check.integer { min = 1 }, min_length = 2 },
  surface = check.either({ check.func(), check.boolean() }, {}),
  grid = check.integer { default = 40, min = 2 } }

--- Paths of two elements of a parameter in their plane over the task's loss, a panel a task: early meta-steps faded, the learned start pink.
--- opts: elements {1, 2}; surface = function(task, tensor of (n, 2) points) -> n losses, or false for none (default: the loss of the task's items
--- with the other parameters as they were learned, for models of up to 1000 numbers); grid 40, its points a side.
---@param name string  of the parameter, or a part of it that no other has
---@param out? string
function MetaLogger:plot_params(name, out, opts)
  opts = check.opts("plot_params", opts, PARAMS)
  if #self.parameters == 0 then error("plot_params: no parameters have been logged (log_params = true)", 2) end
  local logged = next(self.starts) and self.starts[#self.starts]
  if not logged then
    local _, first = next(self.parameters[1])
    logged = first[1]
  end
  name = full_name(logged, name)
  local surface = opts.surface
  if surface == nil and self.loss_at then
    surface = function(task, points) return self.loss_at(task, name, opts.elements, points) end
  end
  local panels = {}
  for task = 1, self.tasks do
    local series, low, high = {}, { math.huge, math.huge }, { -math.huge, -math.huge }
    local function extend(p)
      for d = 1, 2 do low[d], high[d] = math.min(low[d], p[d]), math.max(high[d], p[d]) end
      return p
    end
    local starts = { x = {}, y = {} }
    for step = 1, #self.parameters do
      local epochs = self.parameters[step][task]
      local xs, ys = {}, {}
      local function add(p) xs[#xs + 1], ys[#ys + 1] = p[1], p[2] end
      if self.starts[step] then
        local p = extend(point(name, self.starts[step], opts.elements))
        starts.x[#starts.x + 1], starts.y[#starts.y + 1] = p[1], p[2]
        if epochs then add(p) end
      end
      for _, params in ipairs(epochs or {}) do add(extend(point(name, params, opts.elements))) end
      if #xs > 0 then series[#series + 1] = { x = xs, y = ys, colour = step == #self.parameters and "#0072b2" or GREY } end
    end
    series[#series + 1] = { x = starts.x, y = starts.y, colour = "#e75480", label = "learned start", dots = true }
    local panel = { series = series, title = ("Task %d"):format(task - 1), x_label = ("%s[%d]"):format(name, opts.elements[1]),
      y_label = ("%s[%d]"):format(name, opts.elements[2]) }
    if surface then
      for d = 1, 2 do
        local margin = math.max((high[d] - low[d]) * 0.15, 1e-9)
        low[d], high[d] = low[d] - margin, high[d] + margin
      end
      panel.heat = { x = { low[1], high[1] }, y = { low[2], high[2] }, n = opts.grid,
        z = surface(task, scion().plot.grid_points(low, high, opts.grid)) }
    end
    panels[#panels + 1] = panel
  end
  return scion().plot.panels { panels = panels, out = out, title = "Paths of " .. name }
end

return MetaLogger
