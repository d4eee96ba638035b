-- Data with something wrong: pictures that cannot be read, odd folders, labels that are none, nothing at all.
local helper = require "spec.helper"
local scion = require "scion"
local data, nn = scion.data, scion.nn

local function fails(f, ...)
  local ok, message = pcall(f)
  assert.is_false(ok, "no error")
  for _, word in ipairs { ... } do assert.truthy(tostring(message):find(word, 1, true), message) end
end
local function ppm(w, h, pixel) return ("P6\n%d %d\n255\n"):format(w, h) .. (pixel or "\1\2\3"):rep(w * h) end

describe("a folder of pictures", function()
  local dir = helper.tmpdir()
  local function folder(name, files)
    local path = dir .. "/" .. name
    scion.io.make_dir(path)
    for file, bytes in pairs(files) do
      local class = file:match("^(.*)/")
      if class then scion.io.make_dir(path .. "/" .. class) end
      if bytes then helper.write_file(path .. "/" .. file, bytes) end
    end
    return path
  end
  local mixed = folder("mixed", { ["a/1.ppm"] = ppm(8, 8), ["a/2.ppm"] = ppm(8, 8):sub(1, 60), ["a/3.jpg"] = "no picture", ["a/4.png"] = "",
    ["b/1.ppm"] = ppm(8, 8), ["b/notes.txt"] = "left alone", ["b/huge.ppm"] = "P6\n60000 60000\n255\n", ["b/one.ppm"] = ppm(1, 1) })

  it("with damaged ones stops at the first, naming it", function()
    fails(function() for _ in data.image_folder(mixed, { size = 4 }) do end end, "a/2.ppm", "cut off")
  end)

  it("or leaves them out with one warning each", function()
    local program = ([[
      local it = scion.data.image_folder { dir = %q, size = 4, on_error = "skip", batch_size = 3 }
      local n, classes = 0, {}
      for pass = 1, 2 do for x, y in it do n = n + #x for i = 1, #y do classes[y[i] ] = true end end end
      print(n, #it.classes, classes[1], classes[2])]]):format(mixed)
    local result = helper.run { "scion", "-e", program }
    assert.equal(0, result.code, result.err)
    assert.equal("6\t2\ttrue\ttrue\n", result.out)
    for _, name in ipairs { "2.ppm", "3.jpg", "4.png", "huge.ppm" } do
      local _, count = result.err:gsub(name:gsub("%p", "%%%0"), "")
      assert.equal(1, count, name .. "\n" .. result.err)
    end
  end)

  it("are passed over where a first one is looked at: by repurposers and handlers", function()
    local first = folder("first", { ["a/1.ppm"] = "junk", ["a/2.ppm"] = ppm(8, 8), ["b/1.ppm"] = ppm(8, 8), ["b/2.ppm"] = ppm(8, 8) })
    local it = data.image_folder(first, { size = 4, on_error = "skip", batch_size = 2 })
    local net = nn.Sequential { nn.Conv2d(3, 2, 1, { name = "c" }), nn.Flatten { name = "f" }, nn.Linear(32, 3, { name = "o" }) }
    local emit = scion.emit
    scion.emit = function() end
    local ok, message = pcall(function()
      assert.equal(1, #(it:first()))
      local lr = scion.LrRepurposer { source_model = net, feature_layer_names = { "f" } }:repurpose(it)
      assert.equal("data (2, 3, 4, 4)", (tostring(lr.provide_data[1]):gsub("^%w+", "data")))
      scion.NeuralNetworkRandomFreezeRepurposer { source_model = net, num_layers_to_drop = 1, fixed_layers = { "c" }, num_epochs = 1 }:repurpose(it)
      scion.ModelHandler(net):get_module(it)
    end)
    scion.emit = emit
    assert.is_true(ok, message)
  end)

  it("without any that can be read is an error even so", function()
    local broken = folder("broken", { ["a/1.jpg"] = "x", ["b/1.jpg"] = "y" })
    fails(function()
      local net = nn.Sequential { nn.Flatten(), nn.Linear(48, 2) }
      net:fit(data.image_folder { dir = broken, size = 4, on_error = "skip" }, { progress = false })
    end)
  end)

  it("that is empty, flat or missing says so", function()
    fails(function() data.image_folder { dir = folder("nothing", {}), size = 4 } end, "data.image_folder", "no folders")
    fails(function() data.image_folder { dir = folder("flat", { ["1.ppm"] = ppm(2, 2) }), size = 4 } end, "no folders")
    fails(function() data.image_folder { dir = folder("hollow", { ["a/x.txt"] = "" }), size = 4 } end, "hollow/a", "no pictures")
    fails(function() data.image_folder { dir = dir .. "/missing", size = 4 } end, "missing", "No such file")
    fails(function() data.image_folder { dir = mixed .. "/a/1.ppm", size = 4 } end, "1.ppm")
    fails(function() data.image_folder { dir = 7 } end, "dir", "7")
    fails(function() data.image_folder { dir = mixed, size = 4, on_error = "ignore" } end, "on_error", "error, skip", "ignore")
    fails(function() data.image_folder { dir = mixed, size = -4 } end, "size")
  end)

  it("of one class can be read, not repurposed to", function()
    local one = data.image_folder { dir = folder("one", { ["only/1.ppm"] = ppm(4, 4), ["only/2.ppm"] = ppm(4, 4) }), size = 4 }
    assert.equal(1, #one.classes)
    local net = nn.Sequential { nn.Flatten { name = "flat" }, nn.Linear(48, 2) }
    fails(function() scion.LrRepurposer { source_model = net, feature_layer_names = { "flat" } }:repurpose(one) end, "class")
  end)

  it("takes every sort of pixel", function()
    local deep = folder("deep", { ["a/16.ppm"] = "P6\n2 2\n65535\n" .. ("\200\0"):rep(12), ["a/grey.pgm"] = "P5\n3 3\n255\n" .. ("\100"):rep(9),
      ["a/one.ppm"] = ppm(1, 1) })
    local x = data.image_folder { dir = deep, size = 4 }:next()
    assert.same({ 3, 3, 4, 4 }, { table.unpack(x.shape) })
    local cmyk = "ffd8ffee000e41646f626500640000000000ffdb0043001b12141714111b1716171e1c1b2028422b28252528513a3d3042605565645f555d5b6a7899816a7190735b5d85b58690" ..
      "9ea3abadab6780bcc9baa6c799a8aba4ffc000140800080008044311004d11005911004b1100ffc400160001010100000000000000000000000000020106ffc40020100101000103040300000" ..
      "0000000000000020103001121041251b13181a1ffda000e0443004d0059004b00003f008b1e3c598ac207629f049bb5fa8bf6e81070f5160068bc9ed32ed3c7057bd120e1ea2c00d1793da65da7" ..
      "8e0af7ad36bfffd9"
    local bytes = cmyk:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)
    assert.same({ 3, 8, 8 }, { table.unpack(scion.io.decode_image(bytes).shape) })
  end)

  it("is not believed when a picture claims more than it can hold", function()
    local bmp = "BM" .. string.pack("<I4I4I4I4i4i4I2I2I4I4I4I4I4I4", 58, 0, 54, 40, 16000, 16000, 1, 24, 0, 4, 1, 1, 0, 0) .. "abcd"
    fails(function() scion.io.decode_image(bmp) end, "16000 x 16000")
    local bad_table = "\255\216\255\196" .. string.pack(">I2", 19) .. "\0" .. ("\255"):rep(16)
    fails(function() scion.io.decode_image(bad_table .. ("\0"):rep(64)) end, "Huffman")
  end)
end)

describe("data in tensors", function()
  local x = scion.ones(4, 3)
  it("must fit their labels", function()
    fails(function() data.tensors { x = x, labels = { "a", "b" } } end, "data.tensors", "4 items", "2 labels")
    fails(function() data.tensors { x = x, ids = { 1, 2, 0, 1 } } end, "data.tensors", "0", "position 3")
    fails(function() data.tensors { x = x, ids = { 1, 2, 5, 1 }, classes = { "a", "b" } } end, "5", "1..2")
    fails(function() data.tensors { x = x, ids = { 1, 1.5, 2, 1 } } end, "1.5")
    fails(function() data.tensors { x = x, labels = { 1, 0 / 0, 2, 1 } } end, "NaN")
    fails(function() data.tensors { x = x, targets = scion.tensor { 1, 2, 0 / 0, 4 } } end, "targets", "item 3", "NaN")
    fails(function() data.tensors { x = x, targets = scion.tensor { 1, 2, math.huge, 4 } } end, "item 3")
    fails(function() data.tensors { x = x * (0 / 0) } end, "item 1 of x", "NaN")
    fails(function() data.tensors { x = scion.zeros(0, 3) } end, "no items")
    fails(function() data.tensors { x = {} } end, "data.tensors")
    fails(function() data.tensors { x = scion.tensor(1) } end, "data.tensors")
    fails(function() data.tensors { labels = { "a" } } end, "'x' is required")
  end)

  it("may be fewer than a batch", function()
    local n = 0
    for batch in data.tensors { x = x, batch_size = 100 } do n = n + #batch end
    assert.equal(4, n)
    fails(function() data.tensors { x = x, batch_size = 100, last_batch = "drop" } end, "drop", "no batch", "4 items")
  end)
end)

describe("training", function()
  local function net() return nn.Sequential { nn.Linear(3, 2, { name = "fc" }) } end
  local x = scion.randn(6, 3)

  it("refuses ids that the net has no score for, 0-based ones with a hint", function()
    fails(function() nn.cross_entropy(net()(x), scion.tensor({ 1, 2, 3, 1, 2, 1 }, "i64")) end, "cross_entropy", "class id 3", "position 3", "1..2")
    fails(function() nn.cross_entropy(net()(x), scion.tensor({ 1, 2, 0, 1, 2, 1 }, "i64")) end, "class id 0", "0-based data? pass base = 0")
    fails(function() nn.cross_entropy(net()(x), scion.tensor({ 1, 2, 1 }, "i64")) end, "cross_entropy", "(3,)")
    fails(function() nn.cross_entropy(net()(x), scion.tensor { 1, 2, 1, 2, 1, 2 }) end, "cross_entropy", "f32")
    local three = data.tensors { x = x, ids = { 1, 2, 3, 1, 2, 3 } }
    fails(function() net():fit(three, { progress = false }) end, "class id 3")
  end)

  it("stops when the loss leaves the numbers, naming the step, or goes on to the next thing when asked to", function()
    local wild = data.tensors { x = x * 1e30, targets = scion.ones(6, 2) * 1e30, batch_size = 2 }
    fails(function() net():fit(wild, { loss = "mse", lr = 1e30, epochs = 5, progress = false }) end, "fit", "step", "loss")
    local history = net():fit(wild, { loss = "mse", lr = 1e30, epochs = 5, progress = false, on_divergence = "stop" })
    assert.truthy(history)
  end)

  it("says what its data must be", function()
    for _, nonsense in ipairs { 1, "x", {}, x } do
      fails(function() net():fit(nonsense, { progress = false }) end, "fit")
    end
    fails(function() net():fit(function() return nil end, { epochs = 1, progress = false }) end, "fit")
  end)

  it("passes on what a callback, loss, metric or iterator raises, unchanged, and the net stays usable", function()
    local few = data.tensors { x = x, ids = { 1, 2, 1, 2, 1, 2 }, batch_size = 2 }
    local object = setmetatable({}, { __tostring = function() return "mine" end })
    local function boom() error(object) end
    local cases = {
      { few, { callbacks = { on_step = boom } } }, { few, { callbacks = { on_epoch_end = boom } } }, { few, { loss = boom } },
      { few, { metrics = { boom }, validation = few } }, { few, { optimizer = boom } }, { few, { schedule = boom } }, { boom, {} },
      { data.tensors { x = x, ids = { 1, 2, 1, 2, 1, 2 }, transform = boom }, {} } }
    for i, case in ipairs(cases) do
      local n = net()
      case[2].progress, case[2].epochs = false, 1
      local ok, message = pcall(n.fit, n, case[1], case[2])
      assert.is_false(ok, "case " .. i)
      assert.equal(object, message, ("case %d: %s"):format(i, tostring(message)))
      assert.is_true(scion.grad_enabled())
      n:fit(few, { epochs = 1, progress = false })
    end
  end)
end)
