-- Every op of the registry: first and second order gradients against central differences in f64, from the
-- op's own sample inputs. An op without samples fails. In-place forms give what the plain forms give.
local scion = require "scion"

local STEP <const> = 1e-6
local TOLERANCE <const> = 1e-5   -- relative, of the scalar's directional derivatives
local FLOOR <const> = 1e-6       -- absolute: what rounding leaves of differences over 2e-6

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
  return math.abs(a - b) <= FLOOR + TOLERANCE * math.max(math.abs(a), math.abs(b))
end

-- sample: gives apply, inputs and which are differentiable, as scion.op_sample.
local function check_sample(name, index, sample)
  scion.seed(1000 + index)
  local apply, inputs, differentiable = (sample or scion.op_sample)(name, index)
  if not apply then return false end
  local info, weights = scion.op_info(name) or {}, {}
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

-- The same inputs, every second element of a larger storage.
local function spread(x)
  if not x or x.ndim == 8 then return x end
  local y = scion.stack({ x, x }, -1):select(-1, 1)
  return y
end

local function outputs(apply, inputs, in_place)
  scion.seed(21)
  return { apply(inputs, #inputs, in_place) }
end

local function same(name, index, what, got, expected, tolerance)
  for i, y in ipairs(expected) do
    if y then
      local g = got[i]
      assert(tostring(scion.list(g.shape)) == tostring(scion.list(y.shape)), ("%s, sample %d, %s: output %d has another shape"):format(name, index, what, i))
      local close, worst = g:to("f64"):allclose(y:to("f64"), { rtol = tolerance, atol = tolerance, equal_nan = true })
      assert(close, ("%s, sample %d, %s: output %d is off by %g"):format(name, index, what, i, worst))
    end
  end
end

-- Gradients of the contracted outputs, to compare ways of computing them.
local function gradients(apply, inputs, differentiable)
  local xs, leaves = {}, {}
  for k, x in ipairs(inputs) do
    xs[k] = x
    if x and differentiable[k] then
      local leaf = x:detach():requires_grad_(true)
      xs[k] = leaf
      leaves[#leaves + 1] = leaf
    end
  end
  local total
  scion.seed(21)
  local ys = { apply(xs, #xs) }
  for i, y in ipairs(ys) do
    if y and y.requires_grad then
      scion.seed(40 + i)
      local part = (y * scion.randn(y.shape, { dtype = "f64" }):to(y.dtype)):to("f64"):sum()
      total = total and total + part or part
    end
  end
  if not total or #leaves == 0 then return {} end
  return scion.grad(total, leaves, { allow_unused = true })
end

-- A decomposition is only unique up to signs; class_targets is told its dtype.
local NO_F32 <const> = { qr = true, svd = true, eigh = true, class_targets = true }

describe("the check of gradients", function()
  local function cube(backward)
    local f = scion.Function { name = "cube", forward = function(ctx, x)
      ctx.x = x
      return x * x * x
    end, backward = backward }
    return function() return function(xs) return f(xs[1]) end, { scion.randn(3, { dtype = "f64" }) }, { true } end
  end
  it("passes what is right", function()
    assert.is_true(check_sample("cube", 1, cube(function(ctx, dy) return dy * ctx.x * ctx.x * 3 end)))
  end)
  it("notices a wrong factor", function()
    assert.error_matches(function() check_sample("cube", 1, cube(function(ctx, dy) return dy * ctx.x * ctx.x * 3.001 end)) end, "cube, sample 1, input 1, .* rule")
  end)
  it("notices a gradient that is right but has no gradient of its own", function()
    assert.error_matches(function() check_sample("cube", 1, cube(function(ctx, dy) return dy * (ctx.x * ctx.x * 3):detach() end)) end, "cube, sample 1, input 1")
  end)
  it("notices a second order that is wrong alone", function()
    assert.error_matches(function()
      check_sample("cube", 1, cube(function(ctx, dy)
        local x = ctx.x
        return dy * (x * x * 3 + (x - x:detach()) * 0.1)
      end))
    end, "second order")
  end)
end)

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

    it(name .. " gives the same for strided inputs, and in f32 what it gives in f64", function()
      local index = 1
      while true do
        scion.seed(1000 + index)
        local apply, inputs, differentiable = scion.op_sample(name, index)
        if not apply then break end
        local expected = outputs(apply, inputs)
        local slopes = info.no_grad and {} or gradients(apply, inputs, differentiable)
        local function each(convert)
          local out = {}
          for k, x in ipairs(inputs) do out[k] = x and convert(x) end
          return out
        end
        if not name:find("^empty") then
          local strided = each(spread)
          same(name, index, "strided", outputs(apply, strided), expected, 1e-12)
          if not info.no_grad then same(name, index, "gradient of strided inputs", gradients(apply, strided, differentiable), slopes, 1e-10) end
          if not info.random and not NO_F32[name] then -- random numbers of f32 and f64 are not the same
            local single = each(function(x) return x.dtype == "f64" and x:to("f32") or x end)
            same(name, index, "f32", outputs(apply, single), expected, 2e-5)
            if not info.no_grad then same(name, index, "gradient in f32", gradients(apply, single, differentiable), slopes, 2e-4) end
          end
        end
        index = index + 1
      end
    end)

    if info.inplace then
      it(name .. "_ gives what " .. name .. " gives, in the same storage, on views too", function()
        local index, checked = 1, 0
        while true do
          scion.seed(3)
          local apply, inputs = scion.op_sample(name, index)
          if not apply then break end
          local expected = outputs(apply, inputs)[1]
          if expected.dtype == inputs[1].dtype and tostring(scion.list(expected.shape)) == tostring(scion.list(inputs[1].shape)) then
            for _, layout in ipairs { "packed", "strided" } do
              local xs = { table.unpack(inputs) }
              xs[1] = layout == "packed" and inputs[1]:clone() or spread(inputs[1])
              local version = xs[1]:version()
              local y = outputs(apply, xs, true)[1]
              assert.is_true(y:is_same(xs[1]))
              assert.is_true(y:version() > version, name .. "_ leaves the version as it was")
              same(name, index, "in place, " .. layout, { y }, { expected }, 0)
              checked = checked + 1
            end
          end
          index = index + 1
        end
        assert.is_true(checked > 0, name .. " has no sample whose result fits its first input")
      end)
    end
  end
end)
