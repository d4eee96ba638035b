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

  it("survives the failure of any allocation", function()
    local result = helper.run { helper.build .. "/hosts/alloc_sweep", "1", dir }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("training:.*clean failures\nfiles:.*clean failures"), result.out)
  end)
end)
