-- Every op of the registry: first and second order gradients against central differences in f64, from the
-- op's own sample inputs. An op without samples fails. In-place forms give what the plain forms give.
local scion = require "scion"

local STEP <const> = 1e-6
local TOLERANCE <const> = 2e-5   -- relative, of the scalar's directional derivatives

-- All outputs that carry gradients, contracted with fixed random weights: one number.
local function contract(outputs, weights)
  local total
  for i, y in ipairs(outputs) do
    if y and (y.dtype == "f64") then
      weights[i] = weights[i] or scion.randn(y.shape, { dtype = "f64" })
      local part = (y * weights[i]):sum()
      total = total and total + part or part
    end
  end
  return total
end

local function call(apply, inputs, weights, seed)
  scion.seed(seed) -- random ops draw the same numbers each time
  return contract({ apply(inputs, #inputs) }, weights)
end

-- Directional derivative of f at inputs[k] along `direction`.
local function numeric(f, inputs, k, direction)
  local function at(h)
    local moved = { table.unpack(inputs) }
    moved[k] = scion.no_grad(function() return inputs[k]:detach() + direction * h end)
    return f(moved):item()
  end
  return (at(STEP) - at(-STEP)) / (2 * STEP)
end

local function close(a, b)
  return math.abs(a - b) <= TOLERANCE * math.max(1, math.abs(a), math.abs(b))
end

local function check_sample(name, index)
  scion.seed(1000 + index)
  local apply, inputs, differentiable = scion.op_sample(name, index)
  if not apply then return false end
  local info, weights = scion.op_info(name), {}
  local f = function(xs) return call(apply, xs, weights, 77) end
  local leaves, which = {}, {}
  for k, x in ipairs(inputs) do
    if x and differentiable[k] then
      inputs[k] = x:detach():requires_grad_()
      leaves[#leaves + 1], which[#which + 1] = inputs[k], k
    end
  end
  scion.seed(5)
  local loss = f(inputs)
  if info.no_grad then
    assert(loss == nil or not loss.requires_grad, name .. " is marked as not differentiable but records a gradient")
    return true
  end
  if not loss or #leaves == 0 then return true end
  assert(loss.requires_grad, ("%s, sample %d: the result records no gradient"):format(name, index))

  -- first order without a graph (fused rules) and with one (composed rules)
  local fused = scion.grad(loss, leaves, { allow_unused = true, retain_graph = true })
  local composed = scion.grad(loss, leaves, { allow_unused = true, create_graph = true })
  for i, k in ipairs(which) do
    local direction = scion.randn(leaves[i].shape, { dtype = "f64" })
    local expected = numeric(f, inputs, k, direction)
    for rule, g in pairs { fused = fused[i], composed = composed[i] } do
      local got = g and (g:detach() * direction):sum():item() or 0
      assert(close(got, expected), ("%s, sample %d, input %d, %s rule: gradient %.9g, differences %.9g")
        :format(name, index, k, rule, got, expected))
    end
  end

  -- second order: the gradient contracted with random directions, differentiated again
  local directions = {}
  local function gradient_norm(xs)
    local sub, all = {}, {}
    for _, k in ipairs(which) do
      all[#all + 1] = xs[k]
      sub[#sub + 1] = xs[k]
    end
    local gs = scion.grad(f(xs), sub, { allow_unused = true, create_graph = true })
    local total
    for i, g in ipairs(gs) do
      if g then
        directions[i] = directions[i] or scion.randn(g.shape, { dtype = "f64" })
        local part = (g * directions[i]):sum()
        total = total and total + part or part
      end
    end
    return total
  end
  local second = gradient_norm(inputs)
  if not second or not second.requires_grad then
    -- constant gradient: differences must agree that it does not move
    for _, k in ipairs(which) do
      local direction = scion.randn(inputs[k].shape, { dtype = "f64" })
      local function moved(h)
        local xs = { table.unpack(inputs) }
        for _, j in ipairs(which) do xs[j] = inputs[j]:detach() end
        xs[k] = xs[k] + direction * h
        for _, j in ipairs(which) do xs[j]:requires_grad_() end
        local y = gradient_norm(xs)
        return y and y:item() or 0
      end
      local d = (moved(STEP) - moved(-STEP)) / (2 * STEP)
      assert(close(0, d), ("%s, sample %d, input %d: gradient is recorded as constant but moves by %.9g"):format(name, index, k, d))
    end
    return true
  end
  local grads = scion.grad(second, leaves, { allow_unused = true })
  for i, k in ipairs(which) do
    local direction = scion.randn(leaves[i].shape, { dtype = "f64" })
    local function moved(h)
      local xs = { table.unpack(inputs) }
      for _, j in ipairs(which) do xs[j] = inputs[j]:detach() end
      xs[k] = xs[k] + direction * h
      for _, j in ipairs(which) do xs[j]:requires_grad_() end
      return gradient_norm(xs):item()
    end
    local expected = (moved(STEP) - moved(-STEP)) / (2 * STEP)
    local got = grads[i] and (grads[i] * direction):sum():item() or 0
    assert(close(got, expected), ("%s, sample %d, input %d, second order: %.9g, differences %.9g"):format(name, index, k, got, expected))
  end
  return true
end

describe("the registry", function()
  for _, name in ipairs(scion.op_names()) do
    local info = scion.op_info(name)
    it(name .. " has samples, documentation, and gradients that agree with finite differences", function()
      assert.is_true(#info.doc > 0, name .. " has no documentation")
      for _, p in ipairs(info.params) do assert.is_true(#p.doc > 0, name .. ": parameter " .. p.name .. " has no documentation") end
      local index = 1
      while check_sample(name, index) do index = index + 1 end
      assert.is_true(index > 1, name .. " has no samples")
    end)
    if info.inplace then
      it(name .. "_ gives what " .. name .. " gives, in the same storage", function()
        scion.seed(3)
        local apply, inputs = scion.op_sample(name, 1)
        scion.seed(9)
        local expected = apply(inputs, #inputs)
        if expected.dtype ~= inputs[1].dtype or tostring(expected.shape) ~= tostring(inputs[1].shape) then return end
        -- the in-place form is reached through a method: parameters of sample 1 do not matter for ops without any
        if #info.params > 0 then return end
        local x = inputs[1]:clone()
        scion.seed(9)
        local same = x[name .. "_"](x, table.unpack(inputs, 2))
        assert.is_true(same:is_same(x))
        assert.is_true(x:allclose(expected, { equal_nan = true }))
      end)
    end
  end
end)
