-- The ways of convolution that are cut into tiles (Winograd's, panels): sizes around every tile, against the general way in f64, under
-- each instruction set, and the same bits for any number of threads.
local helper = require "spec.helper"
local scion = require "scion"

-- batch, channels, outputs, height, width, kernel, stride, padding, groups
local CASES = [[
  scion.seed(11)
  local cases = {}
  for _, w in ipairs { 4, 5, 15, 16, 17, 31, 32, 33, 53, 101 } do cases[#cases + 1] = { 1, 16, 16, 5, w, 3, 1, 1, 1 } end  -- tiles of a line
  for _, h in ipairs { 4, 6, 7, 8, 9, 29 } do cases[#cases + 1] = { 3, 17, 19, h, 8, 3, 1, 1, 1 } end                    -- lines of tiles
  for _, c in ipairs { 16, 23, 24, 25, 77, 255, 256, 257 } do cases[#cases + 1] = { 1, c, 18, 6, 6, 3, 1, 1, 1 } end       -- depth
  for _, o in ipairs { 16, 17, 20, 23, 33 } do cases[#cases + 1] = { 2, 16, o, 8, 8, 3, 1, 1, 1 } end                     -- outputs
  for _, p in ipairs { 0, 1, 2 } do cases[#cases + 1] = { 2, 16, 16, 9, 10, 3, 1, p, 1 } end
  cases[#cases + 1] = { 2, 64, 64, 10, 10, 3, 1, 1, 2 }
  for _, n in ipairs { 1, 3, 7, 8, 9, 23, 24, 25, 47, 48, 49, 77, 149 } do cases[#cases + 1] = { 1, 5, 6, 1, n, 1, 1, 0, 1 } end -- columns of a panel
  for _, n in ipairs { 1, 2, 3, 9 } do cases[#cases + 1] = { n, 20, 13, 5, 5, 1, 1, 0, 1 } end                           -- images of a panel
  for _, c in ipairs { 1, 255, 256, 257, 773 } do cases[#cases + 1] = { 2, c, 9, 4, 4, 1, 1, 0, 1 } end
  for _, o in ipairs { 1, 3, 4, 5, 7, 8, 9, 17, 29 } do cases[#cases + 1] = { 1, 8, o, 5, 6, 1, 1, 0, 1 } end
  for _, k in ipairs { 1, 3, 5, 7 } do cases[#cases + 1] = { 2, 6, 10, 13, 15, k, 2, k // 2, 2 } end
  cases[#cases + 1] = { 1, 3, 32, 33, 65, 7, 2, 3, 1 }
  for _, w in ipairs { 5, 9, 10, 11, 17, 18, 19, 33, 34, 35, 36, 61 } do                                             -- depthwise lines
    for stride = 1, 2 do cases[#cases + 1] = { 2, 4, 4, 7, w, 3, stride, 1, 4 } end
  end
  cases[#cases + 1] = { 1, 3, 6, 20, 40, 3, 2, 1, 3 }
  cases[#cases + 1] = { 2, 5, 5, 1, 40, 3, 1, 1, 5 }
  local function results(c, dtype, grad)
    local x, w, b = scion.randn(c[1], c[2], c[4], c[5]), scion.randn(c[3], c[2] // c[9], c[6], c[6]), scion.randn(c[3])
    x, w, b = x:to(dtype):requires_grad_(), w:to(dtype):requires_grad_(), b:to(dtype)
    local y = scion.conv2d(x, w, b, { padding = c[8], stride = c[7], groups = c[9] })
    local list = { y }
    y:backward { gradient = y:detach() * 0.5 }
    list[2], list[3] = x.grad, w.grad
    for k, act in ipairs { scion.nn.ReLU, scion.nn.ReLU6 } do -- fused by the executor
      local net = scion.nn.Sequential { scion.nn.Conv2d(c[2], c[3], c[6], { padding = c[8], stride = c[7], groups = c[9], bias = k == 1, name = "c" }),
        act { name = "a" } }:to(dtype):eval()
      scion.no_grad(function()
        net:state_dict()["c.weight"]:copy_(w)
        if k == 1 then net:state_dict()["c.bias"]:copy_(b) end
        list[3 + k] = net(x)
      end)
    end
    return list
  end
  local function nmse(a, b)
    a, b = a:to("f64"), b:to("f64")
    return ((a - b):square():sum() / (b:square():sum() + 1e-30)):item()
  end
]]

describe("tiled convolutions", function()
  for _, isa in ipairs { "scalar", "avx2", "avx512" } do
    it("are right around every tile on " .. isa, function()
      local run = helper.run({ "scion", "-e", CASES .. [[
        io.write(scion.info().isa, "\n")
        for i, c in ipairs(cases) do
          scion.seed(i)
          local got = results(c, "f32")
          scion.seed(i)
          for k, want in ipairs(results(c, "f64")) do
            local gap = nmse(got[k], want)
            if not (gap < 1e-10) then print(table.concat(c, " "), k, gap) end
          end
        end]] }, { env = { SCION_ISA = isa, SCION_WINOGRAD = "1" } })
      assert(run.code == 0, run.out .. run.err)
      local name, wrong = run.out:match("^(%w+)\n(.*)$")
      if name ~= isa then return pending("this processor has no " .. isa) end
      assert.equal("", wrong)
    end)
  end

  it("give the same bits for any number of threads", function()
    local code = CASES .. [[
      for i = 1, #cases, 3 do
        scion.seed(i)
        for _, t in ipairs(results(cases[i], "f32")) do
          local h = 0
          for v in t:bytes():gmatch("....") do h = (h * 31 + string.unpack("<I4", v)) & 0xffffffffffff end
          io.write(h, " ")
        end
      end]]
    local one = helper.lua(code, { env = { SCION_THREADS = "1", SCION_WINOGRAD = "1" } })
    for _, n in ipairs { "2", "5" } do assert.equal(one, helper.lua(code, { env = { SCION_THREADS = n, SCION_WINOGRAD = "1" } })) end
  end)

  it("of 3 x 3 are right the direct way too, which few tiles take", function()
    local code = CASES .. [[
      for i, c in ipairs(cases) do
        if c[6] == 3 and c[7] == 1 then
          scion.seed(i)
          local got = results(c, "f32")
          scion.seed(i)
          for k, want in ipairs(results(c, "f64")) do
            local gap = nmse(got[k], want)
            if not (gap < 1e-11) then print(table.concat(c, " "), k, gap) end
          end
        end
      end
      -- one small image in many channels: filters would cost more than the image
      local x, w = scion.randn(1, 64, 7, 7), scion.randn(64, 64, 3, 3)
      local exact = scion.conv2d(x:to("f64"), w:to("f64"), nil, { padding = 1 })
      print(nmse(scion.conv2d(x, w, nil, { padding = 1 }), exact) < 5e-13)]]
    assert.equal("true\n", helper.lua(code, { env = { SCION_WINOGRAD = "0" } }))
    local small = code:match("local x, w = scion.randn%(1, 64.*$")
    assert.equal("true\n", helper.lua(CASES .. small))
    assert.equal("false\n", helper.lua(CASES .. small, { env = { SCION_WINOGRAD = "1" } }))
  end)

  it("of Winograd can be switched off", function()
    local code = CASES .. [[
      local c = { 2, 32, 32, 14, 14, 3, 1, 1, 1 }
      scion.seed(1)
      local got = results(c, "f32")
      scion.seed(1)
      print(nmse(got[1], results(c, "f64")[1]))]]
    local on = tonumber(helper.lua(code))
    local off = tonumber(helper.lua(code, { env = { SCION_WINOGRAD = "0" } }))
    assert.is_true(on < 1e-11)
    assert.is_true(off < 1e-13, off)
    assert.is_true(off < on)
  end)

  it("keep infinities and NaN where they belong", function()
    local x = scion.randn(1, 16, 16, 16)
    x[{ 1, 3, 8, 8 }] = 0 / 0
    local y = scion.conv2d(x, scion.randn(16, 16, 3, 3), nil, { padding = 1 })
    assert.is_true(y:at(1, 1, 8, 8) ~= y:at(1, 1, 8, 8))
    assert.is_true(y:at(1, 1, 1, 1) == y:at(1, 1, 1, 1))
  end)
end)
