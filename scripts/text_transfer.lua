-- Text: a convolutional network (Kim 2014) learns six newsgroups; its features then serve four other groups from 100 documents. Beside
-- it: the untrained network trained on the 100 documents, and logistic regression on TF-IDF.
--
--   scion scripts/text_transfer.lua --out result

local scion = require "scion"
local data, nn, show = scion.data, scion.nn, scion.show
local text = data.text

local args = scion.cli.parse {
  name = "text_transfer", about = "From six newsgroups to four others by 100 documents.",
  options = { { "seeds", "N", "repetitions with other documents and weights", default = 5, min = 1 },
    { "documents", "N", "documents to learn from, a multiple of four", default = 100, min = 8 },
    { "epochs", "N", "passes of the source network", default = 4, min = 1 },
    { "length", "N", "words kept of a source document; of the others twice as many", default = 150, min = 10 } },
}
local TARGET <const> = { "comp.graphics", "rec.autos", "sci.space", "talk.politics.mideast" }
local SOURCE <const> = { "alt.atheism", "comp.sys.mac.hardware", "misc.forsale", "rec.sport.hockey", "sci.med", "soc.religion.christian" }
local WIDTHS <const>, FILTERS <const> = { 3, 4, 5 }, 100
local seeds, epochs = args.quick and 1 or args.seeds, args.quick and 1 or args.epochs
scion.seed(args.seed)

-- ---- documents, words, vectors -------------------------------------------------------------------------------------------

local source_documents, source_labels = text.newsgroups { split = "train", categories = SOURCE }
local documents, labels = text.newsgroups { split = "train", categories = TARGET }
local test_documents, test_labels = text.newsgroups { split = "test", categories = TARGET }
local function thin(list, keep)
  local out = {}
  for i = 1, #list, keep do out[#out + 1] = list[i] end
  return out
end
if args.quick then
  source_documents, source_labels = thin(source_documents, 12), thin(source_labels, 12)
  test_documents, test_labels = thin(test_documents, 10), thin(test_labels, 10)
