-- Weights that stay in their file (mmap = true): the same numbers, nothing written back, the mapping goes with the last tensor; and by default copies,
-- which no later change of the file can reach.
local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local function mapped(path)
  local maps = io.open "/proc/self/maps"
  if not maps then return pending "needs /proc/self/maps" end
  local found = maps:read("a"):find(path, 1, true) ~= nil
  maps:close()
  return found
end
local function collect() for _ = 1, 3 do collectgarbage() end end

describe("mmap = true", function()
  local dir = helper.tmpdir()
  local x = scion.randn { 3, 8 }
  local function saved(name)
    local net = nn.Sequential { nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4) }
    local path = dir .. "/" .. name
    net:save(path)
    return path, net(x):detach()
  end

  it("gives the network that a copy gives, in the file's pages, and trains it without touching the file", function()
    local path, y = saved "a.scion"
    local before = helper.read_file(path)
    local net = scion.load(path, { mmap = true })
    assert.is_true(mapped(path))
    assert.allclose(net(x), y, { rtol = 0, atol = 0 })
    local opt = scion.optim.SGD(net:parameters(), { lr = 0.1 })
    for _ = 1, 2 do
      opt:zero_grad()
      net(x):square():sum():backward()
      opt:step()
    end
    assert.is_true((net(x) - y):abs():max():item() > 1e-3)
    assert.equal(before, helper.read_file(path))
    os.remove(path) -- the pages stay
    local weight = net:parameters()[1]
    local sum = weight:sum():item()
    net, opt = nil, nil
    collect()
    assert.equal(sum, weight:sum():item())
    weight = nil
    collect()
    assert.is_false(mapped(path))
  end)

  it("is not the default: a file that becomes shorter afterwards hurts nobody", function()
    local path, y = saved "b.scion"
    local net = scion.load(path)
    assert.is_false(mapped(path))
    io.open(path, "w"):close()
    assert.allclose(net(x), y, { rtol = 0, atol = 0 })
    assert.error_matches(function() scion.load(path, { mmap = true }) end, "b.scion")
  end)

  it("refuses damaged files as ever", function()
    local path = saved "c.scion"
    local bytes = helper.read_file(path)
    helper.write_file(path, bytes:sub(1, -2) .. string.char(bytes:byte(-1) ~ 1))
    assert.error_matches(function() scion.load(path, { mmap = true }) end, "do not match its hash")
    for _, n in ipairs { 0, 7, 100, #bytes - 1 } do
      helper.write_file(path, bytes:sub(1, n))
      assert.is_false(pcall(scion.load, path, { mmap = true }))
    end
    collect()
    assert.is_false(mapped(path))
  end)

  it("reads weights of every other format alike, by name into a network, too", function()
    local root = helper.data "models/formats"
    for _, file in ipairs { "resnet20.safetensors", "resnet20_zip.pt", "resnet20_legacy.pth", "resnet20.npz", "resnet20_deflate.npz" } do
      local copied, kept = scion.load(root .. "/" .. file), scion.load(root .. "/" .. file, { mmap = true })
      local count = 0
      for name, t in pairs(copied) do
        count = count + 1
        assert(t:eq(kept[name]):all():item(), file .. ": " .. name)
      end
      assert.is_true(count > 90)
      local net = scion.models.resnet_cifar { depth = 20 }
      assert.equal(0, #net:load_weights(root .. "/" .. file, { mmap = true }).missing)
    end
    local input, logits = scion.io.read_npy(root .. "/resnet20_input.npy"), scion.io.read_npy(root .. "/resnet20_logits.npy")
    assert.allclose(scion.no_grad(scion.load(root .. "/resnet20_cifar10.onnx", { mmap = true }), input), logits, { rtol = 1e-3, atol = 1e-3 })
  end)
end)
