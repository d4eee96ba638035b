local helper = require "spec.helper"
local scion = require "scion"
local repl = require "scion.repl"

local function session(opts)
  opts = opts or {}
  local lines = {}
  opts.write = function(...) lines[#lines + 1] = table.concat({ ... }) end
  opts.env = opts.env or setmetatable({}, { __index = _G })
  local s = repl.new(opts)
  return s, function()
    local text = table.concat(lines)
    lines = {}
    return text
  end
end

describe("a session of the prompt", function()
  it("prints the values of expressions and remembers the last in _", function()
    local s, text = session()
    assert.is_false(s:feed("1 + 1"))
    assert.equal("2\n", text())
    s:feed("_ * 10")
    assert.equal("20\n", text())
    s:feed("1, nil, 'x'")
    assert.equal('1\nnil\n"x"\n', text())
    s:feed("x = 5")
    s:feed("nil")
    s:feed("x;")
    assert.equal("", text())
    assert.equal(5, s.env._)
  end)

  it("goes on over several lines until the entry is complete", function()
    local s, text = session()
    assert.is_true(s:feed("for i = 1, 2 do"))
    assert.is_true(s:feed("  y = i"))
    assert.is_false(s:feed("end"))
    s:feed("y")
    assert.equal("2\n", text())
    assert.is_true(s:feed("t = {"))
    s:reset()
    assert.is_false(s:feed("3"))
    assert.has_error(function()
      s:feed("f(")
      s:feed(nil)
    end)
  end)

  it("reports syntax and run-time errors and stays usable", function()
    local s, text = session()
    assert.error_matches(function() s:feed("x = = 1") end, "unexpected symbol")
    assert.error_matches(function() s:feed("error('oh')") end, "oh")
    assert.error_matches(function() s:feed(":nonsense") end, "unknown command :nonsense %(known: :help")
    s:feed("2")
    assert.equal("2\n", text())
  end)

  it("shows tables, lists and strings in a readable way", function()
    assert.equal('{ 1, 2, a = "b", [true] = {} }', repl.show { 1, 2, a = "b", [true] = {} })
    assert.equal('"tab\\t quote\\" \\001"', repl.show("tab\t quote\" \1"))
    local loop = {}
    loop.self = loop
    assert.equal("{ self = { ... } }", repl.show(loop))
    assert.equal("{ { { { ... } } } }", repl.show { { { { 1 } } } })
    local many = {}
    for i = 1, 100 do many[i] = i end
    assert.truthy(repl.show(many):find("... 60 more", 1, true))
    assert.equal("{ 2, 3 }", repl.show(scion.list { 2, 3 }))
  end)

  it("summarises tensors inside tables", function()
    local text = repl.show { w = scion.tensor { { 1, 2 }, { 3, 4 } } }
    assert.equal("{ w = tensor (2, 2) f32 }", text)
  end)

  it("measures, shows memory and lists globals", function()
    local s, text = session { env = setmetatable({}, { __index = _G }) }
    s:feed(":time 1 + 1")
    assert.truthy(text():match("^%d+%.?%d* [nu]s per run %(%d+ runs%)\n$"))
    s:feed(":mem")
    assert.truthy(text():match("^tensors  .* blocks, .*\nLua  .*\n$"))
    s:feed("answer = 42")
    s:feed(":who")
    assert.equal("answer           42\n", text())
    s:feed(":reset")
    s:feed(":who")
    assert.equal("", text())
  end)

  it("warns once that locals do not last, when a person types", function()
    local s, text = session { interactive = true }
    s:feed("local x = 1")
    assert.truthy(text():find("local ends with its line", 1, true))
    s:feed("local x = 1")
    assert.equal("", text())
  end)

  it("refuses unknown options", function()
    assert.error_matches(function() repl.new { colour = true } end, "unknown option 'colour' %(known: color, env")
  end)
end)

describe("completion", function()
  local env = { scion = scion, numbers = { one = 1, once = 2, inner = { deep = true } }, call = print }
  env.t = scion.tensor { 1, 2, 3 }
  env.name = "text"

  local function complete(text)
    local s = session { env = env, list_dir = function(path)
      if path == "" then return { "alpha.lua", "album/", ".hidden" } end
      if path == "album" then return { "photo.png" } end
      return {}
    end }
    return s:complete(text)
  end

  it("completes globals and fields to their common beginning", function()
    assert.equal("ers", (complete("numb")))
    local insert, names = complete("numbers.on")
    assert.equal("", insert)
    assert.same({ "once", "one" }, names)
    assert.equal("ep", (complete("x = numbers.inner.de")))
    assert.equal("l(", (complete("cal")))
  end)

  it("completes methods and properties of tensors, and methods only behind a colon", function()
    assert.equal("e", (complete("t.shap")))
    assert.equal("", (complete("t:shap")))
    local _, names = complete("t:")
    assert.truthy(#names > 100)
    assert.equal("st(", (complete("t:toli")))
    assert.equal("per(", (complete("name:up")))
  end)

  it("completes parts of scion that are not loaded yet", function()
    local _, names = complete("scion.LrR")
    assert.same({ "LrRepurposer" }, names)
  end)

  it("completes keywords, commands and names behind ?", function()
    assert.equal("nction", (complete("fu")))
    assert.equal("me", (complete(":ti")))
    assert.equal("e", (complete("?t.shap")))
  end)

  it("completes file names inside strings", function()
    assert.equal("", (complete('io.open("al')))
    assert.equal('ha.lua"', (complete('io.open("alp')))
    assert.equal("um/", (complete("io.open('alb")))
    assert.equal("photo.png'", (complete("io.open('album/")))
    local _, names = complete('f("')
    assert.same({ "album/", "alpha.lua" }, names)
  end)

  it("says nothing where nothing is known", function()
    assert.equal("", (complete("nothing.here.x")))
    assert.equal("", (complete("f().x")))
    assert.equal("", (complete("-- 'al")))
  end)
end)

describe("the program without a terminal", function()
  it("reads entries line by line without prompt or banner", function()
    local result = helper.run({ "scion" }, { stdin = "1 + 1\nfor i = 1, 2 do\n  print(i)\nend\n'a'\n" })
    assert.equal('2\n1\n2\n"a"\n', result.out)
    assert.equal(0, result.code)
  end)

  it("ends with code 1 at the first error", function()
    local result = helper.run({ "scion" }, { stdin = "error('one')\nprint('not reached')\n" })
    assert.equal(1, result.code)
    assert.equal("", result.out)
    assert.truthy(result.err:find("one", 1, true))
    assert.equal(1, helper.run({ "scion" }, { stdin = "for i = 1, 2 do\n" }).code)
  end)
end)

-- A Ctrl-D that comes before the editor has the terminal is lost, so sessions end by :quit or where the editor has answered.
describe("the program on a terminal #slow", function()
  local function typed(keys, opts)
    local dir = helper.tmpdir()
    opts = opts or {}
    opts.env = ("HOME=%s XDG_STATE_HOME=%s/state %s"):format(dir, dir, opts.env or "")
    return helper.typed(keys, opts), dir
  end

  it("greets, prompts, prints, and leaves at end of input", function()
    local text = typed { "40 + 2\r", "math.hu\t", { "math.huge", "\21\4" } }
    assert.truthy(text:find("Type help for help", 1, true))
    assert.truthy(text:find("> 40 + 2\n42\n", 1, true))
  end)

  it("completes on Tab and keeps a history in XDG_STATE_HOME", function()
    local text, dir = typed { "math.hu\t\r", ":quit\r" }
    assert.truthy(text:find("inf\n", 1, true))
    assert.truthy(helper.read_file(dir .. "/state/scion/history"):find("math.huge", 1, true))
  end)

  it("drops the line on Ctrl-C and interrupts what runs", function()
    local text = typed { "nonsense +", { "nonsense +", "\3" }, "print('b' .. 'usy') while true do end\r", { "busy\n", "\3" },
      { "interrupted\n> ", "7 * 6\r" }, ":quit\r" }
    assert.truthy(text:find("\n42\n", 1, true))
    assert.is_nil(text:find("unexpected", 1, true))
  end)

  it("stops a long computation of the engine and goes on", function()
    local text = typed { "print('b' .. 'usy') for i = 1, 1e9 do scion.randn(300, 300):matmul(scion.randn(300, 300)) end\r", { "busy\n", "\3" },
      { "interrupted\n> ", "scion.ones(2, 2):sum():item()\r" }, ":quit\r" }
    assert.truthy(text:find("\n4.0\n", 1, true), text)
  end)

  it("goes on over several lines, shows tracebacks and helps", function()
    local text = typed { "function f(x)\r", { ">> ", "error('oh ' .. x)\r" }, { ">> ", "end\r" }, "f('dear')\r", "?scion.relu\r", ":quit\r" }
    assert.truthy(text:find("oh dear", 1, true), text)
    assert.truthy(text:find("stack traceback:", 1, true), text)
    assert.truthy(text:find("in function 'f'", 1, true), text)
    assert.truthy(text:find("max(x, 0)", 1, true), text)
  end)

  it("completes methods and file names, and lists what fits", function()
    local dir = helper.tmpdir()
    helper.write_file(dir .. "/pictures.npz", "")
    local text = typed { "x = scion.randn(2, 3)\r", "x:requires_g\t", { "x:requires_grad_(", ")\r" }, ("y = '%s/pic\t"):format(dir), { "pictures.npz'", "\r" },
      "x:logsig\t", { "x:logsigmoid", "\3" }, "scion.nn.Conv\t", { "ConvTranspose3d", "\3" }, ":quit\r" }
    assert.truthy(text:find("> x:logsigmoid", 1, true), text)
    assert.truthy(text:find("Conv1d", 1, true), text)
  end)

  it("colours errors unless NO_COLOR is set", function()
    local function raw(env)
      return (typed({ "error(1)\r", ":quit\r" }, { env = env, term = "xterm", raw = true }))
    end
    assert.truthy(raw("NO_COLOR="):find("\27[31m", 1, true))
    assert.is_nil(raw("NO_COLOR=1"):find("\27[31m", 1, true))
  end)
end)