end
-- Words that the source knows, and, since their vectors are known, those of the target documents.
local all = table.move(source_documents, 1, #source_documents, 1, {})
table.move(documents, 1, #documents, #all + 1, all)
local vocabulary = text.Vocabulary.build(all, { min_count = 2, max_size = 30000 })
local vectors, found = text.embedding(vocabulary, { seed = args.seed })
print(("words    %d, %.0f %% of them with GloVe vectors of %d numbers"):format(#vocabulary, 100 * found, vectors:size(2)))
local function iterator(docs, names, opts)
  opts.documents, opts.labels, opts.vocabulary, opts.length = docs, names, vocabulary, opts.length or args.length
  return text.iterator(opts)
end
local source = iterator(source_documents, source_labels, { batch_size = 32, shuffle = true, seed = args.seed })
local held_out
source, held_out = source:split(0.9, { seed = args.seed })
local target = iterator(documents, labels, { batch_size = 16, classes = TARGET, length = 2 * args.length })
local test = iterator(test_documents, test_labels, { batch_size = 64, classes = TARGET, length = 2 * args.length })
print(("source   %d documents of %d groups; target: %d to choose from, %d to be tested on"):format(#source.dataset, #source.classes,
  #target.dataset, #test.dataset))

-- ---- the network --------------------------------------------------------------------------------------------------------------

-- Word vectors; convolutions over 3, 4 and 5 words, the largest value of each; beside them the mean of the vectors. All of it takes
-- documents of any length.
local function network(n_classes, weights)
  local ids = nn.input("ids", { shape = { -1, -1 }, dtype = "i64" })
  local embedding = nn.Embedding(#vocabulary, vectors:size(2), { padding_idx = 1, name = "embedding" })
  if weights then scion.no_grad(function() embedding["weight"]:copy_(weights) end) end
  local words = nn.permute(embedding(ids), { 1, 3, 2 }, { name = "words" })
  local parts = {}
  for i, width in ipairs(WIDTHS) do
    local h = nn.Conv1d(vectors:size(2), FILTERS, width, { name = "conv" .. width })(words)
    parts[i] = nn.amax(nn.ReLU { name = "relu" .. width }(h), -1, { name = "pool" .. width })
  end
  local count = nn.sum(nn.to(nn.ne(ids, scion.tensor({ 1 }, { dtype = "i64" })), "f32"), 2, true, { name = "count" }) -- padding does not count
  parts[#parts + 1] = nn.div(nn.sum(words, -1, { name = "sum" }), nn.clamp(count, 1, { name = "at_least_one" }), { name = "mean" })
  local joined = nn.cat(parts, 2, { name = "joined" })
  local dropped = nn.Dropout(0.3, { name = "dropout0" })(joined)
  return nn.Graph(ids, nn.Linear(#WIDTHS * FILTERS + vectors:size(2), n_classes, { name = "fc" })(dropped))
end

local start = scion.progress.now()
local net = network(#source.classes, vectors)
net:freeze { "embedding" } -- the vectors are trained already, on far more text
net:fit(source, { num_epochs = epochs, lr = 1e-3, schedule = "one_cycle", metrics = { "accuracy" }, progress = false })
local measured = net:evaluate(held_out)
net:eval()
print(("source network: %.1f %% of %d held-out documents, trained in %s"):format(100 * measured.accuracy, #held_out.dataset,
  show.seconds(scion.progress.now() - start)))

-- ---- transfer, scratch, TF-IDF --------------------------------------------------------------------------------------------------

local rows = { { name = "LR on the source's features" }, { name = "from scratch" }, { name = "TF-IDF, logistic regression" } }
for _, row in ipairs(rows) do row.accuracy = {} end
local last
for seed = 1, seeds do
  local few = target:take_per_class(args.documents // #TARGET, { seed = args.seed + seed })
  local rp = scion.LrRepurposer { source_model = net, feature_layer_names = { "joined" }, c = 0.1 }
  rp:repurpose(few)
  last = rp
  rows[1].accuracy[seed] = 100 * rp:accuracy(test)

  scion.seed(args.seed + seed)
  local scratch = network(#TARGET) -- nothing is known, not even the words
  scratch:fit(few:with { shuffle = true, seed = seed }, { num_epochs = args.quick and 2 or 20, lr = 1e-3, schedule = "one_cycle", progress = false })
  rows[2].accuracy[seed] = 100 * scratch:evaluate(test).accuracy

  local chosen, names = {}, {}
  for i, position in ipairs(few.dataset.positions) do chosen[i], names[i] = documents[position], labels[position] end
  local tf_idf = text.TfIdf(chosen, { max_size = 20000 })
  local ids, known = {}, {}
  for k, label in ipairs(TARGET) do known[label] = k end
  for i, label in ipairs(names) do ids[i] = known[label] end
  local model = scion.logistic.fit(tf_idf:transform(chosen), ids, #TARGET, { c = 10 })
  local said = model:predict_id(tf_idf:transform(test_documents)):tolist()
  local right = 0
  for i, label in ipairs(test_labels) do
    if TARGET[said[i]] == label then right = right + 1 end
  end
  rows[3].accuracy[seed] = 100 * right / #test_labels
end
local cells, bars, means, spreads = {}, {}, {}, {}
for i, row in ipairs(rows) do
  local line, mean, spread = show.mean_spread(row.accuracy)
  cells[i], bars[i], means[i], spreads[i] = { row.name, line }, row.name, mean, spread
end
print(show.table({ "method", { title = "accuracy %", align = "right" } }, cells,
  { title = ("%d documents to learn from, %d test documents, %d seeds (Xfer, other groups: 58.9 by LR, 50 from scratch)"):format(args.documents,
    #test.dataset, seeds) }))
local sentence = "The engine of my car needs a new clutch, and the dealer wants too much for the brakes."
local p = last:predict_probability(text.pad({ vocabulary:encode(sentence) }, { length = 2 * args.length })):tolist()[1]
local order = { 1, 2, 3, 4 }
table.sort(order, function(a, b) return p[a] > p[b] end)
print(("\"%s\"\n  %s (%.2f), %s (%.2f)"):format(sentence, TARGET[order[1]], p[order[1]], TARGET[order[2]], p[order[2]]))
if args.out then
  scion.io.make_dir(args.out)
  scion.plot.bars { labels = bars, values = means, errors = spreads, x_label = "accuracy %", title = ("Four newsgroups from %d documents"):format(args.documents),
    out = args.out .. "/text_transfer.svg" }
end
print(scion.json.encode { script = "text_transfer", seed = args.seed, seeds = seeds, transfer = means[1] / 100, scratch = means[2] / 100, tf_idf = means[3] / 100,
  source = measured.accuracy })
