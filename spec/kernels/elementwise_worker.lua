-- Runs every elementwise kernel of this process's instruction set on many lengths and layouts and compares with f64
-- (f32) or with Lua's own arithmetic (integers). Prints what is wrong, then "checked N". Started by elementwise_spec.lua
-- once per instruction set; arguments: the file for the results that the instruction sets are compared by.
local scion = require "scion"

local LENGTHS <const> = { 0, 1, 15, 16, 17, 53, 200 }
local checked, failed, record = 0, 0, {}

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end
local function fail(...)
  failed = failed + 1
  if failed <= 40 then print(string.format(...)) end
end

-- The same numbers everywhere: a linear congruence.
local seed = 12345
local function uniform(lo, hi)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return lo + (hi - lo) * seed / 2147483648
end
local function numbers(n, lo, hi)
  local list = {}
  for i = 1, n do list[i] = uniform(lo, hi) end
  return list
end
local function tensor(list, dtype)
  if #list == 0 then return scion.tensor({ 0 }, { dtype = dtype })[{ { 1, 0 } }]:clone() end
  return scion.tensor(list, { dtype = dtype })
end
-- The same values with a stride of 3.
local function spread(t)
  local n = #t
  if n == 0 then return t end
  return scion.stack({ t, t, t }, 2):reshape(-1)[{ { 1, 3 * n, 3 } }]
end

-- got (f32) against expected (f64): both NaN, or within ulps of the f32 result (absolute below the smallest normal).
local function compare(what, got, expected, ulps, absolute)
  checked = checked + 1
  local g, e = got:tolist(), expected:tolist()
  if #g ~= #e then return fail("%s: %d results, expected %d", what, #g, #e) end
  for i = 1, #g do
    local a, b = g[i], e[i]
    if a ~= a or b ~= b then
      if (a ~= a) ~= (b ~= b) then fail("%s: element %d is %s, expected %s", what, i, a, b) end
    elseif math.abs(b) > 3.4028234e38 or math.abs(a) == math.huge then
      if not (math.abs(b) > 3.4028e38 and math.abs(a) > 3.4028e38 and (a > 0) == (b > 0)) then fail("%s: element %d is %s, expected %s", what, i, a, b) end
    else
      local size = math.max(math.abs(b), 2 ^ -126)
      local ulp = 2.0 ^ (math.floor(math.log(size, 2)) - 23)
      if not (math.abs(a - b) <= ulps * ulp + (absolute or 0)) then fail("%s: element %d is %.9g, expected %.9g (%.1f ulp)", what, i, a, b, math.abs(a - b) / ulp) end
    end
  end
end

-- ---- one operand ----------------------------------------------------------------------------------------------

-- name -> lowest and highest input, allowed ulps, absolute error
local UNARY <const> = {
  neg = { -9, 9, 0 }, abs = { -9, 9, 0 }, sign = { -9, 9, 0 }, square = { -9, 9, 1 }, relu = { -9, 9, 0 },
  floor = { -9, 9, 0 }, ceil = { -9, 9, 0 }, round = { -9, 9, 0 }, trunc = { -9, 9, 0 }, frac = { -9, 9, 0 },
  sqrt = { 0, 99, 0.51 }, rsqrt = { 0.01, 99, 1.6 }, reciprocal = { -9, 9, 0.51 },
  exp = { -90, 90, 1.2 }, expm1 = { -20, 90, 1.8 }, log = { 0, 1e3, 1 }, log1p = { -0.99, 50, 1 }, log2 = { 0, 1e3, 1.8 }, log10 = { 0, 1e3, 1.6 },
  sin = { -99, 99, 0.6 }, cos = { -99, 99, 0.6 }, tan = { -99, 99, 1.1 }, asin = { -1, 1, 0.51 }, acos = { -1, 1, 0.51 }, atan = { -99, 99, 0.51 },
  sinh = { -9, 9, 0.51 }, cosh = { -9, 9, 0.51 }, tanh = { -9, 9, 1.4 }, asinh = { -99, 99, 0.51 }, acosh = { 1, 99, 0.51 }, atanh = { -1, 1, 0.51 },
  erf = { -5, 5, 1.2 }, erfc = { -5, 9, 0.51 }, lgamma = { 0.1, 50, 0.6 }, digamma = { 0.1, 50, 0.6 }, sigmoid = { -99, 99, 2.1 },
  silu = { -80, 80, 2.7 }, mish = { -80, 80, 2.8 }, gelu = { -6, 6, 2.2, 3e-7 }, softplus = { -99, 99, 1.6 }, hardswish = { -5, 5, 2 }, hardsigmoid = { -5, 5, 1.1 },
}
local SPECIAL <const> = { 0, -0.0, 1, -1, 0.5, 1 / 0, -1 / 0, 0 / 0, 1e-40, -1e-40, 1e-30, 3e38, -3e38, 88.72, 88.73, -87.4, -103.9, -104.1, 1e5, -1e5, 2 ^ 20, 1e8,
  127.9, -126.5, 20.1, -20.1, 4.01, -4.01, 16777216, 1e-4, 7, 40.5 }

