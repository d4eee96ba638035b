local files = require "scion.plot.file"
local helper = require "spec.helper"
local plot = require "scion.plot"
local png = require "scion.plot.png"
local svg = require "scion.plot.svg"

describe("plot", function()
  it("marks epochs and steps at whole numbers", function()
    local function marked(text, value) return text:find(">" .. value .. "<", 1, true) ~= nil end
    local line = tostring(plot.lines { series = { { y = { 5, 6, 8 } } } })
    assert.is_true(marked(line, "2") and not marked(line, "1.5"))
    local panel = tostring(plot.panels { panels = { { series = { { x = { 0, 1, 3 }, y = { 5, 6, 8 } } } } } })
    assert.is_true(marked(panel, "2") and not marked(panel, "0.5"))
    assert.is_true(marked(tostring(plot.lines { series = { { x = { 0, 0.7, 1 }, y = { 1, 2, 4 } } } }), "0.4"))
  end)

  it("writes line charts with legend, axes and log scales", function()
    local text = tostring(plot.lines { series = { { label = "a <b>", y = { 1, 10, 100 } }, { label = "b", x = { 1, 3 }, y = { 2, 3 } } },
      title = "T", x_label = "x", y_label = "y", log_y = true })
    assert.matches("^<svg", text)
    assert.matches("a &lt;b&gt;", text)
    assert.is_nil(text:find("nan", 1, true))
    assert.equal(2, select(2, text:gsub("<path", "")))
  end)

  it("draws one point, equal values and NaN gaps without trouble", function()
    for _, y in ipairs { { 3 }, { 2, 2, 2 }, { 1, 0 / 0, 3 } } do
      assert.is_nil(tostring(plot.lines { series = { { y = y } } }):find("nan", 1, true))
    end
  end)

  it("draws bars and scatter plots", function()
    assert.matches("64%.7 ± 2%.4", tostring(plot.bars { labels = { "scratch" }, values = { 64.7 }, errors = { 2.4 } }))
    assert.equal(3, select(2, tostring(plot.scatter { series = { { x = { 1, 2, 3 }, y = { 3, 2, 1 } } } }):gsub("<circle", "")))
  end)

  it("refuses what cannot be drawn", function()
    assert.error_matches(function() plot.lines { series = { { x = { 1 }, y = { 1, 2 } } } } end, "1 x and 2 y values")
    assert.error_matches(function() plot.lines { series = { { y = { 0, 1 } } }, log_y = true } end, "positive values")
    assert.error_matches(function() plot.lines { series = { { y = {} } } } end, "nothing to draw")
    assert.error_matches(function() plot.bars { labels = { "a" }, values = { 1, 2 } } end, "1 labels but 2 values")
    assert.error_matches(function() plot.lines { series = { { y = { 1 } } }, out = "/nowhere/x.svg" } end, "cannot write")
  end)

  it("writes what the ending says, or says what it needs", function()
    local dir = helper.tmpdir()
    for ending, magic in pairs { svg = "<svg", png = "\137PNG", pdf = "%PDF" } do
      local path = dir .. "/chart." .. ending
      local ok, message = pcall(plot.lines, { series = { { y = { 1, 2 } } }, out = path })
      if files.has_program "rsvg-convert" or ending == "svg" then
        assert.is_true(ok)
        assert.equal(magic, helper.read_file(path):sub(1, 4))
      else
        assert.truthy(message:find("needs rsvg-convert (apt-get install librsvg2-bin)", 1, true))
      end
    end
    assert.error_matches(function() plot.lines { series = { { y = { 1 } } }, out = dir .. "/chart.jpg" } end, "must end in .svg, .png or .pdf")
  end)

  it("encodes PNG and base64", function()
    local bytes = png.encode(("\0\255\128"):rep(6), 3, 2, 3)
    assert.equal("\137PNG\r\n\26\n", bytes:sub(1, 8))
    assert.equal("IEND\xAE\x42\x60\x82", bytes:sub(-8))
    assert.has_error(function() png.encode("abc", 2, 2, 1) end)
    assert.equal("TWFu", svg.base64("Man"))
    assert.equal("TWE=", svg.base64("Ma"))
    assert.equal("TQ==", svg.base64("M"))
  end)
end)
