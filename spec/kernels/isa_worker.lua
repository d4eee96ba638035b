-- Runs every operation's samples in f32, a step of training of a small convolutional network and products of several sizes, and
-- writes the numbers: name, kind, values. isa_spec.lua compares what different instruction sets give.
--   scion isa_worker.lua FILE
local scion = require "scion"
local nn = scion.nn

local out = assert(io.open(arg[1], "w"))
local function emit(name, kind, t)
  local list = t:detach():to("f64"):reshape(-1):tolist()
  for i, v in ipairs(list) do list[i] = ("%.9g"):format(v) end
  out:write(name, "\t", kind, "\t", table.concat(list, " "), "\n")
end

-- Signs and order of eigenvectors are free; "empty" is whatever memory holds.
local SKIP <const> = { qr = true, svd = true, eigh = true, empty = true, empty_like = true }

for _, name in ipairs(scion.op_names()) do
  local info, index = scion.op_info(name), 1
  while not SKIP[name] do
    scion.seed(1000 + index)
    local apply, inputs, differentiable = scion.op_sample(name, index)
    if not apply then break end
    local leaves = {}
    for k, x in ipairs(inputs) do
      if x and x.dtype == "f64" and name ~= "class_targets" then
        x = x:to("f32")
        if differentiable[k] and not info.no_grad then
          x:requires_grad_(true)
          leaves[#leaves + 1] = x
        end
        inputs[k] = x
      end
    end
    scion.seed(7)
    local total
    for i, y in ipairs { apply(inputs, #inputs) } do
      if y then
        emit(name, ("sample%d.%d"):format(index, i), y)
        if y.requires_grad then
          local part = (y * scion.arange(y:numel(), { dtype = y.dtype }):sin():reshape(y.shape)):to("f64"):sum()
          total = total and total + part or part
        end
      end
    end
    if total and #leaves > 0 then
      for i, g in ipairs(scion.grad(total, leaves, { allow_unused = true })) do
        if g then emit(name, ("gradient%d.%d"):format(index, i), g) end
      end
    end
    index = index + 1
  end
end

scion.seed(3)
for _, size in ipairs { { 3, 5, 7 }, { 64, 64, 64 }, { 33, 129, 65 }, { 10, 40, 40 }, { 13, 19, 1 }, { 9, 24, 17 } } do
  local m, k, n = table.unpack(size)
  for turned = 0, 3 do -- either side as it lies or transposed
    local a = turned & 1 == 0 and scion.randn(m, k) or scion.randn(k, m):t()
    local b = turned & 2 == 0 and scion.randn(k, n) or scion.randn(n, k):t()
    emit(("matmul_%dx%dx%d"):format(m, k, n), "product" .. turned, a:matmul(b))
  end
end
local net = nn.Sequential { nn.Conv2d(3, 8, 3, { padding = 1, bias = false }), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, { groups = 8, padding = 1 }),
  nn.Conv2d(8, 16, 1), nn.GELU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 32), nn.Tanh(), nn.LayerNorm(32), nn.Linear(32, 5) }
local adam = scion.optim.Adam(net:parameters(), { lr = 1e-3 })
local x, ids = scion.randn(4, 3, 18, 18), scion.tensor({ 1, 3, 5, 2 }, { dtype = "i64" })
for _ = 1, 3 do
  local loss = nn.cross_entropy(net(x), ids)
  emit("training", "loss", loss)
  adam:zero_grad()
  loss:backward()
  adam:step()
end
for name, p in net:named_parameters() do emit(name, "gradient", p.grad) end
emit("network", "output", net:eval()(x))
out:close()
