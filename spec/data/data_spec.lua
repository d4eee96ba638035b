local scion = require "scion"
local data = scion.data

local function toy(n, opts)
  opts = opts or {}
  local rows, labels = {}, {}
  for i = 1, n do
    rows[i] = { i, -i }
    labels[i] = ({ "cat", "dog", "bee" })[(i - 1) % 3 + 1]
  end
  opts.x, opts.labels = scion.tensor(rows), labels
  return data.tensors(opts)
end

local function first_column(it)
  local seen, sizes = {}, {}
  for x, y in it do
    sizes[#sizes + 1] = #x
    assert.equal(#x, #y)
    for _, row in ipairs(x:tolist()) do seen[#seen + 1] = math.tointeger(row[1]) end
  end
  return seen, sizes
end

local function message(fn, ...)
  local ok, text = pcall(fn, ...)
  assert.is_false(ok)
  return text
end

describe("labels", function()
  it("may be any values and keep them", function()
    local it = data.tensors { x = scion.rand(4, 2), labels = { 7, 3, 9, 3 } }
    assert.same({ 3, 7, 9 }, { table.unpack(it.classes) })
    local _, y = it:next()
    assert.same({ 2, 1, 3, 1 }, { table.unpack(y:tolist()) })
    assert.equal("i64", y.dtype)
    assert.same({ 7, 3, 9, 3 }, { table.unpack(it:labels()) })
    local mixed = data.tensors { x = scion.rand(3, 1), labels = { "b", 2, true } }
    assert.same({ true, 2, "b" }, { table.unpack(mixed.classes) })
  end)

  it("come from tensors, and floating-point y means regression", function()
    local it = data.tensors { x = scion.rand(3, 2), y = scion.tensor({ 5, 4, 5 }, { dtype = "i64" }) }
    assert.same({ 4, 5 }, { table.unpack(it.classes) })
    local numbers = data.tensors { x = scion.rand(3, 2), y = scion.tensor { 0.5, 1, 2 } }
    assert.is_nil(numbers.classes)
    local _, y = numbers:next()
    assert.equal("f32", y.dtype)
  end)

  it("refuse NaN, holes, unknown classes and wrong numbers", function()
    local x = scion.rand(3, 2)
    assert.matches("label 2 is NaN", message(data.tensors, { x = x, labels = { 1, 0 / 0, 2 } }))
    assert.matches("targets holds NaN", message(data.tensors, { x = x, targets = scion.tensor { 1, 0 / 0, 2 } }))
    assert.matches("label 3 is 'c', which is not among the classes {a, b}",
      message(data.tensors, { x = x, labels = { "a", "b", "c" }, classes = { "a", "b" } }))
    assert.matches("3 items but 2 labels", message(data.tensors, { x = x, labels = { 1, 2 } }))
    assert.matches("class id 0 at position 1 is out of range 1..2 %(0%-based data", message(data.tensors,
      { x = x, ids = { 0, 1, 2 }, classes = { "a", "b" } }))
    assert.matches("item 2 of x holds NaN", message(data.tensors, { x = scion.tensor { { 1 }, { 0 / 0 } } }))
    assert.matches("unknown option 'lables', did you mean 'labels'", message(data.tensors, { x = x, lables = { 1 } }))
    assert.matches("there are no items", message(data.tensors, { x = scion.zeros(0, 2) }))
  end)
end)

describe("iterator", function()
  it("walks in order, keeps, drops or pads the last batch", function()
    local seen, sizes = first_column(toy(7, { batch_size = 3 }))
    assert.same({ 1, 2, 3, 4, 5, 6, 7 }, seen)
    assert.same({ 3, 3, 1 }, sizes)
    seen, sizes = first_column(toy(7, { batch_size = 3, last_batch = "drop" }))
    assert.same({ 3, 3 }, sizes)
    local padded = toy(7, { batch_size = 3, last_batch = "pad" })
    seen, sizes = first_column(padded)
    assert.same({ 3, 3, 3 }, sizes)
    assert.same({ 7, 1, 2 }, { seen[7], seen[8], seen[9] })
    assert.equal(3, #padded)
  end)

  it("tells how many items are padding", function()
    local it = toy(7, { batch_size = 3, last_batch = "pad" })
    local pads = {}
    for _ in it do pads[#pads + 1] = it:padding() end
    assert.same({ 0, 0, 2 }, pads)
  end)

  it("shuffles by seed and epoch, always the same way", function()
    local a, b = toy(20, { shuffle = true, seed = 5 }), toy(20, { shuffle = true, seed = 5 })
    local first, again = first_column(a), first_column(b)
    assert.same(first, again)
    local second = first_column(a)
    assert.not_same(first, second)
    assert.not_same(first, (first_column(toy(20, { shuffle = true, seed = 6 }))))
    table.sort(second)
    for i = 1, 20 do assert.equal(i, second[i]) end
    a:reset { epoch = 1 }
    assert.same(first, (first_column(a)))
  end)

  it("begins a new pass after a loop that was left", function()
    local it = toy(9, { batch_size = 3 })
    for _ in it do break end
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, (first_column(it)))
  end)

  it("goes on exactly where its state was taken", function()
    local it = toy(20, { batch_size = 4, shuffle = true, seed = 9 })
    first_column(it)
    it:next()
    it:next()
    local state = it.state
    local rest = first_column({ __call = nil } and (function()
      local twin = toy(20, { batch_size = 4, shuffle = true, seed = 1 })
      twin.state = state
      return twin
    end)())
    local mine = {}
    for x in function() return it:next() end do
      for _, row in ipairs(x:tolist()) do mine[#mine + 1] = math.tointeger(row[1]) end
    end
    assert.same(mine, rest)
    assert.equal(12, #rest)
    assert.matches("the state belongs to 20 items", message(function() toy(7).state = state end))
  end)

  it("balances classes", function()
    local x, labels = scion.rand(10, 1), { "a", "a", "a", "a", "a", "a", "a", "b", "b", "c" }
    local function counts(balance)
      local it = data.tensors { x = x, labels = labels, balance = balance, batch_size = 4, shuffle = true }
      local n = { 0, 0, 0 }
      for _, y in it do
        for _, id in ipairs(y:tolist()) do n[id] = n[id] + 1 end
      end
      return n
    end
    assert.same({ 7, 7, 7 }, counts "oversample")
    assert.same({ 1, 1, 1 }, counts "undersample")
    assert.same({ 7, 2, 1 }, counts "none")
  end)

  it("transforms batches", function()
    local it = toy(4, { batch_size = 2, transform = function(x, y, keys) return x * 10 + keys.batch, y end })
    assert.same({ 11, 21, 32, 42 }, (first_column(it)))
    assert.matches("transform returned nothing", message(function()
      toy(4, { transform = function() end }):next()
    end))
  end)

  it("refuses bad options", function()
    assert.matches("batch_size' must be at least 1, got 0", message(toy, 4, { batch_size = 0 }))
    assert.matches("leaves no batch: 4 items, batch_size 8", message(toy, 4, { batch_size = 8, last_batch = "drop" }))
    assert.matches("one of keep, drop, pad", message(toy, 4, { last_batch = "wrap" }))
  end)
end)

describe("data set", function()
  it("splits by shares of every class", function()
    local train, test = toy(30):split(0.8, { seed = 3 })
    assert.same({ 8, 8, 8 }, { table.unpack(train:class_counts()) })
    assert.same({ 2, 2, 2 }, { table.unpack(test:class_counts()) })
    local seen = {}
    for _, it in ipairs { train, test } do
      for _, v in ipairs((first_column(it))) do
        assert.is_nil(seen[v])
        seen[v] = true
      end
    end
    assert.equal(30, #(function() local l = {} for v in pairs(seen) do l[#l + 1] = v end return l end)())
    assert.matches("must add up to 1", message(function() toy(9):split({ 0.5, 0.1 }) end))
    assert.matches("is empty", message(function() toy(3):split(0.9) end))
  end)

  it("takes k of each class by seed", function()
    local few = toy(30):take_per_class(2, { seed = 1 })
    assert.same({ 2, 2, 2 }, { table.unpack(few:class_counts()) })
    assert.same((first_column(few)), (first_column(toy(30):take_per_class(2, { seed = 1 }))))
    assert.not_same((first_column(few)), (first_column(toy(30):take_per_class(2, { seed = 2 }))))
    assert.matches("class 'bee' has 3 items, 4 asked for", message(function() toy(9):take_per_class(4) end))
  end)

  it("keeps some classes and counts ids anew", function()
    local it = toy(9):only { "bee", "dog" }
    assert.same({ "bee", "dog" }, { table.unpack(it.classes) })
    local x, y = it:next()
    assert.equal(6, #x)
    assert.same({ 2, 1, 2, 1, 2, 1 }, { table.unpack(y:tolist()) })
    assert.same({ "dog", "bee", "dog", "bee", "dog", "bee" }, { table.unpack(it:labels()) })
    assert.same({ 3, 3 }, { table.unpack(it:take_per_class(3):class_counts()) })
    assert.matches("'cow' is not among the classes", message(function() toy(9):only { "cow" } end))
  end)

  it("folds for cross-validation", function()
    local folds = toy(31).dataset:kfold(4, { seed = 2 })
    local total = 0
    for _, fold in ipairs(folds) do
      assert.equal(31, #fold[1] + #fold[2])
      total = total + #fold[2]
    end
    assert.equal(31, total)
  end)

  it("maps and nests views", function()
    local it = toy(12):map(function(x) return x:neg() end):head(6):subset { 6, 1 }
    assert.same({ -6, -1 }, (first_column(it)))
    assert.equal("dog", toy(12):subset { 2 }:labels()[1])
    assert.matches("at most 12, got 13", message(function() toy(12):subset { 13 } end))
  end)
end)

describe("data.csv", function()
  local function with_file(text, fn)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local ok, result = pcall(fn, path)
    os.remove(path)
    if not ok then error(result, 0) end
    return result
  end

  it("reads columns, header and labels", function()
    with_file('a,"b, c",kind\n1,2,x\r\n3,4.5,"y ""q"""\n', function(path)
      local it = data.csv { path = path }
      assert.same({ "x", 'y "q"' }, { table.unpack(it.classes) })
      assert.same({ "a", "b, c" }, { table.unpack(it.dataset.feature_names) })
      local x = it:next()
      assert.same({ { 1, 2 }, { 3, 4.5 } }, x:tolist())
    end)
    with_file("1;2;0.5\n3;4;1.5\n", function(path)
      local it = data.csv(path, { batch_size = 2 })
      assert.is_nil(it.classes)
      local _, y = it:next()
      assert.same({ 0.5, 1.5 }, { table.unpack(y:tolist()) })
    end)
  end)

  it("names the bad cell", function()
    with_file("a,b\n1,x\n,y\n", function(path)
      assert.matches("line 3, column a: expected a number, the cell is missing", message(data.csv, { path = path }))
    end)
    with_file("1,2\n3\n", function(path)
      assert.matches("line 2 has 1 cells, line 1 has 2", message(data.csv, { path = path }))
    end)
    with_file("", function(path) assert.matches("is empty", message(data.csv, { path = path })) end)
    assert.matches("cannot open", message(data.csv, { path = "/nowhere.csv" }))
  end)

  local shop = "colour,size,weight,age,kind\nred,S,1.5,10,a\nblue,M,NA,20,b\n,L,2.5,,a\nred,S,4,40,b\n"
  local function rows(text, opts)
    return with_file(text, function(path)
      opts.path = path
      local it = data.csv(opts)
      return { x = it:next():tolist(), names = { table.unpack(it.dataset.feature_names) }, labels = it.dataset:labels(), encoding = it.dataset.encoding }
    end)
  end
  local function refused(text, opts) return message(function() rows(text, opts) end) end

  it("takes texts as categories, and fills in what is missing", function()
    local got = rows(shop, { text = "one_hot", missing = "mean" })
    assert.same({ "colour=blue", "colour=red", "size=L", "size=M", "size=S", "weight", "age" }, got.names)
    assert.same({ 1, 0, 0, 1, 0 }, { table.unpack(got.x[2], 1, 5) })
    assert.same({ 0, 1, 1, 0, 0, 2.5 }, { table.unpack(got.x[3], 1, 6) }) -- the most frequent colour
    assert.allclose(scion.tensor { got.x[2][6], got.x[3][7] }, { 8 / 3, 70 / 3 }, { rtol = 1e-6 })
    got = rows(shop, { text = { colour = "one_hot", size = "ordinal" }, categories = { size = { "S", "M", "L" } }, missing = "median" })
    assert.same({ "colour=blue", "colour=red", "size", "weight", "age" }, got.names)
    assert.same({ { 0, 1, 1, 1.5, 10 }, { 1, 0, 2, 2.5, 20 }, { 0, 1, 3, 2.5, 20 }, { 0, 1, 1, 4, 40 } }, got.x)
    got = rows(shop, { text = "one_hot", missing = -1 })
    assert.equal("colour=missing", got.names[3])
    assert.same({ 0, 0, 1, 1, 0, 0, 0, 2.5, -1 }, got.x[3]) -- each column of texts could miss one
  end)

  it("leaves rows out that miss something, the target included", function()
    local heard, emit = nil, scion.emit
    scion.emit = function(_, text) heard = text end
    local got = rows(shop:gsub("40,b", "40,"), { text = "ordinal", missing = "drop" })
    scion.emit = emit
    assert.matches("3 rows with missing cells left out", heard)
    assert.same({ { 1, 1, 1.5, 10 } }, got.x)
    assert.same({ "a" }, { table.unpack(got.labels) })
    assert.matches("every row of .* misses something", refused("a,b,y\n,,1\n,1,\n", { missing = "drop" }))
    assert.matches("the value to predict is missing", refused("a,y\n1,\n2,3\n", { missing = "mean" }))
  end)

  it("reads a test file as the training file was read", function()
    local encoding = rows(shop, { text = "one_hot", missing = "mean" }).encoding
    local other = "colour,size,weight,age,kind\nblue,S,?,7,a\n"
    assert.allclose(scion.tensor(rows(other, { encoding = encoding }).x), { { 1, 0, 0, 0, 1, 8 / 3, 7 } }, { rtol = 1e-6 })
    local strange = other:gsub("blue", "green")
    assert.matches("line 2, column colour: 'green' is none of the categories {blue, red}", refused(strange, { encoding = encoding }))
    assert.same({ 0, 0 }, { table.unpack(rows(strange, { encoding = encoding, unknown = "ignore" }).x[1], 1, 2) })
    assert.matches("has 2 columns to predict from, the encoding has 4", refused("a,b,y\n1,2,3\n", { encoding = encoding }))
    assert.matches("column 1 is shade, the encoding has colour there", refused(other:gsub("colour", "shade"), { encoding = encoding }))
    assert.same(encoding, scion.json.decode(scion.json.encode(encoding))) -- plain data
  end)

  it("reads decimal commas and other words for nothing", function()
    assert.same({ { 1.5, 2 }, { 2.5, 2 } }, rows("a;b;y\n1,5;2;0,5\n2,5;-;1,5\n", { decimal = ",", missing_values = { "-" }, missing = "mean" }).x)
  end)

  it("refuses texts and gaps unless told what to do", function()
    assert.matches("column colour: expected a number, the cell is 'red' %(text = \"one_hot\" or \"ordinal\"", refused(shop, {}))
    assert.matches("line 3, column weight: expected a number, the cell is missing %(missing = \"mean\"", refused(shop:gsub("\n,L", "\nred,L"), { text = "one_hot" }))
    assert.matches("column b has no value in any row", refused("a,b,y\n1,,1\n2,,2\n", { missing = "mean" }))
    assert.matches("text names a column 'siz'", refused(shop, { text = { siz = "ordinal" } }))
    assert.matches("'text.size' must be one of error, one_hot, ordinal, got 'hot'", refused(shop, { text = { size = "hot" } }))
    assert.matches("option 'missing' must be one of error, mean, median, drop or a number, got 'average'", refused(shop, { missing = "average" }))
  end)
end)
