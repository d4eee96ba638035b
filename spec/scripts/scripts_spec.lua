local helper = require "spec.helper"
local scion = require "scion"

describe("a script", function()
  local dir = helper.tmpdir()

  -- Two classes of small pictures: bright on the left or on the right.
  local function pictures(where, n)
    for _, class in ipairs { "left", "right" } do
      os.execute(("mkdir -p '%s/%s'"):format(where, class))
      for i = 1, n do
        local rows = {}
        for y = 0, 15 do
          for x = 0, 15 do
            local on = (x < 8) == (class == "left")
            rows[#rows + 1] = string.char(on and 200 + (i * 7 + x * y) % 50 or (i * 13 + x + y) % 60)
          end
        end
        helper.write_file(("%s/%s/%02d.pgm"):format(where, class, i), "P5\n16 16\n255\n" .. table.concat(rows))
      end
    end
  end

  setup(function()
    pictures(dir .. "/train", 12)
    pictures(dir .. "/test", 5)
    helper.lua(([[
      scion.seed(3)
      local nn = scion.nn
      local net = nn.Sequential { nn.Conv2d(3, 8, 3, { padding = 1, stride = 2, name = "conv1" }), nn.ReLU { name = "relu1" },
        nn.Conv2d(8, 8, 3, { padding = 1, stride = 2, name = "conv2" }), nn.ReLU { name = "relu2" }, nn.Flatten { name = "flatten" },
        nn.Linear(128, 5, { name = "fc" }) }
      net:eval()
      net:save("%s/source.scion")]]):format(dir))
  end)

  local function repurpose(...)
    return helper.run { "scion", "scripts/repurpose.lua", "--source", dir .. "/source.scion", "--data", dir .. "/train", "--test", dir .. "/test",
        "--size", "16", "--crop", "1", ... }
  end

  for method, layers in pairs { lr = "relu1,relu2", finetune = "flatten", freeze = "conv1" } do
    it("repurposes a network by " .. method .. " and names pictures with it", function()
      local out = dir .. "/" .. method
      local result = repurpose("--method", method, "--layers", layers, "--out", out, "--epochs", "12", "--lr", "5e-3", "--batch", "8")
      assert.equal(0, result.code, result.err)
      assert.truthy(result.out:find("true \\ predicted", 1, true), result.out)
      assert.truthy(result.out:find("of 10 test pictures right", 1, true), result.out)
      assert.truthy(tonumber(result.out:match("([%d.]+) %% of 10")) >= 80, result.out)
      result = helper.run { "scion", "scripts/predict.lua", "--model", out, dir .. "/test/left/01.pgm", dir .. "/test/right/01.pgm" }
      assert.equal(0, result.code, result.err)
      assert.truthy(result.out:match("left/01%.pgm: left [01]%.%d+"), result.out)
      -- and so does a host without Lua, with the same probabilities
      local host = helper.run { helper.build .. "/hosts/predict", out .. "/model.scion", dir .. "/test/left/01.pgm", dir .. "/test/right/01.pgm" }
      assert.equal(0, host.code, host.err)
      assert.equal((result.out:gsub(", [^\n]*", "")), host.out)
    end)
  end

  it("keeps what was done to the pictures, so that others need not be told", function()
    local out = dir .. "/recipe"
    local result = helper.run { "scion", "scripts/repurpose.lua", "--source", dir .. "/source.scion", "--data", dir .. "/train", "--method", "lr",
      "--layers", "relu1", "--size", "16", "--crop", "0.6", "--normalise", "caffe", "--out", out }
    assert.equal(0, result.code, result.err)
    helper.write_file(dir .. "/wide.ppm", "P6\n40 24\n255\n" .. ("\20\90\200\180\30\10"):rep(480))
    result = helper.run { "scion", "scripts/predict.lua", "--model", out, dir .. "/wide.ppm" }
    assert.equal(0, result.code, result.err)
    local host = helper.run { helper.build .. "/hosts/predict", out .. "/model.scion", dir .. "/wide.ppm" }
    assert.equal((result.out:gsub(", [^\n]*", "")), host.out, host.err)
    -- a repurposed network as the next source: its pictures are made the same way
    result = helper.run { "scion", "scripts/repurpose.lua", "--source", out .. "/model.scion", "--data", dir .. "/train", "--test", dir .. "/test",
      "--method", "finetune", "--epochs", "1", "--out", dir .. "/again" }
    assert.equal(0, result.code, result.err)
    local pre = helper.lua(("print(scion.json.encode(scion.load('%s/again/model.scion').preprocessing))"):format(dir))
    assert.truthy(pre:find('"channels":"BGR","crop":0.6,', 1, true), pre)
  end)

  it("predicts from what can be read when asked to", function()
    local out = dir .. "/lr"
    helper.write_file(dir .. "/bad.pgm", "P5\n9 9")
    local function predict(...) return helper.run { "scion", "scripts/predict.lua", "--model", out, dir .. "/bad.pgm", dir .. "/test/left/01.pgm", ... } end
    local result = predict()
    assert.equal(1, result.code)
    assert.equal(1, select(2, result.err:gsub("\n", "")), result.err)
    assert.truthy(result.err:find("bad.pgm", 1, true), result.err)
    result = predict("--skip-unreadable", "--json")
    assert.equal(0, result.code, result.err)
    assert.truthy(result.err:find("warning: .*bad%.pgm"), result.err)
    local record = scion.json.decode(result.out)
    assert.equal(dir .. "/test/left/01.pgm", record.image)
    assert.is_true(math.abs(record.probabilities.left + record.probabilities.right - 1) < 1e-5)
  end)

  it("tells what is wrong with its arguments", function()
    local function says(text, ...)
      local result = helper.run { "scion", "scripts/repurpose.lua", ... }
      assert.is_true(result.code ~= 0)
      assert.truthy(result.err:find(text, 1, true), result.err)
      assert.falsy(result.err:find("traceback", 1, true), result.err)
      assert.truthy(result.err:find("^repurpose: "), result.err)
    end
    says("--data", "--source", dir .. "/source.scion", "--out", dir)
    says("nothing.scion", "--source", dir .. "/nothing.scion", "--data", dir .. "/train", "--out", dir .. "/o")
    says("magic", "--source", dir .. "/source.scion", "--data", dir .. "/train", "--method", "magic", "--out", dir .. "/o")
    says("nowhere", "--source", dir .. "/source.scion", "--data", dir .. "/nowhere", "--out", dir .. "/o")
    says("nolayer", "--source", dir .. "/source.scion", "--data", dir .. "/train", "--layers", "nolayer", "--size", "16", "--out", dir .. "/o")
    os.execute(("mkdir -p '%s/empty/a' '%s/empty/b'"):format(dir, dir))
    says("has no pictures", "--source", dir .. "/source.scion", "--data", dir .. "/empty", "--out", dir .. "/o")
  end)

  it("teaches a first network", function()
    if not helper.exists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz") then return pending "needs dataset-fashion-mnist" end
    local result = helper.run { "scion", "scripts/first_network.lua", "--quick" }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("unseen photos right", 1, true), result.out)
  end)

  it("demonstrates the main job", function()
    if not helper.exists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz") then return pending "needs dataset-fashion-mnist" end
    local result = helper.run { "scion", "scripts/demo.lua", "--quick", "--out", dir }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("fine-tuned", 1, true), result.out)
    assert.truthy(helper.exists(dir .. "/demo.svg"))
  end)

  it("searches for sketches, and repurposes them by itself #slow", function()
    if not helper.find_data "datasets/xfer_demos/test_sketches" or not helper.find_data "models/imagenet" then return pending "needs sketches and MobileNet" end
    local out = dir .. "/searches"
    local result = helper.run { "scion", "scripts/xfer_hpo.lua", "--quick", "--iterations", "3", "--epochs", "1", "--out", out }
    assert.equal(0, result.code, result.err)
    assert.truthy(helper.exists(out .. "/search_2.svg") and helper.exists(out .. "/search_1.html"))
    result = helper.run { "scion", "scripts/auto.lua", "--quick", "--tasks", "sketches", "--out", out }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("Transfer pays", 1, true) or result.out:find("Do not transfer", 1, true), result.out)
    assert.truthy(helper.exists(out .. "/sketches.html"))
  end)
end)
