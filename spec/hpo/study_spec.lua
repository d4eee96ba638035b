-- Studies: spaces, samplers, the log that survives kills, pruners, what is refused.

local helper = require "spec.helper"
local scion = require "scion"
local hpo = scion.hpo

local function branin(p)
  return (p.y - 5.1 / (4 * math.pi ^ 2) * p.x ^ 2 + 5 / math.pi * p.x - 6) ^ 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(p.x) + 10
end
local PLANE <const> = { { name = "x", type = "continuous", domain = { -5, 10 } }, { name = "y", type = "continuous", domain = { 0, 15 } } }
local TREE <const> = {
  { name = "lr", type = "continuous", domain = { 1e-5, 1 }, scale = "log" },
  { name = "layers", type = "integer", domain = { 1, 5 } },
  { name = "batch", type = "discrete", domain = { 64, 16, 32 } },
  { name = "optimizer", type = "categorical", domain = { "sgd", "adam" } },
  { name = "momentum", type = "continuous", domain = { 0, 0.9 }, when = { optimizer = "sgd" } },
  { name = "nesterov", type = "categorical", domain = { true, false }, when = { optimizer = "sgd", layers = { 2, 3 } } },
}
local QUIET <const> = { n_trials = 12, progress = false }

describe("a search space", function()
  it("says what is wrong with a domain", function()
    local function refused(list, message)
      assert.error_matches(function() hpo.study { space = list } end, message)
    end
    refused({}, "expected a list of parameters")
    refused({ { type = "continuous", domain = { 0, 1 } } }, "option 'name' is required")
    refused({ { name = "a", domain = { 1, 0 } } }, "parameter 'a': domain is empty: low 1 is not below high 0")
    refused({ { name = "a", domain = { 0, 0 } } }, "domain is empty")
    refused({ { name = "a", domain = { 0 } } }, "domain must be { low, high }, got a list of 1")
    refused({ { name = "a", domain = { 0, math.huge } } }, "two finite numbers, got inf")
    refused({ { name = "a", domain = { 0, 1 }, scale = "log" } }, 'scale "log" needs a domain above 0')
    refused({ { name = "a", type = "integer", domain = { 0.5, 2 } } }, "must hold integers")
    refused({ { name = "a", type = "discrete", domain = { "x" } } }, "must hold numbers, got 'x'")
    refused({ { name = "a", type = "categorical", domain = { "x", "x" } } }, "holds 'x' twice")
    refused({ { name = "a", type = "categorical", domain = {} } }, "a list of at least 1")
    refused({ { name = "a", domian = { 0, 1 } } }, "unknown option 'domian', did you mean 'domain'")
    refused({ { name = "a", domain = { 0, 1 } }, { name = "a", domain = { 0, 1 } } }, "used twice")
    refused({ { name = "a", domain = { 0, 1 }, when = { b = 1 } } }, "names 'b', which is no earlier parameter")
    refused({ { name = "a", type = "integer", domain = { 0, 3 } }, { name = "b", domain = { 0, 1 }, when = { a = 7 } } }, "a = 7, which is not in its domain")
    refused({ { name = "a", domain = { 0, 1 } }, { name = "b", domain = { 0, 1 }, when = { a = 0.5 } } }, "'a' is continuous")
  end)

  it("maps points to the unit cube and back, whatever the type", function()
    local space = hpo.space(TREE)
    local random = require("scion.data.rng").new(3)
    for _ = 1, 300 do
      local params = space:sample(random)
      assert.same(params.optimizer == "sgd", params.momentum ~= nil)
      assert.same(params.optimizer == "sgd" and (params.layers == 2 or params.layers == 3), params.nesterov ~= nil)
      local back = space:from_unit(space:to_unit(params))
      for _, p in ipairs(TREE) do
        if type(params[p.name]) == "number" then
          assert.allclose(back[p.name], params[p.name], { rtol = 1e-12 })
        else
          assert.same(params[p.name], back[p.name])
        end
      end
      assert.same(params, space:validate("spec", params))
    end
    assert.error_matches(function() space:validate("spec", { lr = 2 }) end, "parameter 'lr' must be in its domain { 1e%-05, 1 }, got 2")
    assert.error_matches(function()
      space:validate("spec", { lr = 0.1, layers = 1, batch = 16, optimizer = "adam", momentum = 0.5 })
    end, "'momentum' does not exist at this point")
  end)

  it("counts and lists finite spaces, conditional ones too", function()
    local space = hpo.space { { name = "a", type = "integer", domain = { 1, 3 } }, { name = "b", type = "categorical", domain = { "x", "y" }, when = { a = { 1, 2 } } } }
    local n = 0
    for _ in space:points() do n = n + 1 end
    assert.same({ 5, 5 }, { n, space:count() })
    assert.same(math.huge, hpo.space(TREE):count())
  end)
end)

