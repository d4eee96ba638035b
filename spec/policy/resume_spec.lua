local helper = require "spec.helper"
local scion = require "scion"
local nn, data = scion.nn, scion.data

describe("training that is killed and resumed", function()
  local dir = helper.tmpdir()
  local function train(path, variant, step)
    return helper.run { "scion", "spec/policy/resume_worker.lua", path, variant, step and tostring(step) or nil }
  end

  -- Killed at updates before, on and after those that wrote a checkpoint, in the middle of passes and near their ends.
  for variant, steps in pairs { share = { 2, 4, 8, 11 }, rate = { 7, 13, 30 }, plateau = { 5, 20 } } do
    it(("continues bit for bit (%s)"):format(variant), function()
      local whole = train(dir .. "/whole_" .. variant, variant)
      assert.equal(0, whole.code, whole.err)
      local path = dir .. "/killed_" .. variant
      for _, step in ipairs(steps) do assert.equal(128 + 9, train(path, variant, step).code) end
      local resumed = train(path, variant)
      assert.equal(0, resumed.code, resumed.err)
      assert.equal(whole.out, resumed.out)
      assert.truthy(resumed.out:match("^%x+\n1 0x"), resumed.out)
    end)
  end

  it("refuses a file that is no checkpoint, or one of another net", function()
    local function fit(net, options)
      local train_data = data.tensors { x = scion.rand(8, 3), labels = { 1, 2, 1, 2, 1, 2, 1, 2 } }
      options.progress = false
      return net:fit(train_data, options)
    end
    local path = dir .. "/small"
    fit(nn.Linear(3, 2), { checkpoint = path })
    scion.io.save_safetensors(dir .. "/other", { x = scion.ones(2) })
    assert.error_matches(function() fit(nn.Linear(3, 2), { resume = dir .. "/other" }) end, "other is not a checkpoint")
    assert.error_matches(function() fit(nn.Linear(3, 2), { resume = dir .. "/none" }) end, "none")
    assert.error_matches(function() fit(nn.Sequential { nn.Linear(3, 4), nn.Linear(4, 2) }, { resume = path }) end, "fit: .*small is a checkpoint of another net: it has no")
    assert.error_matches(function() fit(nn.Linear(4, 2), { resume = path }) end, "'weight' is %(2, 3%) there and %(2, 4%) here")
    assert.error_matches(function() fit(nn.Linear(3, 2), { resume = true }) end, "resume = true needs a checkpoint path")
  end)
end)

describe("Ctrl-C", function()
  it("stops a training run cleanly and keeps what was learned", function()
    local out = helper.lua [[
      scion.seed(1)
      local x = scion.randn(64, 4)
      local train = scion.data.tensors { x = x, labels = x:sum(2):gt(0):to("i64"), batch_size = 8, shuffle = true }
      local net = scion.nn.Linear(4, 2)
      local before = net:hash()
      local history = net:fit(train, { epochs = 20000, lr = 0.01, progress = false, callbacks = { on_step = function(run)
        if run.step == 40 then io.popen("kill -INT $PPID"):close() end
      end } })
      print(history.stopped, history.steps >= 40 and history.steps < 60, net:hash() ~= before)
      print(net:evaluate(train).accuracy > 0.8)                -- the program goes on
    ]]
    assert.equal("interrupted\ttrue\ttrue\ntrue\n", out)
  end)

  it("ends a script that does not catch it with 130", function()
    local result = helper.run { "scion", "-e", "io.popen('kill -INT $PPID'):close() for i = 1, 1e9 do end" }
    assert.equal(130, result.code)
    assert.truthy(result.err:find("interrupted", 1, true))
  end)
end)
