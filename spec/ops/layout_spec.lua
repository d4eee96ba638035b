-- Ops do not care how their inputs lie in memory: every sample of every op is given again as views (transposed, every
-- second element of a larger tensor, turned round, in the middle of a larger storage, expanded where it repeats), in f32
-- too, and must give what it gives on contiguous f64 copies. Random shapes for the families that broadcast.
local scion = require "scion"

-- A view of x's values that is laid out in another way; k chooses.
local function laid_out(x, k)
  if x.ndim == 0 then return scion.stack { x, x, x }:select(1, 2) end
  if k == 1 then -- dimensions stored in the opposite order
    local order = {}
    for d = 1, x.ndim do order[d] = x.ndim + 1 - d end
    return x:permute(order):contiguous():permute(order)
  elseif k == 2 then -- every second element of the last dimension
    return scion.stack({ x, x }, x.ndim + 1):flatten(-2, -1):slice(-1, 1, math.maxinteger, 2)
  elseif k == 3 then -- the middle of a larger storage, one element off the alignment of vectors
    local y = scion.cat({ x:reshape(-1):narrow(1, 1, math.min(1, x:numel())), x:reshape(-1) }, 1)
    return x:numel() > 0 and y:narrow(1, 2, x:numel()):reshape(x.shape) or x
  end
  return scion.stack({ x, x }, 1):select(1, 2) -- the second of a pair
end

-- Does the op ask for random numbers, or give what is not determined?
local FREE <const> = { empty = true, empty_like = true, dropout_train = true,
  -- factors are determined up to signs or bases, which rounding may choose
  svd = true, svd_full = true, eigh = true, qr = true, lstsq = true }

local function same(name, got, expected, tolerance)
  for i, e in ipairs(expected) do
    local g = got[i]
    if scion.is_tensor(e) then
      assert(scion.is_tensor(g) and tostring(g.shape) == tostring(e.shape), name .. ": another shape")
      assert(g:to("f64"):allclose(e:to("f64"), { rtol = tolerance, atol = tolerance, equal_nan = true }), ("%s: output %d differs:\n%s\nexpected\n%s"):format(name, i, g, e))
    end
  end
end

describe("the layout of inputs", function()
  for _, name in ipairs(scion.op_names()) do
    local info = scion.op_info(name)
    if not FREE[name] then
      it("does not matter to " .. name, function()
        local index = 1
        while true do
          scion.seed(40 + index)
          local apply, inputs = scion.op_sample(name, index)
          if not apply then break end
          scion.seed(7)
          local expected = table.pack(apply(inputs, #inputs))
          for k = 1, 4 do
            local views = {}
            for i, x in ipairs(inputs) do views[i] = x and laid_out(x, k) end
            scion.seed(7)
            local ok, got = pcall(function() return table.pack(apply(views, #views)) end)
            -- views of views may be refused for what they share; nothing else may be
            assert(ok or (info.view and tostring(got):find("stride", 1, true)), ("%s, sample %d, layout %d: %s"):format(name, index, k, tostring(got)))
            if ok then same(("%s, sample %d, layout %d"):format(name, index, k), got, expected, 1e-9) end
          end
          if not info.random then
            local single = {}
            for i, x in ipairs(inputs) do single[i] = x and (x.dtype == "f64" and laid_out(x:to("f32"), 1 + index % 4) or x) end
            local ok, got = pcall(function() return table.pack(apply(single, #single)) end)
            if ok then same(("%s, sample %d, f32"):format(name, index), got, expected, 2e-3) end
          end
          index = index + 1
        end
      end)
    end
  end

  it("does not matter with random shapes and types", function()
    math.randomseed(11)
    local function random(shape, dtype)
      local t = scion.randn(shape, { dtype = "f64" }) * 4
      return (dtype == "f64" or dtype == "f32") and t:to(dtype) or t:round():to(dtype)
    end
    local binary = { "add", "sub", "mul", "maximum", "minimum", "eq", "lt", "ge" }
    local unary = { "neg", "abs", "square", "sum", "amax", "cumsum", "sort", "flip", "relu", "sign", "clamp" }
    for _ = 1, 300 do
      local n, shape, other = math.random(0, 5), {}, {}
      for d = 1, n do
        shape[d] = math.random(0, 4)
        other[d] = math.random(3) == 1 and 1 or shape[d]
        if math.random(6) == 1 then shape[d] = 1 end
      end
      for _ = 1, math.random(0, n) do if math.random(3) == 1 then table.remove(other, 1) end end
      local dtype = ({ "f32", "f64", "i32", "i64" })[math.random(4)]
      local a, b = random(shape, dtype), random(other, dtype)
      local name = binary[math.random(#binary)]
      local ok, expected = pcall(function() return a[name](a, b) end)
      local la, lb = laid_out(a, math.random(4)), laid_out(b, math.random(4))
      local ok2, got = pcall(function() return la[name](la, lb) end)
      assert.equal(ok, ok2, name .. tostring(expected) .. tostring(got))
      if ok then same(name .. " " .. dtype, { got }, { expected }, 0) end
      name = unary[math.random(#unary)]
      local rest = name == "cumsum" and { math.random(math.max(n, 1)) } or name == "flip" and { math.random(math.max(n, 1)) }
        or name == "clamp" and { -1, 1 } or {}
      ok, expected = pcall(function() return table.pack(a[name](a, table.unpack(rest))) end)
      ok2, got = pcall(function() return table.pack(la[name](la, table.unpack(rest))) end)
      assert.equal(ok, ok2, name .. tostring(expected) .. tostring(got))
      if ok then same(name .. " " .. dtype, got, expected, dtype == "f32" and 1e-5 or 1e-12) end
    end
  end)
end)
