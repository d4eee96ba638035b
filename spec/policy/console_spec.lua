-- What a console sees: lists, tables, progress, script arguments.
local cli = require "scion.cli"
local progress = require "scion.progress"
local show = require "scion.show"

describe("show", function()
  it("lets lists print themselves and fold", function()
    assert.equal("{a, 1, true}", tostring(show.list { "a", 1, true }))
    local long = {}
    for i = 1, 60 do long[i] = "layer" .. i end
    for line in tostring(show.list(long)):gmatch("[^\n]+") do assert.is_true(#line <= 79) end
    assert.equal("{\n  " .. ("a"):rep(90) .. ",\n  b\n}", tostring(show.list { ("a"):rep(90), "b" }))
    assert.is_true(show.list { 1, 2 } == show.list { 1, 2 })
  end)

  it("lets records print their fields", function()
    assert.equal("{ accuracy = 0.5, n = 3, names = {a, b}, spread = { 1, 2 } }",
      tostring(show.record { n = 3, accuracy = 0.5, names = show.list { "a", "b" }, spread = { 1, 2 } }))
    local own = show.record {}
    own.own = { own }
    assert.is_string(tostring(own))
  end)

  it("aligns tables, numbers to the right", function()
    local text = show.table({ "name", { title = "value", format = "%.2f" } }, { { "a", 1 }, "-", { "long", 22.5 } })
    local lines = {}
    for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.equal("a      1.00", lines[4])
    assert.equal("long  22.50", lines[6])
  end)

  it("says seconds and spreads", function()
    assert.equal("0.35 s", show.seconds(0.35))
    assert.equal("4 min 10 s", show.seconds(250))
    assert.equal("2.0 ± 1.0", (show.mean_spread({ 1, 2, 3 })))
  end)
end)

describe("progress", function()
  local drawn, lines, columns, old
  before_each(function()
    drawn, lines, columns = {}, {}, 60
    old = progress.set_sink { width = function() return columns end, draw = function(t) drawn[#drawn + 1] = t end,
      line = function(t) lines[#lines + 1] = t end }
  end)
  after_each(function() progress.set_sink(old) end)

  it("draws a bar that fits the terminal and ends with one line", function()
    for _ in progress.range(5, { label = "epoch", unit = "step", interval = 0 }) do end
    assert.equal(5, #drawn)
    for _, text in ipairs(drawn) do assert.is_true(show.width(text) < 60) end
    assert.matches("epoch.*5/5", drawn[5])
    assert.equal(1, #lines)
  end)

  it("writes one line per bar where there is no terminal", function()
    columns = nil
    local bar = progress.new { label = "train", total = 3, interval = 0 }
    for _ = 1, 3 do bar:step(1, { loss = 0.5 }) end
    bar:finish()
    bar:finish()
    assert.equal(0, #drawn)
    assert.equal(1, #lines)
    assert.matches("train  3/3 .*loss 0.5", lines[1])
  end)
end)

describe("cli", function()
  local spec = { name = "x", about = "About.", options = { { "source", "FILE", "net", required = true },
    { "method", "NAME", "how", choices = { "lr", "ft" }, default = "lr" }, { "rate", "R", "rate", type = "number" },
    { "layers", "A,B", "layers", type = "list" } }, positional = { "image", "images", many = true } }

  it("reads options, switches, lists and positionals", function()
    local a = assert(cli.try_parse(spec, { "--source=n", "--quick", "--seed", "3", "--layers", "a,b", "p.png", "q.png" }))
    assert.same({ "n", true, 3, "lr", { "a", "b" }, { "p.png", "q.png" } }, { a.source, a.quick, a.seed, a.method, a.layers, a.args })
  end)

  it("explains mistakes", function()
    local cases = { { {}, "%-%-source FILE is required" }, { { "--sorce", "x" }, "did you mean %-%-source" },
      { { "--source" }, "needs a value" }, { { "--source", "x", "--method", "z" }, "one of lr, ft" },
      { { "--source", "x", "--seed", "1.5" }, "must be an integer" }, { { "--source", "x", "--quick=1" }, "takes no value" } }
    for _, case in ipairs(cases) do
      local out, message = cli.try_parse(spec, case[1])
      assert.is_nil(out)
      assert.matches(case[2], message)
    end
  end)

  it("prints help with every option", function()
    local text = cli.usage(spec)
    for _, word in ipairs { "%-%-source FILE", "%-%-seed N", "%-%-quick", "%-%-out PATH", "%-%-help", "default lr" } do
      assert.matches(word, text)
    end
  end)
end)
