-- The same bits for any number of threads: every operation of the registry, sizes that are split between threads, recurrent
-- and convolutional networks trained for a few steps, optimisers, random numbers.
local scion = require "scion"
local nn = scion.nn

local COUNTS <const> = { 1, 2, 3, 7 }

-- f() gives a list of tensors; the same bytes for every number of threads.
local function same_bits(what, f)
  local expected
  local before = scion.threads()
  for _, n in ipairs(COUNTS) do
    scion.threads(n)
    local ok, list = pcall(f)
    scion.threads(before)
    assert(ok, list)
    local bytes = {}
    for i, t in ipairs(list) do bytes[i] = t:detach():bytes() end
    expected = expected or bytes
    assert.equal(#expected, #bytes)
    for i, b in ipairs(bytes) do assert(b == expected[i], ("%s: result %d with %d threads differs from that with 1"):format(what, i, n)) end
  end
end

-- Outputs of f and gradients of a weighted sum of them.
local function with_gradients(f, leaves)
  local out = { f() }
  local total
  for _, y in ipairs(out) do
    if y.requires_grad then
      local part = (y * y:detach():sin()):sum()
      total = total and total + part or part
    end
  end
  if total then
    for _, g in ipairs(scion.grad(total, leaves, { allow_unused = true })) do
      if g then out[#out + 1] = g end
    end
  end
  return out
end

describe("the same bits for any number of threads:", function()
  it("every operation on its samples", function()
    for _, name in ipairs(scion.op_names()) do
      local info, index = scion.op_info(name), 1
      while not name:find("^empty") do
        scion.seed(index)
        local apply, inputs, differentiable = scion.op_sample(name, index)
        if not apply then break end
        local leaves = {}
        for k, x in ipairs(inputs) do
          if x and differentiable[k] and not info.no_grad then leaves[#leaves + 1] = x:requires_grad_(true) end
        end
        same_bits(name, function()
          scion.seed(5)
          local list = {}
          for _, y in ipairs { apply(inputs, #inputs) } do list[#list + 1] = y or nil end
          return list
        end)
        index = index + 1
      end
    end
  end)

  -- Large enough to be split.
  local function leaf(...) return scion.randn(...):requires_grad_(true) end
  local x2, y2 = leaf(300, 700), leaf(300, 700)
  local cases = {
    { "arithmetic", { x2, y2 }, function() return x2 * y2 + x2 / (y2 * y2 + 1) end },
    { "broadcasting", { x2, y2 }, function() return x2 * y2:narrow(1, 1, 1) end },
    { "strided arithmetic", { x2, y2 }, function() return x2:t() + y2:t():exp() end },
    { "functions", { x2 }, function() return x2:tanh(), x2:sigmoid():log(), x2:gelu(), x2:erf() end },
    { "reductions", { x2 }, function() return x2:sum(), x2:sum(1), x2:mean(2), x2:var(1), x2:norm(), x2:logsumexp(2), x2:prod(2) end },
    { "extrema", { x2 }, function() return x2:max(1), x2:amin(2), x2:topk(5, 1), (x2:sort(1)), x2:cumsum(1), (x2:cummax(2)) end },
    { "softmax", { x2 }, function() return x2:softmax(2), x2:log_softmax(1) end },
    { "products", { x2, y2 }, function() return x2:matmul(y2:t()), x2:t():matmul(y2), scion.einsum("ij,ik->jk", x2, y2) end },
    { "batches of products", {}, function() return scion.bmm(scion.arange(60000):reshape(20, 50, 60):sin(), scion.arange(48000):reshape(20, 60, 40):cos()) end },
    { "normalisation", { x2 }, function() return nn.layer_norm(x2, { normalized_shape = { 700 } }), nn.rms_norm(x2, { normalized_shape = { 700 } }) end },
    { "linear algebra", {}, function()
      local a = x2:detach():narrow(2, 1, 200):matmul(x2:detach():narrow(2, 1, 200):t()) / 200 + scion.eye(300)
      return scion.cholesky(a), scion.solve(a, y2:detach():narrow(2, 1, 3)), scion.slogdet(a), (scion.eigh(a)), (scion.svd(a))
    end },
    { "ids", { x2 }, function()
      local ids = scion.arange(2000, { dtype = "i64" }):remainder(300) + 1
      return x2:index_select(1, ids), scion.embedding(ids, x2), x2:index_add(1, ids, scion.ones(2000, 700)), x2:masked_fill(x2:gt(0), 3), (scion.unique(ids))
    end },
    { "random numbers", {}, function()
      scion.seed(9)
      return scion.rand(100000), scion.randn(100000), scion.randperm(5000), scion.empty(50000):bernoulli_(0.3), nn.dropout(x2:detach(), 0.4)
    end },
    { "losses", { x2, y2 }, function()
      local ids = scion.arange(300, { dtype = "i64" }):remainder(700) + 1
      return nn.cross_entropy(x2, ids, { label_smoothing = 0.1 }), nn.mse_loss(x2, y2), nn.kl_div(x2:log_softmax(2), y2:softmax(2)), nn.huber_loss(x2, y2),
        nn.cosine_similarity(x2, y2)
    end },
    { "attention", {}, function() return nn.scaled_dot_product_attention(scion.arange(64000):sin():reshape(10, 80, 80), scion.arange(64000):cos():reshape(10, 80, 80),
      scion.arange(64000):reshape(10, 80, 80):sin()) end },
  }
  local image, weight3, weight1, depth = leaf(4, 16, 33, 35), leaf(24, 16, 3, 3), leaf(40, 16, 1, 1), leaf(16, 1, 3, 3)
  for _, case in ipairs {
    { "convolution 3 x 3", { image, weight3 }, function() return nn.conv2d(image, weight3, nil, { padding = 1 }) end },
    { "convolution with steps", { image, weight3 }, function() return nn.conv2d(image, weight3, nil, { stride = 2 }) end },
    { "convolution 1 x 1", { image, weight1 }, function() return nn.conv2d(image, weight1) end },
    { "depthwise convolution", { image, depth }, function() return nn.conv2d(image, depth, nil, { padding = 1, groups = 16 }) end },
    { "transposed convolution", { image, weight3 }, function() return nn.conv_transpose2d(image:narrow(2, 1, 16), weight3:transpose(1, 2)) end },
    { "pooling", { image }, function()
      return nn.max_pool2d(image, { kernel = 2 }), nn.max_pool2d(image, { kernel = 3, stride = 2, padding = 1 }), nn.avg_pool2d(image, { kernel = 3 }),
        nn.adaptive_avg_pool2d(image, { size = 5 })
    end },
    { "batch norm", { image }, function() return nn.batch_norm(image, nil, nil, nil, nil, { training = true }), nn.group_norm(image, { num_groups = 4 }) end },
    { "resizing and padding", { image }, function() return nn.interpolate(image, { size = { 50, 20 }, mode = "bilinear" }), nn.pad(image, { 2, 1, 3, 0 }, "reflect") end },
  } do cases[#cases + 1] = case end
  for _, case in ipairs(cases) do
    it(case[1] .. " of large tensors", function()
      same_bits(case[1], function() return with_gradients(case[3], case[2]) end)
    end)
  end

  local function train(make, x, ids, steps)
    return function()
      scion.seed(11)
      local net = make()
      local opt = scion.optim.AdamW(net:parameters(), { lr = 1e-2 })
      local out = {}
      for _ = 1, steps do
        local loss = nn.cross_entropy(net(x), ids)
        opt:zero_grad()
        loss:backward()
        scion.optim.clip_grad_norm(net:parameters(), 1)
        opt:step()
        out[#out + 1] = loss
      end
      for _, e in ipairs(net:entries()) do out[#out + 1] = e.tensor end
      out[#out + 1] = net:eval()(x)
      return out
    end
  end
  it("training a convolutional network", function()
    scion.seed(1)
    local x, ids = scion.randn(16, 3, 32, 32), scion.randint(1, 11, { 16 }):to("i64")
    same_bits("cnn", train(function()
      return nn.Sequential { nn.Conv2d(3, 16, 3, { padding = 1 }), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Residual({ nn.Conv2d(16, 16, 3, { padding = 1 }), nn.BatchNorm2d(16), nn.ReLU() }), nn.Conv2d(16, 16, 3, { padding = 1, groups = 16 }),
        nn.Conv2d(16, 32, 1), nn.Dropout2d(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32, 10) }
    end, x, ids, 3))
  end)
  it("training a recurrent network and a transformer", function()
    scion.seed(2)
    local x, ids = scion.randint(1, 50, { 24, 20 }):to("i64"), scion.randint(1, 6, { 24 }):to("i64")
    for _, kind in ipairs { "LSTM", "GRU" } do
      same_bits(kind, train(function()
        return nn.Sequential { nn.Embedding(50, 32), nn[kind](32, 40, { batch_first = true, bidirectional = true, outputs = "sequence" }),
          nn.Lambda(function(h) return h:mean(2) end), nn.Linear(80, 5) }
      end, x, ids, 2))
    end
    same_bits("transformer", train(function()
      return nn.Sequential { nn.Embedding(50, 32), nn.TransformerEncoder(32, 4, 1, 64), nn.Lambda(function(h) return h:mean(2) end), nn.Linear(32, 5) }
    end, x, ids, 2))
  end)
end)
