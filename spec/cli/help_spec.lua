local scion = require "scion"
local help = require "scion.help"

describe("help", function()
  it("describes every public name", function()
    assert.is_function(scion.nn.conv2d) -- made now, by that name
    local bad, n = help.undocumented()
    assert.same({}, bad)
    assert.is_true(n > 1000)
  end)

  it("would notice a name that nothing describes", function()
    scion.metrics.nameless = function() end
    local bad = help.undocumented()
    scion.metrics.nameless = nil
    assert.same({ "scion.metrics.nameless" }, bad)
  end)

  local function says(what, ...)
    local text = help.text(what)
    for _, part in ipairs { ... } do assert.truthy(text:find(part, 1, true), ("no '%s' in:\n%s"):format(part, text)) end
  end

  it("explains operations, methods, layers, classes, modules and nets", function()
    says(scion.conv2d, "conv2d(x, weight", "stride", "also t:conv2d(...)")
    says(scion.randn(2).matmul, "matmul(")
    says("Tensor", "requires_grad", "Methods", "backward")
    says(scion.nn.ReLU, "max(x, 0)", "returns scion.Net")
    says(scion.nn.CrossEntropyLoss, "label_smoothing")
    says(scion.nn.Dropout2d, "whole channels")
    says(scion.LrRepurposer, "logistic regression", "feature_layer_names", "list of strings, required", "predict_label")
    says(scion.data.Iterator, "batch_size", "integer at least 1, default 32", "take_per_class")
    says(scion.optim.Adam, "Kingma")
    says(scion.nn.Linear(3, 2), "a net of 1 layers and 8 parameters", "summary", "fit")
    says(scion.io.read_npz, "scion.io.read_npz(path)", "by name")
    says("fit", "Trains the net")
    says(scion.metrics.mae, "scion.metrics.mae(predicted, truth)", "Mean absolute error")
    says("data", "fashion_mnist", "image_folder")
    says("matmull", "nothing is called", "matmul")
  end)

end)
