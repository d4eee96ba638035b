local helper = require "spec.helper"

describe("a host program", function()
  local dir = helper.tmpdir()

  it("runs a Lua experiment on its own memory", function()
    local result = helper.run { helper.build .. "/hosts/experiment" }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:match("^loss %d"), result.out)
    assert.truthy(tonumber(result.out:match("(%d+) of 400 points")) > 380, result.out)
  end)

  it("tells of an error in its script and lives", function()
    local script = helper.write_file(dir .. "/bad.lua", "local s = require 'scion' local p = ... p:matmul(s.ones(3, 3))")
    local result = helper.run { helper.build .. "/hosts/experiment", script }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("matmul: inner sizes differ: (400, 2) x (3, 3)", 1, true), result.err)
  end)

  it("names pictures with a repurposed network, without Lua", function()
    local picture = dir .. "/red.ppm"
    helper.write_file(picture, "P6\n8 8\n255\n" .. ("\255\0\0"):rep(64))
    helper.write_file(dir .. "/green.ppm", "P6\n8 8\n255\n" .. ("\0\255\0"):rep(64))
    helper.lua(([[
      local nn = scion.nn
      local net = nn.Sequential { nn.GlobalAvgPool2d { name = "pool" }, nn.Linear(3, 2, { name = "fc" }), nn.Softmax(2, { name = "softmax" }) }
      local x = nn.input("pixels", { shape = { -1, 3, 8, 8 }, dtype = "f32" })
      local graph = nn.Graph(x, net(x))
      for name, p in graph:named_parameters() do
        scion.no_grad(function() p:copy_(name:match("bias") and scion.zeros(2) or scion.tensor { { 9, 0, 0 }, { 0, 9, 0 } }) end)
      end
      graph:set_attr("classes", '["red","green"]')
      graph:eval()
      graph:save("%s/net.scion")]]):format(dir))
    local result = helper.run { helper.build .. "/hosts/predict", dir .. "/net.scion", picture, dir .. "/green.ppm" }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("red.ppm: red 1.000", 1, true), result.out)
    assert.truthy(result.out:find("green.ppm: green 1.000", 1, true), result.out)
    result = helper.run { helper.build .. "/hosts/predict", dir .. "/net.scion", dir .. "/nothing.jpg" }
    assert.equal(1, result.code)
    assert.truthy(result.err:find("nothing.jpg", 1, true), result.err)
    if not helper.sanitized then assert.falsy(helper.run("ldd " .. helper.build .. "/hosts/predict").out:find("lua", 1, true)) end
  end)

  -- without the pool of warm blocks every allocation is one of the system
  it("survives the failure of any allocation", function()
    local result = helper.run({ helper.build .. "/hosts/alloc_sweep", "1", dir }, { env = { SCION_POOL = "0" } })
    assert.equal(0, result.code, result.err)
    for _, what in ipairs { "training", "files", "graft" } do
      for _, how in ipairs { "", ", none after" } do
        assert.truthy(tonumber(result.out:match(what .. how .. ": %d+ allocations, %d+ refused opens, (%d+) clean failures")) > 20, result.out)
      end
    end
  end)

  it("survives the failure of allocations under a Lua script, the engine's and Lua's own #slow", function()
    local stride = helper.sanitized and "31" or "13"
    local result = helper.run({ helper.build .. "/hosts/lua_sweep", "spec/hosts/lua_sweep.lua", stride, dir }, { env = { SCION_POOL = "0" } })
    assert.equal(0, result.code, result.err)
    for _, what in ipairs { "engine, one", "engine, all", "Lua, one", "Lua, all" } do assert.truthy(result.out:find(what, 1, true), result.out) end
    assert.truthy(tonumber(result.out:match("engine, all:.-(%d+) clean failures")) > 2, result.out)
    assert.truthy(tonumber(result.out:match("Lua, all:.-(%d+) clean failures")) > 2, result.out)
  end)

  it("has contexts in several threads, stops at any moment, and forks", function()
    local result = helper.run { helper.build .. "/hosts/contexts" }
    assert.equal(0, result.code, result.err)
    assert.truthy(tonumber(result.out:match("stopped at (%d+) moments")) > 20, result.out)
    assert.truthy(result.out:find("4 threads with a context each\nwent on after a fork\n", 1, true), result.out)
  end)

  -- `make fuzz` does this at length, with sanitizers and coverage
  it("reads damaged files of every kind without harm #slow", function()
    local result = helper.run { "scion", "scripts/fuzz.lua", "--inputs", "400", "--fuzzer", helper.build .. "/hosts/fuzz", "--work", dir .. "/fuzz" }
    assert.equal(0, result.code, result.out .. result.err)
    assert.truthy(result.out:find("no findings", 1, true), result.out)
    for _, reader in ipairs { "npy", "zip", "idx", "gzip", "safetensors", "net", "onnx", "image", "json", "csv" } do
      assert.truthy(result.out:find(reader .. ": 400 inputs", 1, true), result.out)
    end
  end)
end)
