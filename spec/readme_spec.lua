local helper = require "spec.helper"

describe("the README", function()
  local dir = helper.tmpdir()
  local text = helper.read_file "README.md"
  local clothes = helper.exists("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz")

  local n = 0
  for code in text:gmatch("```lua\n(.-)```") do
    n = n + 1
    it("has a Lua example that runs, number " .. n, function()
      if not clothes then return pending "needs dataset-fashion-mnist" end
      local path = helper.write_file(dir .. "/example.lua", (code:gsub('"clothes%.scion"', ('"%s/clothes.scion"'):format(dir))))
      local result = helper.run { "scion", path }
      assert.equal(0, result.code, result.err)
      assert.is_true(tonumber(result.out:match("0%.%d+") or result.out:match("%d+%.%d+") or 0) > 0.5, result.out)
    end)
  end

  it("has a C example that builds and runs", function()
    local code = text:match("```c\n(.-)```")
    helper.write_file(dir .. "/host.c", code)
    helper.lua(([[
      local nn = scion.nn
      nn.Sequential { nn.GlobalAvgPool2d(), nn.Linear(3, 7) }:save("%s/net.scion")]]):format(dir))
    local flags = helper.sanitized and "-fsanitize=address,undefined" or ""
    local build = helper.run(("cc %s -Iruntime/include -o %s/host %s/host.c -L%s -lscion -Wl,-rpath,$PWD/%s"):format(flags, dir, dir, helper.build, helper.build))
    assert.equal(0, build.code, build.err)
    local result = helper.run { dir .. "/host", dir .. "/net.scion" }
    assert.equal("7 classes\n", result.out, result.err)
    assert.is_true(select(2, code:gsub("\n", "")) <= 26)
  end)

  it("names rooms that exist", function()
    for line in text:gmatch("\n| (`[^|]+) |") do
      local base
      for name in line:gmatch("`([^`]+)`") do
        local path = name:find("/") and name or (base or "") .. name
        if name:find("/") then base = name:match("^(.*/)") end
        assert.is_true(helper.exists(path) or helper.exists(path .. "/."), path)
      end
    end
  end)
end)
