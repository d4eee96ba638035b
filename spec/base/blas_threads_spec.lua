-- The BLAS is called from several threads at once. Debian's serial build hands out its work buffers without a lock (see
-- runtime/base/blas_memory.c): products must nevertheless come out the same for any number of threads.
local helper = require "spec.helper"

local CODE <const> = [[
local scion = require "scion"
scion.seed(1)
local a, b = scion.randn(16, 48, 64), scion.randn(16, 40, 64):transpose(2, 3)
local x, w = scion.randn(8, 6, 12, 12), scion.randn(9, 6, 3, 3)
local function all(threads)
  scion.threads(threads)
  local v = w:detach():requires_grad_(true)
  local loss = scion.conv2d(x, v, { padding = 1 }):square():sum()
  loss:backward()
  return a:matmul(b):bytes() .. v.grad:bytes()
end
local expected = all(1)
local wrong = 0
for _ = 1, 400 do
  if all(4) ~= expected then wrong = wrong + 1 end
end
print(wrong .. " of 400 wrong")
]]

describe("products on several threads", function()
  for _, core in ipairs { "", "Haswell" } do
    it("have the same bits as on one" .. (core == "" and "" or ", core type " .. core), function()
      local env = { SCION_THREADS = "4" }
      if core ~= "" then env.OPENBLAS_CORETYPE = core end
      assert.are.equal("0 of 400 wrong\n", helper.lua(CODE, { env = env }))
    end)
  end
end)
