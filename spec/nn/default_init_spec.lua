-- What new layers start with: PyTorch's distributions, bounds and constants.
local scion = require "scion"
local nn = scion.nn

-- Uniform on -bound .. bound, by its extremes and its spread (n large enough for 4 standard errors).
local function uniform(t, bound)
  local n = t:numel()
  assert.is_true(t:abs():max():item() <= bound * (1 + 1e-6))
  if n < 100 then return end
  assert.is_true(t:abs():max():item() > bound * (1 - 20 / n))
  assert.is_true(math.abs(t:mean():item()) < 4 * bound / math.sqrt(3 * n))
  assert.is_true(math.abs(t:std():item() / (bound / math.sqrt(3)) - 1) < 4 / math.sqrt(n))
end
local function normal(t, std)
  local n = t:numel()
  assert.is_true(math.abs(t:mean():item()) < 4 * std / math.sqrt(n))
  assert.is_true(math.abs(t:std():item() / std - 1) < 4 / math.sqrt(n))
  assert.is_true(t:abs():max():item() > 2.5 * std)
end
local function constant(t, value) assert.is_true(t:eq(value):all():item()) end

describe("a new layer starts with PyTorch's values:", function()
  before_each(function() scion.seed(17) end)

  it("linear and convolutions uniform on 1 / sqrt(fan in)", function()
    for _, case in ipairs {
      { nn.Linear(300, 200), 300 }, { nn.Bilinear(40, 30, 20), 40 },
      { nn.Conv1d(16, 32, 5), 16 * 5 }, { nn.Conv2d(16, 32, 3), 16 * 9 }, { nn.Conv3d(4, 8, 3), 4 * 27 }, { nn.Conv2d(16, 32, 3, { groups = 4 }), 4 * 9 },
      -- the weight is (in, out / groups, kernel): PyTorch counts its second dimension
      { nn.ConvTranspose1d(16, 32, 5), 32 * 5 }, { nn.ConvTranspose2d(16, 32, 3, { groups = 2 }), 16 * 9 }, { nn.ConvTranspose3d(4, 8, 3), 8 * 27 },
    } do
      local state = case[1]:state_dict()
      uniform(state.weight, 1 / math.sqrt(case[2]))
      uniform(state.bias, 1 / math.sqrt(case[2]))
    end
  end)
  it("recurrent layers and cells uniform on 1 / sqrt(hidden size)", function()
    for _, net in ipairs { nn.RNN(30, 40), nn.GRU(30, 40, 2, { bidirectional = true }), nn.LSTM(30, 40, 2), nn.GRUCell(30, 40), nn.LSTMCell(30, 40), nn.RNNCell(30, 40) } do
      for _, p in net:named_parameters() do uniform(p, 1 / math.sqrt(40)) end
    end
  end)
  it("attention: Xavier for the inputs, no biases", function()
    local state = nn.MultiheadAttention(64, 4):state_dict()
    uniform(state.in_proj_weight, math.sqrt(6 / (64 + 192)))
    uniform(state["out_proj.weight"], 1 / math.sqrt(64))
    constant(state.in_proj_bias, 0)
    constant(state["out_proj.bias"], 0)
  end)
  it("embeddings standard normal, padding zero", function()
    normal(nn.Embedding(400, 50):state_dict().weight, 1)
    normal(nn.EmbeddingBag(400, 50):state_dict().weight, 1)
    local padded = nn.Embedding(400, 50, { padding_idx = 3 }):state_dict().weight
    constant(padded[3], 0)
    normal(padded, 1)
  end)
  it("normalisation one and zero, statistics zero and one; PReLU a quarter", function()
    for _, net in ipairs { nn.BatchNorm2d(5), nn.LayerNorm(5), nn.GroupNorm(1, 5), nn.InstanceNorm2d(5, { affine = true }) } do
      constant(net:state_dict().weight, 1)
      constant(net:state_dict().bias, 0)
    end
    constant(nn.RMSNorm(5):state_dict().weight, 1)
    constant(nn.BatchNorm1d(5):state_dict().running_mean, 0)
    constant(nn.BatchNorm1d(5):state_dict().running_var, 1)
    constant(nn.PReLU(3):state_dict().weight, 0.25)
  end)
  it("the same for the same seed, another for another", function()
    local function weights(seed)
      scion.seed(seed)
      return nn.Linear(8, 8):state_dict().weight
    end
    assert.is_true(weights(1):equal(weights(1)))
    assert.is_false(weights(1):equal(weights(2)))
  end)
end)

describe("initialisers with fixed results", function()
  local init = nn.init
  it("set what they say", function()
    constant(init.zeros_(scion.ones(3, 3)), 0)
    constant(init.ones_(scion.zeros(3)), 1)
    constant(init.constant_(scion.zeros(2, 2), 0.3), 0.3)
    assert.same({ { 1, 0, 0 }, { 0, 1, 0 } }, init.eye_(scion.ones(2, 3)):tolist())
    local dirac = init.dirac_(scion.ones(3, 2, 3, 3))
    assert.equal(2, dirac:sum():item())
    assert.equal(1, dirac:at(2, 2, 2, 2))
    local x = scion.randn(1, 3, 5, 5)
    assert.allclose(nn.conv2d(x, init.dirac_(scion.zeros(3, 3, 3, 3)), nil, { padding = 1 }), x)
    local q = init.orthogonal_(scion.zeros(20, 8))
    assert.allclose(q:t():matmul(q), scion.eye(8), { atol = 1e-5 })
  end)
end)
