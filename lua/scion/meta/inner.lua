-- Differentiable optimisers for inner loops: each takes parameters and their gradients and gives new parameters as tensors that
-- remember how they were made, so that an outer loss can be differentiated through the update.
--
--   local rule = inner.rule { kind = "adam", lr = 0.01 }
--   local state = rule:start(params)
--   params = rule:step(params, grads, state)
--
-- lr is a number, a tensor (learned rates: MAML++ one number a tensor and step, Meta-SGD one number an element), or a function
-- (position of the parameter, step) -> number or tensor. The formulas and defaults are those of scion.optim, which are PyTorch's.

local check = require "scion.check"

local M = {}

local function scion() return require "scion" end

local rules = {}

-- p - lr * d, lr a number or a tensor that broadcasts.
local function descend(p, lr, d)
  if type(lr) == "number" then return p:add_scaled(d, -lr) end
  return p:sub(lr:mul(d))
end

local Rule = {}
Rule.__index = Rule

function Rule:rate(i, step)
  local lr = self.lr
  if type(lr) == "function" then return lr(i, step) end
  return lr
end

--- What the rule remembers between steps, to begin with.
function Rule:start() return { step = 0 } end

--- New parameters from parameters and gradients (lists of equal length; false for a parameter without a gradient).
---@param params scion.Tensor[]
---@param grads scion.Tensor[]
---@param state table
---@return scion.Tensor[]
function Rule:step(params, grads, state)
  state.step = state.step + 1
  local out = {}
  for i, p in ipairs(params) do
    out[i] = grads[i] and self:update(p, grads[i], state, i, self:rate(i, state.step)) or p
  end
  return out
end

-- sgd: v = momentum v + g; p - lr v
rules.sgd = { options = { momentum = check.number { default = 0, min = 0 }, nesterov = false } }
function rules.sgd:update(p, g, state, i, lr)
  if self.momentum > 0 then
    local v = state[i] and g:add_scaled(state[i], self.momentum) or g
    state[i] = v
    g = self.nesterov and g:add_scaled(v, self.momentum) or v
  end
  return descend(p, lr, g)
end

-- Square root whose gradient at 0 is 0 instead of infinite: an element that never had a gradient stays out of the second order.
local function safe_sqrt(v)
  local zero = v:detach():eq(0)
  return scion().where(zero, 0, scion().where(zero, 1, v):sqrt())
end

-- adam: m, v moving averages of g and g^2, bias corrected; p - lr m / (sqrt(v) + eps)
rules.adam = { options = { betas = check.list { default = { 0.9, 0.999 }, of = check.number { min = 0, below = 1 } },
  eps = check.number { default = 1e-8, above = 0 } } }
function rules.adam:update(p, g, state, i, lr)
  local b1, b2 = self.betas[1], self.betas[2]
  local s, t = state[i] or {}, state.step
  local m = s.m and s.m:mul(b1):add_scaled(g, 1 - b1) or g:mul(1 - b1)
  local v = s.v and s.v:mul(b2):add_scaled(g:square(), 1 - b2) or g:square():mul(1 - b2)
  state[i] = { m = m, v = v }
  local root = safe_sqrt(v:mul(1 / (1 - b2 ^ t))):add(self.eps)
  return descend(p, lr, m:mul(1 / (1 - b1 ^ t)):div(root))
end

-- rmsprop: v = alpha v + (1 - alpha) g^2; p - lr g / (sqrt(v) + eps)
rules.rmsprop = { options = { alpha = check.number { default = 0.99, min = 0, below = 1 }, eps = check.number { default = 1e-8, above = 0 },
  momentum = check.number { default = 0, min = 0 } } }
function rules.rmsprop:update(p, g, state, i, lr)
  local s = state[i] or {}
  local square = g:square():mul(1 - self.alpha)
  local v = s.v and square:add_scaled(s.v, self.alpha) or square
  local d = g:div(safe_sqrt(v):add(self.eps))
  if self.momentum > 0 then d = s.d and d:add_scaled(s.d, self.momentum) or d end
  state[i] = { v = v, d = d }
  return descend(p, lr, d)
end

local function learned_rate(v)
  local meta = getmetatable(v)
  return type(v) == "userdata" and type(meta) == "table" and meta.__name == "scion.Tensor"
end

--- The same rule with other rates.
function M.with_rates(rule, lr)
  local copy = {}
  for key, value in pairs(rule) do copy[key] = value end
  copy.lr = lr
  return setmetatable(copy, Rule)
end

--- A rule by name or description: "sgd", { kind = "adam", lr = 0.01, betas = { 0.9, 0.999 } }. Kinds: sgd (momentum, nesterov), adam
--- (betas, eps), rmsprop (alpha, eps, momentum).
---@param given string|table
---@param lr any           used where `given` names none
---@param where? string    function named in messages
function M.rule(given, lr, where)
  where = where or "inner.rule"
  local opts = {}
  if type(given) == "string" then opts.kind = given else for name, value in pairs(given or {}) do opts[name] = value end end
  local names = {}
  for name in pairs(rules) do names[#names + 1] = name end
  table.sort(names)
  local kind = opts.kind or "sgd"
  local class = rules[kind]
  if not class then check.raise("%s: unknown inner optimiser '%s' (known: %s)", where, tostring(kind), table.concat(names, ", ")) end
  if opts.lr == nil then opts.lr = lr end
  local known = { kind = check.string {}, lr = check.either({ check.number { min = 0 }, check.func(), check.test("a tensor", learned_rate) }, { default = 0.01 }) }
  for name, rule in pairs(class.options) do known[name] = rule end
  opts.kind = nil
  local self = check.opts(where .. ": " .. kind, opts, known, "user")
  self.kind, self.update = kind, class.update
  return setmetatable(self, Rule)
end

return M
