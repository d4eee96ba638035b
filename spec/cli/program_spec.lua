local helper = require "spec.helper"

local function run(words, opts) return helper.run({ "scion", table.unpack(words) }, opts) end

describe("the scion program", function()
  it("says what it is", function()
    local result = run { "--version" }
    assert.equal(0, result.code)
    assert.truthy(result.out:match("^scion %d+%.%d+%.%d+ %(%w+, OpenBLAS %S+ %w+, %d+ threads?, Lua 5%.4%.%d+%)\n$"))
    result = run { "--help" }
    assert.equal(0, result.code)
    assert.truthy(result.out:find("Usage: scion", 1, true))
  end)

  it("runs a script with its arguments in arg and ...", function()
    local dir = helper.tmpdir()
    local path = helper.write_file(dir .. "/args.lua", "print(arg[0], #arg, arg[1], arg[2], ...)")
    local result = run { path, "a b", "--flag" }
    assert.equal(("%s\t2\ta b\t--flag\ta b\t--flag\n"):format(path), result.out)
    assert.equal(0, result.code)
  end)

  it("runs code from -e, in order, and modules from -l", function()
    assert.equal("1\n2\n", run({ "-e", "x = 1 print(x)", "-e", "print(x + 1)" }).out)
    assert.equal("table\n", run({ "-l", "string", "-e", "print(type(string))" }).out)
    assert.equal("function\n", run({ "-e", "print(type(scion.tensor))" }).out)
  end)

  it("reads a script from standard input", function()
    local result = run({ "-", "x" }, { stdin = "print(..., arg[1])\nerror('end')" })
    assert.equal("x\tx\n", result.out)
    assert.equal(1, result.code)
  end)

  it("shows a traceback and exits with 1 when a script fails", function()
    local result = run { "-e", "local function inner() error('broken') end\nlocal function outer() inner() end outer()" }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("broken", 1, true))
    assert.truthy(result.err:find("stack traceback:", 1, true))
    assert.truthy(result.err:find("in upvalue 'inner'", 1, true))
    assert.is_nil(result.err:find("\27", 1, true))
  end)

  it("keeps the exit code of os.exit and shows error objects by their text", function()
    assert.equal(7, run({ "-e", "os.exit(7, true)" }).code)
    local result = run { "-e", "error(setmetatable({}, { __tostring = function() return 'my text' end }))" }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("my text", 1, true))
    assert.truthy(run({ "-e", "error({})" }).err:find("error object is a table value", 1, true))
  end)

  it("refuses what it does not understand", function()
    local result = run { "--frobnicate" }
    assert.equal(2, result.code)
    assert.truthy(result.err:find("unknown option --frobnicate", 1, true))
    assert.equal(2, run({ "-e" }).code)
    result = run { "no-such-script.lua" }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("cannot open no-such-script.lua", 1, true))
    result = run { "-e", "x = = 1" }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("unexpected symbol near '='", 1, true))
  end)

  it("puts log lines on stderr and drops half-drawn progress lines without a terminal", function()
    local result = run { "-e", "scion.emit('warn', 'careful') scion.emit('progress', '\\rhalf') scion.emit('progress', 'whole') print(scion.terminal() == nil)" }
    assert.equal("true\n", result.out)
    assert.equal("warning: careful\nwhole\n", result.err)
  end)

  it("stops a script on Ctrl-C with exit code 130", function()
    local result = helper.run(("timeout -s INT 1 %s -e 'while true do end'; echo code $?"):format(helper.quote(helper.program)))
    assert.truthy(result.err:find("scion: interrupted", 1, true))
    -- timeout itself answers 124; the program's own code shows when it is the one waiting
    result = helper.run(("%s -e 'while true do end' & sleep 0.7; kill -INT $!; wait $!; echo code $?"):format(helper.quote(helper.program)))
    assert.truthy(result.out:find("code 130", 1, true))
  end)

  it("lets a script catch the interrupt and go on", function()
    local code = "local ok, message = pcall(function() while true do end end)"
      .. " print(ok, message:match('interrupted!'), scion.interrupted()) scion.clear_interrupt() print(scion.interrupted())"
    local result = helper.run(("%s -e %s & sleep 0.7; kill -INT $!; wait $!; echo code $?"):format(helper.quote(helper.program), helper.quote(code)))
    assert.equal("false\tinterrupted!\ttrue\nfalse\ncode 0\n", result.out)
  end)

  it("finds the sources in SCION_LUA while they are being worked on", function()
    local dir = helper.tmpdir()
    os.execute("mkdir -p " .. dir .. "/scion && cp lua/scion/init.lua " .. dir .. "/scion/")
    helper.write_file(dir .. "/scion/extra.lua", "return 'from the directory'")
    local result = run({ "-e", "print((require 'scion.extra'))" }, { env = { SCION_LUA = dir } })
    assert.equal("from the directory\n", result.out)
  end)

  it("loads nothing that is not asked for", function()
    local out = helper.lua("local n = 0 for name in pairs(package.loaded) do if name:find('^scion%.') then n = n + 1 end end print(n)")
    assert.truthy(tonumber(out) <= 2)
  end)
end)
