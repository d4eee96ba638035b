-- Small networks: LeNet, multilayer perceptrons, a convolutional network for texts.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

local LENET_OPTS <const> = parts.options { num_classes = check.integer { default = 10, min = 1 }, in_channels = check.integer { default = 1, min = 1 },
  size = check.integer { default = 28, min = 12 } }
--- LeNet-5 (LeCun et al. 1998) with rectifiers and max pooling: conv1, relu1, pool1, conv2, relu2, pool2, flatten, fc1, relu3, fc2, relu4, fc3. 28 x 28 pictures are
--- padded to 32 x 32 by the first convolution.
---@param opts? table num_classes = 10, in_channels = 1, size = 28 (of the square pictures)
function M.lenet(opts)
  local o = check.opts("models.lenet", opts, LENET_OPTS, 3)
  local x = nn.input("data", { shape = { -1, o.in_channels, o.size, o.size }, dtype = "f32" })
  local pad = o.size <= 28 and 2 or 0
  local side = ((o.size + 2 * pad - 4) // 2 - 4) // 2
  local h = nn.MaxPool2d(2, { name = "pool1" })(nn.ReLU { name = "relu1" }(parts.conv(x, "conv1", o.in_channels, 6, 5, { padding = pad })))
  h = nn.MaxPool2d(2, { name = "pool2" })(nn.ReLU { name = "relu2" }(parts.conv(h, "conv2", 6, 16, 5)))
  h = nn.Flatten { name = "flatten" }(h)
  h = nn.ReLU { name = "relu3" }(nn.Linear(16 * side * side, 120, { name = "fc1" })(h))
  h = nn.ReLU { name = "relu4" }(nn.Linear(120, 84, { name = "fc2" })(h))
  return nn.Graph(x, nn.Linear(84, o.num_classes, { name = "fc3" })(h))
end

local MLP_OPTS <const> = { inputs = check.integer { required = true, min = 1 }, hidden = check.list { default = { 128 }, of = check.integer { min = 1 } },
  outputs = check.integer { required = true, min = 1 }, dropout = check.number { default = 0, min = 0, max = 1 }, activation = check.string { default = "ReLU" } }
--- A multilayer perceptron on (N, inputs): fc1, act1, (drop1,) fc2, ... with the last layer without activation.
---@param opts table inputs, outputs, hidden = { 128 }, dropout = 0, activation = "ReLU" (any layer of scion.nn without arguments)
function M.mlp(opts)
  local o = check.opts("models.mlp", opts, MLP_OPTS, 3)
  if not nn[o.activation] then error(("models.mlp: there is no layer nn.%s"):format(o.activation), 2) end
  local x = nn.input("data", { shape = { -1, o.inputs }, dtype = "f32" })
  local h, width = x, o.inputs
  for i, n in ipairs(o.hidden) do
    h = nn[o.activation] { name = ("act%d"):format(i) }(nn.Linear(width, n, { name = ("fc%d"):format(i) })(h))
    if o.dropout > 0 then h = nn.Dropout(o.dropout, { name = ("drop%d"):format(i) })(h) end
    width = n
  end
  return nn.Graph(x, nn.Linear(width, o.outputs, { name = ("fc%d"):format(#o.hidden + 1) })(h))
end

local TEXT_OPTS <const> = { vocabulary = check.integer { required = true, min = 1 }, num_classes = check.integer { required = true, min = 1 },
  embedding = check.integer { default = 100, min = 1 }, filters = check.integer { default = 100, min = 1 }, widths = check.list { default = { 3, 4, 5 },
    of = check.integer { min = 1 } },
  dropout = check.number { default = 0.5, min = 0, max = 1 } }
--- The convolutional network for sentences of Kim (2014, arXiv 1408.5882): word ids (N, T) from 1, embedding, convolutions over 3, 4 and 5 words (conv3, conv4, conv5),
--- each with its maximum over the sentence, dropout, fc. Sentences have at least as many words as the widest convolution.
---@param opts table vocabulary, num_classes, embedding = 100, filters = 100, widths = { 3, 4, 5 }, dropout = 0.5
function M.text_cnn(opts)
  local o = check.opts("models.text_cnn", opts, TEXT_OPTS, 3)
  local x = nn.input("data", { shape = { -1, -1 }, dtype = "i64" })
  local words = nn.permute(nn.Embedding(o.vocabulary, o.embedding, { name = "embedding" })(x), { dims = { 1, 3, 2 }, name = "channels_first" })
  local features = {}
  for i, width in ipairs(o.widths) do
    local h = nn.Conv1d(o.embedding, o.filters, width, { name = ("conv%d"):format(width) })(words)
    h = nn.ReLU { name = ("relu%d"):format(width) }(h)
    features[i] = nn.amax(h, { dim = 3, name = ("pool%d"):format(width) })
  end
  local h = #features > 1 and nn.cat(features, { dim = 2, name = "features" }) or features[1]
  h = nn.Dropout(o.dropout, { name = "dropout" })(h)
  return nn.Graph(x, nn.Linear(o.filters * #features, o.num_classes, { name = "fc" })(h))
end

return M
