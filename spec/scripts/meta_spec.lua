-- The learning-to-learn scripts run; what they reach is told by the scripts themselves.
local helper = require "spec.helper"

describe("a learning-to-learn script", function()
  local fashion = helper.exists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")
  local omniglot = helper.find_data "datasets/omniglot"

  local function run(name, ...)
    local result = helper.run { "scion", ("scripts/%s.lua"):format(name), "--quick", ... }
    assert.equal(0, result.code, result.err)
    local last = result.out:match("([^\n]+)\n*$")
    assert.equal(name, require("scion").json.decode(last).script)
    return result
  end

  it("runs Leap on Xfer's tasks", function()
    local dir = helper.tmpdir()
    local result = run("leap_synthetic", "--out", dir)
    assert.truthy(result.out:find("meta-step", 1, true))
    assert.truthy(helper.exists(dir .. "/leap_paths.svg"))
    run("leap_synthetic", "--as_xfer")
  end)
  it("learns sinusoids by every method", function()
    local dir = helper.tmpdir()
    local result = run("sinusoid", "--method", "all", "--out", dir)
    assert.truthy(helper.exists(dir .. "/sinusoid.svg"))
    for _, name in ipairs { "maml", "fomaml", "metasgd", "reptile", "anil" } do assert.truthy(result.out:find("\n" .. name, 1, true), name) end
  end)
  for _, method in ipairs { "protonet", "maml", "maml++", "reptile", "relation" } do
    it("tells characters apart by " .. method, function()
      if not omniglot and not fashion then return pending "needs Omniglot or dataset-fashion-mnist" end
      run("omniglot", "--method", method)
    end)
  end
  it("measures the relation network that its authors trained", function()
    local files = helper.find_data "models/fewshot_omniglot"
    if not omniglot or not files then return pending "needs Omniglot and the trained networks" end
    local prefix = files .. "/omniglot_"
    local weights = ("%sfeature_encoder_5way_1shot.pkl,%srelation_network_5way_1shot.pkl"):format(prefix, prefix)
    local result = run("omniglot", "--method", "relation", "--weights", weights)
    local last = require("scion").json.decode(result.out:match("([^\n]+)\n*$"))
    assert(last.accuracy > 0.9, last.accuracy)
    assert.equal(0, last.iterations)
    local wrong = helper.run { "scion", "scripts/omniglot.lua", "--quick", "--method", "maml", "--weights", weights }
    assert.truthy(wrong.err:find("for --method relation", 1, true))
  end)
  it("says in one line, and at once, what it cannot do", function()
    local file = helper.write_file(helper.tmpdir() .. "/file", "")
    local function says(text, name, ...)
      local result = helper.run { "scion", ("scripts/%s.lua"):format(name), "--quick", ... }
      assert.equal(1, result.code)
      assert.matches(text, result.err)
      assert.is_nil(result.err:find("stack traceback", 1, true))
    end
    says("^sinusoid: %-%-out: .*File exists", "sinusoid", "--out", file)
    says("^leap_synthetic: %-%-out: .*File exists", "leap_synthetic", "--out", file)
    if not omniglot and not fashion then return pending "needs Omniglot or dataset-fashion-mnist" end
    says("^leap_omniglot: %-%-methods: unknown method 'magic'", "leap_omniglot", "--methods", "magic")
    if omniglot then says("^omniglot: %-%-ways: 500, there are %d+ classes held out", "omniglot", "--ways", "500") end
  end)
  it("compares Leap with its kin on alphabets", function()
    if not omniglot and not fashion then return pending "needs Omniglot or dataset-fashion-mnist" end
    local result = run("leap_omniglot", "--methods", "none,leap,reptile,fomaml,finetune,warp")
    assert.truthy(result.out:find("\nwarp", 1, true))
  end)
  it("runs without Omniglot on Fashion-MNIST", function()
    if not fashion then return pending "needs dataset-fashion-mnist" end
    local empty = helper.tmpdir()
    local result = run("omniglot", "--dir", empty, "--method", "maml")
    assert.truthy(result.out:find("Fashion-MNIST classes", 1, true))
    run("leap_omniglot", "--dir", empty, "--methods", "none,leap")
  end)
  it("answers the question of few images", function()
    if not fashion then return pending "needs dataset-fashion-mnist" end
    local dir = helper.tmpdir()
    run("few_images", "--out", dir)
    assert.truthy(helper.exists(dir .. "/few_images.svg"))
  end)
end)
