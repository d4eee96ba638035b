-- Transformers: the vision transformer as in torchvision, and an encoder of texts in the manner of BERT, under the names that its published
-- weights have.

local scion = require "scion"
local check = require "scion.check"
local parts = require "scion.models.parts"
local nn = scion.nn

local M = {}

local function drawn(...) return nn.init.normal_(scion.zeros { ... }, 0, 0.02) end
local function numbers(v) return scion.tensor(v, { dtype = "i64" }) end

-- ---- ViT (Dosovitskiy et al. 2020, arXiv 2010.11929) ------------------------------------------------------------------------

local VIT_OPTS <const> = parts.options { image = check.integer { default = 224, min = 1 }, patch = check.integer { default = 16, min = 1 },
  layers = check.integer { default = 12, min = 1 },
  heads = check.integer { default = 12, min = 1 }, width = check.integer { default = 768, min = 1 }, mlp = check.integer { min = 1 },
  dropout = check.number { default = 0, min = 0, max = 1 } }
--- Vision transformer: conv_proj, class_token, encoder.pos_embedding, encoder.layers.encoder_layer_0.ln_1, .self_attention, .ln_2, .mlp.0, .mlp.3, ..., encoder.ln, heads.head.
--- The defaults are ViT-B/16; a small one: { image = 32, patch = 4, layers = 6, heads = 3, width = 192 }.
---@param opts? table image = 224, patch = 16, layers = 12, heads = 12, width = 768, mlp = 4 * width, num_classes = 1000, dropout = 0, in_channels = 3
function M.vit(opts)
  local o = check.opts("models.vit", opts, VIT_OPTS, 3)
  if o.image % o.patch ~= 0 then error(("models.vit: the image (%d) is no multiple of the patch (%d)"):format(o.image, o.patch), 2) end
  if o.width % o.heads ~= 0 then error(("models.vit: the width (%d) is no multiple of the heads (%d)"):format(o.width, o.heads), 2) end
  local d, mlp, count = o.width, o.mlp or 4 * o.width, (o.image // o.patch) ^ 2
  local function norm(h, name) return nn.LayerNorm(d, { eps = 1e-6, name = name })(h) end
  local x = nn.input("data", { shape = { -1, o.in_channels, o.image, o.image }, dtype = "f32" })
  local h = parts.conv(x, "conv_proj", o.in_channels, d, o.patch, { stride = o.patch })
  h = nn.permute(nn.flatten(h, { start_dim = 3, name = "patches" }), { dims = { 1, 3, 2 }, name = "tokens" })
  local batch = nn.cat({ nn.shape_of(x, { start = 0, stop = 1, name = "batch" }), numbers { 1, 1 } }, { dim = 1, name = "batch_shape" })
  local class = nn.expand_by(nn.parameter("class_token", scion.zeros { 1, 1, d }), batch, { name = "class_tokens" })
  h = nn.add(nn.cat({ class, h }, { dim = 2, name = "with_class" }), nn.parameter("encoder.pos_embedding", drawn(1, math.tointeger(count) + 1, d)), { name = "encoder.positions" })
  h = nn.Dropout(o.dropout, { name = "encoder.dropout" })(h)
  for i = 0, o.layers - 1 do
    local name = ("encoder.layers.encoder_layer_%d"):format(i)
    local y = norm(h, name .. ".ln_1")
    y = nn.MultiheadAttention(d, o.heads, { name = name .. ".self_attention" })(y, y, y)
    h = nn.add(nn.Dropout(o.dropout, { name = name .. ".dropout" })(y), h, { name = name .. ".add" })
    y = nn.GELU { name = name .. ".mlp.1" }(nn.Linear(d, mlp, { name = name .. ".mlp.0" })(norm(h, name .. ".ln_2")))
    y = nn.Linear(mlp, d, { name = name .. ".mlp.3" })(nn.Dropout(o.dropout, { name = name .. ".mlp.2" })(y))
    h = nn.add(h, nn.Dropout(o.dropout, { name = name .. ".mlp.4" })(y), { name = name .. ".add_1" })
  end
  h = nn.select(norm(h, "encoder.ln"), { dim = 2, index = 1, name = "class" })
  return nn.Graph(x, nn.Linear(d, o.num_classes, { name = "heads.head" })(h))
end

-- ---- BERT (Devlin et al. 2018, arXiv 1810.04805) --------------------------------------------------------------------------------

local BERT_OPTS <const> = { vocabulary = check.integer { default = 30522, min = 1 }, layers = check.integer { default = 12, min = 1 },
  heads = check.integer { default = 12, min = 1 },
  width = check.integer { default = 768, min = 1 }, mlp = check.integer { min = 1 }, positions = check.integer { default = 512, min = 1 },
  num_classes = check.integer { default = 0, min = 0 }, mask = check.boolean { default = false }, dropout = check.number { default = 0.1, min = 0, max = 1 } }
--- Encoder of texts: word ids (N, T) from 1 to (N, T, width), or with num_classes to (N, num_classes) from the first word: embeddings.word_embeddings,
--- encoder.layer.0.attention.self.query, ..., pooler.dense, classifier. mask: a second input "mask" (N, T), bool, true for words.
---@param opts? table vocabulary = 30522, layers = 12, heads = 12, width = 768, mlp = 4 * width, positions = 512, num_classes = 0, mask = false, dropout = 0.1
function M.bert(opts)
  local o = check.opts("models.bert", opts, BERT_OPTS, 3)
  if o.width % o.heads ~= 0 then error(("models.bert: the width (%d) is no multiple of the heads (%d)"):format(o.width, o.heads), 2) end
  local d, mlp = o.width, o.mlp or 4 * o.width
  local function norm(h, name) return nn.LayerNorm(d, { eps = 1e-12, name = name })(h) end
  local function linear(h, name, from, to) return nn.Linear(from or d, to or d, { name = name })(h) end
  local function dropout(h, name) return nn.Dropout(o.dropout, { name = name })(h) end
  local ids = nn.input("data", { shape = { -1, -1 }, dtype = "i64" })
  local inputs, mask = { ids }, nil
  if o.mask then
    inputs[2] = nn.input("mask", { shape = { -1, -1 }, dtype = "bool" })
    mask = nn.unsqueeze(nn.unsqueeze(inputs[2], { dim = 2, name = "mask_heads" }), { dim = 2, name = "mask_queries" })
  end
  local length = nn.shape_of(ids, { start = 1, stop = 2, name = "length" })
  local positions = nn.slice_by(nn.parameter("embeddings.position_embeddings.weight", drawn(o.positions, d)), numbers { 0 }, length, numbers { 0 }, { name = "positions" })
  local kind = nn.narrow(nn.parameter("embeddings.token_type_embeddings.weight", drawn(2, d)), { dim = 1, start = 1, length = 1, name = "token_type" })
  local words = nn.Embedding(o.vocabulary, d, { name = "embeddings.word_embeddings" })(ids)
  local h = nn.add(nn.add(words, kind, { name = "embeddings.add" }), positions, { name = "embeddings.add_1" })
  h = dropout(norm(h, "embeddings.LayerNorm"), "embeddings.dropout")
  for i = 0, o.layers - 1 do
    local name = ("encoder.layer.%d"):format(i)
    local function heads(what)
      local at = name .. ".attention.self." .. what
      local v = nn.unflatten(linear(h, at), { dim = 3, sizes = { o.heads, d // o.heads }, name = at .. "_heads" })
      return nn.permute(v, { dims = { 1, 3, 2, 4 }, name = at .. "_first" })
    end
    local a = nn.scaled_dot_product_attention(heads "query", heads "key", heads "value", mask, { name = name .. ".attention.self.product" })
    a = nn.flatten(nn.permute(a, { dims = { 1, 3, 2, 4 }, name = name .. ".attention.self.words_first" }), { start_dim = 3, name = name .. ".attention.self.joined" })
    a = dropout(linear(a, name .. ".attention.output.dense"), name .. ".attention.output.dropout")
    h = norm(nn.add(a, h, { name = name .. ".attention.output.add" }), name .. ".attention.output.LayerNorm")
    local y = nn.GELU { name = name .. ".intermediate.activation" }(linear(h, name .. ".intermediate.dense", d, mlp))
    y = dropout(linear(y, name .. ".output.dense", mlp, d), name .. ".output.dropout")
    h = norm(nn.add(y, h, { name = name .. ".output.add" }), name .. ".output.LayerNorm")
  end
  if o.num_classes > 0 then
    h = nn.select(h, { dim = 2, index = 1, name = "first_word" })
    h = dropout(nn.Tanh { name = "pooler.activation" }(linear(h, "pooler.dense")), "dropout")
    h = linear(h, "classifier", d, o.num_classes)
  end
  return nn.Graph(inputs, h)
end

return M
