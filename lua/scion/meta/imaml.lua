-- iMAML (Rajeswaran, Finn, Kakade, Levine 2019): the inner problem is solved near the initialisation, and the meta gradient follows from its optimality
-- condition instead of from the path there, so that memory does not grow with the number of inner steps:
--   phi = argmin L_support(phi) + lambda / 2 |phi - theta|^2
--   d L_query(phi) / d theta = (I + H / lambda)^-1 grad L_query(phi)        H: Hessian of L_support at phi; solved by conjugate gradients

local check = require "scion.check"
local class = require "scion.class"
local Algorithm = require "scion.meta.algorithm"
local losses = require "scion.meta.losses"

local IMAML = class.class("IMAML", Algorithm)

IMAML.OPTIONS = {
  inner_steps = check.integer { default = 16, min = 1 }, regularizer = check.number { default = 2, above = 0 }, -- lambda
  cg_steps = check.integer { default = 5, min = 1 },
}

local function scion() return require "scion" end

local function dot(a, b)
  local sum = 0
  for i, x in ipairs(a) do sum = sum + x:mul(b[i]):sum():item() end
  return sum
end

--- Inner steps of a learner on the support items of a task.
function IMAML:inner_loop(learner, task, steps)
  local start = {}
  for i, name in ipairs(learner.names) do start[i] = self.model[name]:detach() end
  for _ = 1, steps or self.inner_steps do
    local loss = self.loss_fn(learner(task.support_x), task.support_y)
    for i, p in ipairs(learner:parameters()) do loss = loss:add_scaled(p:sub(start[i]):square():sum(), self.regularizer / 2) end
    learner:adapt(loss)
  end
  return learner
end

--- (I + H / lambda)^-1 b by conjugate gradients; apply(v) gives H v.
function IMAML.solve(apply, b, lambda, steps)
  local x, r, p = {}, {}, {}
  for i, v in ipairs(b) do x[i], r[i], p[i] = scion().zeros_like(v), v, v end
  local rr = dot(r, r)
  for _ = 1, steps do
    if rr < 1e-20 then break end
    local Ap = apply(p)
    for i, v in ipairs(p) do Ap[i] = v:add_scaled(Ap[i], 1 / lambda) end
    local alpha = rr / dot(p, Ap)
    for i in ipairs(x) do x[i], r[i] = x[i]:add_scaled(p[i], alpha), r[i]:add_scaled(Ap[i], -alpha) end
    local new = dot(r, r)
    for i in ipairs(p) do p[i] = r[i]:add_scaled(p[i], new / rr) end
    rr = new
  end
  return x
end

--- From a list of tasks to .grad of the meta parameters; returns { loss =, accuracy = }.
function IMAML:meta_step(list)
  local s, total, right = scion(), 0, nil
  for k, task in ipairs(list) do
    local scope <close> = s.scope()
    self:begin_task(list, k)
    local learner = self:inner_loop(self:clone { cut = true, label = task.label }, task)
    local phi = learner:parameters()
    local output = learner:forward(task.query_x)
    local loss = self.loss_fn(output, task.query_y)
    local b = s.grad(loss, phi)
    local first = s.grad(self.loss_fn(learner(task.support_x), task.support_y), phi, { create_graph = true })
    local function hessian(v) return s.grad(first, phi, { grad_outputs = v, retain_graph = true, allow_unused = true }) end
    local g = s.no_grad(IMAML.solve, function(v)
      local hv = s.enable_grad(hessian, v)
      for i, p in ipairs(phi) do hv[i] = hv[i] or s.zeros_like(p) end
      return hv
    end, b, self.regularizer, self.cg_steps)
    for i, name in ipairs(learner.names) do
      local p, share = self.model[name], g[i]:mul(1 / (list.total or #list))
      p.grad = p.grad and p.grad:add(share) or share
    end
    total = total + loss:item()
    local accuracy = losses.accuracy(output, task.query_y)
    if accuracy then right = (right or 0) + accuracy end
  end
  return { loss = total / #list, accuracy = right and right / #list }
end

return IMAML
