-- scion.data.text: from documents to batches of word ids.
--
--   local text = scion.data.text
--   local docs, labels = text.newsgroups { split = "train", categories = { "sci.med", "rec.autos" } }
--   local vocabulary = text.Vocabulary.build(docs, { min_count = 2, max_size = 20000 })
--   local train = text.iterator { documents = docs, labels = labels, vocabulary = vocabulary, length = 200, batch_size = 32, shuffle = true }
--   local vectors, found = text.embedding(vocabulary, { vectors = "vectors.npy", words = "vocab.txt" })
--
-- Ids are 1..#vocabulary; 1 is padding, 2 a word that the vocabulary does not know.

local check = require "scion.check"
local class = require "scion.class"
local show = require "scion.show"

local M = {}

local function scion() return require "scion" end

M.PAD, M.UNKNOWN = "<pad>", "<unk>"
local PAD_ID <const>, UNKNOWN_ID <const> = 1, 2

-- ---- words ---------------------------------------------------------------------------------------------------------

local TOKENS <const> = { lower = true, punctuation = false, numbers = true }

--- Words of a text: runs of letters (bytes from 128 on count as letters, so UTF-8 words stay whole), with an apostrophe inside
--- (don't); numbers; punctuation, one sign a word, if asked for. opts: lower = true, punctuation = false, numbers = true.
---@param text string
---@return string[]
function M.tokenise(text, opts)
  check.arg("text.tokenise", "text", text, check.string { required = true })
  opts = check.opts("text.tokenise", opts, TOKENS)
  if opts.lower then text = text:lower() end
  local words = show.list {}
  local at, n = 1, #text
  while at <= n do
    local from, to = text:find("^[%a\128-\255]+'?[%a\128-\255]*", at)
    if from then
      local word = text:sub(from, to)
      if word:sub(-1) == "'" then word, to = word:sub(1, -2), to - 1 end
      words[#words + 1] = word
    else
      from, to = text:find("^%d[%d.,]*%d", at)
      if not from then from, to = text:find("^%d", at) end
      if from then
        if opts.numbers then words[#words + 1] = text:sub(from, to) end
      elseif opts.punctuation and text:find("^%p", at) then
        words[#words + 1] = text:sub(at, at)
        to = at
      else
        to = at
      end
    end
    at = to + 1
  end
  return words
end

-- Documents as lists of words: texts are tokenised.
local function tokens_of(where, documents, opts)
  if type(documents) ~= "table" then error(("%s: documents must be a list, got %s"):format(where, check.describe(documents)), 4) end
  local out = {}
  for i, document in ipairs(documents) do
    if type(document) == "string" then
      out[i] = M.tokenise(document, opts)
    elseif type(document) == "table" then
      out[i] = document
    else
      error(("%s: document %d must be a text or a list of words, got %s"):format(where, i, check.describe(document)), 4)
    end
  end
  return out
end

-- ---- vocabulary ------------------------------------------------------------------------------------------------------

local Vocabulary = class.class("Vocabulary")
M.Vocabulary = Vocabulary

--- A vocabulary from a list of words (padding and the unknown word are put before them).
---@param words string[]
function Vocabulary:init(words)
  check.arg("Vocabulary", "words", words, check.list { required = true, of = check.string() }, 4)
  self.words, self.id_of = { M.PAD, M.UNKNOWN }, { [M.PAD] = PAD_ID, [M.UNKNOWN] = UNKNOWN_ID }
  for _, word in ipairs(words) do
    if not self.id_of[word] then
      self.words[#self.words + 1] = word
      self.id_of[word] = #self.words
    end
  end
end
Vocabulary.__len = function(self) return #self.words end
Vocabulary.__tostring = function(self) return ("Vocabulary: %d words"):format(#self.words) end

local BUILD <const> = { min_count = check.integer { default = 1, min = 1 }, max_size = check.integer { min = 1 },
  lower = true, punctuation = false, numbers = true }

--- The words of some documents, the most frequent first (equally frequent ones by name). opts: min_count, max_size, and those of
--- tokenise.
function Vocabulary.build(documents, opts)
  opts = check.opts("Vocabulary.build", opts, BUILD)
  local counts, words = {}, {}
  for _, document in ipairs(tokens_of("Vocabulary.build", documents, { lower = opts.lower, punctuation = opts.punctuation, numbers = opts.numbers })) do
    for _, word in ipairs(document) do
      if not counts[word] then words[#words + 1] = word end
      counts[word] = (counts[word] or 0) + 1
    end
  end
  local kept = {}
  for _, word in ipairs(words) do
    if counts[word] >= opts.min_count then kept[#kept + 1] = word end
  end
  table.sort(kept, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
  for i = #kept, (opts.max_size or #kept) + 1, -1 do kept[i] = nil end
  return Vocabulary(kept)
end

--- Ids of words.
function Vocabulary:encode(words)
  if type(words) == "string" then words = M.tokenise(words) end
  local ids = {}
  for i, word in ipairs(words) do ids[i] = self.id_of[word] or UNKNOWN_ID end
  return ids
end

--- Words of ids (a list or a tensor); padding is left out.
function Vocabulary:decode(ids)
  if type(ids) == "userdata" then ids = ids:tolist() end
  local words = show.list {}
  for _, id in ipairs(ids) do
    if id ~= PAD_ID then
      local word = self.words[id]
      if not word then error(("Vocabulary: id %s out of range 1..%d"):format(tostring(id), #self.words), 2) end
      words[#words + 1] = word
    end
  end
  return words
end

-- ---- batches ------------------------------------------------------------------------------------------------------------

local PADDING <const> = { length = check.integer { min = 1 }, side = check.choice({ "right", "left" }, { default = "right" }),
  keep = check.choice({ "first", "last" }, { default = "first" }) }

--- Lists of ids as a tensor i64 (N, length): short ones are filled up with padding (side = "right" | "left"), long ones cut (keep =
--- "first" | "last"). Default length: the longest.
function M.pad(lists, opts)
  opts = check.opts("text.pad", opts, PADDING)
  local length = opts.length
  if not length then
    length = 1
    for _, ids in ipairs(lists) do length = math.max(length, #ids) end
  end
  if #lists == 0 then error("text.pad: there are no lists", 2) end
  local rows = {}
  for i, ids in ipairs(lists) do
    local n = math.min(#ids, length)
    local row = table.move(ids, opts.keep == "first" and 1 or #ids - n + 1, opts.keep == "first" and n or #ids, 1, {})
    if opts.side == "right" then
      for k = n + 1, length do row[k] = PAD_ID end
    else
      for k = length, 1, -1 do row[k] = k > length - n and row[k - length + n] or PAD_ID end
    end
    rows[i] = row
  end
  return scion().tensor(rows, { dtype = "i64" })
end

local ITERATOR <const> = { documents = check.list { required = true, min_length = 1 }, labels = check.list {}, targets = check.any {},
  vocabulary = check.any { required = true }, length = check.integer { min = 1 }, side = PADDING.side, keep = PADDING.keep,
  lower = true, punctuation = false, numbers = true, classes = check.list {} }

--- An iterator over documents as padded word ids: x is i64 (N, length). Options of iterators beside those here.
function M.iterator(opts)
  local iterator = require "scion.data.iterator"
  local mine, rest = {}, {}
  for name, value in pairs(type(opts) == "table" and opts or {}) do
    if iterator.OPTS[name] ~= nil then rest[name] = value else mine[name] = value end
  end
  mine = check.opts("text.iterator", mine, ITERATOR)
  local words = tokens_of("text.iterator", mine.documents, { lower = mine.lower, punctuation = mine.punctuation, numbers = mine.numbers })
  local lists = {}
  for i, document in ipairs(words) do lists[i] = mine.vocabulary:encode(document) end
  rest.x = M.pad(lists, { length = mine.length, side = mine.side, keep = mine.keep })
  rest.labels, rest.targets, rest.classes = mine.labels, mine.targets, mine.classes
  return scion().data.tensors(rest)
end

-- ---- word vectors ---------------------------------------------------------------------------------------------------------

local EMBEDDING <const> = { vectors = check.any {}, words = check.any {}, seed = check.integer { default = 0 } }

-- Default place of GloVe vectors: the shared data.
local function glove_path(where, name)
  local dir = scion().data.data_dir()
  if not dir then error(("%s: give vectors and words (no data directory with GloVe vectors was found)"):format(where), 4) end
  return dir .. "/models/glove/" .. name
end

--- Word vectors for a vocabulary: f32 (#vocabulary, D). opts: vectors (a tensor (W, D) or an .npy file) and words (a list, or a file with one
--- word a line), by default the GloVe vectors of the shared data. Words without a vector get random ones of the same spread
--- (seeded by seed), padding zeros. The second result is the share of words found.
---@return scion.Tensor vectors, number found
function M.embedding(vocabulary, opts)
  opts = check.opts("text.embedding", opts, EMBEDDING)
  local s = scion()
  local vectors = opts.vectors or glove_path("text.embedding", "vectors_f16.npy")
  if type(vectors) == "string" then vectors = s.io.read_npy(vectors) end
  local words = opts.words or glove_path("text.embedding", "vocab.txt")
  if type(words) == "string" then
    local list = {}
    for line in s.io.read_file(words):gmatch("[^\n]+") do list[#list + 1] = (line:gsub("\r$", "")) end
    words = list
  end
  if vectors:dim() ~= 2 or #vectors ~= #words then
    error(("text.embedding: %d words but vectors of shape %s"):format(#words, tostring(vectors.shape)), 2)
  end
  local to, from = {}, {}
  for row, word in ipairs(words) do
    local id = vocabulary.id_of[word]
    if id and id > UNKNOWN_ID and not to[-id] then
      to[#to + 1], from[#from + 1] = id, row
      to[-id] = true
    end
  end
  local n, width = #vocabulary, vectors:size(2)
  local rows = vectors:index_select(1, s.tensor(#from > 0 and from or { 1 }, { dtype = "i64" })):to("f32")
  local spread = #from > 1 and math.sqrt(rows:sub(rows:mean()):square():mean():item()) or 0.1
  local state = table.pack(s.rng_state())
  s.seed(opts.seed)
  local out = s.randn(n, width):mul(spread)
  s.rng_state(table.unpack(state, 1, state.n))
  s.no_grad(function()
    if #from > 0 then
      local ids = {}
      for i = 1, #from do ids[i] = to[i] end
      out = out:index_copy(1, s.tensor(ids, { dtype = "i64" }), rows)
    end
    out:narrow(1, PAD_ID, 1):zero_()
  end)
  return out, #from / math.max(1, n - UNKNOWN_ID)
end

-- ---- counts ------------------------------------------------------------------------------------------------------------------

local TfIdf = class.class("TfIdf")
M.TfIdf = TfIdf

local TFIDF <const> = { vocabulary = check.any {}, max_size = check.integer { default = 10000, min = 1 }, min_count = check.integer { default = 1, min = 1 },
  sublinear = false }

--- Term frequency times inverse document frequency, as scikit-learn counts it: idf = log((1 + n) / (1 + df)) + 1, rows of length 1.
--- opts: vocabulary (default: built from the documents), max_size, min_count, sublinear (1 + log of the counts).
function TfIdf:init(documents, opts)
  opts = check.opts("TfIdf", opts, TFIDF, 4)
  self.sublinear = opts.sublinear
  local words = tokens_of("TfIdf", documents)
  self.vocabulary = opts.vocabulary or Vocabulary.build(words, { max_size = opts.max_size, min_count = opts.min_count })
  local in_documents = {}
  for _, document in ipairs(words) do
    local seen = {}
    for _, word in ipairs(document) do
      local id = self.vocabulary.id_of[word]
      if id and not seen[id] then
        seen[id] = true
        in_documents[id] = (in_documents[id] or 0) + 1
      end
    end
  end
  self.idf = {}
  for id = 1, #self.vocabulary do self.idf[id] = math.log((1 + #words) / (1 + (in_documents[id] or 0))) + 1 end
end

--- Rows (N, #vocabulary), f32.
function TfIdf:transform(documents)
  local s = scion()
  local rows, columns, values = {}, {}, {}
  local words = tokens_of("TfIdf:transform", documents)
  for i, document in ipairs(words) do
    local counts, order = {}, {}
    for _, word in ipairs(document) do
      local id = self.vocabulary.id_of[word]
      if id and id > UNKNOWN_ID then
        if not counts[id] then order[#order + 1] = id end
        counts[id] = (counts[id] or 0) + 1
      end
    end
    local squares = 0
    for _, id in ipairs(order) do
      counts[id] = (self.sublinear and 1 + math.log(counts[id]) or counts[id]) * self.idf[id]
      squares = squares + counts[id] ^ 2
    end
    local length = math.sqrt(squares)
    for _, id in ipairs(order) do
      rows[#rows + 1], columns[#columns + 1], values[#values + 1] = i, id, counts[id] / length
    end
  end
  local out = s.zeros(#words * #self.vocabulary)
  if #rows > 0 then
    local at = {}
    for k = 1, #rows do at[k] = (rows[k] - 1) * #self.vocabulary + columns[k] end
    out = out:index_copy(1, s.tensor(at, { dtype = "i64" }), s.tensor(values))
  end
  return out:reshape(#words, #self.vocabulary)
end

-- ---- corpora --------------------------------------------------------------------------------------------------------------------

--- Members of a tar archive (plain or gzip): fn(name, content) for each file.
function M.each_in_tar(path, fn)
  local data = scion().io.read_file(path)
  local at = 1
  while at + 511 <= #data do
    local name = data:sub(at, at + 99):match("^[^%z]*")
    if name == "" then break end
    local digits = data:sub(at + 124, at + 135):match("^%s*([0-7]+)")
    local size = digits and tonumber(digits, 8)
    if not size or at + 511 + size > #data then error(("text: %s is no tar archive, or is cut short"):format(path), 2) end
    local kind = data:sub(at + 156, at + 156)
    local prefix = data:sub(at + 257, at + 261) == "ustar" and data:sub(at + 345, at + 499):match("^[^%z]*") or ""
    if prefix ~= "" then name = prefix .. "/" .. name end
    if kind == "0" or kind == "\0" then fn(name, data:sub(at + 512, at + 511 + size)) end
    at = at + 512 + (size + 511) // 512 * 512
  end
end

--- A message without its headers, quoted lines and signature: what scikit-learn removes for a fair test.
function M.strip_message(message)
  local body = message:gsub("\r\n", "\n")
  if not body:find("\n.", 1, false) then body = body:gsub("\t", "\n") end -- copies with tabs for ends of lines
  local header_end = body:find("\n\n", 1, true)
  if header_end then body = body:sub(header_end + 2) end
  local lines = {}
  for line in (body .. "\n"):gmatch("(.-)\n") do
    local quoted = line:find("^%s*[>|:}]") or line:find("writes:%s*$") or line:find("writes in") or line:find("^In article") or line:find("^Quoted from")
      or line:find("wrote:%s*$") or line:find("said:%s*$")
    if not quoted then lines[#lines + 1] = line end
  end
  -- a signature is what follows the last line of dashes or blank line near the end
  for i = #lines, math.max(1, #lines - 12), -1 do
    if lines[i]:find("^%s*%-%-+%s*$") then
      for k = #lines, i, -1 do lines[k] = nil end
      break
    end
  end
  return table.concat(lines, "\n")
end

local NEWSGROUPS <const> = { split = check.choice({ "train", "test" }, { default = "train" }), categories = check.list { of = check.string() },
  path = check.string {}, strip = true }

--- Messages of the 20 newsgroups (by date) from a tar archive with a folder per group; default: the ten groups of the shared data. opts:
--- split, categories (default all), path, strip = true (headers, quotes and signatures removed).
---@return string[] documents, string[] labels
function M.newsgroups(opts)
  opts = check.opts("text.newsgroups", opts, NEWSGROUPS)
  local path = opts.path
  if not path then
    local dir = scion().data.data_dir()
    if not dir then error("text.newsgroups: give path (no data directory was found)", 2) end
    path = ("%s/datasets/text/20newsgroups/20news-bydate-%s-10cat.tar.gz"):format(dir, opts.split)
  end
  local wanted
  if opts.categories then
    wanted = {}
    for _, name in ipairs(opts.categories) do wanted[name] = 0 end
  end
  local found = {}
  M.each_in_tar(path, function(name, content)
    local group = name:match("([^/]+)/[^/]+$")
    if group and (not wanted or wanted[group]) then
      if wanted then wanted[group] = wanted[group] + 1 end
      found[#found + 1] = { name = name, group = group, text = opts.strip and M.strip_message(content) or content }
    end
  end)
  for name, count in pairs(wanted or {}) do
    if count == 0 then error(("text.newsgroups: %s has no group '%s'"):format(path, name), 2) end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  local documents, labels = {}, show.list {}
  for i, item in ipairs(found) do documents[i], labels[i] = item.text, item.group end
  return documents, labels
end

return M
