local helper = require "spec.helper"
local scion = require "scion"

describe("arrays in files", function()
  local dir = helper.tmpdir()

  it("go to npy and back in every type", function()
    for _, dtype in ipairs { "f32", "f64", "i32", "i64", "u8", "bool" } do
      local t = scion.arange(0, 24):reshape(2, 3, 4):to(dtype)
      scion.io.save_npy(dir .. "/a.npy", t:transpose(1, 3))
      local back = scion.io.read_npy(dir .. "/a.npy")
      assert.equal(dtype, back.dtype)
      assert.same(t:transpose(1, 3):tolist(), back:tolist())
    end
    scion.io.save_npy(dir .. "/s.npy", scion.tensor(3.5))
    assert.equal(0, scion.io.read_npy(dir .. "/s.npy"):dim())
  end)

  it("go to npz and back, stored and deflated", function()
    for _, compressed in ipairs { false, true } do
      scion.io.save_npz(dir .. "/a.npz", { x = scion.ones(3, 4), ids = scion.tensor({ 1, 2 }, { dtype = "i64" }) }, compressed)
      local back = scion.io.read_npz(dir .. "/a.npz")
      assert.same(scion.ones(3, 4):tolist(), back.x:tolist())
      assert.same({ 1, 2 }, back.ids:tolist())
    end
  end)

  it("go to safetensors and back with metadata", function()
    scion.io.save_safetensors(dir .. "/a.safetensors", { w = scion.full({ 2, 2 }, 0.5) }, { origin = "here" })
    local tensors, meta = scion.io.read_safetensors(dir .. "/a.safetensors")
    assert.same({ { 0.5, 0.5 }, { 0.5, 0.5 } }, tensors.w:tolist())
    assert.equal("here", meta.origin)
  end)

  it("read IDX, plain and in gzip", function()
    helper.write_file(dir .. "/a.idx", "\0\0\8\2\0\0\0\2\0\0\0\3\1\2\3\4\5\6")
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, scion.io.read_idx(dir .. "/a.idx"):tolist())
    os.execute(("gzip -kf %s/a.idx"):format(dir))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, scion.io.read_idx(dir .. "/a.idx.gz"):tolist())
    assert.equal("\0\0\8\2", scion.io.read_file(dir .. "/a.idx.gz"):sub(1, 4))
  end)

  it("refuse every truncation, naming the file", function()
    scion.io.save_npy(dir .. "/t.npy", scion.ones(2, 2))
    scion.io.save_npz(dir .. "/t.npz", { x = scion.ones(2, 2) }, true)
    scion.io.save_safetensors(dir .. "/t.safetensors", { x = scion.ones(2, 2) })
    helper.write_file(dir .. "/t.idx", "\0\0\8\2\0\0\0\2\0\0\0\3\1\2\3\4\5\6")
    for file, read in pairs { ["t.npy"] = scion.io.read_npy, ["t.npz"] = scion.io.read_npz, ["t.safetensors"] = scion.io.read_safetensors,
      ["t.idx"] = scion.io.read_idx } do
      local whole = helper.read_file(dir .. "/" .. file)
      for n = 0, #whole - 1 do
        local cut = helper.write_file(dir .. "/cut", whole:sub(1, n))
        local ok, message = pcall(read, cut)
        assert.is_false(ok, ("%s cut to %d bytes was read"):format(file, n))
        assert.truthy(message:find("cut", 1, true), message)
      end
    end
  end)

  it("refuse what is absent, foreign or code", function()
    assert.error_matches(function() scion.io.read_npy(dir .. "/none.npy") end, "none%.npy")
    local header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    helper.write_file(dir .. "/o.npy", "\x93NUMPY\1\0" .. string.pack("<I2", #header + 1) .. header .. "\n" .. ("\0"):rep(8))
    assert.error_matches(function() scion.io.read_npy(dir .. "/o.npy") end, "Python objects")
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"
    helper.write_file(dir .. "/h.npy", "\x93NUMPY\1\0" .. string.pack("<I2", #header + 1) .. header .. "\n")
    assert.error_matches(function() scion.io.read_npy(dir .. "/h.npy") end, "h%.npy")
  end)

  it("leave the old file alone when a save fails", function()
    local path = dir .. "/old.npy"
    scion.io.save_npy(path, scion.ones(3))
    assert.error(function() scion.io.save_npy(dir .. "/no/such/folder.npy", scion.ones(3)) end)
    assert.error(function() scion.io.save_npy("/proc/scion.npy", scion.ones(3)) end)
    assert.same({ 1, 1, 1 }, scion.io.read_npy(path):tolist())
  end)
end)