local function unary(name, rule)
  local method = scion.Tensor.methods[name]
  for _, n in ipairs(LENGTHS) do
    local x = tensor(numbers(n, rule[1], rule[2]), "f32")
    local expected = method(x:to("f64"))
    local what = ("%s n=%d"):format(name, n)
    local y = method(x)
    compare(what, y, expected, rule[3], rule[4])
    if n == 200 then record[#record + 1] = y:tolist() end
    compare(what .. " strided", method(spread(x)), expected, rule[3], rule[4])
    local inplace = scion.Tensor.methods[name .. "_"]
    if inplace then
      compare(what .. " in place", inplace(x:clone()), expected, rule[3], rule[4])
      compare(what .. " strided in place", inplace(spread(x)), expected, rule[3], rule[4])
    end
    if n > 0 then compare(what .. " of a column", method(scion.stack({ x, x }, 2))[{ {}, 1 }], expected, rule[3], rule[4]) end
  end
  local special = tensor(SPECIAL, "f32")
  -- far tails of gelu and the last denormals of silu and mish are only absolutely exact
  local absolute = (name == "gelu" and 3e-7) or ((name == "silu" or name == "mish") and 1e-42) or nil
  compare(name .. " special", method(special), method(special:to("f64")), math.max(rule[3], 1.2), absolute)
end
for _, name in ipairs(sorted(UNARY)) do unary(name, UNARY[name]) end

-- ---- two operands -----------------------------------------------------------------------------------------------

local BINARY <const> = {
  add = { -9, 9, 0.51 }, sub = { -9, 9, 0.51 }, mul = { -9, 9, 0.51 }, div = { -9, 9, 0.51 }, pow = { 0.01, 20, 0.51 }, maximum = { -9, 9, 0 }, minimum = { -9, 9, 0 },
  fmod = { -9, 9, 0.51 }, remainder = { -9, 9, 0.51 }, floor_divide = { -9, 9, 0 }, atan2 = { -9, 9, 0.51 }, hypot = { -9, 9, 0.51 },
  eq = { -9, 9, 0 }, ne = { -9, 9, 0 }, lt = { -9, 9, 0 }, le = { -9, 9, 0 }, gt = { -9, 9, 0 }, ge = { -9, 9, 0 },
  logical_and = { -9, 9, 0 }, logical_or = { -9, 9, 0 }, logical_xor = { -9, 9, 0 },
}
local RELATIONS <const> = { eq = true, ne = true, lt = true, le = true, gt = true, ge = true, logical_and = true, logical_or = true, logical_xor = true }

local function binary(name, rule)
  local method = scion.Tensor.methods[name]
  local function run(a, b)
    local y = method(a, b)
    return RELATIONS[name] and y:to("i32") or y
  end
  for _, n in ipairs(LENGTHS) do
    local a, b = tensor(numbers(n, rule[1], rule[2]), "f32"), tensor(numbers(n, rule[1], rule[2]), "f32")
    if name == "eq" or name == "ne" then b = b:round() a = a:round() end
    local A, B = a:to("f64"), b:to("f64")
    local what = ("%s n=%d"):format(name, n)
    local expected = run(A, B)
    local y = run(a, b)
    compare(what, y, expected, rule[3])
    if n == 200 then record[#record + 1] = y:tolist() end
    compare(what .. " strided", run(spread(a), b), expected, rule[3])
    compare(what .. " both strided", run(spread(a), spread(b)), expected, rule[3])
    local s = tensor({ 2.5 }, "f32")
    compare(what .. " by scalar", run(a, s), run(A, s:to("f64")), rule[3])
    compare(what .. " of scalar", run(s, a), run(s:to("f64"), A), rule[3])
    if not RELATIONS[name] then
      local inplace = scion.Tensor.methods[name .. "_"]
      compare(what .. " in place", inplace(a:clone(), b), expected, rule[3])
      compare(what .. " strided in place", inplace(spread(a), b), expected, rule[3])
      compare(what .. " with itself", inplace(a, a), run(A, A), rule[3])
    end
  end
  local pairs_a, pairs_b = {}, {}
  for _, u in ipairs { 0, -0.0, 1, -1, 1 / 0, -1 / 0, 0 / 0, 3, -2.5, 1e-40 } do
    for _, v in ipairs { 0, -0.0, 1, -1, 1 / 0, -1 / 0, 0 / 0, 2, -2.5 } do
      pairs_a[#pairs_a + 1], pairs_b[#pairs_b + 1] = u, v
    end
  end
  local a, b = tensor(pairs_a, "f32"), tensor(pairs_b, "f32")
  compare(name .. " special", run(a, b), run(a:to("f64"), b:to("f64")), math.max(rule[3], 0.51))
end
for _, name in ipairs(sorted(BINARY)) do binary(name, BINARY[name]) end
for _, e in ipairs { -1, 0, 0.5, 1, 2, 3, 2.5 } do -- exponents with loops of their own
  local a = tensor(SPECIAL, "f32")
  compare(("pow %g"):format(e), a:pow(e), a:to("f64"):pow(e), e == 3 and 1.1 or 0.51)
end

-- ---- integers -----------------------------------------------------------------------------------------------------

local WRAP <const> = { i32 = { -2 ^ 31, 2 ^ 32 }, u8 = { 0, 256 } }
local function wrap(v, dtype)
  local range = WRAP[dtype]
  if not range then return v end
  local low, size = math.tointeger(range[1]), math.tointeger(range[2])
  return (v - low) % size + low
end
local INTEGER <const> = {
  add = function(a, b) return a + b end, sub = function(a, b) return a - b end, mul = function(a, b) return a * b end,
  maximum = math.max, minimum = math.min, remainder = function(a, b) return a % b end, floor_divide = function(a, b) return a // b end,
  fmod = function(a, b) return math.fmod(a, b) end,
  bitwise_and = function(a, b) return a & b end, bitwise_or = function(a, b) return a | b end, bitwise_xor = function(a, b) return a ~ b end,
  eq = function(a, b) return a == b and 1 or 0 end, lt = function(a, b) return a < b and 1 or 0 end, ge = function(a, b) return a >= b and 1 or 0 end,
}
local EDGES <const> = {
  i32 = { 0, 1, -1, 7, -7, 2147483647, -2147483648, 65536, -100 },
  i64 = { 0, 1, -1, 7, -7, math.maxinteger, math.mininteger, 1 << 40, -100 },
  u8 = { 0, 1, 7, 100, 128, 200, 255 },
}
for dtype, edges in pairs(EDGES) do
  local a, b, nonzero_a, nonzero_b = {}, {}, {}, {}
  for _, u in ipairs(edges) do
    for _, v in ipairs(edges) do
      a[#a + 1], b[#b + 1] = u, v
      if v ~= 0 then nonzero_a[#nonzero_a + 1], nonzero_b[#nonzero_b + 1] = u, v end
    end
  end
  for name, reference in pairs(INTEGER) do
    local divides = name == "remainder" or name == "floor_divide" or name == "fmod"
    local x, y = divides and nonzero_a or a, divides and nonzero_b or b
    for _, layout in ipairs { "contiguous", "strided" } do
      local tx, ty = tensor(x, dtype), tensor(y, dtype)
      if layout == "strided" then tx, ty = spread(tx), spread(ty) end
      local got = scion.Tensor.methods[name](tx, ty):to("i64"):tolist()
      checked = checked + 1
      for i = 1, #x do
        local expected = wrap(reference(x[i], y[i]), dtype)
        if got[i] ~= expected then fail("%s %s %s: %d, %d gave %s, expected %s", name, dtype, layout, x[i], y[i], got[i], expected) end
      end
    end
  end
  local t = tensor(edges, dtype)
  local lists = { neg = t:neg():tolist(), abs = dtype ~= "u8" and t:abs():tolist(), square = t:square():tolist(),
      bitwise_not = t:bitwise_not():tolist(), cube = t:pow(tensor({ 3 }, dtype)):tolist() }
  for i, v in ipairs(edges) do
    local expected = { neg = wrap(-v, dtype), abs = wrap(v < 0 and -v or v, dtype), square = wrap(v * v, dtype), bitwise_not = wrap(~v, dtype), cube = wrap(v * v * v, dtype) }
    for name, list in pairs(lists) do
      checked = checked + 1
      if list and list[i] ~= expected[name] then fail("%s %s of %d gave %s, expected %s", name, dtype, v, list[i], expected[name]) end
    end
  end
  local ok, message = pcall(function() return tensor({ 4, 5 }, dtype):floor_divide(tensor({ 1, 0 }, dtype)) end)
  if ok or not message:find("division by zero", 1, true) then fail("%s: division by zero went through", dtype) end
end

-- ---- conversions ------------------------------------------------------------------------------------------------------

local STORAGE <const> = {
  i8 = { 0, -128, 127, 0, 3, -3, 127, -128 }, i16 = { 0, -32768, 32767, 0, 3, -3, 300, -300 }, u16 = { 0, 0, 65535, 0, 3, 0, 300, 0 }, u32 = { 0, 0, 4294967295, 0, 3, 0, 300, 0 },
  i32 = { 0, -2147483648, 2147483647, 0, 3, -3, 300, -300 }, u8 = { 0, 0, 255, 0, 3, 0, 255, 0 },
}
for _, from in ipairs { "f32", "f64" } do
  for dtype, expected in pairs(STORAGE) do
    local x = tensor({ 0 / 0, -1 / 0, 1e30, 0.9, 3.99, -3.99, 300, -300 }, from)
    for _, layout in ipairs { x, spread(x) } do
      checked = checked + 1
      local got = layout:to(dtype):to("f64"):tolist()
      for i = 1, #expected do
        if got[i] ~= expected[i] then fail("%s to %s: element %d is %s, expected %s", from, dtype, i, got[i], expected[i]) end
      end
    end
  end
  local halves = tensor({ 1, -2.5, 65504, 65519, 65520, 2 ^ -24, 2 ^ -26, 1 / 0, 1 + 2 ^ -11, 1 + 3 * 2 ^ -11 }, from):to("f16"):to("f64"):tolist()
  for i, e in ipairs { 1, -2.5, 65504, 65504, 1 / 0, 2 ^ -24, 0, 1 / 0, 1, 1 + 2 ^ -9 } do
    checked = checked + 1
    if halves[i] ~= e then fail("%s to f16: element %d is %s, expected %s", from, i, halves[i], e) end
  end
  local brains = tensor({ 1, -2.5, 1 + 2 ^ -8, 1 + 3 * 2 ^ -8, 3e38, 1e-39 }, from):to("bf16"):to("f64"):tolist()
  for i, e in ipairs { 1, -2.5, 1, 1 + 2 ^ -6, 3.00405527e38, 1.0102e-39 } do
    checked = checked + 1
    if math.abs(brains[i] - e) > 1e-4 * math.abs(e) then fail("%s to bf16: element %d is %s, expected %s", from, i, brains[i], e) end
  end
end

local file = assert(io.open(arg[1], "w"))
for _, list in ipairs(record) do
  for _, v in ipairs(list) do file:write(("%.9g\n"):format(v)) end
end
file:close()
print(("checked %d on %s, %d wrong"):format(checked, scion.info().isa, failed))
os.exit(failed == 0)
