-- scion.data: data sets and iterators.
--
--   local train = data.fashion_mnist { split = "train", batch_size = 64, shuffle = true, seed = 1 }
--   for x, y in train do ... end
--
-- Every source returns an iterator (it.dataset is the data set behind it) and takes the iterator's options beside its
-- own. Labels are any values; y holds class ids 1..K, and it.classes[id] is the label.

local check = require "scion.check"
local dataset = require "scion.data.dataset"
local iterator = require "scion.data.iterator"
local labels = require "scion.data.labels"
local show = require "scion.show"

local M = {
  Dataset = dataset.Dataset, TensorDataset = dataset.TensorDataset, Iterator = iterator.Iterator,
  rng = require "scion.data.rng",
}

local function scion() return require "scion" end

-- Checks the source's own options and makes the iterator's from the rest.
local function options(where, given, rules)
  if given ~= nil and type(given) ~= "table" then
    check.raise("%s: options must be a table, got %s", where, check.describe(given))
  end
  local all = {}
  for name, rule in pairs(iterator.OPTS) do all[name] = rule end
  for name, rule in pairs(rules) do all[name] = rule end
  local checked = check.opts(where, given, all, 4)
  local mine, rest = {}, {}
  for name, value in pairs(checked) do
    if rules[name] ~= nil then mine[name] = value else rest[name] = value end
  end
  return mine, rest
end

local function is_tensor(v) return type(v) == "userdata" end

