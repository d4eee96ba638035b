local helper = require "spec.helper"
local scion = require "scion"

-- The experiments run, print their numbers as JSON in the last line, and draw their pictures. How well they do is measured by
-- running them whole.
describe("the transfer script #slow", function()
  local dir = helper.tmpdir()
  local function run(name, needs, picture)
    for _, path in ipairs(needs) do
      if not helper.find_data(path) then return nil end
    end
    local out = dir .. "/" .. name .. "/made" -- is made, with the folders above it
    local result = helper.run({ "scion", ("scripts/%s.lua"):format(name), "--quick", "--out", out, "--seed", "1" }, { env = { SCION_DATA = helper.find_data "" } })
    assert.equal(0, result.code, result.err)
    assert.truthy((helper.read_file(out .. "/" .. picture) or ""):find("<svg", 1, true), name .. " drew nothing")
    local last = result.out:match("([^\n]+)\n$")
    local numbers = scion.json.decode(last)
    assert.equal(name, numbers.script)
    assert.equal(1, numbers.seed)
    return numbers, result.out
  end

  it("xfer_overview repurposes for sketches", function()
    local numbers, out = run("xfer_overview", { "models/imagenet/squeezenet1.1.onnx", "datasets/xfer_demos/test_sketches/car/001.png" }, "xfer_overview.svg")
    if not numbers then return pending "needs the shared data" end
    assert.truthy(out:find("The untouched network calls them", 1, true))
    for _, name in ipairs { "lr", "random_freeze", "gp" } do assert.is_true(numbers[name] > 0.8, name) end
  end)

  it("model_handler operates and takes back", function()
    local numbers, out = run("model_handler", { "models/imagenet/squeezenet1.1.onnx", "datasets/xfer_demos/test_images_sketch" }, "features.svg")
    if not numbers then return pending "needs the shared data" end
    assert.truthy(out:find("+ convolution1: Conv2d", 1, true))
    assert.truthy(out:find("no changes", 1, true))
  end)

  it("custom_repurposers are trained, saved and loaded", function()
    local numbers, out = run("custom_repurposers", { "models/imagenet/squeezenet1.1.onnx", "datasets/xfer_demos/test_images_sketch" }, "custom_repurposers.svg")
    if not numbers then return pending "needs the shared data" end
    assert.truthy(out:find("saved and loaded: the same probabilities", 1, true))
  end)

  it("text_transfer reads, learns and compares", function()
    local numbers = run("text_transfer", { "datasets/text/20newsgroups/20news-bydate-train-10cat.tar.gz", "models/glove/vocab.txt" }, "text_transfer.svg")
    if not numbers then return pending "needs the shared data" end
    assert.is_true(numbers.transfer > numbers.scratch + 0.1)
  end)

  it("foreign_files loads every file of the shared models", function()
    if not helper.find_data "models/formats/resnet20_zip.pt" then return pending "needs the shared data" end
    local result = helper.run({ "scion", "scripts/foreign_files.lua", "--quick" }, { env = { SCION_DATA = helper.find_data "" } })
    assert.equal(0, result.code, result.err .. result.out)
    assert.is_true(tonumber(result.out:match "(%d+) files, 0 failed") >= 31)
  end)

  it("foreign_source reads networks of PyTorch, MXNet and ONNX", function()
    local numbers, out = run("foreign_source", { "models/formats/resnet20_zip.pt", "models/mxnet/testnetv1-symbol.json",
      "models/imagenet/mobilenet_v1_0.75_224.onnx", "datasets/xfer_demos/test_sketches" }, "foreign_source.svg")
    if not numbers then return pending "needs the shared data" end
    assert.truthy(out:find("97 tensors matched, 0 missing, 0 left over", 1, true))
    assert.is_true(numbers.onnx > 0.8)
  end)

  it("regression predicts numbers through every family", function()
    local numbers = run("regression", { "datasets/uci/diabetes_target.csv.gz" }, "regression.svg")
    if not numbers then return pending "needs the shared data" end
    assert.is_true(numbers["ridge on features"] > 0)
  end)

  it("tabular repurposes rows of numbers", function()
    local numbers = run("tabular", { "datasets/uci/digits.csv.gz" }, "tabular.svg")
    if not numbers then return pending "needs the shared data" end
    assert.is_true(numbers["logistic regression"] > 0.7)
  end)
end)
