local check = require "scion.check"

local function message(fn)
  local ok, text = pcall(fn)
  assert.is_false(ok)
  return text
end

describe("check.opts", function()
  local rules = { classes = check.integer { min = 2 }, lr = 0.1, name = check.string {}, mode = check.choice { "a", "b" },
    layers = check.list { of = check.string() }, rate = check.number { above = 0, below = 1 }, on = true }

  it("fills in defaults and keeps false", function()
    local opts = check.opts("fit", { on = false }, rules)
    assert.equal(0.1, opts.lr)
    assert.is_false(opts.on)
    assert.is_nil(opts.name)
    assert.is_true(check.opts("fit", nil, rules).on)
  end)

  it("lists the known options for an unknown one and guesses", function()
    assert.matches("fit: unknown option 'clases', did you mean 'classes'%? %(known: classes, layers, lr, mode, name, on, rate%)",
      message(function() check.opts("fit", { clases = 3 }, rules) end))
  end)

  it("names type, range and value", function()
    local cases = {
      { { classes = 1 }, "option 'classes' must be at least 2, got 1" },
      { { classes = 2.5 }, "must be an integer, got 2.5" },
      { { lr = 0 / 0 }, "must be a number, not NaN" },
      { { lr = "x" }, "must be a number, got 'x'" },
      { { rate = 1 }, "must be above 0 and below 1, got 1" },
      { { mode = "c" }, "must be one of a, b, got 'c'" },
      { { layers = { "a", 2 } }, "must be a list in which item 2 is a string, got 2" },
      { { layers = { a = 1 } }, "a list %(it has the key 'a'%)" },
      { { name = {} }, "must be a string, got an empty table" },
      { 7, "options must be a table, got 7" },
    }
    for _, case in ipairs(cases) do
      assert.matches(case[2], message(function() check.opts("fit", case[1], rules) end))
    end
  end)

  it("describes what came", function()
    local Optimiser = require("scion.class").class "Optimiser"
    assert.same({ "an Optimiser", "NaN", "'a'", "a list of 2", "a function" },
      { check.describe(Optimiser()), check.describe(0 / 0), check.describe "a", check.describe { 1, 2 }, check.describe(print) })
  end)

  it("turns integral floats into integers", function()
    assert.equal("integer", math.type(check.opts("fit", { classes = 3.0 }, rules).classes))
  end)

  it("points at the caller's line", function()
    local function public(opts)
      opts = check.opts("public", opts, rules)
      return opts
    end
    local line = debug.getinfo(1, "l").currentline + 1
    local text = message(function() public({ lr = "x" }); return nil end)
    assert.matches("check_spec.lua:" .. line .. ":", text)
  end)

  it("asks for what is required", function()
    assert.matches("option 'path' is required", message(function()
      check.opts("open", {}, { path = check.string { required = true } })
    end))
  end)
end)
