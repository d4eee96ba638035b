local helper = require "spec.helper"
local scion = require "scion"
local text = scion.data.text

local function raises(message, fn, ...)
  local ok, found = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(found):find(message, 1, true), tostring(found))
end

describe("data.text", function()
  it("cuts texts into words", function()
    assert.same({ "don't", "stop", "it's", "3.5", "ghz", "naïve", "42" }, text.tokenise("Don't stop -- it's 3.5 GHz, naïve! 42"):tolist())
    assert.same({ "A", ",", "b", "." }, text.tokenise("A, b.", { lower = false, punctuation = true }):tolist())
    assert.same({ "a" }, text.tokenise("a 1 22", { numbers = false }):tolist())
    assert.same({ "users" }, text.tokenise("users'"):tolist())
    assert.same({}, text.tokenise(""):tolist())
    raises("argument 'text' must be a string", text.tokenise, 5)
    raises("unknown option 'lowre'", text.tokenise, "a", { lowre = true })
  end)

  it("counts words into a vocabulary, the frequent ones first", function()
    local v = text.Vocabulary.build { "the cat sat", "the cat", { "the", "dog" } }
    assert.same({ "<pad>", "<unk>", "the", "cat", "dog", "sat" }, v.words)
    assert.equal(6, #v)
    assert.same({ 3, 5, 2 }, v:encode { "the", "dog", "unicorn" })
    assert.same({ "the", "dog", "<unk>" }, v:decode({ 3, 5, 2, 1, 1 }):tolist())
    assert.equal(4, #text.Vocabulary.build({ "the cat sat", "the cat" }, { min_count = 2 }))
    assert.equal(3, #text.Vocabulary.build({ "the cat sat", "the cat" }, { max_size = 1 }))
    raises("id 9 out of range 1..6", v.decode, v, { 9 })
    raises("document 2 must be a text or a list of words, got 7", text.Vocabulary.build, { "a", 7 })
  end)

  it("pads and cuts on either side", function()
    local lists = { { 5, 6, 7 }, { 8 } }
    assert.same({ { 5, 6 }, { 8, 1 } }, text.pad(lists, { length = 2 }):tolist())
    assert.same({ { 6, 7 }, { 1, 8 } }, text.pad(lists, { length = 2, side = "left", keep = "last" }):tolist())
    assert.same({ 2, 3 }, { text.pad(lists):size(1), text.pad(lists):size(2) })
    raises("there are no lists", text.pad, {})
  end)

  it("feeds an embedding", function()
    local docs = { "good film", "bad film", "good good", "bad" }
    local v = text.Vocabulary.build(docs)
    local it_ = text.iterator { documents = docs, labels = { "up", "down", "up", "down" }, vocabulary = v, length = 3, batch_size = 2 }
    local x, y = it_:next()
    assert.same({ 2, 3 }, { x:size(1), x:size(2) })
    assert.equal("i64", x.dtype)
    assert.same({ "down", "up" }, it_.classes:tolist())
    assert.same({ 2, 1 }, y:tolist())
    local vectors = scion.tensor { { 1, 0 }, { 0, 1 }, { 5, 5 } }
    local table_, found = text.embedding(v, { vectors = vectors, words = { "good", "bad", "other" } })
    assert.same({ #v, 2 }, { table_:size(1), table_:size(2) })
    assert.allclose(table_[v.id_of.good], { 1, 0 })
    assert.allclose(table_[1], { 0, 0 })
    assert.allclose(found, 2 / 3)
    local again = text.embedding(v, { vectors = vectors, words = { "good", "bad", "other" } })
    assert.allclose(again, table_, { rtol = 0, atol = 0 })
    raises("2 words but vectors of shape", text.embedding, v, { vectors = vectors, words = { "a", "b" } })
  end)

  it("weighs words by TF-IDF as scikit-learn does", function()
    local docs = { "apple banana apple", "banana cherry", "apple cherry cherry" }
    local t = text.TfIdf(docs)
    local m = t:transform { "apple banana", "unknown" }
    -- both words are in two of three documents: equal weights of a row of length 1
    assert.allclose(m[1]:square():sum(), 1, { rtol = 1e-5 })
    assert.allclose(m[1]:max(), math.sqrt(0.5), { rtol = 1e-5 })
    assert.allclose(m[2]:abs():sum(), 0)
    assert.allclose(t.idf[t.vocabulary.id_of.apple], math.log(4 / 3) + 1)
  end)

  it("reads archives of messages", function()
    local dir = helper.tmpdir()
    for _, group in ipairs { "a.b", "c.d" } do
      os.execute(("mkdir -p '%s/set/%s'"):format(dir, group))
      helper.write_file(("%s/set/%s/1"):format(dir, group), "From: me\nSubject: x\n\nOn Monday he wrote:\n> quoted\nown words\n--\nsignature\n")
    end
    os.execute(("cd '%s' && tar czf set.tar.gz set"):format(dir))
    local docs, labels = text.newsgroups { path = dir .. "/set.tar.gz" }
    assert.same({ "a.b", "c.d" }, labels:tolist())
    assert.same({ "own", "words" }, text.tokenise(docs[1]):tolist())
    assert.equal(1, #text.newsgroups { path = dir .. "/set.tar.gz", categories = { "c.d" } })
    raises("has no group 'e.f'", text.newsgroups, { path = dir .. "/set.tar.gz", categories = { "e.f" } })
    raises("unknown option", text.newsgroups, { categorys = {} })
    helper.write_file(dir .. "/cut.tar", ("x"):rep(700))
    raises("is no tar archive, or is cut short", text.newsgroups, { path = dir .. "/cut.tar" })
  end)
end)
