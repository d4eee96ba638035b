-- The executor's plans (folded batch norm, fused additions and activations, values overwritten in place) against the layers called one
-- by one, which `plan = false` asks for.
local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local function busy(net) -- statistics and weights that matter
  for name, t in net:named_buffers() do
    if name:find "var$" then t:copy_(scion.rand(t.shape) + 0.5) else t:copy_(scion.randn(t.shape)) end
  end
  for _, t in net:named_parameters() do
    scion.no_grad(function() if t:dim() == 1 then t:copy_(scion.randn(t.shape)) end end)
  end
  return net:eval()
end

local function agree(net, ...)
  local inputs = { ... }
  local function run(plan)
    return scion.no_grad(function()
      local copies = {}
      for i, x in ipairs(inputs) do copies[i] = x:clone() end
      copies[#copies + 1] = { plan = plan }
      return net:call(table.unpack(copies))
    end)
  end
  local want = run(false)
  assert.allclose(run(true), want, { rtol = 1e-4, atol = 1e-4 * want:abs():max():item() })
  assert.allclose(run(true), want, { rtol = 1e-4, atol = 1e-4 * want:abs():max():item() }) -- with everything already folded
end

local function conv(from, to, kernel, opts)
  opts = opts or {}
  opts.padding = opts.padding or kernel // 2
  return nn.Conv2d(from, to, kernel, opts)
end

describe("the executor agrees with the layers one by one", function()
  before_each(function() scion.seed(3) end)

  for _, c in ipairs { { "winograd", 16, 16, 3 }, { "direct", 8, 8, 3 }, { "pointwise", 12, 12, 1 }, { "depthwise", 16, 16, 3, 16 }, { "dilated", 16, 16, 3, 1, 2 } } do
    for _, act in ipairs { "none", "relu", "relu6" } do
      it(("on residual blocks, %s convolution, %s"):format(c[1], act), function()
        for _, first in ipairs { true, false } do
          for _, norm in ipairs { true, false } do
            local x = nn.input("x")
            local h = conv(c[2], c[3], c[4], { groups = c[5], dilation = c[6], padding = c[4] // 2 * (c[6] or 1), bias = not norm })(x)
            if norm then h = nn.BatchNorm2d(c[3])(h) end
            h = first and nn.add(h, x) or nn.add(x, h)
            if act == "relu" then h = nn.ReLU()(h) elseif act == "relu6" then h = nn.ReLU6()(h) end
            h = conv(c[3], 5, 1)(h)
            agree(busy(nn.Graph(x, h)), scion.randn(2, c[2], 9, 10))
          end
        end
      end)
    end
  end

  it("on a shortcut with a convolution of its own", function()
    local x = nn.input("x")
    local y = nn.BatchNorm2d(24)(conv(16, 24, 3, { bias = false })(nn.ReLU()(conv(16, 16, 3)(x))))
    local s = nn.BatchNorm2d(24)(conv(16, 24, 1, { bias = false })(x))
    local h = nn.ReLU()(nn.add(y, s))
    agree(busy(nn.Graph(x, nn.add(h, conv(24, 24, 3)(h)))), scion.randn(2, 16, 8, 8))
  end)

  it("where the addition broadcasts", function()
    local x, z = nn.input("x"), nn.input("z")
    local net = busy(nn.Graph({ x, z }, nn.ReLU()(nn.add(conv(16, 16, 3)(x), z))))
    agree(net, scion.randn(2, 16, 8, 8), scion.randn(1, 16, 1, 1))
    agree(net, scion.randn(1, 16, 8, 8), scion.randn(4, 16, 8, 8))
    agree(net, scion.randn(2, 16, 8, 8), scion.randn(2, 16, 8, 8))
    assert.error_matches(function() net(scion.randn(2, 16, 8, 8), scion.randn(3, 16, 8, 8)) end, "add")
  end)

  it("where the sum, or what is added, is wanted too", function()
    local x = nn.input("x")
    local h = conv(16, 16, 3, { name = "c1" })(x)
    local s = nn.add(conv(16, 16, 3, { name = "c2" })(h), h, { name = "sum" })
    local net = busy(nn.Graph(x, nn.ReLU { name = "r" }(s)))
    local data = scion.randn(2, 16, 8, 8)
    for _, layers in ipairs { { "sum", "r" }, { "c2", "r" }, { "c1", "sum" }, { "r" } } do
      local got = scion.no_grad(function() return net:features(data, layers) end)
      local want = scion.no_grad(function() return net:features(data, layers, { plan = false }) end)
      for i = 1, #layers do assert.allclose(got[i], want[i], { rtol = 1e-4, atol = 1e-4 }) end
    end
  end)

  it("on whole networks", function()
    for _, net in ipairs { scion.models.resnet { depth = 18 }, scion.models.resnet { depth = 50 }, scion.models.mobilenet_v2() } do
      net:eval()
      agree(net, scion.randn(1, 3, 64, 64))
    end
  end)

  it("after weights and statistics have changed", function()
    local net = busy(nn.Sequential { conv(16, 16, 3), nn.BatchNorm2d(16), nn.ReLU() })
    local x = scion.randn(1, 16, 8, 8)
    agree(net, x)
    busy(net)
    agree(net, x)
  end)
end)

describe("a convolution's addition", function()
  it("has a gradient", function()
    helper.gradcheck(function(x, w, plus) return scion.conv2d(x, w, nil, { padding = 1, plus = plus }) end,
      { scion.randn(1, 2, 4, 4, { dtype = "f64" }), scion.randn(3, 2, 3, 3, { dtype = "f64" }), scion.randn(1, 3, 4, 4, { dtype = "f64" }) })
  end)
  it("wants the output's shape", function()
    assert.error_matches(function() scion.conv2d(scion.randn(1, 2, 4, 4), scion.randn(3, 2, 3, 3), nil, { plus = scion.randn(3, 1, 1) }) end,
      "plus is %(3, 1, 1%), expected the output's shape %(1, 3, 2, 2%)")
  end)
end)
