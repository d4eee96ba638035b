-- Files that cannot be written or read: the disk is full, the place is wrong, the process dies in the middle. An old
-- file stays as it was until the new one is complete, and nothing else stays behind.
local helper = require "spec.helper"
local scion = require "scion"
local nn = scion.nn

local function net(value)
  local n = nn.Sequential { nn.Linear(200, 200, { name = "fc" }) }
  n:apply(function(_, p) p:fill_(value) end)
  return n
end
local function value_of(path)
  for _, p in nn.load(path):named_parameters() do return p:reshape(-1)[1] end
end
local function entries(dir)
  local names = {}
  for i, entry in ipairs(scion.io.list_dir(dir)) do names[i] = entry.name end
  return names
end

-- Every writer: what is written to `path`.
local WRITERS <const> = {
  ["net:save"] = "scion.nn.Sequential { scion.nn.Linear(200, 200) }:save(path)",
  save_safetensors = "scion.io.save_safetensors(path, { a = scion.zeros(200, 200) })",
  save_npy = "scion.io.save_npy(path, scion.zeros(200, 200))",
  save_npz = "scion.io.save_npz(path, { a = scion.randn(200, 200) })",
  checkpoint = [[
    local net = scion.nn.Sequential { scion.nn.Linear(200, 200) }
    net:fit(scion.data.tensors { x = scion.zeros(4, 200), targets = scion.zeros(4, 200) }, { loss = "mse", checkpoint = path, progress = false })]],
  repurposer = [[
    local net = scion.nn.Sequential { scion.nn.Linear(200, 200, { name = "fc" }), scion.nn.Linear(200, 2) }
    local few = scion.data.tensors { x = scion.eye(4, 200), labels = { "a", "b", "a", "b" } }
    scion.LrRepurposer { source_model = net, feature_layer_names = { "fc" } }:repurpose(few):save(path)]],
}

describe("writing a file", function()
  local dir = helper.tmpdir()

  -- A limit on the size of files stands for the full disk: a write ends early in the same way.
  for name, code in pairs(WRITERS) do
    it("by " .. name .. " on a full disk is an error and leaves the old file as it was", function()
      local home = ("%s/%s"):format(dir, name:gsub("%W", ""))
      scion.io.make_dir(home)
      local path = helper.write_file(home .. "/file", "the old one")
      local script = helper.write_file(dir .. "/write.lua", ("local path = ...\nlocal ok, message = pcall(function() %s end)\nprint(ok, message)"):format(code))
      local result = helper.run(("trap '' XFSZ; ulimit -f 64; %s %s %s"):format(helper.program, script, path))
      assert.equal(0, result.code, result.err)
      assert.truthy(result.out:find("^false.*" .. "cannot write"), result.out .. result.err)
      assert.truthy(result.out:find(path, 1, true), result.out)
      assert.equal("the old one", helper.read_file(path))
      assert.same({ "file" }, entries(home))
    end)
  end

  it("to a place that is none names it", function()
    for _, place in ipairs { dir, dir .. "/no/such/folder/file", "/proc/self/file" } do
      local ok, message = pcall(function() net(1):save(place) end)
      assert.is_false(ok)
      assert.truthy(message:find(place, 1, true), message)
      assert.truthy(message:find("cannot write", 1, true) or message:find("a directory, not a file", 1, true), message)
    end
    local ok, message = pcall(scion.io.save_npy, "/dev/full", scion.zeros(2))
    assert.is_false(ok)
    assert.truthy(message:find("a device or pipe, not a file", 1, true), message)
  end)

  it("through a link replaces what the link points to", function()
    os.execute(("mkdir %s/deep && ln -s deep/real %s/link"):format(dir, dir))
    net(1):save(dir .. "/deep/real")
    net(2):save(dir .. "/link")
    assert.equal(2, value_of(dir .. "/deep/real"))
    assert.truthy(helper.run(("test -L %s/link"):format(dir)).code == 0)
    assert.same({ "real" }, entries(dir .. "/deep"))
  end)

  it("keeps the mode of the old file", function()
    local path = helper.write_file(dir .. "/private", "")
    os.execute("chmod 600 " .. path)
    net(1):save(path)
    assert.equal("600\n", helper.run("stat -c %a " .. path).out)
  end)

  it("that is killed in the middle leaves the old or the new file, whole #slow", function()
    local path = dir .. "/killed"
    net(1):save(path)
    local script = helper.write_file(dir .. "/loop.lua", [[
      local path = ...
      local nn, nets = scion.nn, {}
      for k = 1, 2 do
        nets[k] = nn.Sequential { nn.Linear(200, 200, { name = "fc" }) }
        nets[k]:apply(function(_, p) p:fill_(k) end)
      end
      print "ready" io.flush()
      while true do for k = 1, 2 do nets[k]:save(path) end end]])
    os.execute(("mkfifo %s/ready"):format(dir))
    for _ = 1, 5 do -- killed as soon as it has begun, at some point of the loop
      helper.run(("%s %s %s > %s/ready & pid=$!; read line < %s/ready; kill -9 $pid"):format(helper.program, script, path, dir, dir))
      local v = value_of(path)
      assert.truthy(v == 1 or v == 2, tostring(v))
    end
  end)
end)

describe("reading a file", function()
  local dir = helper.tmpdir()
  local io = scion.io
  local READERS <const> = { read_npy = io.read_npy, read_npz = io.read_npz, read_idx = io.read_idx, read_image = io.read_image,
    read_safetensors = io.read_safetensors, read_file = io.read_file, ["nn.load"] = nn.load, ["scion.load"] = scion.load }

  for name, read in pairs(READERS) do
    it("by " .. name .. " says why it cannot be read", function()
      local function fails(path, word)
        local ok, message = pcall(read, path)
        assert.is_false(ok)
        assert.truthy(tostring(message):find(path, 1, true), message)
        assert.truthy(tostring(message):find(word, 1, true), message)
      end
      fails(dir .. "/nothing", name == "scion.load" and "Cannot find" or "No such file")
      fails(dir, "a directory")
      os.execute(("test -p %s/pipe || mkfifo %s/pipe"):format(dir, dir))
      fails(dir .. "/pipe", "a device or pipe") -- and does not wait for a writer
      fails("/dev/zero", "a device or pipe")
      os.execute(("ln -sf loop %s/loop"):format(dir))
      fails(dir .. "/loop", name == "scion.load" and "Cannot find" or "symbolic link")
      if name ~= "read_file" then
        fails(helper.write_file(dir .. "/empty", ""), "")
        fails(helper.write_file(dir .. "/text", "this is just a text\n"), "")
      end
    end)
  end

  it("that was removed meanwhile gives what it held", function()
    local path = dir .. "/gone"
    net(3):save(path)
    local loaded = nn.load(path)
    os.remove(path)
    for _, p in loaded:named_parameters() do assert.equal(3, p:reshape(-1)[1]) end
  end)
end)
