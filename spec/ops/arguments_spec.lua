-- Every op of the registry under wrong arguments, made from its own samples: wrong types, closed tensors, every
-- dtype, ranks, sizes, ids, parameters. Each call must succeed or raise an error that begins with the op's name and
-- names the argument (or shows the shape or dtype that does not fit). Nothing may crash, hang or leak.
local scion = require "scion"

local DTYPES <const> = { "f32", "f64", "i32", "i64", "u8", "bool", "f16", "bf16", "i8", "i16", "u16", "u32", "u64" }
local NOT_TENSORS <const> = { "text", true, print, {}, { 1, 2 }, { a = 1 }, { "x" }, { {} }, coroutine.create(print), io.stdout, math.huge, 0 / 0, 1 }
local NUMBERS <const> = { 0, -1, 1, 2, 3, 7, -9, 1 << 40, -(1 << 40), 1 << 62, math.maxinteger, math.mininteger,
  math.mininteger + 1, 0.5, -0.5, 1e308, -1e308, math.huge, -math.huge, 0 / 0 }
local NOT_NUMBERS <const> = { "text", "", true, false, print, coroutine.create(print), io.stdout, {}, { 0 }, { 1, 1, 1, 1 }, { -1, -1 },
  { 1 << 62, 1 << 62 }, { math.mininteger }, { 1.5 }, { "x" }, { {} }, { 1, nil, 3 }, { 0 / 0 } }
-- What a message may name instead of the argument: how its shape fails.
local REASONS <const> = { "dimension", "element", "channels", "classes", "rows", "diagonal", "matri", "windows", "step", "position", "broadcast", "square",
  "must be", "in one input" }
local LONG <const> = {}
for i = 1, 17 do LONG[i] = i end

local function closed()
  local t = scion.zeros(2)
  local metatable = getmetatable(t)
  metatable.__close(t)
  return t
end

local function shape_text(t) return "(" .. table.concat(t.shape, ", ") .. (t.ndim == 1 and ",)" or ")") end

