-- Schedules against PyTorch's numbers, restoring, and misuse.
local scion = require "scion"
local optim = scion.optim

local dir = debug.getinfo(1, "S").source:match("^@(.*)optim/[^/]*$")
local golden = dofile(dir .. "golden/schedule.lua")

local function optimiser(adam)
  local a, b = scion.tensor({ 0 }, { requires_grad = true }), scion.tensor({ 0 }, { requires_grad = true })
  local groups = { { params = a, lr = 0.5 }, { params = b, lr = 0.02 } }
  return adam and optim.Adam(groups, { lr = 0.1 }) or optim.SGD(groups, { lr = 0.1, momentum = 0.9 })
end

local function build(case, opt)
  if case.name == "SequentialLR" then
    return optim.SequentialLR(opt, { milestones = { 4, 12 }, schedulers = {
      optim.LinearLR(opt, { start_factor = 0.1, total_iters = 4 }), optim.ExponentialLR(opt, { gamma = 0.9 }), optim.StepLR(opt, { step_size = 3 }) } })
  end
  return optim[case.name](opt, case.options)
end

local function near(got, expected, what)
  if not (math.abs(got - expected) <= 1e-12 + 1e-9 * math.abs(expected)) then
    error(("%s: got %.17g, expected %.17g"):format(what, got, expected), 2)
  end
end

describe("schedules follow PyTorch", function()
  for i, case in ipairs(golden) do
    it(("%s, case %d"):format(case.name, i), function()
      local opt = optimiser(case.adam)
      local schedule = build(case, opt)
      for t = 1, #case.lr1 do
        near(opt.param_groups[1].lr, case.lr1[t], "group 1, step " .. t)
        near(opt.param_groups[2].lr, case.lr2[t], "group 2, step " .. t)
        if case.momenta then
          near(case.adam and opt.param_groups[1].betas[1] or opt.param_groups[1].momentum, case.momenta[t], "momentum, step " .. t)
        end
        if t < #case.lr1 then schedule:step(case.values and case.values[t]) end
      end
    end)

    it(("%s, case %d, restored in the middle continues"):format(case.name, i), function()
      local opt = optimiser(case.adam)
      local schedule = build(case, opt)
      for t = 1, 9 do schedule:step(case.values and case.values[t]) end
      local saved, saved_opt = schedule:state_dict(), opt:state_dict()
      local opt2 = optimiser(case.adam)
      local schedule2 = build(case, opt2)
      opt2:load_state_dict(saved_opt)
      schedule2:load_state_dict(saved)
      for t = 10, 20 do
        schedule:step(case.values and case.values[t])
        schedule2:step(case.values and case.values[t])
        assert.are.equal(opt.param_groups[1].lr, opt2.param_groups[1].lr)
        assert.are.equal(opt.param_groups[2].lr, opt2.param_groups[2].lr)
      end
    end)
  end
end)

describe("LambdaLR and LinearWarmup", function()
  it("multiply the initial rate", function()
    local opt = optimiser()
    local schedule = optim.LambdaLR(opt, { lr_lambda = function(t) return 1 / (1 + t) end })
    schedule:step()
    near(opt.param_groups[1].lr, 0.25, "lr")
    schedule = optim.LambdaLR(opt, { lr_lambda = { function(t) return t end, function() return 1 end } })
    near(opt.param_groups[1].lr, 0, "lr")
    near(opt.param_groups[2].lr, 0.02, "lr")
    schedule:step(3)
    near(opt.param_groups[1].lr, 1.5, "lr")
    near(schedule:get_last_lr()[1], 1.5, "last lr")
  end)

  it("warm-up leads into another schedule", function()
    local opt = optimiser()
    local after = optim.CosineAnnealingLR(opt, { T_max = 10 })
    local schedule = optim.LinearWarmup(opt, { steps = 4, after = after })
    local seen = {}
    for t = 1, 8 do
      seen[t] = opt.param_groups[1].lr
      schedule:step()
    end
    near(seen[1], 0.125, "first")
    near(seen[3], 0.3125, "rising")
    near(seen[5], 0.5, "top")
    near(seen[7], 0.5 * (1 + math.cos(math.pi * 0.2)) / 2, "falling")
    optim.LinearWarmup(opt, { steps = 2, start_factor = 0 })
    near(opt.param_groups[1].lr, 0, "from zero")
  end)
end)

describe("misuse of schedules", function()
  it("is explained", function()
    local opt = optimiser()
    assert.error_matches(function() optim.StepLR(3, { step_size = 1 }) end, "must be an optimiser, got number")
    assert.error_matches(function() optim.StepLR(opt) end, "option 'step_size' is required")
    assert.error_matches(function() optim.StepLR(opt, { step_size = 0 }) end, "at least 1")
    assert.error_matches(function() optim.StepLR(opt, { step_size = 1.5 }) end, "whole number")
    assert.error_matches(function() optim.StepLR(opt, { step_size = 1, gama = 1 }) end, "unknown option 'gama' %(known: gamma, step_size%)")
    assert.error_matches(function() optim.StepLR(opt, { step_size = "2" }) end, "must be a number, got string")
    assert.error_matches(function() optim.MultiStepLR(opt, { milestones = { 3, 1 } }) end, "rising list")
    assert.error_matches(function() optim.OneCycleLR(opt, { max_lr = 1 }) end, "give total_steps")
    assert.error_matches(function() optim.OneCycleLR(opt, { max_lr = -1, total_steps = 3 }) end, "above 0")
    assert.error_matches(function() optim.OneCycleLR(opt, { max_lr = 1, total_steps = 3, anneal_strategy = "up" }) end, "anneal_strategy")
    assert.error_matches(function() optim.LambdaLR(opt, {}) end, "'lr_lambda' is required")
    assert.error_matches(function() optim.LambdaLR(opt, { lr_lambda = { print } }) end, "1 functions for 2")
    assert.error_matches(function() optim.LambdaLR(opt, { lr_lambda = function() return "x" end }) end, "gave a string")
    assert.error_matches(function() optim.SequentialLR(opt, { schedulers = { optim.StepLR(opt, { step_size = 1 }) }, milestones = { 3 } }) end, "need 0 milestones")
    assert.error_matches(function()
      optim.SequentialLR(opt, { schedulers = { optim.StepLR(optimiser(), { step_size = 1 }) }, milestones = {} })
    end, "another optimiser")
    assert.error_matches(function() optim.ReduceLROnPlateau(opt):step() end, "measured value, got nil")
    assert.error_matches(function() optim.ReduceLROnPlateau(opt, { mode = "up" }) end, "\"min\" or \"max\"")
    assert.error_matches(function() optim.StepLR(opt, { step_size = 1 }):load_state_dict { kind = "ExponentialLR" } end, "of a ExponentialLR")
    assert.error_matches(function() optim.StepLR(opt, { step_size = 1 }):step(-1) end, "at least 0")
    local cycle = optim.OneCycleLR(opt, { max_lr = 1, total_steps = 2 })
    cycle:step()
    cycle:step()
    assert.error_matches(function() cycle:step() end, "beyond total_steps")
    local plain = optim.Adagrad({ scion.tensor({ 0 }, { requires_grad = true }) })
    assert.error_matches(function() optim.OneCycleLR(plain, { max_lr = 1, total_steps = 2 }) end, "no momentum to cycle")
  end)
end)
