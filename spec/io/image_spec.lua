local helper = require "spec.helper"
local scion = require "scion"

-- A BMP of 24 bits, rows from the top, from a function of x and y to r, g, b.
local function bmp(w, h, pixel)
  local rows = {}
  for y = h - 1, 0, -1 do
    local row = {}
    for x = 0, w - 1 do
      local r, g, b = pixel(x, y)
      row[#row + 1] = string.char(b, g, r)
    end
    rows[#rows + 1] = table.concat(row) .. ("\0"):rep(-(3 * w) % 4)
  end
  local data = table.concat(rows)
  return "BM" .. string.pack("<I4I4I4", 54 + #data, 0, 54) .. string.pack("<I4i4i4I2I2I4I4I4I4I4I4", 40, w, h, 1, 24, 0, #data, 0, 0, 0, 0) .. data
end

describe("pictures", function()
  local dir = helper.tmpdir()
  local function gradient(x, y) return x * 20, y * 20, 100 end

  it("are read with any number of channels", function()
    helper.write_file(dir .. "/a.bmp", bmp(6, 4, gradient))
    local rgb = scion.io.read_image(dir .. "/a.bmp")
    assert.same({ 3, 4, 6 }, { table.unpack(rgb.shape) })
    assert.equal("u8", rgb.dtype)
    assert.equal(60, rgb:at(1, 1, 4))
    assert.equal(40, rgb:at(2, 3, 1))
    assert.same({ 1, 4, 6 }, { table.unpack(scion.io.read_image(dir .. "/a.bmp", 1).shape) })
    assert.same({ 4, 4, 6 }, { table.unpack(scion.io.read_image(dir .. "/a.bmp", 4).shape) })
    assert.error_matches(function() scion.io.decode_image("P5\n# 1234567890123\n29223372000 4\n255\nxxxx") end, "more than 9 digits")
    assert.error_matches(function() scion.io.decode_image("\xff\xd8\xff\xc4\0\20\0\255\255\255") end, "Huffman table")
    helper.write_file(dir .. "/g.pgm", "P5\n3 2\n255\n\1\2\3\4\5\6")
    assert.same({ { { 1, 2, 3 }, { 4, 5, 6 } }, { { 1, 2, 3 }, { 4, 5, 6 } }, { { 1, 2, 3 }, { 4, 5, 6 } } }, scion.io.read_image(dir .. "/g.pgm"):tolist())
  end)

  it("are refused when cut off, empty or no pictures", function()
    local whole = bmp(6, 4, gradient)
    for _, n in ipairs { 0, 1, 10, 53, 60, #whole - 1 } do
      helper.write_file(dir .. "/cut.bmp", whole:sub(1, n))
      assert.error_matches(function() scion.io.read_image(dir .. "/cut.bmp") end, "cut%.bmp")
    end
    helper.write_file(dir .. "/text.jpg", "no picture at all")
    assert.error_matches(function() scion.io.read_image(dir .. "/text.jpg") end, "text%.jpg: not a picture")
  end)

  it("take steps by position and by name", function()
    local x = scion.arange(0, 48):reshape(1, 6, 8):to("u8")
    local function run(...) return scion.io.transform_image(x, { ... }) end
    assert.same({ 1, 3, 4 }, { table.unpack(run({ "resize", 3 }).shape) })
    assert.same({ 1, 5, 7 }, { table.unpack(run({ "resize", h = 5, w = 7, filter = "bicubic" }).shape) })
    assert.same(x[{ {}, { 2, 4 }, { 3, 6 } }]:tolist(), run({ "crop", 2, 3, 3, 4 }):tolist())
    assert.same(x:flip(3):tolist(), run({ "flip" }):tolist())
    assert.same(x:flip(2):tolist(), run({ "vflip" }):tolist())
    assert.same(x:neg():add(255):to("u8"):tolist(), run({ "invert" }):tolist())
    assert.allclose(run({ "to_float" }), x:to("f32") / 255)
    assert.allclose(run({ "normalize", { 0.5 }, { 0.25 } }), (x:to("f32") / 255 - 0.5) / 0.25, { atol = 1e-6 })
    assert.same(x:tolist(), run({ "rotate", 0 }):tolist())
    assert.same(x:pad({ 1, 2, 3, 4 }):tolist(), run({ "pad", 1, 3, 2, 4 }):tolist())
  end)

  it("say what is wrong with a step", function()
    local x = scion.zeros({ 1, 4, 4 }, { dtype = "u8" })
    local function fails(pattern, ...)
      local steps = { ... }
      assert.error_matches(function() scion.io.transform_image(x, steps) end, pattern)
    end
    fails("no step 'resise' %(known: resize", { "resise", 3 })
    fails("resize: h is missing", { "resize" })
    fails("resize has no option 'height'", { "resize", height = 3 })
    fails("filter must be", { "resize", 3, filter = "lanczos" })
    fails("random_flip: p is 2, expected 0..1", { "random_flip", 2 })
    fails("must stand before to_float", { "to_float" }, { "flip" })
    fails("leaves the picture", { "crop", 2, 2, 4, 4 })
    fails("normalize: 3 means", { "normalize", { 1, 2, 3 }, { 1, 1, 1 } })
  end)

  it("are resized as Pillow does", function() -- Image.resize((3, 2)) and ((9, 5)) of arange(24).reshape(4, 6) * 10
    local x = (scion.arange(0, 24) * 10):reshape(1, 4, 6):to("u8")
    local function resized(h, w, filter) return scion.io.transform_image(x, { { "resize", h, w, filter = filter } })[1]:tolist() end
    assert.same({ { 50, 68, 86 }, { 144, 162, 180 } }, resized(2, 3, "bilinear"))
    assert.same({ { 40, 60, 80 }, { 150, 170, 190 } }, resized(2, 3, "bicubic"))
    assert.same({ 42, 47, 54, 60, 67, 74, 80, 87, 92 }, resized(5, 9, "bilinear")[2])
    assert.same({ 89, 94, 102, 108, 115, 122, 128, 136, 141 }, resized(5, 9, "bicubic")[3])
  end)

  it("come in the same batches for any number of threads and any start", function()
    local files = {}
    for i = 1, 11 do
      files[i] = ("%s/p%02d.bmp"):format(dir, i)
      helper.write_file(files[i], bmp(12, 10, function(x, y) return (x * 9 + i * 7) % 256, (y * 11) % 256, i * 20 end))
    end
    local source = scion.io.image_source { files = files }
    local steps = { { "random_resized_crop", 8, 8 }, { "random_flip" }, { "color_jitter", 0.4, 0.4, 0.4, 0.1 }, { "random_erasing" }, { "to_float" } }
    local function all(opts)
      opts.transform, opts.batch_size, opts.seed, opts.epoch = steps, 4, 7, 3
      local loader <close> = scion.io.image_loader(source, opts)
      local out = {}
      while true do
        local x = loader:next()
        if not x then break end
        out[#out + 1] = x
      end
      return scion.cat(out, 1)
    end
    local serial = all { prefetch = 0 }
    assert.same({ 11, 3, 8, 8 }, { table.unpack(serial.shape) })
    for _, threads in ipairs { 1, 2, 5 } do
      assert.is_true(all({ prefetch = 2, threads = threads }):eq(serial):all():item())
    end
    assert.is_true(all({ first = 5, prefetch = 3 }):eq(serial[{ { 5, 11 } }]):all():item())
  end)

  it("that cannot be read stop the loader or are left out, as asked", function()
    local good = helper.write_file(dir .. "/good.bmp", bmp(4, 4, gradient))
    local bad = helper.write_file(dir .. "/bad.bmp", "BM")
    local source = scion.io.image_source { files = { good, bad, good, dir .. "/none.bmp" } }
    assert.error_matches(function() scion.io.image_loader(source, { batch_size = 4 }):next() end, "bad%.bmp")
    local loader = scion.io.image_loader(source, { batch_size = 4, on_error = "skip" })
    local x, positions = loader:next()
    assert.equal(2, #x)
    assert.same({ 1, 3 }, positions)
    assert.equal(2, #loader:skipped())
    assert.truthy(loader:skipped()[2].message:find("none.bmp", 1, true))
    assert.is_nil(loader:next())
    loader:close()
    assert.error_matches(function() loader:next() end, "closed")
  end)

  it("of different sizes do not make a batch", function()
    helper.write_file(dir .. "/small.bmp", bmp(3, 3, gradient))
    helper.write_file(dir .. "/large.bmp", bmp(5, 3, gradient))
    local source = scion.io.image_source { files = { dir .. "/small.bmp", dir .. "/large.bmp" } }
    assert.error_matches(function() scion.io.image_loader(source):next() end, "large%.bmp is 5 x 3 but .*small%.bmp is 3 x 3")
  end)
end)
