-- ONNX's own cases, all of the archive. onnx_expected.lua lists those that do not pass, by reason; a case that changes its status
-- fails here, so the list is what is known and nothing else. SCION_ONNX_WRITE=1 writes it anew.
local helper = require "spec.helper"
local cases = require "spec.io.onnx_cases"

local LIST <const> = "spec/io/onnx_expected.lua"

local function short(why)
  why = why:gsub("^(%a+): .-: [%w_]+: ", "%1: "):gsub("%s*%(''%)", ""):gsub("''", ""):gsub("\n.*", ""):gsub("stopped: .-: ", "stopped: ")
  return #why > 100 and why:sub(1, 100) .. "..." or why
end

describe("ONNX's backend cases", function()
  it("pass, fail and are skipped as listed, and the core operators pass", function()
    local archive = helper.data "conformance/onnx-1.22.0-cases.tar.gz"
    local expected = dofile(LIST)
    local seen, changed, tally, lines, core, core_pass = {}, {}, {}, {}, 0, 0
    cases.each(archive, nil, function(folder, name, status, why, case)
      local key = folder .. "/" .. name
      local t = tally[folder] or { pass = 0, fail = 0, skip = 0 }
      tally[folder], seen[key] = t, true
      t[status] = t[status] + 1
      if cases.is_core(case) and case.plain and status ~= "skip" then
        core = core + 1
        core_pass = core_pass + (status == "pass" and 1 or 0)
      end
      local known = expected[key] and expected[key]:match "^%a+" or "pass"
      if known ~= status then changed[#changed + 1] = ("%s: %s, listed as %s (%s)"):format(key, status, known, short(why)) end
      if status ~= "pass" then lines[#lines + 1] = ("  [%q] = %q,"):format(key, status .. ": " .. short(why)) end
    end)
    for key in pairs(expected) do if not seen[key] then changed[#changed + 1] = key .. ": listed, but not in the archive" end end
    if os.getenv "SCION_ONNX_WRITE" then
      helper.write_file(LIST,
        "-- Cases of ONNX's backend tests that do not pass, and why. Written by onnx_conformance_spec.lua.\nreturn {\n" .. table.concat(lines, "\n") .. "\n}\n")
    else
      assert(#changed == 0, table.concat(changed, "\n"))
    end
    assert.equal(0, tally["pytorch-converted"].fail + tally["pytorch-converted"].skip)
    assert.equal(0, tally["pytorch-operator"].fail + tally["pytorch-operator"].skip)
    assert.is_true(core_pass >= 0.95 * core, ("%d of %d cases of the core operators pass"):format(core_pass, core))
  end)

  it("of whole networks (the light models) all pass #slow", function()
    local failed, count = {}, 0
    cases.each_light(helper.data "conformance/onnx-1.22.0-cases.tar.gz", function(name, status, why)
      count = count + 1
      if status ~= "pass" then failed[#failed + 1] = name .. ": " .. why end
    end)
    assert.equal(9, count)
    assert(#failed == 0, table.concat(failed, "\n"))
  end)

  it("of the MNIST network give the stored outputs", function()
    local scion = require "scion"
    local root = helper.data "conformance/mnist_8"
    local net = scion.load(root .. "/model.onnx")
    for k = 0, 2 do
      local set = ("%s/test_data_set_%d/"):format(root, k)
      local x = scion.io.decode_onnx_tensor(helper.read_file(set .. "input_0.pb"))
      assert.allclose(net(x), scion.io.decode_onnx_tensor(helper.read_file(set .. "output_0.pb")), { rtol = 1e-3, atol = 1e-3 })
    end
  end)
end)