-- One sample of an op as the arguments of its Lua function: list, count, and where the parameters' table stands.
local function arguments(name, info, index)
  scion.seed(500 + index)
  local apply, inputs, _, params = scion.op_sample(name, index)
  if not apply then return nil end
  local args, n, variadic = {}, #info.inputs, false
  for i, slot in ipairs(info.inputs) do
    if slot.variadic then
      args[i], variadic = table.move(inputs, i, #inputs, 1, {}), true
    else
      args[i] = inputs[i] or nil
    end
  end
  if next(params) then
    n = n + 1
    args[n] = params
  end
  return { n = n, params = params, variadic = variadic, table.unpack(args, 1, n) }
end

local function with(args, i, value)
  local copy = table.move(args, 1, args.n, 1, { n = args.n, params = args.params })
  copy[i] = value
  return copy
end
local function with_param(args, key, value)
  local params = {}
  for k, v in pairs(args.params) do params[k] = v end
  params[key] = value
  if next(args.params) then return with(args, args.n, params) end
  local copy = with(args, args.n + 1, params)
  copy.n = args.n + 1
  return copy
end

describe("wrong arguments", function()
  local complaints, names

  -- Calls f; an error must begin with `name:` and contain one of the words.
  local function try(f, name, args, what, ...)
    local results = table.pack(pcall(f, table.unpack(args, 1, args.n)))
    if results[1] then
      for i = 2, results.n do -- what came out is whole: it can be read
        if scion.is_tensor(results[i]) and results[i]:numel() < 1e6 then tostring(results[i]) end
      end
      return true
    end
    local message = tostring(results[2]):gsub("^[^\n:]*:%d+: ", ""):gsub("^scion%.", "")
    local good = message:sub(1, #name + 1) == name .. ":" or message:sub(1, #name + 2) == name .. "_:"
    local words = { ... }
    if good and #words > 0 then
      good = false
      for _, list in ipairs { words, names, REASONS } do
        for _, word in ipairs(list) do good = good or message:find(word, #name + 1, true) ~= nil end
      end
    end
    if not good then complaints[#complaints + 1] = ("%s, %s: %s"):format(name, what, message) end
    return false
  end

  local function check_tensor_argument(f, name, args, i, word, optional, number, replace)
    local x = args[i]
    if replace then x = replace end
    local function put(value) -- a variadic slot holds a list
      if not replace then return with(args, i, value) end
      local list = table.move(args[i], 1, #args[i], 1, {})
      list[1] = value
      return with(args, i, list)
    end
    for _, value in ipairs(NOT_TENSORS) do try(f, name, put(value), ("%s = %s"):format(word, tostring(value)), word, "argument", "element", "option", "must be", "is missing") end
    if not optional and not replace and not number then try(f, name, put(nil), word .. " = nil", word, "must be", "missing", "input", "one of") end
    try(f, name, put(closed()), word .. " closed", word, "closed", "element")
    if not x then return end
    for _, dtype in ipairs(DTYPES) do
      if dtype ~= x.dtype then try(f, name, put(x:to(dtype)), word .. " as " .. dtype, dtype) end
    end
    local changed = { x, x:unsqueeze(1), x:unsqueeze(-1), scion.zeros({}, { dtype = x.dtype }), scion.zeros({ 0 }, { dtype = x.dtype }),
      scion.zeros({ 1, 1, 1, 1, 1, 1, 1, 1 }, { dtype = x.dtype }), scion.zeros({ 3, 0, 2 }, { dtype = x.dtype }) }
    if x.ndim > 0 and x.shape[1] > 0 then changed[#changed + 1] = x:select(1, 1) end
    for d = 1, x.ndim do
      for _, size in ipairs { 0, 1, x.shape[d] + 1 } do
        local shape = table.move(x.shape, 1, x.ndim, 1, {})
        shape[d] = size
        changed[#changed + 1] = scion.ones(shape, { dtype = x.dtype })
      end
    end
    for _, y in ipairs(changed) do
      try(f, name, put(y), ("%s of shape %s, not %s"):format(word, shape_text(y), shape_text(x)), word, shape_text(y),
        "(" .. table.concat(y.shape, ", "), "size", "empty")
      if (x.dtype == "f32" or x.dtype == "f64") and y:numel() < 1000 then -- the gradient of what does work
        local leaf = y:clone():requires_grad_()
        local ok, out = pcall(f, table.unpack(put(leaf), 1, args.n))
        if ok and scion.is_tensor(out) and out.requires_grad then
          local done, message = pcall(function() out:sum():backward() end)
          if not done and not message:find(name, 1, true) and not message:find("sum: x is", 1, true) then
            complaints[#complaints + 1] = ("%s, %s of shape %s, backward: %s"):format(name, word, shape_text(y), message)
          elseif done and leaf.grad and shape_text(leaf.grad) ~= shape_text(leaf) then
            complaints[#complaints + 1] = ("%s, %s of shape %s: gradient of shape %s"):format(name, word, shape_text(y), shape_text(leaf.grad))
          end
        end
      end
    end
    if x:numel() == 0 then return end
    local fills = x.dtype:sub(1, 1) == "f" and { 0 / 0, math.huge, -math.huge, 0, -1e30, 1e30 }
      or x.dtype == "i64" and { 0, -1, 40, math.maxinteger, math.mininteger, 1 << 62 }
      or x.dtype == "i32" and { 0, -1, 40, (1 << 31) - 1, -(1 << 31) } or {}
    for _, value in ipairs(fills) do
      local filled = x:detach():clone()
      filled:fill_(value)
      try(f, name, put(filled), ("%s full of %s"):format(word, tostring(value)))
    end
  end

  local function check_param(f, name, args, p)
    local function one(value, text)
      try(f, name, with_param(args, p.name, value), ("%s = %s"):format(p.name, text or tostring(value)))
    end
    for _, value in ipairs(NUMBERS) do one(value) end
    for i, value in ipairs(NOT_NUMBERS) do
      try(f, name, with_param(args, p.name, value), ("%s = value %d, %s"):format(p.name, i, tostring(value)), type(value) ~= "table" and p.name or nil)
    end
    try(f, name, with_param(args, p.name, LONG), p.name .. " = a list of 17")
    one(("x"):rep(10000), "a long text")
    if p.default ~= nil then one(p.default) end
    for _, choice in ipairs(p.choices or {}) do one(choice) end
    if p.type == "dtype" then
      for _, dtype in ipairs(DTYPES) do one(dtype) end
    end
  end

  for _, name in ipairs(scion.op_names()) do
    it("of " .. name .. " raise errors that say what is wrong", function()
      complaints = {}
      local info, index = scion.op_info(name), 1
      local f = scion[name]
      names = {}
      for _, list in ipairs { info.inputs, info.params } do
        for _, argument in ipairs(list) do names[#names + 1] = argument.name end
      end
      while true do
        local args = arguments(name, info, index)
        if not args then break end
        local ok, message = pcall(f, table.unpack(args, 1, args.n))
        assert(ok, ("%s, sample %d: %s"):format(name, index, message))
        for i, slot in ipairs(info.inputs) do
          check_tensor_argument(f, name, args, i, slot.name, slot.optional, slot.number, slot.variadic and args[i][1] or nil)
        end
        for _, dtype in ipairs(DTYPES) do -- all of them together
          local all = with(args, 1, args[1])
          for i = 1, #info.inputs do
            if scion.is_tensor(all[i]) then all[i] = all[i]:to(dtype) end
          end
          try(f, name, all, "everything as " .. dtype)
        end
        for _, p in ipairs(info.params) do check_param(f, name, args, p) end
        try(f, name, with_param(args, "no_such_option", 1), "an unknown option", "no_such_option", "too many arguments")
        local more = with(args, args.n + 1, 1)
        more.n = args.n + 4
        try(f, name, more, "too many arguments")
        index = index + 1
      end
      collectgarbage()
      assert(#complaints == 0, ("%d complaints:\n  %s"):format(#complaints, table.concat(complaints, "\n  ", 1, math.min(#complaints, 40))))
    end)
  end
end)
