-- The model graph: named layers, chains and any DAG, summary, runs up to a layer, freezing, calls with parameters from outside, modes,
-- files, shared parameters, cloning and cutting.
local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local function plain(list) return { table.unpack(list) } end
local function small()
  return nn.Sequential { nn.Conv2d(3, 4, 3, { padding = 1 }), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), { "head", nn.Linear(16, 5) } }
end

describe("a chain", function()
  it("names its layers by type, by number or as told", function()
    assert.same({ "conv2d", "batchnorm2d", "relu", "maxpool2d", "flatten", "head" }, plain(small():layer_names()))
    local net = nn.Sequential({ nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU() })
    assert.same({ "linear", "relu", "linear_2", "relu_2" }, plain(net:layer_names()))
    net = nn.Sequential({ nn.Linear(2, 3), nn.Sequential({ nn.ReLU(), nn.Linear(3, 1) }, { naming = "index" }) }, { naming = "index" })
    assert.same({ "0", "1.0", "1.1" }, plain(net:layer_names()))
    local names = {}
    for name in net:named_parameters() do names[#names + 1] = name end
    assert.same({ "0.weight", "0.bias", "1.1.weight", "1.1.bias" }, names)
    assert.error_matches(function() nn.Sequential { { "a", nn.ReLU() }, { "a", nn.ReLU() } } end, "the name 'a' is used twice")
    assert.error_matches(function() nn.Sequential { nn.ReLU(), 3 } end, "element 2: expected a layer, a net or a function, got 3")
    assert.error_matches(function() nn.Sequential { nn.ReLU(), nme = "x" } end, "unknown option 'nme'")
  end)
  it("says which layer an error comes from", function()
    local net = nn.Sequential { nn.Linear(2, 3), { "second", nn.Linear(4, 1) } }
    assert.error_matches(function() net(scion.ones(1, 2)) end, "layer 'second' %(Linear%): linear: ")
    assert.error_matches(function() net() end, "x")
    assert.error_matches(function() net("a") end, "input 'x' must be a tensor, got 'a'")
  end)
  it("takes functions, and grows by append", function()
    local net = nn.Sequential { nn.Linear(2, 2), function(x) return x * 2 end }
    net:append(nn.Linear(2, 3), { name = "last" })
    assert.same({ "linear", "lambda", "last" }, plain(net:layer_names()))
    assert.same({ 4, 3 }, plain(net(scion.ones(4, 2)).shape))
  end)
end)

describe("a graph", function()
  it("of several inputs and outputs computes what its expressions say", function()
    local a, b = nn.input("a"), nn.input("b")
    local shared = nn.Linear(3, 4)
    local h = shared(a):tanh() + shared(b) * 0.5
    local dag = nn.Graph({ a, b }, { h:sum(2), nn.cat({ h, a }, 2) })
    local x, y = scion.randn(2, 3), scion.randn(2, 3)
    local s, c = dag(x, y)
    local by_hand = shared(x):tanh() + shared(y) * 0.5
    assert.allclose(s, by_hand:sum(2))
    assert.allclose(c, scion.cat({ by_hand, x }, 2))
    assert.same({ "a", "b" }, { dag:inputs()[1].name, dag:inputs()[2].name })
    assert.equal(2, #dag:parameters()) -- used twice, held once
    s:sum():backward()
    local w = dag:parameters()[1]
    local grads = scion.grad((shared(x):tanh() + shared(y) * 0.5):sum(), { shared:parameters()[1] })
    assert.allclose(w.grad, grads[1])
  end)
  it("residual wiring adds what went in", function()
    local body = nn.Linear(3, 3)
    local net = nn.Residual(body, { activation = nn.ReLU() })
    local x = scion.randn(4, 3)
    assert.allclose(net(x), (body(x) + x):relu())
    net = nn.Residual({ nn.Linear(3, 5), nn.ReLU() }, { shortcut = nn.Linear(3, 5) })
    assert.same({ 4, 5 }, plain(net(x).shape))
    assert.equal(4, #net:parameters())
  end)
  it("refuses what hangs in the air", function()
    local a, b = nn.input("a"), nn.input("b")
    assert.error_matches(function() nn.Graph(a, a + b) end, "depend on input 'b', which is not among the inputs")
    assert.error_matches(function() nn.Graph({ a, a }, a) end, "listed twice")
    assert.error_matches(function() nn.Graph(a, 3) end, "outputs must be a symbolic value")
    assert.error_matches(function() nn.Graph(a:relu(), a) end, "does not come from nn.input")
  end)
  it("checks shapes and types that inputs declare", function()
    local x = nn.input("x", { shape = { -1, 3 }, dtype = "f32" })
    local net = nn.Graph(x, x:relu())
    net(scion.ones(7, 3))
    assert.error_matches(function() net(scion.ones(7, 4)) end, "x")
    assert.error_matches(function() net(scion.ones(7, 3, { dtype = "f64" })) end, "f64")
  end)
end)

describe("a summary", function()
  it("lists layer, type, output shape and parameters, as Keras does", function()
    local text = small():summary { 2, 3, 4, 4 }
    for _, line in ipairs { "conv2d +Conv2d +%(2, 4, 4, 4%) +112", "batchnorm2d +BatchNorm2d +%(2, 4, 4, 4%) +8", "maxpool2d +MaxPool2d +%(2, 4, 2, 2%) +0",
      "head +Linear +%(2, 5%) +85", "Parameters: 205 %(trainable 205, frozen 0%)", "Buffers: 8" } do
      assert.is_truthy(text:find(line), line .. "\n" .. text)
    end
    local net = small()
    net:freeze "conv2d"
    assert.is_truthy(net:summary({ 1, 3, 4, 4 }):find("trainable 93, frozen 112", 1, true))
    assert.error_matches(function() net:summary { 1, 2, 4, 4 } end, "conv2d")
    assert.is_truthy(net:summary():find("head", 1, true))
  end)
end)

describe("a run", function()
  it("up to any layer gives its output and computes nothing behind it", function()
    local net = small():eval()
    local x = scion.randn(2, 3, 4, 4)
    local relu = net:features(x, "relu")
    assert.same({ 2, 4, 4, 4 }, plain(relu.shape))
    local list = net:features(x, { "flatten", "relu" })
    assert.allclose(list[2], relu)
    assert.allclose(net:layer("head") and scion.linear(list[1], net:state_dict()["head.weight"], net:state_dict()["head.bias"]), net(x))
    local called = 0
    local late = nn.Sequential { nn.ReLU(), function(v) called = called + 1 return v end }
    late:features(x, "relu")
    assert.equal(0, called)
    assert.error_matches(function() net:features(x, "rleu") end, "relu") -- the nearest name
    assert.error_matches(function() net:features(x, {}) end, "empty")
  end)
  it("with parameters from outside leaves the net's own alone and is differentiable in them", function()
    local net = nn.Sequential { nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2) }:to("f64")
    local x = scion.randn(5, 3, { dtype = "f64" })
    local before = net(x)
    local params = {}
    for name, p in net:named_parameters() do params[name] = (p:detach() * 1.5):requires_grad_(true) end
    local y = net:call(x, { params = params })
    assert.is_false(y:allclose(before))
    assert.allclose(net(x), before)
    local leaves = { params["linear.weight"], params["linear_2.bias"] }
    helper.gradcheck(function(w, b)
      return net:call(x, { params = { ["linear.weight"] = w, ["linear_2.bias"] = b } })
    end, { leaves[1]:detach(), leaves[2]:detach() })
    -- a gradient step inside a gradient, as meta-learning takes it
    local function inner(w)
      local loss = net:call(x, { params = { ["linear.weight"] = w } }):square():mean()
      local g = scion.grad(loss, w, { create_graph = true })
      return net:call(x, { params = { ["linear.weight"] = w - g * 0.1 } }):square():mean()
    end
    local w, direction = leaves[1]:detach(), scion.randn(4, 3, { dtype = "f64" })
    local function at(step) return inner((w + direction * step):requires_grad_(true)) end
    local start = w:clone():requires_grad_(true)
    assert.allclose((scion.grad(inner(start), start) * direction):sum(), (at(1e-6) - at(-1e-6)):item() / 2e-6, { rtol = 1e-5 })
    assert.error_matches(function() net:call(x, { params = { ["linear.wieght"] = leaves[1] } }) end, "no entry 'linear.wieght'")
    assert.error_matches(function() net:call(x, { params = { ["linear.weight"] = scion.ones(2, 2, { dtype = "f64" }) } }) end, "linear")
    assert.error_matches(function() net:call(x, { parms = {} }) end, "unknown option 'parms'")
  end)
  it("with buffers from outside moves those, not its own", function()
    local net = nn.Sequential { nn.BatchNorm1d(2) }
    local mean, var = scion.zeros(2), scion.ones(2)
    net:call(scion.randn(50, 2) + 5, { buffers = { ["batchnorm1d.running_mean"] = mean, ["batchnorm1d.running_var"] = var } })
    assert.is_true(mean:gt(0.3):all():item())
    assert.same({ 0, 0 }, plain(net:state_dict()["batchnorm1d.running_mean"]:tolist()))
  end)
  it("in the mode batch normalises by the items at hand, and drops nothing", function()
    scion.seed(2)
    local net = nn.Sequential { nn.BatchNorm1d(3), nn.Dropout(0.5) }
    local x = scion.randn(8, 3)
    local alone = nn.BatchNorm1d(3)
    assert.allclose(net:call(x, { mode = "batch", buffers = { ["batchnorm1d.running_mean"] = scion.zeros(3) } }), alone(x), { atol = 1e-6 })
    assert.is_false(net:call(x, { mode = "eval" }):allclose(alone(x)))
    net:set_mode("batchnorm1d", "eval") -- a layer's own mode comes first
    assert.is_true(net:call(x, { mode = "batch" }):equal(net:call(x, { mode = "eval" })))
    assert.error_matches(function() net:call(x, { mode = "test" }) end, 'mode is test, expected "train", "eval" or "batch"')
  end)

  it("follows the mode of the net, the call and the layer", function()
    local net = nn.Sequential { nn.Dropout(0.5), nn.BatchNorm1d(4) }
    local x = scion.ones(64, 4)
    assert.is_true(net:is_training())
    net:eval()
    assert.is_true(net:features(x, "dropout"):equal(x))
    assert.is_false(net:features(x, "dropout", { mode = "train" }):equal(x))
    net:train()
    assert.is_false(net:features(x, "dropout"):equal(x))
    assert.is_true(net:features(x, "dropout", { mode = "eval" }):equal(x))
    net:set_mode("dropout", "eval")
    assert.is_true(net:features(x, "dropout"):equal(x))
    net:set_mode("dropout", nil)
    assert.is_false(net:features(x, "dropout"):equal(x))
  end)
end)

describe("freezing", function()
  it("stops gradients of the parameters and holds the statistics", function()
    local net = small()
    net:freeze { "conv2d", "batchnorm2d" }
    local before = net:state_dict()["batchnorm2d.running_mean"]:clone()
    net(scion.randn(2, 3, 4, 4) + 3):sum():backward()
    local grads = {}
    for name, p in net:named_parameters() do grads[name] = p.grad ~= nil end
    assert.same({ ["conv2d.weight"] = false, ["conv2d.bias"] = false, ["batchnorm2d.weight"] = false, ["batchnorm2d.bias"] = false, ["head.weight"] = true,
      ["head.bias"] = true }, grads)
    assert.is_true(net:state_dict()["batchnorm2d.running_mean"]:equal(before))
    net:unfreeze()
    net(scion.randn(2, 3, 4, 4) + 3):sum():backward()
    assert.is_false(net:state_dict()["batchnorm2d.running_mean"]:equal(before))
    for _, p in net:named_parameters() do assert.is_not_nil(p.grad) end
    assert.error_matches(function() net:freeze "conv" end, "conv2d")
  end)
  it("lets batch norm be folded where nothing is recorded, and knows when the weights move", function()
    local net = small()
    net(scion.randn(8, 3, 4, 4))
    net:eval():freeze()
    local x = scion.randn(2, 3, 4, 4)
    for round = 1, 3 do
      local eager = net:call(x, { plan = false })
      assert.allclose(net(x), eager, { rtol = 1e-5, atol = 1e-5 })
      assert.allclose(scion.no_grad(net, x), eager, { rtol = 1e-5, atol = 1e-5 })
      scion.no_grad(function()
        net:state_dict()[round == 1 and "conv2d.weight" or "batchnorm2d.running_var"]:mul_(2)
      end)
    end
  end)
end)

describe("the executor in training", function()
  it("gives the gradients of the layers called one by one", function()
    scion.seed(5)
    local x = scion.randn(3, 3, 8, 8)
    for name, make in pairs {
      plain = function() return nn.Sequential { nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3) } end,
      residual = function()
        return nn.Sequential { nn.Conv2d(3, 4, 1), nn.Residual({ nn.Conv2d(4, 4, 3, { padding = 1 }), nn.BatchNorm2d(4), nn.ReLU() }, { activation = nn.ReLU() }),
          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3) }
      end,
      sequence = function()
        return nn.Sequential { nn.Lambda(function(v) return v:mean(2) end), nn.GRU(8, 5, { batch_first = true, outputs = "sequence" }), nn.LayerNorm(5), nn.Linear(5, 3) }
      end,
      branches = function()
        local v = nn.input("x")
        local h = nn.Conv2d(3, 4, 3, { padding = 1 })(v)
        return nn.Graph(v, nn.cat({ h:relu(), h:sigmoid() * h, h:tanh() + v:mean(2, true) }, 2):mean({ 3, 4 }))
      end,
    } do
      local net = make()
      local grads = {}
      for _, plan in ipairs { true, false } do
        net:zero_grad()
        local y = net:call(x, { plan = plan })
        y:square():sum():backward()
        grads[#grads + 1] = { y:detach() }
        for _, p in net:named_parameters() do table.insert(grads[#grads], p.grad:clone()) end
      end
      for i, g in ipairs(grads[1]) do assert.allclose(g, grads[2][i], { rtol = 1e-5, atol = 1e-6 }) end
      assert.is_true(#grads[1] > 2, name)
    end
  end)
end)

describe("copies and cuts", function()
  it("share tensors or own them, as asked", function()
    local net = nn.Sequential { nn.Linear(2, 2), nn.ReLU() }
    local deep = net:clone()
    local x = scion.randn(1, 2)
    local before = net(x)
    scion.no_grad(function() net:parameters()[1]:fill_(3) end)
    assert.allclose(deep(x), before)
  end)
  it("state dictionaries say what does not fit", function()
    local net, other = small(), small()
    local report = net:load_state_dict(other:state_dict())
    assert.equal(8, #report.loaded)
    local x = scion.randn(1, 3, 4, 4)
    assert.allclose(net:eval()(x), other:eval()(x))
    local state = other:state_dict()
    state["head.bias"] = nil
    state["extra"] = scion.ones(1)
    assert.error_matches(function() net:load_state_dict(state) end, "missing: head%.bias\n  left over: extra")
    assert.same({ "head.bias" }, plain(net:load_state_dict(state, { strict = false }).missing))
    state["head.weight"] = scion.ones(2, 2)
    assert.error_matches(function() net:load_state_dict(state, { strict = false }) end, "head.weight is { 2, 2 } in the file, { 5, 16 } in the net")
    local prefixed = {}
    for name, v in pairs(other:state_dict()) do prefixed["module." .. name] = v end
    net:load_state_dict(prefixed)
  end)
end)

describe("files", function()
  local dir = helper.tmpdir()
  local function same_outputs(a, b, x) assert.is_true(a:eval()(x):equal(b:eval()(x))) end

  it("bring back structure, weights, buffers, modes of layers, freezing and sharing", function()
    local v = nn.input("image", { shape = { -1, 3, 4, 4 } })
    local tied = nn.Linear(48, 48)
    local h = nn.Flatten()(v)
    local net = nn.Graph(v, { tied(tied(h):relu()), h:sum(2) })
    net(scion.randn(2, 3, 4, 4))
    net:freeze "linear"
    net:save(dir .. "/tied.scion")
    local back = nn.load(dir .. "/tied.scion")
    assert.equal(2, #back:parameters())
    assert.equal(2, #back:outputs())
    assert.is_false(back:parameters()[1].requires_grad)
    same_outputs(net, back, scion.randn(2, 3, 4, 4))
    assert.equal(net:hash(), back:hash())
    local cnn = small()
    cnn(scion.randn(4, 3, 4, 4))
    cnn:save(dir .. "/cnn.scion")
    same_outputs(cnn, nn.load(dir .. "/cnn.scion"), scion.randn(2, 3, 4, 4))
    assert.same(plain(cnn:layer_names()), plain(nn.load(dir .. "/cnn.scion"):layer_names()))
    for _, layer in ipairs { nn.LSTM(3, 4, 2, { bidirectional = true }), nn.MultiheadAttention(8, 2), nn.TransformerEncoderLayer(8, 2, 16), nn.GRUCell(3, 4) } do
      layer:save(dir .. "/l.scion")
      assert.equal(layer:hash(), nn.load(dir .. "/l.scion"):hash())
    end
  end)
  it("name Lua layers, and refuse those without a name", function()
    local net = nn.Sequential { nn.Linear(2, 2), { "mine", function(x) return x * 2 end } }
    assert.error_matches(function() net:save(dir .. "/no.scion") end, "layer 'mine'.*without a registered name")
    assert.is_false(helper.exists(dir .. "/no.scion"))
    scion.register_layer("twice", function(x) return x * 2 end)
    net = nn.Sequential { nn.Linear(2, 2), nn.Lambda("twice") }
    net:save(dir .. "/lua.scion")
    same_outputs(net, nn.load(dir .. "/lua.scion"), scion.randn(3, 2))
    local out = helper.run({ "scion", "-e", ("require('scion').nn.load(%q)"):format(dir .. "/lua.scion") })
    assert.equal(1, out.code)
    assert.is_truthy(out.err:find("'twice', which is not registered", 1, true), out.err)
  end)
  it("are whole or not there: a failed save keeps the old file", function()
    local net = nn.Sequential { nn.Linear(2, 2) }
    local path = dir .. "/keep.scion"
    net:save(path)
    local before = helper.read_file(path)
    net:append(function(x) return x end)
    pcall(net.save, net, path)
    assert.equal(before, helper.read_file(path))
    assert.error_matches(function() net:save(dir .. "/nowhere/x.scion") end, "registered name")
    assert.error_matches(function() nn.Sequential({ nn.ReLU() }):save(dir .. "/nowhere/x.scion") end, "nowhere")
    local left = io.popen("ls " .. dir):read("a")
    assert.is_nil(left:find("tmp"))
  end)
  it("that are damaged or foreign are refused with the reason", function()
    local net = nn.Sequential { nn.Linear(3, 2), nn.BatchNorm1d(2) }
    local path = dir .. "/whole.scion"
    net:save(path)
    local whole = helper.read_file(path)
    local function load(text) return pcall(nn.load, helper.write_file(dir .. "/bad.scion", text)) end
    assert.is_true(load(whole))
    for n = 0, #whole - 1 do
      local ok, message = load(whole:sub(1, n))
      assert.is_false(ok, "cut to " .. n)
      assert.is_truthy(tostring(message):find("bad.scion", 1, true), message)
    end
    for _, text in ipairs { "", "hello", ("\0"):rep(100), "PK\3\4" .. ("x"):rep(50), ("\255"):rep(64), whole .. "more" } do assert.is_false((load(text))) end
    scion.seed(8)
    for _ = 1, 400 do
      local at, byte = scion.randint(1, #whole + 1, { 1 }):long()[1], scion.randint(0, 256, { 1 }):long()[1]
      load(whole:sub(1, at - 1) .. string.char(byte) .. whole:sub(at + 1)) -- read as something else or refused; never harm
    end
    assert.error_matches(function() nn.load(dir .. "/absent.scion") end, "absent.scion")
    assert.error_matches(function() nn.load(dir) end, "")
  end)
end)