local function check_finite(where, what, tensor)
  if tensor.dtype ~= "f32" and tensor.dtype ~= "f64" then return end
  local bad = tensor:isfinite():logical_not():reshape(#tensor, -1):any(2)
  if bad:any():item() then
    local first = bad:to("i64"):argmax(1):item()
    check.raise("%s: item %d of %s holds NaN or an infinite value", where, first, what)
  end
end

local TENSORS <const> = {
  x = check.any { required = true },        -- (N, ...), or a list of tensors for nets with several inputs
  labels = check.any {},                    -- one label per item: a list of any values, or a tensor
  ids = check.any {},                       -- or class ids 1..K (with classes)
  targets = check.any {},                   -- or numbers to predict, (N) or (N, D)
  y = check.any {},                         -- labels when integer or a list of names, targets when floating point
  classes = check.list {},                  -- labels of the classes in order; default: those that occur, sorted
  allow_nan = false,                        -- keep NaN in x (targets and labels never may)
}

local function read_labels(where, opts, n)
  local given = opts.labels
  local ids, classes
  if given ~= nil then
    ids, classes = labels.encode(where, given, opts.classes, 4)
  else
    ids = is_tensor(opts.ids) and opts.ids:tolist() or opts.ids
    classes = opts.classes
    if not classes then
      local k = 0
      for _, id in ipairs(ids) do k = math.max(k, math.type(id) and id or 0) end
      classes = show.list {}
      for i = 1, k do classes[i] = i end
    else
      classes = show.list(table.move(classes, 1, #classes, 1, {}))
    end
    labels.check_ids(where, ids, #classes, 4)
  end
  if #ids ~= n then check.raise("%s: %d items but %d labels", where, n, #ids) end
  return ids, classes
end

-- A data set over tensors; `convert` changes raw batches of x when they are read.
local function tensor_dataset(where, opts, convert)
  local x = opts.x
  if type(x) == "table" and not is_tensor(x[1]) then x = scion().tensor(x) end
  local n
  if type(x) == "table" then
    for i, t in ipairs(x) do
      if n and #t ~= n then check.raise("%s: input %d has %d items, input 1 has %d", where, i, #t, n) end
      n = #t
    end
  elseif is_tensor(x) and x:dim() >= 1 then
    n = #x
  else
    check.raise("%s: x must be a tensor with a first dimension, got %s", where, check.describe(x))
  end
  if n == 0 then check.raise(where .. ": there are no items") end
  if not opts.allow_nan then
    for i, t in ipairs(type(x) == "table" and x or { x }) do
      check_finite(where, type(opts.x) == "table" and #opts.x > 1 and "x" .. i or "x", t)
    end
  end
  local fields = { x = x, n = n, convert = convert }
  local given = 0
  for _, name in ipairs { "labels", "ids", "targets", "y" } do
    if opts[name] ~= nil then given = given + 1 end
  end
  if given > 1 then check.raise(where .. ": give one of labels, ids, targets, y") end
  if opts.y ~= nil then
    local y = opts.y
    local floating
    if is_tensor(y) then
      floating = y.dtype == "f32" or y.dtype == "f64"
    else
      floating = math.type(y[1]) == "float" and not opts.classes
    end
    if floating then opts.targets = y else opts.labels = y end
  end
  if opts.targets ~= nil then
    local targets = opts.targets
    if not is_tensor(targets) then targets = scion().tensor(targets) end
    if targets.dtype ~= "f32" and targets.dtype ~= "f64" then targets = targets:to("f32") end
    if #targets ~= n then check.raise("%s: %d items but %d targets", where, n, #targets) end
    check_finite(where, "targets", targets)
    fields.y = targets
  elseif opts.labels ~= nil or opts.ids ~= nil then
    fields.ids, fields.classes = read_labels(where, opts, n)
    fields.y = scion().tensor(fields.ids, { dtype = "i64" })
  end
  return dataset.TensorDataset(fields)
end

--- Data held in tensors or tables.
---   data.tensors { x = features, labels = { "ant", "bee", ... }, batch_size = 32, shuffle = true }
function M.tensors(opts)
  local mine, rest = options("data.tensors", opts, TENSORS)
  return iterator.Iterator(tensor_dataset("data.tensors", mine), rest)
end

-- ---- places -------------------------------------------------------------------------------------------------

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- Directory of the shared test data (SCION_DATA, or ../shared/data), or nil.
function M.data_dir()
  local dir = os.getenv("SCION_DATA")
  if dir and dir ~= "" then return dir end
  return exists("../shared/data/SOURCES.md") and "../shared/data" or nil
end

local function find_dir(where, given, candidates, file, hint)
  if given then candidates = { given } end
  for _, dir in ipairs(candidates) do
    if exists(dir .. "/" .. file) then return dir end
  end
  check.raise("%s: %s not found in %s%s", where, file, table.concat(candidates, ", "), hint or "")
end

-- ---- pictures in memory ---------------------------------------------------------------------------------------

--- u8 pictures (N, H, W) or (N, C, H, W) in memory; they come out as f32 in 0..1 and may be augmented on threads.
---   data.images { x = pixels, labels = names, augment = { { "random_crop", 32, padding = 4 }, { "random_flip" } } }
function M.images(opts) return require("scion.data.images").open(opts, options, TENSORS, tensor_dataset) end

local function idx(where, opts, candidates, files, names, hint)
  local function find(who, dir, file) return find_dir(who, dir, candidates, file, hint) end
  return require("scion.data.images").idx(where, opts, options, find, tensor_dataset, files, names)
end

M.FASHION_CLASSES = show.list { "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
  "ankle boot" }

--- Fashion-MNIST (Debian's package dataset-fashion-mnist): 60,000 + 10,000 grey photos, 28 x 28, 10 classes.
--- Options: split "train" or "test", dir, classes, augment, normalise, and those of iterators.
function M.fashion_mnist(opts)
  return idx("data.fashion_mnist", opts,
    { "/usr/share/datasets/fashion-mnist", "/usr/local/share/datasets/fashion-mnist" },
    { train = { "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz" },
      test = { "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz" } },
    M.FASHION_CLASSES, " (apt-get install dataset-fashion-mnist, or give dir =)")
end

--- MNIST digits in idx files: labels are the digits 0..9. Options as data.fashion_mnist.
function M.mnist(opts)
  local dir = M.data_dir()
  return idx("data.mnist", opts, { dir and dir .. "/datasets/mnist" or "datasets/mnist" },
    { train = { "npm10k-images-idx3-ubyte.gz", "npm10k-labels-idx1-ubyte.gz" },
      test = { "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz" } }, nil,
    " (give dir = a folder with the idx files)")
end

-- ---- tables ---------------------------------------------------------------------------------------------------

local TEXT <const> = check.choice { "error", "one_hot", "ordinal" }
local CSV <const> = {
  path = check.string { required = true },
  target = check.either({ check.string(), check.integer() }, {}), -- name or number of the column to predict; default: last
  kind = check.choice({ "auto", "labels", "targets" }, { default = "auto" }),
  drop = check.list {}, header = check.boolean {}, separator = check.string {}, classes = check.list {},
  missing = check.either({ check.choice { "error", "mean", "median", "drop" }, check.number() }, { default = "error" }),
  missing_values = check.list { of = check.either { check.string(), check.number() } }, -- besides "", ?, NA, NaN, null, N/A
  text = check.either({ TEXT, check.table() }, { default = "error" }),                 -- one for all, or by name of the column
  categories = check.table {},                                                         -- column -> its categories in order
  unknown = check.choice({ "error", "ignore" }, { default = "error" }),
  encoding = check.table {}, decimal = check.string { default = "." },
}

local function column_number(where, target, header, n)
  if target == nil then return n end
  if type(target) == "number" then
    if target < 1 or target > n then check.raise("%s: column %d out of range 1..%d", where, target, n) end
    return target
  end
  for j, name in ipairs(header or {}) do
    if name == target then return j end
  end
  check.raise("%s: no column '%s'%s", where, target, header and " (columns: " .. table.concat(header, ", ") .. ")" or
    " (the file has no header)")
end

local function check_columns(where, what, given, known)
  for name, value in pairs(type(given) == "table" and given or {}) do
    if not known[name] then check.raise("%s: %s names a column '%s' that there is not", where, what, tostring(name)) end
    if what == "text" then check.arg(where, "text." .. tostring(name), value, TEXT, "user") end
  end
end

-- Options whose path stands before them: data.csv("iris.csv", { target = "kind" }).
local function with_path(path, opts, key)
  if type(path) ~= "string" then return path end
  local all = { [key] = path }
  for name, value in pairs(opts or {}) do all[name] = value end
  return all
end

--- A table with a column to predict (the last, or `target`); the others are what it is predicted from. Options, besides the iterator's:
---   missing      cells with nothing in them ("", ?, NA, NaN, null, N/A, and what missing_values lists): "error" (the default, naming the
---                cell); "mean" or "median" of the column (of texts: the most frequent); "drop" the row; or a number (of texts: a category
---                of their own)
---   text         columns of texts: "error" (the default), "one_hot" (a feature for each category), "ordinal" (1 to K in the order of the
---                alphabet, or that of `categories`); or by column: { colour = "one_hot", size = "ordinal" }
---   categories   { size = { "S", "M", "L" } }: what a column may hold, in order
---   encoding     it.dataset.encoding of another file: its means and categories, so that a test file gets the same features
---   unknown      texts that are no category: "error", or "ignore" (0 in every feature)
---   kind         "labels", "targets" (numbers) or "auto": targets where the column holds numbers with fractions
---   drop, header, separator, decimal, classes
---@param path string|table the file, or all options in one table
---@param opts? table
---@return scion.Iterator  its dataset has feature_names and encoding
function M.csv(path, opts)
  local where = "data.csv"
  local mine, rest = options(where, with_path(path, opts, "path"), CSV)
  local tbl = require("scion.data.csv").read(mine.path, { header = mine.header, separator = mine.separator, decimal = mine.decimal,
    missing_values = mine.missing_values })
  local target = column_number(where, mine.target, tbl.header, tbl.n_columns)
  local dropped = { [target] = true }
  for _, name in ipairs(mine.drop or {}) do dropped[column_number(where, name, tbl.header, tbl.n_columns)] = true end
  local columns, known = {}, {}
  for j = 1, tbl.n_columns do
    if not dropped[j] then
      columns[#columns + 1] = j
      known[tbl:name(j)] = true
    end
  end
  if #columns == 0 then check.raise(where .. ": no columns are left to predict from") end
  check_columns(where, "text", mine.text, known)
  check_columns(where, "categories", mine.categories, known)
  local encoding = mine.encoding
  if encoding and type(encoding.columns) ~= "table" then check.raise(where .. ": encoding must be the encoding of another data.csv (it.dataset.encoding)") end
  local fields, names = { classes = mine.classes }, nil
  local ok, message = pcall(function()
    if (encoding and encoding.missing or mine.missing) == "drop" then
      local all = table.move(columns, 1, #columns, 1, {})
      all[#all + 1] = target
      local n = tbl:drop_missing(all)
      if n > 0 then scion().emit("info", ("data.csv: %s: %d row%s with missing cells left out"):format(mine.path, n, n == 1 and "" or "s")) end
    end
    encoding = encoding or tbl:learn(columns, mine)
    fields.x, names = tbl:features(columns, encoding, mine.unknown)
    local values, numeric = tbl:values(target)
    local kind = mine.kind
    if kind == "auto" then
      kind = "labels"
      for _, v in ipairs(numeric and values or {}) do
        if math.type(v) == "float" and v ~= math.floor(v) then kind = "targets" end
      end
    end
    if kind == "labels" then fields.labels = values else fields.targets = scion().tensor(tbl:numbers(target)) end
  end)
  if not ok then check.raise("%s", message) end
  local set = tensor_dataset(where, fields)
  set.feature_names, set.encoding = names, encoding
  return iterator.Iterator(set, rest)
end

local NUMPY <const> = {
  path = check.string { required = true }, x = check.string { default = "x" }, y = check.string { default = "y" },
  kind = check.choice({ "auto", "labels", "targets" }, { default = "auto" }), classes = check.list {}, scale = check.number {},
}

--- Arrays of an .npz file (or .safetensors): x and y name the entries.
---@param path string|table the file, or all options in one table
---@param opts? table
function M.numpy(path, opts)
  local where = "data.numpy"
  local mine, rest = options(where, with_path(path, opts, "path"), NUMPY)
  local s = scion()
  local arrays = mine.path:match("%.safetensors$") and s.io.read_safetensors(mine.path) or s.io.read_npz(mine.path)
  local function entry(name)
    if arrays[name] then return arrays[name] end
    local names = {}
    for key in pairs(arrays) do names[#names + 1] = key end
    table.sort(names)
    check.raise("%s: %s has no array '%s' (it has %s)", where, mine.path, name, table.concat(names, ", "))
  end
  local x = entry(mine.x)
  local fields = { x = x, classes = mine.classes }
  local y = entry(mine.y)
  if mine.kind == "auto" then fields.y = y else fields[mine.kind] = y end
  local convert
  if mine.scale or x.dtype ~= "f32" then
    local scale = mine.scale or 1
    convert = function(batch) return batch:to("f32"):mul(scale) end
  end
  return iterator.Iterator(tensor_dataset(where, fields, convert), rest)
end

--- Pictures in one folder per class; see scion.data.image_folder for the options.
---@param dir string|table the folder, or all options in one table
---@param opts? table
function M.image_folder(dir, opts) return require("scion.data.image_folder").open(with_path(dir, opts, "dir"), options) end

--- CIFAR-10 as zips of PNG files (one folder per class inside).
function M.cifar10(opts) return require("scion.data.image_folder").cifar10(opts, options, find_dir, M.data_dir()) end

-- scion.data.text is loaded when it is first asked for.
setmetatable(M, { __index = function(self, name)
  if name ~= "text" then return nil end
  local text = require "scion.data.text"
  rawset(self, "text", text)
  return text
end })

return M
