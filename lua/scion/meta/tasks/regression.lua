-- Families of regression tasks: sinusoids (Finn et al. 2017), sums of two sinusoids, and the linear tasks of Xfer's Leap demo.

local check = require "scion.check"
local class = require "scion.class"
local tasks = require "scion.meta.tasks"

local M = {}

local function scion() return require "scion" end

-- Runs fn with random numbers that depend on (seed, number) alone, then puts the generator back.
local function seeded(seed, number, fn)
  local s = scion()
  local old_seed, old_counter = s.rng_state()
  s.rng_state((seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & math.maxinteger, number << 20)
  local ok, result = pcall(fn)
  s.rng_state(old_seed, old_counter)
  if not ok then error(result, 0) end
  return result
end
M.seeded = seeded

local COMMON <const> = { shots = check.integer { default = 10, min = 1 }, queries = check.integer { default = 10, min = 1 },
  seed = check.integer { default = 0 }, noise = check.number { default = 0, min = 0 } }
local function rules(more)
  local out = {}
  for name, rule in pairs(COMMON) do out[name] = rule end
  for name, rule in pairs(more) do out[name] = rule end
  return out
end

-- Uniform numbers (n, 1, 1) in a range.
local function per_task(n, range) return scion().rand(n, 1, 1):mul(range[2] - range[1]):add(range[1]) end

-- n tasks from y = f(x, p): `draw(n)` gives the parameters, each (n, 1, 1). Batches of n are drawn at once; a task alone is the
-- first of a batch of one.
local Curves = class.class("Curves", tasks.Source)

Curves.__tostring = function(self)
  return ("%s: tasks of %d support points and %d queries, seed %d"):format(getmetatable(self).class_name, self.shots, self.queries, self.seed)
end

function Curves:draw_batch(first, n, points)
  return seeded(self.seed, first, function()
    local k = self.shots + self.queries
    local x = points and points:reshape(1, -1, 1) or scion().rand(n, k, 1):mul(self.x_range[2] - self.x_range[1]):add(self.x_range[1])
    local p = self.parameters(self, n)
    local y = self.curve(x, p)
    if self.noise > 0 then y = y:add(scion().randn(y.shape):mul(self.noise)) end
    return { x = x, y = y, parameters = p }
  end)
end

local function flat(t) return t:reshape(-1, 1) end

--- n tasks as one batch. Its random numbers belong to `first`, so the batches of two meta-steps have nothing in common.
function Curves:batch(first, n)
  local drawn = self:draw_batch(first, n)
  local k, q = self.shots, self.queries
  return { tasks = n, parameters = drawn.parameters, label = ("tasks %d..%d"):format(first, first + n - 1),
    support_x = flat(drawn.x:narrow(2, 1, k)), support_y = flat(drawn.y:narrow(2, 1, k)),
    query_x = flat(drawn.x:narrow(2, k + 1, q)), query_y = flat(drawn.y:narrow(2, k + 1, q)) }
end

function Curves:task(i)
  local task = self:batch(i, 1)
  task.tasks, task.label = nil, tasks.label(i)
  return task
end

function Curves:tasks(first, n) -- the tasks of batch(first, n), one by one
  local b, list = self:batch(first, n), {}
  for i = 1, n do
    list[i] = { label = tasks.label(first + i - 1) }
    for _, part in ipairs { "support", "query" } do
      local size = part == "support" and self.shots or self.queries
      for _, name in ipairs { "_x", "_y" } do list[i][part .. name] = b[part .. name]:narrow(1, (i - 1) * size + 1, size) end
    end
  end
  return list
end

local SINUSOID <const> = rules { amplitude = check.list { default = { 0.1, 5 }, of = check.number(), min_length = 2 },
  phase = check.list { default = { 0, math.pi }, of = check.number(), min_length = 2 }, x_range = check.list { default = { -5, 5 }, of = check.number(), min_length = 2 },
  grid = check.integer { min = 2 } }

--- y = A sin(x - phase): the regression family of MAML. Options: shots 10, queries 10, amplitude {0.1, 5}, phase {0, pi}, x_range {-5, 5},
--- noise 0, seed, grid (the queries are so many points evenly over x_range).
M.Sinusoid = class.class("Sinusoid", Curves)
function M.Sinusoid:init(opts)
  opts = check.opts("tasks.sinusoid", opts, SINUSOID, 5)
  for name, value in pairs(opts) do self[name] = value end
  if self.grid then self.queries = self.grid end
end
function M.Sinusoid:parameters(n) return { amplitude = per_task(n, self.amplitude), phase = per_task(n, self.phase) } end
function M.Sinusoid.curve(x, p) return p.amplitude:mul(x:sub(p.phase):sin()) end
function M.Sinusoid:batch(first, n)
  local b = Curves.batch(self, first, n)
  if self.grid then
    local x = scion().linspace(self.x_range[1], self.x_range[2], self.grid):reshape(1, -1, 1)
    b.query_x = x:expand(n, self.grid, 1):reshape(-1, 1)
    b.query_y = flat(self.curve(x, b.parameters))
  end
  return b
end

local HARMONIC <const> = rules { x_range = check.list { default = { -4, 4 }, of = check.number(), min_length = 2 } }
--- Sums of two sinusoids of one base frequency, shifted: y = a1 sin(w x + b1) + a2 sin(2 w x + b2), x about a point of the task
--- (Lacoste et al. 2018). Options: shots, queries, noise, seed, x_range (of the tasks' centres).
M.Harmonic = class.class("Harmonic", Curves)
function M.Harmonic:init(opts)
  opts = check.opts("tasks.harmonic", opts, HARMONIC, 5)
  for name, value in pairs(opts) do self[name] = value end
  self.centres, self.x_range = self.x_range, { -1, 1 }
end
function M.Harmonic:parameters(n)
  local turn = { 0, 2 * math.pi }
  return { w = per_task(n, { 5, 7 }), b1 = per_task(n, turn), b2 = per_task(n, turn), a1 = scion().randn(n, 1, 1), a2 = scion().randn(n, 1, 1),
    centre = per_task(n, self.centres) }
end
function M.Harmonic.curve(x, p)
  local phase = p.w:mul(x:add(p.centre))
  return p.a1:mul(phase:add(p.b1):sin()):add(p.a2:mul(phase:mul(2):add(p.b2):sin()))
end

local LINEAR <const> = { weights = check.list { default = { { 100, 20 }, { 120, 38 }, { 70, 70 }, { 39, 115 } } }, bias = check.list {},
  examples = check.integer { default = 200, min = 2 }, held_out = check.integer { default = 50, min = 1 }, std_x = check.number { default = 1, above = 0 },
  std_noise = check.number { default = 0.01, min = 0 }, seed = check.integer { default = 0 } }
--- The tasks of Xfer's Leap demo: y = x . w_t + b_t + noise, x normal. Options: weights (one list a task), bias (one number a task, default 0),
--- examples 200 a task, held_out 50, std_x 1, std_noise 0.01, seed. A list of tasks: support_* the examples, query_* the held-out ones.
function M.Linear(opts)
  opts = check.opts("tasks.linear", opts, LINEAR, 4)
  local list = {}
  for t, w in ipairs(opts.weights) do
    list[t] = seeded(opts.seed, t, function()
      local n = opts.examples + opts.held_out
      local x = scion().randn(n, #w):mul(opts.std_x)
      local y = x:matmul(scion().tensor(w):to("f32"):reshape(-1, 1)):add(opts.bias and opts.bias[t] or 0):add(scion().randn(n, 1):mul(opts.std_noise))
      return { label = ("task %d"):format(t - 1), weights = w, support_x = x:narrow(1, 1, opts.examples), support_y = y:narrow(1, 1, opts.examples),
        query_x = x:narrow(1, opts.examples + 1, opts.held_out), query_y = y:narrow(1, opts.examples + 1, opts.held_out) }
    end)
  end
  return list
end

return M