describe("samplers", function()
  for _, name in ipairs { "gp", "tpe", "cma_es", "random", "sobol" } do
    it(name .. " suggests points of any space, the same for the same seed", function()
      local function run(seed)
        local study = hpo.study { space = TREE, sampler = name, seed = seed }
        local texts = {}
        study:optimize(function(p)
          study.space:validate("spec", p)
          texts[#texts + 1] = tostring(p)
          return (math.log(p.lr) + 5) ^ 2 + p.layers * 0.3 + p.batch / 64 + (p.momentum or 0.7)
        end, { n_trials = 16, progress = false })
        return texts
      end
      local first = run(5)
      assert.same(first, run(5))
      assert.are_not.same(first, run(6))
    end)
  end

  it("find Branin's minimum, the process by far the best", function()
    local regret = {}
    for _, name in ipairs { "gp", "tpe", "cma_es", "random" } do
      local study = hpo.study { space = PLANE, sampler = name, seed = 4 }
      study:optimize(branin, { n_trials = 40, progress = false })
      regret[name] = study:best_trial().value - 0.397887
    end
    assert.is_true(regret.gp < 0.01, "gp " .. regret.gp)
    assert.is_true(regret.tpe < 2 and regret.cma_es < 3)
  end)

  it("of a grid has false among its values, levels by name, and keeps its place", function()
    local space = { { name = "nesterov", type = "categorical", domain = { true, false } }, { name = "units", type = "integer", domain = { 1, 1000 }, scale = "log" },
      { name = "momentum", domain = { 0, 0.9 }, when = { nesterov = false } } }
    local study = hpo.study { space = space, sampler = hpo.grid { levels = { units = 4, momentum = 3 } } }
    study:optimize(function(p) return p.units + (p.nesterov and 1 or 0) end, { n_trials = 100, progress = false })
    assert.equal(4 + 4 * 3, #study.trials)
    assert.matches("exhausted", study.stopped)
    assert.equal(false, study:best_trial().params.nesterov)
    local wrong = hpo.study { space = space, sampler = hpo.grid { levels = { unit = 4 } } }
    assert.error_matches(function() wrong:ask() end, "hpo.grid: levels of 'unit'")
    local count = hpo.study { space = { space[1], { name = "k", type = "integer", domain = { 1, 2 }, when = { nesterov = false } } } }
    assert.equal(3, count.space:count())
  end)

  it("never give a point twice in a finite space, say when it is exhausted, and do not repeat what failed", function()
    local space = { { name = "a", type = "integer", domain = { 1, 4 } }, { name = "b", type = "categorical", domain = { "x", "y", "z" } } }
    for _, name in ipairs { "gp", "tpe", "cma_es", "random", "sobol", "grid" } do
      local study = hpo.study { space = space, sampler = name, seed = 2 }
      local seen = {}
      study:optimize(function(p)
        assert.is_nil(seen[tostring(p)])
        seen[tostring(p)] = true
        if p.a == 2 then error("does not fit") end
        return p.a + #p.b
      end, { n_trials = 100, progress = false })
      assert.same(12, #study.trials)
      assert.matches("exhausted: all", study.stopped)
      assert.same(1, study:best_trial().params.a)
      local trial, reason = study:ask()
      assert.is_nil(trial)
      assert.matches("exhausted", reason)
    end
  end)

  it("give batches of points that keep apart", function()
    for _, name in ipairs { "gp", "tpe" } do
      local study = hpo.study { space = PLANE, sampler = name, seed = 1 }
      study:optimize(branin, QUIET)
      local batch = study:ask_batch(4)
      for i = 1, 4 do
        for j = 1, i - 1 do
          local a, b = study.space:to_unit(batch[i].params), study.space:to_unit(batch[j].params)
          assert.is_true(math.abs(a[1] - b[1]) + math.abs(a[2] - b[2]) > 1e-4)
        end
      end
      for _, trial in ipairs(batch) do study:tell(trial, branin(trial.params)) end
    end
  end)

  it("learn from earlier studies", function()
    local earlier = hpo.study { space = PLANE, seed = 1 }
    earlier:optimize(branin, { n_trials = 25, progress = false })
    local study = hpo.study { space = PLANE, seed = 9, warm_start = earlier }
    study:optimize(function(p) return 3 * branin(p) + 100 end, { n_trials = 8, progress = false })
    assert.is_true(study:best_trial().value < 103, tostring(study:best_trial()))
  end)

  it("cope with noise: many trials of a noisy bowl end near its middle", function()
    local random = require("scion.data.rng").new(1)
    local study = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, seed = 3 }
    study:optimize(function(p) return (p.x - 0.3) ^ 2 + 0.05 * random:normal() end, { n_trials = 40, progress = false })
    local late = 0
    for i = 31, 40 do late = late + math.abs(study.trials[i].params.x - 0.3) / 10 end
    assert.is_true(late < 0.25, tostring(late))
  end)

  it("serve two objectives: a front of trials that none beats", function()
    local study = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, direction = { "minimize", "maximize" } }
    study:optimize(function(p) return { p.x ^ 2, p.x } end, { n_trials = 10, progress = false })
    assert.same(10, #study:pareto()) -- every point of this problem is on the front
    study:tell(study:ask(), { 5, 0 })
    assert.same(10, #study:pareto())
    assert.error_matches(function() study:best_trial() end, "several objectives")
  end)
end)

describe("a study", function()
  it("records errors, NaN and infinities as failed trials and goes on", function()
    local study, n = hpo.study { space = PLANE, sampler = "random" }, 0
    study:optimize(function()
      n = n + 1
      if n == 1 then error("no memory") elseif n == 2 then return 0 / 0 elseif n == 3 then return -math.huge end
      return n
    end, { n_trials = 6, progress = false })
    assert.matches("no memory", study.trials[1].reason)
    assert.same("the objective is nan", study.trials[2].reason)
    assert.same("the objective is -inf", study.trials[3].reason)
    assert.same(4.0, study:best_trial().value + 0.0)
    assert.matches("3 failed, the first: trial 1", study:summary())
    study:optimize(function() error { code = 3 } end, { n_trials = 1, progress = false })
    assert.same("{ code = 3 }", study.trials[7].reason)
  end)

  it("says when the objective or its caller is wrong", function()
    local study = hpo.study { space = PLANE, sampler = "random" }
    assert.error_matches(function() study:optimize(function() return "good" end, QUIET) end, "must return a number, got 'good'")
    assert.error_matches(function() study:optimize(function() end, QUIET) end, "returned nothing")
    assert.error_matches(function() study:optimize(function() error("never works") end, { n_trials = 50, progress = false }) end,
      "10 trials in a row failed; the last one: .*never works")
    assert.error_matches(function() study:optimize(7) end, "argument 'f' must be a function")
    assert.error_matches(function() study:optimize(branin, { trials = 3 }) end, "unknown option 'trials'")
    assert.error_matches(function() hpo.study { space = PLANE, sampler = "tpee" } end, "unknown sampler 'tpee', did you mean 'tpe'")
    assert.error_matches(function() hpo.study { space = PLANE, direction = "up" } end, "one of minimize, maximize")
    assert.error_matches(function() hpo.study {} end, "option 'space' is required")
    local trial = study:ask()
    assert.error_matches(function() study:tell(trial, "0.5") end, "must be a number, got '0.5'")
    study:tell(trial, 1)
    assert.error_matches(function() study:tell(trial, 1) end, "already complete")
    assert.error_matches(function() study:tell(99, 1) end, "expected a trial of this study")
    assert.error_matches(function() study:enqueue { x = 1 } end, "parameter 'y' is missing")
  end)

  it("gives enqueued points first", function()
    local study = hpo.study { space = PLANE }
    study:enqueue { x = 1, y = 2 }
    assert.same({ 1.0, 2.0 }, { study:ask().params.x, study.trials[1].params.y })
  end)

  it("is its log: a second one that opens it continues as the first would have", function()
    local dir = helper.tmpdir()
    for _, name in ipairs { "gp", "cma_es" } do
      local whole = hpo.study { space = PLANE, sampler = name, seed = 3 }
      whole:optimize(branin, { n_trials = 15, progress = false })
      local path = dir .. "/" .. name
      for part = 1, 3 do
        local study = hpo.study { log = path, space = PLANE, sampler = name, seed = 3 }
        assert.same((part - 1) * 5, study.n_finished)
        study:optimize(branin, { n_trials = 5, progress = false })
        study:close()
      end
      local study = hpo.study { log = path, space = PLANE, sampler = name }
      for i = 1, 15 do assert.same(tostring(whole.trials[i].params), tostring(study.trials[i].params)) end
      assert.same(whole:best_trial().value, study:best_trial().value)
      study:close()
    end
  end)

  it("cut at every byte, opens again and has lost nothing but what was not yet written", function()
    local dir = helper.tmpdir()
    local path = dir .. "/whole"
    local study = hpo.study { log = path, space = TREE, sampler = "random", seed = 3 }
    study:optimize(function(p, trial)
      trial:report(1, p.lr)
      if p.layers == 3 then error("bad \"luck\"\n") end
      return p.lr
    end, { n_trials = 4, progress = false })
    study:close()
    local text = helper.read_file(path)
    for cut = 0, #text, 23 do
      helper.write_file(dir .. "/cut", text:sub(1, cut))
      local again = hpo.study { log = dir .. "/cut", space = TREE, sampler = "random", seed = 3 }
      local told = 0
      for line in text:sub(1, cut):gmatch("[^\n]*\n") do
        if line:find('"event":"told"', 1, true) or line:find('"event":"failed"', 1, true) then told = told + 1 end
      end
      assert.same(told, again.n_finished)
      local trial = again:ask()
      assert.same(tostring(study.trials[told + 1] and study.trials[told + 1].params or trial.params), tostring(trial.params))
      again:tell(trial, 1)
      again:close()
    end
  end)

  it("refuses a log of another space or of another kind", function()
    local path = helper.tmpdir() .. "/log"
    hpo.study { log = path, space = PLANE }:close()
    assert.error_matches(function() hpo.study { log = path, space = TREE } end, "was begun with another space")
    assert.error_matches(function() hpo.study { log = path, space = PLANE, direction = "maximize" } end, "/log was begun with another direction:")
    assert.error_matches(function() hpo.study { log = "/nonexistent/log", space = PLANE } end, "^journal: cannot open /nonexistent/log: No such file")
    helper.write_file(path, "hello\n")
    assert.error_matches(function() hpo.study { log = path, space = PLANE } end, "line 1 of .* is no JSON object")
  end)

  it("#slow is shared by processes that are killed at random moments: no trial is lost or repeated", function()
    local dir = helper.tmpdir()
    local worker = helper.write_file(dir .. "/worker.lua", [[
      local scion = require "scion"
      local study = scion.hpo.study { log = arg[1], seed = 1, sampler = "random", retries = 1000,
        space = { { name = "x", domain = { 0, 1 } }, { name = "y", type = "integer", domain = { 0, 9 } } } }
      study:optimize(function(p, trial)
        local sum = 0
        for i = 1, 60000 do sum = sum + i % 7 end
        trial:report(1, p.x)
        return p.x
      end, { n_trials = tonumber(arg[2]), progress = false })
    ]])
    local log = dir .. "/log"
    -- Three workers at a time; each is killed after a while, five times over; then two run 10 trials each, first those that were cut short.
    local program = helper.quote(helper.program)
    local lines = {}
    for round = 1, 5 do
      for w = 1, 3 do lines[#lines + 1] = ("timeout -s KILL 0.%02d %s %s %s 100000 >/dev/null 2>&1 &"):format(6 + 3 * round + 5 * w, program, worker, log) end
      lines[#lines + 1] = "wait"
    end
    for _ = 1, 2 do lines[#lines + 1] = ("%s %s %s 10 >/dev/null 2>>%s &"):format(program, worker, log, dir .. "/err") end
    lines[#lines + 1] = "wait"
    helper.run(table.concat(lines, "\n"))
    assert.same("", helper.read_file(dir .. "/err"))
    local study = hpo.study { log = log, space = { { name = "x", domain = { 0, 1 } }, { name = "y", type = "integer", domain = { 0, 9 } } } }
    local keys = {}
    for i, trial in ipairs(study.trials) do
      assert.same(i, trial.id)
      assert.same("complete", trial.state)
      assert.same(trial.params.x, trial.value)
      assert.is_nil(keys[tostring(trial.params)])
      keys[tostring(trial.params)] = true
    end
    assert.is_true(#study.trials >= 10, #study.trials .. " trials")
  end)
end)

describe("Ctrl-C", function()
  it("leaves a study that goes on from there", function()
    local dir = helper.tmpdir()
    local worker = helper.write_file(dir .. "/worker.lua", [[
      local scion = require "scion"
      local study = scion.hpo.study { log = arg[1], seed = 1, sampler = "random", space = { { name = "x", domain = { 0, 1 } } } }
      study:optimize(function(p, trial)
        if trial.id == 3 then
          io.open(arg[2], "w"):close() -- now
          while true do end
        end
        return p.x
      end, { n_trials = 10 })
      print(study.stopped, study.n_finished, #study.trials) ]])
    local q = helper.quote
    local result = helper.run(("%s %s %s %s & pid=$!; while [ ! -e %s ]; do sleep 0.02; done; kill -INT $pid; wait $pid"):format(q(helper.program), q(worker),
      q(dir .. "/log"), q(dir .. "/now"), q(dir .. "/now")))
    assert.matches("interrupted%s+2%s+3", result.out .. result.err)
    local study = hpo.study { log = dir .. "/log", sampler = "random", space = { { name = "x", domain = { 0, 1 } } } }
    local alone = hpo.study { seed = 1, sampler = "random", space = { { name = "x", domain = { 0, 1 } } } }
    for _ = 1, 3 do alone:ask() end
    local trial = study:ask()
    assert.same({ 3, alone.trials[3].params.x, 1 }, { trial.id, trial.params.x, trial.attempts })
  end)
end)

describe("a study under mpirun", function()
  local mpirun = helper.run("command -v mpirun").code == 0
  local function ranks(n, code)
    local path = helper.tmpdir() .. "/script.lua"
    helper.write_file(path, code)
    return helper.run(("mpirun -n %d --oversubscribe --allow-run-as-root %s %s"):format(n, helper.quote(helper.program), helper.quote(path)))
  end

  it("has its ranks for workers: so many trials together, each once, and every rank sees them all", function()
    if not mpirun then return pending "needs openmpi-bin" end
    if helper.sanitized then return pending "OpenMPI's own leaks" end
    local log = helper.tmpdir() .. "/log"
    local result = ranks(2, ([[
      local scion = require "scion"
      local study = scion.hpo.study { log = %q, space = { { name = "x", domain = { 0, 1 } } }, sampler = "random", seed = 4 }
      local mine = 0
      study:optimize(function(p, trial)
        mine = mine + 1
        local sum = 0
        for i = 1, 3000000 do sum = sum + i %% 7 end
        return p.x
      end, { n_trials = 9 })
      print(("rank %%d sees %%d of %%d, ran some: %%s"):format(scion.mpi.rank(), study.n_finished, #study.trials, mine > 0))
      study:optimize(function(p) return p.x end, { max_trials = 12 }) ]]):format(log))
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("rank 0 sees 9 of 9, ran some: true", 1, true), result.out)
    assert.truthy(result.out:find("rank 1 sees 9 of 9, ran some: true", 1, true), result.out)
    local alone = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, sampler = "random", seed = 4 }
    local study = hpo.study { log = log, space = { { name = "x", domain = { 0, 1 } } } }
    assert.equal(12, #study.trials)
    for i, trial in ipairs(study.trials) do
      local expected = alone:ask()
      assert.same({ i, "complete", expected.params.x, expected.params.x, 1 }, { trial.id, trial.state, trial.params.x, trial.value, trial.attempts })
    end
  end)

  it("needs a log", function()
    if not mpirun then return pending "needs openmpi-bin" end
    if helper.sanitized then return pending "OpenMPI's own leaks" end
    local result = ranks(2, [[
      local scion = require "scion"
      scion.hpo.study { space = { { name = "x", domain = { 0, 1 } } } }:optimize(function(p) return p.x end) ]])
    assert.not_equal(0, result.code)
    assert.matches("the 2 ranks of mpirun share a study through its file: give scion.hpo.study a log", result.err)
  end)
end)

describe("pruners", function()
  local function curve(p, trial) -- reaches p.x slowly, from a common start
    for step = 1, 27 do
      trial:report(step, 1 - (1 - p.x) * (1 - 0.8 ^ step))
      if trial:should_stop() then return end
    end
    return p.x
  end
  for _, pruner in ipairs { "median", "asha", "hyperband" } do
    it(pruner .. " spends less and finds as much", function()
      local study = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, sampler = "random", seed = 2,
        pruner = pruner == "hyperband" and hpo.hyperband { max_resource = 27 } or pruner }
      study:optimize(curve, { n_trials = 60, progress = false })
      local steps, pruned = 0, 0
      for _, trial in ipairs(study.trials) do
        steps = steps + #trial.reports
        if trial.state == "pruned" then pruned = pruned + 1 end
      end
      assert.is_true(pruned > 15 and steps < 0.7 * 60 * 27, ("%d stopped, %d steps"):format(pruned, steps))
      local smallest = 1
      for _, trial in ipairs(study.trials) do smallest = math.min(smallest, trial.params.x) end
      assert.allclose(study:best_trial().value, smallest, { atol = 0.05 })
    end)
  end

  it("stop a trial that has become NaN", function()
    local study = hpo.study { space = PLANE, pruner = "asha" }
    local trial = study:ask()
    trial:report(1, 0 / 0)
    assert.is_true(trial:should_stop())
    study:prune(trial)
    assert.same("failed", trial.state)
  end)

  it("successive halving pauses trials at rungs and continues the best", function()
    local study = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, sampler = "random", seed = 2 }
    hpo.successive_halving(study, curve, { max_resource = 27, n_trials = 27, progress = false })
    local lengths = {}
    for _, trial in ipairs(study.trials) do lengths[#trial.reports] = (lengths[#trial.reports] or 0) + 1 end
    assert.same({ [1] = 18, [3] = 6, [9] = 2, [27] = 1 }, lengths)
    local smallest = 1
    for _, trial in ipairs(study.trials) do smallest = math.min(smallest, trial.params.x) end
    assert.same(smallest, study:best_trial().params.x)
  end)

  it("Hyperband runs its brackets with any sampler", function()
    local study = hpo.study { space = { { name = "x", domain = { 0, 1 } } }, sampler = "tpe", seed = 2 }
    hpo.run_hyperband(study, curve, { max_resource = 9, progress = false })
    assert.same(9 + 5 + 3, #study.trials)
  end)
end)

describe("importance", function()
  it("agrees with the Sobol' indices of Ishigami's function", function()
    local space = {}
    for k = 1, 3 do space[k] = { name = "x" .. k, domain = { -math.pi, math.pi } } end
    local study = hpo.study { space = space, sampler = "sobol", seed = 3 }
    study:optimize(function(p) return math.sin(p.x1) + 7 * math.sin(p.x2) ^ 2 + 0.1 * p.x3 ^ 4 * math.sin(p.x1) end, { n_trials = 160, progress = false })
    -- With a = 7, b = 0.1: variances of x1, of x2, and of x1 with x3 (Ishigami and Homma 1990)
    local b, pi = 0.1, math.pi
    local v1, v2, v13 = 0.5 * (1 + b * pi ^ 4 / 5) ^ 2, 7 ^ 2 / 8, b ^ 2 * pi ^ 8 * (1 / 18 - 1 / 50)
    local v = v1 + v2 + v13
    local expected = { x1 = { v1 / v, (v1 + v13) / v }, x2 = { v2 / v, v2 / v }, x3 = { 0, v13 / v } }
    for _, item in ipairs(hpo.importance(study, { n_samples = 2048 })) do
      assert.allclose({ item.main, item.total }, expected[item.name], { atol = 0.03 })
    end
    -- one run that diverged, in the middle of others that did not, does not become all the variance there is
    study:enqueue { x1 = 0.1, x2 = 0.2, x3 = 0.3 }
    study:tell(study:ask(), 1e9)
    local list = hpo.importance(study)
    for _, item in ipairs(list) do assert.allclose({ item.main, item.total }, expected[item.name], { atol = 0.25 }) end
    for _, item in ipairs(list) do assert.is_true(item.total >= item.main) end
    assert.matches("parameter +alone +with interactions", tostring(list))
  end)
end)

describe("BayesianOptimization", function()
  it("runs as the manual says", function()
    local domain = { { name = "learning_rate", type = "continuous", domain = { 1e-6, 1 }, scale = "log" },
      { name = "optimizer", type = "discrete", domain = { 1, 2 } } }
    local search = hpo.BayesianOptimization { f = function(p)
      return (math.log(p.learning_rate, 10) + 3) ^ 2 + p.optimizer
    end, domain = domain, seed = 1 }
    search:run_optimization { max_iter = 20, verbosity = false }
    assert.is_true(search.fx_opt < 1.01, tostring(search.fx_opt))
    assert.matches("^{ learning_rate = [%d.e-]+, optimizer = 1 }$", tostring(search.x_opt))
    local dir = helper.tmpdir()
    search:plot_acquisition(dir .. "/acquisition.svg")
    search:plot_convergence(dir .. "/convergence.svg")
    for _, name in ipairs { "acquisition", "convergence" } do
      assert.matches("^<svg.*</svg>%s*$", helper.read_file(("%s/%s.svg"):format(dir, name)))
    end
    local page = search:report(dir .. "/report.html")
    assert.same(page, helper.read_file(dir .. "/report.html"))
    assert.is_nil(page:find("https?://[^w]")) -- nothing is fetched (the name space of SVG aside)
    assert.matches("^{%s+{ learning_rate", tostring(search.X))
    local wrong = hpo.BayesianOptimization { f = function() return "low" end, domain = domain }
    assert.error_matches(function() wrong:run_optimization { verbosity = false } end, "^run_optimization: the objective must return a number, got 'low'")
    assert.error_matches(function() hpo.successive_halving { max_resource = 9 } end, "successive_halving: runs a study, .* got a table in its place")
    assert.error_matches(function() hpo.study { space = domain, pruner = "successive_halving" } end, "as a pruner it is asha")
    assert.error_matches(function() search.study:tell(77, 1) end, "got 77")
    assert.error_matches(function() hpo.BayesianOptimization { domain = domain } end, "option 'f' is required")
    assert.error_matches(function() hpo.BayesianOptimization { f = print } end, "option 'domain' is required")
    assert.error_matches(function() hpo.BayesianOptimization { f = print, domain = { { name = "a", domain = { 2, 1 } } } } end, "domain is empty")
  end)

  it("draws by the study's own methods, surfaces over their whole axes and by the values that parameters have", function()
    local dir = helper.tmpdir()
    local study = hpo.study { space = { { name = "x", domain = { 0, 1 } }, { name = "n", type = "discrete", domain = { 1, 2, 10 } } }, seed = 1 }
    study:optimize(function(p) return (p.x - 0.4) ^ 2 + p.n / 10 end, { n_trials = 12, progress = false })
    for _, name in ipairs { "history", "convergence", "acquisition", "parallel", "slices", "importance" } do
      local path = ("%s/%s.svg"):format(dir, name)
      study["plot_" .. name](study, path)
      assert.matches("^<svg.*</svg>%s*$", helper.read_file(path))
    end
    assert.matches('<image[^>]*preserveAspectRatio="none"', helper.read_file(dir .. "/acquisition.svg"))
    local two = hpo.study { space = study.space, direction = { "minimize", "maximize" }, seed = 1 }
    two:optimize(function(p) return p.x, p.n end, { n_trials = 8, progress = false }) -- two values, or a list of them
    two:optimize(function(p) return { p.x, p.n } end, { n_trials = 4, progress = false })
    assert.equal(12, two.n_finished)
    assert.matches("Pareto", tostring(two:plot_pareto()))
    -- one value for all, long names, numbers that are nearly alike
    local names = {}
    for i = 1, 12 do names[i] = "a category with a long name, number " .. i end
    local dull = hpo.study { space = { { name = "c", type = "categorical", domain = names } }, sampler = "random" }
    dull:optimize(function() return 3 end, { n_trials = 5, progress = false })
    local slices = tostring(dull:plot_slices())
    assert.is_nil(slices:find("3.000000", 1, true))
    assert.matches(">a categ[^<]*…<", slices)
    assert.matches(">2.5e300<", tostring(scion.plot.lines { series = { { y = { 1e300, 2e300, 3e300 } } } }))
  end)

  it("draws one-dimensional searches, two objectives, conditional ones", function()
    local line = hpo.BayesianOptimization { f = function(p) return math.sin(3 * p.x) + p.x ^ 2 end, domain = { { name = "x", domain = { -1, 2 } } } }
    line:run_optimization { max_iter = 9, verbosity = false }
    assert.allclose(line.x_opt.x, -0.4274, { atol = 0.03 })
    assert.matches("expected improvement", tostring(line:plot_acquisition()))
    local study = hpo.study { space = TREE, sampler = "random" }
    study:optimize(function(p) return p.lr + p.layers end, QUIET)
    local page = study:report()
    for _, word in ipairs { "Parallel coordinates", "momentum", "Importance" } do assert.is_truthy(page:find(word, 1, true)) end
    local list = hpo.importance(study)
    local share = {}
    for _, item in ipairs(list) do share[item.name] = item.total end
    assert.is_true(share.layers > 0.5 and share.layers > 5 * share.batch, ("layers %g, batch %g"):format(share.layers, share.batch))
  end)
end)
