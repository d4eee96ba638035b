-- The conformance cases of ONNX (onnx/backend/test/data) out of their archive: what each case uses and whether the reader
-- computes it. Shared by the spec and by whoever wants the table:
--
--   build/release/scion -e 'require("spec.io.onnx_cases").report(arg[1])' ARCHIVE

local scion = require "scion"
local _ = scion.nn -- methods of nets

local M = {}

-- ---- protobuf, as far as looking goes ------------------------------------------------------------------

local function varint(s, at)
  local v, shift = 0, 0
  while true do
    local c = s:byte(at)
    at = at + 1
    v = v | (c & 127) << shift
    if c < 128 then return v, at end
    shift = shift + 7
  end
end
-- Calls f(number, value) for every field of a message: a number, or the bytes.
local function fields(s, f)
  local at = 1
  while at <= #s do
    local key, v
    key, at = varint(s, at)
    local wire = key & 7
    if wire == 0 then v, at = varint(s, at)
    elseif wire == 2 then
      local n
      n, at = varint(s, at)
      v, at = s:sub(at, at + n - 1), at + n
    else
      local n = wire == 1 and 8 or 4
      v, at = s:sub(at, at + n - 1), at + n
    end
    f(key >> 3, v)
  end
end
M.fields = fields
local function field(s, number)
  local out
  fields(s, function(k, v) if k == number then out = v end end)
  return out
end

