-- Reads the golden files of spec/golden/make_layers.py: makes the same inputs, runs a case and compares.
local assert = require "luassert"
local scion = require "scion"
local nn = scion.nn

local M = {}

local dir = debug.getinfo(1, "S").source:match("^@(.*)nn/[^/]*$")
function M.load(name) return dofile(dir .. "golden/" .. name) end

--- The numbers that both sides make from a seed: `fill` of make_layers.py.
function M.fill(shape, seed, kind)
  local n = 1
  for i = 1, #shape do n = n * shape[i] end
  local s, list = (seed * 7919 + 12345) % 2147483648, {}
  for _ = 1, 4 do s = (s * 1103515245 + 12345) % 2147483648 end
  for i = 1, n do
    s = (s * 1103515245 + 12345) % 2147483648
    list[i] = s / 2147483648.0
  end
  local u = scion.tensor(list, { dtype = "f64" }):reshape(shape)
  kind = kind or ""
  local classes = kind:match("^ids:(%d+)$")
  if classes then return (u * tonumber(classes)):floor():to("i64") + 1 end
  if kind == "prob" then return u * 0.96 + 0.02 end
  if kind == "pos" then return u * 1.5 + 0.5 end
  if kind == "sign" then return scion.where(u:lt(0.5), scion.full(shape, -1, { dtype = "f64" }), scion.ones(shape, { dtype = "f64" })) end
  if kind == "rows" then
    u = u + 0.05
    return u / u:sum(-1, true)
  end
  return u * 3 - 1.5
end

local function digest(t)
  t = t:detach():to("f64")
  local out = {}
  for k = 0, 2 do out[k + 1] = (t * M.fill(t.shape, 300 + k)):sum():item() end
  out[4] = t:norm():item()
  return out
end

-- Sums and norm agree to within tol of the norm.
function M.check(what, got, expected, tol)
  local d = digest(got)
  local scale = expected[4] + 1e-2
  for k = 1, 4 do
    local ok = math.abs(d[k] - expected[k]) <= tol * scale * math.max(1, math.sqrt(got:numel()) / 4)
    assert(ok, ("%s: number %d of the digest is %.12g, expected %.12g (norm %.6g)"):format(what, k, d[k], expected[k], expected[4]))
  end
end

local function entries(net, kind)
  local list = {}
  for _, e in ipairs(net:entries()) do
    if e.kind == kind then list[#list + 1] = e end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Builds the layer of a case in a dtype, with its parameters and buffers filled.
function M.build(case, dtype)
  local args = {}
  for i, a in ipairs(case.args) do args[i] = a end
  if case.tensors then
    args[1] = args[1] and table.move(args[1], 1, 0, 1, {}) or {}
    for key, value in pairs(case.args[1] or {}) do args[1][key] = value end
    for name, shape in pairs(case.tensors) do args[1][name] = M.fill(shape, name == "pos_weight" and 91 or 90, "pos") end
  end
  local net = nn[case.layer](table.unpack(args)):to(dtype)
  scion.no_grad(function()
    for i, e in ipairs(entries(net, "param")) do e.tensor:copy_(M.fill(e.tensor.shape, 19 + i) * 0.5) end
    local i = 0
    for _, e in ipairs(entries(net, "buffer")) do
      if e.name:find("running", 1, true) then
        e.tensor:copy_(M.fill(e.tensor.shape, 80 + i, e.name:find("var", 1, true) and "pos" or ""))
        i = i + 1
      end
    end
  end)
  if case.train then net:train() else net:eval() end
  return net
end

--- The inputs of a case.
function M.inputs(case, dtype)
  local list = {}
  for i, input in ipairs(case.inputs) do
    local x = M.fill(input.shape, i, input.kind)
    if x.dtype == "f64" then
      x = x:to(dtype)
      if case.dx[i] then x:requires_grad_(true) end
    end
    list[i] = x
  end
  return list
end

--- Runs a case and compares outputs, gradients and buffers.
function M.run(case, dtype)
  local tol = dtype == "f64" and 2e-10 or 1e-5
  local net, inputs = M.build(case, dtype), M.inputs(case, dtype)
  local outputs = { net(table.unpack(inputs)) }
  assert(#outputs >= #case.y, ("%d outputs, expected %d"):format(#outputs, #case.y))
  local loss
  for j, expected in ipairs(case.y) do
    local y = outputs[j]
    assert.same(case.shapes[j], { table.unpack(y.shape) })
    M.check(("output %d"):format(j), y, expected, tol)
    local part = (y * M.fill(y.shape, 49 + j):to(dtype)):sum()
    loss = loss and loss + part or part
  end
  for name, expected in pairs(case.buffers or {}) do
    for _, e in ipairs(entries(net, "buffer")) do
      if e.name == name then M.check(name, e.tensor, expected, tol) end
    end
  end
  if not loss.requires_grad then return end
  loss:backward()
  for i, expected in ipairs(case.dx) do
    if expected then M.check(("gradient of input %d"):format(i), inputs[i].grad, expected, tol * 4) end
  end
  local seen = 0
  for _, e in ipairs(entries(net, "param")) do
    assert(case.dp[e.name], "PyTorch has no parameter " .. e.name)
    M.check("gradient of " .. e.name, e.tensor.grad, case.dp[e.name], tol * 4)
    seen = seen + 1
  end
  local n = 0
  for _ in pairs(case.dp) do n = n + 1 end
  assert.equal(n, seen)
end

local function text(value)
  if type(value) ~= "table" then return tostring(value) end
  local parts, keys = {}, {}
  for i = 1, #value do parts[i] = text(value[i]) end
  for key in pairs(value) do if type(key) == "string" then keys[#keys + 1] = key end end
  table.sort(keys)
  for _, key in ipairs(keys) do parts[#parts + 1] = key .. " = " .. text(value[key]) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end
--- A case in words.
function M.title(case)
  local shapes = {}
  for i, input in ipairs(case.inputs) do shapes[i] = "(" .. table.concat(input.shape, ", ") .. ")" end
  local args = {}
  for i, a in ipairs(case.args) do args[i] = text(a) end
  return ("%s(%s) on %s%s"):format(case.layer, table.concat(args, ", "), table.concat(shapes, ", "), case.train and ", training" or "")
end

return M
