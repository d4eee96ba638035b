local helper = require "spec.helper"
local scion = require "scion"
local golden = dofile "spec/golden/pictures.lua"

local function bytes(hex) return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)) end

-- Interleaved rows to (C, H, W).
local function planes(hex, w, h, channels) return scion.from_bytes(bytes(hex), "u8", { h, w, channels }):permute(3, 1, 2):contiguous() end

-- The picture of make_pictures.py.
local function pattern(w, h, channels)
  local out = {}
  for y = 0, h - 1 do
    for x = 0, w - 1 do
      for c = 0, channels - 1 do
        out[#out + 1] = string.char((x // 8 + y // 8) % 2 == 1 and (x * x * 3 + y * 7 + x * y + c * 40) % 256 or (x * 5 + y * 3 + c * 60) % 256)
      end
    end
  end
  return scion.from_bytes(table.concat(out), "u8", { h, w, channels }):permute(3, 1, 2):contiguous()
end

local function worst(a, b) return a:to("f32"):sub(b:to("f32")):abs():max():item() end
local function mean(a, b) return a:to("f32"):sub(b:to("f32")):abs():mean():item() end

describe("pictures beside Pillow's", function()
  local dir = helper.tmpdir()

  for _, file in ipairs(golden.files) do
    it("are read from " .. file.name, function()
      local path = helper.write_file(dir .. "/" .. file.name, bytes(file.bytes))
      local w, h = file.size[1], file.size[2]
      local rgb = scion.io.read_image(path)
      local expected = planes(file.rgb, w, h, 3)
      assert.same({ 3, h, w }, { table.unpack(rgb.shape) })
      -- JPEG leaves the inverse transform and the interpolation of colours to the reader
      assert.is_true(worst(rgb, expected) <= (file.exact and 0 or file.name:find("subsampled") and 60 or 24), worst(rgb, expected))
      assert.is_true(mean(rgb, expected) <= (file.exact and 0 or 2), mean(rgb, expected))
      if file.rgba then assert.equal(0, worst(scion.io.read_image(path, 4), planes(file.rgba, w, h, 4))) end
      if file.grey then assert.equal(0, worst(scion.io.read_image(path, 1), planes(file.grey, w, h, 1))) end
    end)
  end

  it("are resized to within one grey level", function()
    for _, case in ipairs(golden.resized) do
      local w, h = case.from[1], case.from[2]
      local y = scion.io.transform_image(pattern(w, h, case.channels), { { "resize", case.to[2], case.to[1], filter = case.filter } })
      local expected = planes(case.pixels, case.to[1], case.to[2], case.channels)
      local where = ("%s %dx%d to %dx%d"):format(case.filter, w, h, case.to[1], case.to[2])
      assert.is_true(worst(y, expected) <= (case.filter == "nearest" and 0 or 1), where)
      assert.is_true(mean(y, expected) < 0.05, where)
    end
  end)
end)