-- The operators of a graph and of the graphs inside it; names of inputs that are not initialisers; outputs; whether all are tensors.
local PLAIN <const> = { [1] = true, [2] = true, [6] = true, [7] = true, [9] = true, [11] = true } -- f32 u8 i32 i64 bool f64
local function look(model)
  local graph = field(model, 7)
  local case = { ops = {}, inputs = {}, outputs = {}, plain = true, tensors = true }
  local function nodes(g)
    fields(g, function(k, node)
      if k ~= 1 then return end
      local domain = field(node, 7) or ""
      case.ops[(domain == "" or domain == "ai.onnx") and field(node, 4) or domain .. "." .. field(node, 4)] = true
      fields(node, function(n, attribute)
        if n ~= 5 then return end
        fields(attribute, function(a, sub) if a == 6 or a == 11 then nodes(sub) end end)
      end)
    end)
  end
  nodes(graph)
  local initialisers = {}
  fields(graph, function(k, v) if k == 5 then initialisers[field(v, 8)] = true end end)
  local function value(info, list)
    local name, kind = field(info, 1), field(info, 2) or ""
    local tensor = field(kind, 1)
    if type(tensor) ~= "string" then
      case.tensors = false
      tensor = nil
    end
    local dtype = tensor and field(tensor, 1) or 0
    case.plain = case.plain and PLAIN[dtype] or false
    if dtype == 8 then case.text = true end
    if dtype == 14 or dtype == 15 or dtype > 16 then case.exotic = true end
    list[#list + 1] = name
  end
  fields(graph, function(k, v)
    if k == 11 and not initialisers[field(v, 1)] then value(v, case.inputs) end
    if k == 12 then value(v, case.outputs) end
  end)
  return case
end

-- ---- the archive ------------------------------------------------------------------------------------------

--- { path = function that gives the bytes } of a .tar.gz.
function M.untar(path)
  local all, files, at, long = scion.io.read_file(path), {}, 1, nil
  while at + 511 <= #all and all:byte(at) ~= 0 do
    local name, size, kind = all:sub(at, at + 99):match("^[^\0]*"), tonumber(all:sub(at + 124, at + 134):match("[0-7]+") or "0", 8), all:sub(at + 156, at + 156)
    local prefix = all:sub(at + 345, at + 499):match("^[^\0]*")
    if prefix ~= "" then name = prefix .. "/" .. name end
    local first = at + 512
    if kind == "L" then long = all:sub(first, first + size - 1):match "^[^\0]*" end -- the name of the next file
    if kind == "0" or kind == "\0" then files[long or name], long = function() return all:sub(first, first + size - 1) end, nil end
    at = first + (size + 511) // 512 * 512
  end
  return files
end

-- ---- one case -------------------------------------------------------------------------------------------------

M.CORE = {}
for name in ([[Conv ConvTranspose Gemm MatMul BatchNormalization InstanceNormalization LayerNormalization GroupNormalization LRN MaxPool
  AveragePool GlobalAveragePool GlobalMaxPool Relu LeakyRelu PRelu Elu Selu Sigmoid HardSigmoid HardSwish Tanh Softplus Gelu Erf Clip Softmax
  LogSoftmax Dropout Add Sub Mul Div Pow Sqrt Reciprocal Exp Log Neg Abs Sign Min Max Mean Sum Equal Greater Less And Or Not Where ReduceMean
  ReduceSum ReduceMax ReduceL2 ArgMax TopK Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Pad Expand Tile Gather GatherElements
  GatherND ScatterElements Shape Identity Cast Constant ConstantOfShape Range OneHot Trilu Resize DepthToSpace Einsum CumSum LSTM GRU]]):gmatch "%S+" do
  M.CORE[name] = true
end

local function close(actual, expected, rtol)
  if not scion.is_tensor(actual) then return false, "no tensor" end
  if actual.dtype ~= expected.dtype then return false, ("%s, expected %s"):format(actual.dtype, expected.dtype) end
  if table.concat(actual.shape, ",") ~= table.concat(expected.shape, ",") then
    return false, ("shape (%s), expected (%s)"):format(table.concat(actual.shape, ", "), table.concat(expected.shape, ", "))
  end
  if actual:numel() == 0 then return true end
  if not actual.dtype:find "^f" then
    return actual:ne(expected):any():item() == false, "integers differ"
  end
  return actual:to("f64"):allclose(expected:to("f64"), { rtol = rtol, atol = 1e-7, equal_nan = true }), "numbers differ"
end

-- Random results cannot be compared.
local function random(name, case)
  return name:find "bernoulli" or name == "test_training_dropout" or name == "test_training_dropout_mask" or case.ops.RandomNormal
    or case.ops.RandomUniform or case.ops.RandomNormalLike or case.ops.RandomUniformLike
    or case.ops.Multinomial
end

--- Runs one case: "pass", "fail" or "skip", and why. files: model bytes, inputs, outputs as functions.
function M.run(name, model, inputs, outputs, rtol)
  local case = look(model)
  if not case.tensors then return "skip", "sequences or optional values", case end
  if case.text then return "skip", "texts", case end
  if case.exotic then return "skip", "complex numbers or less than 16 bits", case end
  if random(name, case) then return "skip", "random", case end
  local ok, net = pcall(scion.io.decode_onnx, model, name)
  if not ok then return "fail", "refused: " .. tostring(net), case end
  local given, expected = {}, {}
  local read_ok, read_why = pcall(function()
    for i = 1, #case.inputs do given[i] = inputs[i] and scion.io.decode_onnx_tensor(inputs[i]()) end
    for i = 1, #case.outputs do expected[i] = scion.io.decode_onnx_tensor(outputs[i]()) end
  end)
  if not read_ok then return "fail", "files: " .. tostring(read_why), case end
  for i = 1, #case.inputs do
    if not inputs[i] then return "fail", "no input file", case end
  end
  local result = table.pack(pcall(function() return scion.no_grad(net, table.unpack(given, 1, #case.inputs)) end))
  if not result[1] then return "fail", "stopped: " .. tostring(result[2]), case end
  if #result - 1 ~= #expected then return "fail", ("%d outputs, expected %d"):format(#result - 1, #expected), case end
  for i, e in ipairs(expected) do
    local same, why = close(result[i + 1], e, rtol or 1e-3)
    if not same then return "fail", ("output %d: %s"):format(i, why), case end
  end
  return "pass", "", case
end

--- Calls f(folder, name, status, why, case) for every case of an archive, in order. folders: a set, default all but the light models.
function M.each(archive, folders, f)
  folders = folders or { node = true, simple = true, ["pytorch-converted"] = true, ["pytorch-operator"] = true }
  local files, cases, order = M.untar(archive), {}, {}
  for path, read in pairs(files) do
    local folder, name, rest = path:match "^[^/]+/([^/]+)/([^/]+)/(.+)$"
    local kind, k = (rest or ""):match "^test_data_set_0/(%a+)_(%d+)%.pb$"
    if folder and folders[folder] then
      local key = folder .. "/" .. name
      if not cases[key] then
        cases[key] = { folder = folder, name = name, input = {}, output = {} }
        order[#order + 1] = key
      end
      if kind then cases[key][kind][tonumber(k) + 1] = read elseif rest == "model.onnx" then cases[key].model = read end
    end
  end
  table.sort(order)
  for _, key in ipairs(order) do
    local c = cases[key]
    if c.model then f(c.folder, c.name, M.run(c.name, c.model(), c.input, c.output)) end
  end
end

--- The light models: real architectures whose weights are one number each. Calls f(name, status, why).
function M.each_light(archive, f)
  local files = M.untar(archive)
  local order = {}
  for path in pairs(files) do order[#order + 1] = path:match "/light/(light_[%w_]+)%.onnx$" end
  table.sort(order)
  for _, name in ipairs(order) do
    local status, why = "fail", ""
    local ok, message = pcall(function()
      local net = scion.io.decode_onnx(files["data/light/" .. name .. ".onnx"](), name)
      local shape = { table.unpack(net:inputs()[1].shape) }
      for i, d in ipairs(shape) do shape[i] = d < 0 and 1 or d end
      local n = 1
      for _, d in ipairs(shape) do n = n * d end
      local x = (scion.arange(0, n) / n):reshape(shape)
      local expected = scion.io.decode_onnx_tensor(files["data/light/" .. name .. "_output_0.pb"]())
      local y = scion.no_grad(net, x)
      local same
      same, why = close(y, expected, name:find "densenet" and 2e-3 or 1e-3)
      if same then status = "pass" end
    end)
    f(name, status, ok and (status == "pass" and "" or why) or tostring(message))
  end
end

--- Is every operator of the case among the 87 core ones?
function M.is_core(case)
  for op in pairs(case.ops) do if not M.CORE[op] then return false end end
  return true
end

--- Prints cases by folder and what fails. verbose: a Lua pattern for names to list with their reasons.
function M.report(archive, verbose)
  local tally, core, core_pass = {}, 0, 0
  M.each(archive, nil, function(folder, name, status, why, case)
    tally[folder] = tally[folder] or { pass = 0, fail = 0, skip = 0 }
    tally[folder][status] = tally[folder][status] + 1
    local gate = M.is_core(case) and case.plain and status ~= "skip"
    if gate then
      core = core + 1
      if status == "pass" then core_pass = core_pass + 1 end
    end
    if verbose and status ~= "pass" and name:find(verbose) then print(gate and "CORE" or "    ", status, folder, name, (why:gsub("\n", " "))) end
  end)
  for folder, t in pairs(tally) do print(("%-20s pass %4d  fail %4d  skip %4d"):format(folder, t.pass, t.fail, t.skip)) end
  print(("core operators and plain types: %d of %d"):format(core_pass, core))
end

return M
