-- Attention layers. Batch comes first: (N, length, features).

local scion = require "scion"
local args = require "scion.nn.args"
local core = require "scion.nn.core"
local init = require "scion.nn.initializers"
local layers = require "scion.nn.layers"
local activations = require "scion.nn.activations"

local M = {}

local MHA <const> = { { "embed_dim", "posint" }, { "num_heads", "posint" }, { "dropout", "probability", 0 }, { "bias", "boolean", true },
  { "is_causal", "boolean", false }, { "attn_mask", "tensor", args.none }, { "need_weights", "boolean", false }, { "dtype", "dtype", "f32" },
  { "batch_first", "boolean", true } }
--- Attention of several heads: mha(query, key, value) of (N, L, E), (N, S, E), (N, S, E) to (N, L, E). Parameters as PyTorch's:
--- in_proj_weight (3 E, E), in_proj_bias, out_proj.weight, out_proj.bias. attn_mask (L, S) belongs to the layer: bool, true hides, or
--- float, added. need_weights: a second output, the weights of each head (N, heads, L, S).
---@param embed_dim integer
---@param num_heads integer
---@return scion.Net
function M.MultiheadAttention(...)
  local a = args.read("MultiheadAttention", MHA, ...)
  local e = a.embed_dim
  if not a.batch_first then error("nn.MultiheadAttention: inputs are (N, L, E): batch_first = false is not known; transpose them", 2) end
  if e % a.num_heads ~= 0 then
    error(("nn.MultiheadAttention: embed_dim (%d) must be divisible by num_heads (%d)"):format(e, a.num_heads), 2)
  end
  local opts = { dtype = a.dtype }
  local entries = { in_proj_weight = core.parameter(init.xavier_uniform_(scion.zeros({ 3 * e, e }, opts))) }
  local bound = 1 / math.sqrt(e)
  entries.out_proj_weight = core.parameter(init.uniform_(scion.zeros({ e, e }, opts), -bound, bound))
  if a.bias then
    entries.in_proj_bias = core.parameter(scion.zeros({ 3 * e }, opts))
    entries.out_proj_bias = core.parameter(scion.zeros({ e }, opts))
  end
  entries.attn_mask = a.attn_mask
  local net = core.op_layer("MultiheadAttention", "multi_head_attention",
    { num_heads = a.num_heads, dropout_p = a.dropout, is_causal = a.is_causal }, entries, { attn_mask = true }, a.name,
    { "query", "key", "value" }, { out_proj_weight = "out_proj.weight", out_proj_bias = "out_proj.bias" })
  if a.need_weights then core.set_all_outputs(net, "", 2) end
  return net
end

local ENCODER <const> = { { "d_model", "posint" }, { "nhead", "posint" }, { "dim_feedforward", "posint", 2048 }, { "dropout", "probability", 0.1 },
  { "activation", { "relu", "gelu" }, "relu" }, { "layer_norm_eps", "positive", 1e-5 }, { "norm_first", "boolean", false }, { "bias", "boolean", true },
  { "is_causal", "boolean", false }, { "dtype", "dtype", "f32" } }
--- Self-attention and a feed-forward net, each with dropout, residual sum and layer norm: (N, L, d_model) to the same. Arguments: d_model,
--- nhead, dim_feedforward = 2048, dropout = 0.1, activation = "relu", layer_norm_eps = 1e-5, norm_first = false, bias = true,
--- is_causal = false. Parameter names are PyTorch's.
---@param d_model integer
---@param nhead integer
---@return scion.Net
function M.TransformerEncoderLayer(...)
  local a = args.read("TransformerEncoderLayer", ENCODER, ...)
  if a.d_model % a.nhead ~= 0 then
    error(("nn.TransformerEncoderLayer: d_model (%d) must be divisible by nhead (%d)"):format(a.d_model, a.nhead), 2)
  end
  local d = a.d_model
  local function norm(name) return layers.LayerNorm(d, { eps = a.layer_norm_eps, bias = a.bias, dtype = a.dtype, name = name }) end
  local x = core.input("x")
  local mha = M.MultiheadAttention(d, a.nhead, { dropout = a.dropout, bias = a.bias, is_causal = a.is_causal, dtype = a.dtype, name = "self_attn" })
  local linear1 = layers.Linear(d, a.dim_feedforward, { bias = a.bias, dtype = a.dtype, name = "linear1" })
  local linear2 = layers.Linear(a.dim_feedforward, d, { bias = a.bias, dtype = a.dtype, name = "linear2" })
  local act = activations[a.activation == "gelu" and "GELU" or "ReLU"] { name = "activation" }
  local norm1, norm2 = norm("norm1"), norm("norm2")
  local function attend(v) return layers.Dropout(a.dropout, { name = "dropout1" })(mha(v, v, v)) end
  local function feed(v)
    v = layers.Dropout(a.dropout, { name = "dropout" })(act(linear1(v)))
    return layers.Dropout(a.dropout, { name = "dropout2" })(linear2(v))
  end
  local y
  if a.norm_first then
    y = x + attend(norm1(x))
    y = y + feed(norm2(y))
  else
    y = norm1(x + attend(x))
    y = norm2(y + feed(y))
  end
  return core.graph(x, y, { name = a.name or "transformerencoderlayer" })
end

local STACK <const> = { { "d_model", "posint" }, { "nhead", "posint" }, { "num_layers", "posint" }, { "dim_feedforward", "posint", 2048 },
  { "dropout", "probability", 0.1 }, { "activation", { "relu", "gelu" }, "relu" }, { "layer_norm_eps", "positive", 1e-5 },
  { "norm_first", "boolean", false }, { "final_norm", "boolean", false }, { "is_causal", "boolean", false }, { "dtype", "dtype", "f32" } }
--- `num_layers` encoder layers one after the other, named layers.0, layers.1, ...; final_norm: a layer norm "norm" behind them.
---@return scion.Net
function M.TransformerEncoder(...)
  local a = args.read("TransformerEncoder", STACK, ...)
  local list = {}
  for i = 1, a.num_layers do
    list[i] = { ("layers.%d"):format(i - 1), M.TransformerEncoderLayer(a.d_model, a.nhead, a.dim_feedforward, a.dropout, a.activation,
      a.layer_norm_eps, a.norm_first, { is_causal = a.is_causal, dtype = a.dtype }) }
  end
  if a.final_norm then list[#list + 1] = { "norm", layers.LayerNorm(a.d_model, { eps = a.layer_norm_eps, dtype = a.dtype }) } end
  return core.sequential(list, { name = a.name or "transformerencoder" })
end

local DECODER <const> = { { "d_model", "posint" }, { "nhead", "posint" }, { "dim_feedforward", "posint", 2048 }, { "dropout", "probability", 0.1 },
  { "activation", { "relu", "gelu" }, "relu" }, { "layer_norm_eps", "positive", 1e-5 }, { "norm_first", "boolean", false }, { "bias", "boolean", true },
  { "is_causal", "boolean", true }, { "dtype", "dtype", "f32" } }
--- Self-attention, attention to the encoder's output and a feed-forward net: decoder(target (N, L, d_model), memory (N, S, d_model)) to
--- (N, L, d_model). Arguments as TransformerEncoderLayer's, but is_causal = true: a position sees itself and those before it (PyTorch asks for a
--- mask instead). Parameter names are PyTorch's.
---@param d_model integer
---@param nhead integer
---@return scion.Net
function M.TransformerDecoderLayer(...)
  local a = args.read("TransformerDecoderLayer", DECODER, ...)
  if a.d_model % a.nhead ~= 0 then
    error(("nn.TransformerDecoderLayer: d_model (%d) must be divisible by nhead (%d)"):format(a.d_model, a.nhead), 2)
  end
  local d = a.d_model
  local function norm(name) return layers.LayerNorm(d, { eps = a.layer_norm_eps, bias = a.bias, dtype = a.dtype, name = name }) end
  local function heads(name, causal)
    return M.MultiheadAttention(d, a.nhead, { dropout = a.dropout, bias = a.bias, is_causal = causal, dtype = a.dtype, name = name })
  end
  local x, memory = core.input("target"), core.input("memory")
  local self_attn, multihead_attn = heads("self_attn", a.is_causal), heads("multihead_attn", false)
  local linear1 = layers.Linear(d, a.dim_feedforward, { bias = a.bias, dtype = a.dtype, name = "linear1" })
  local linear2 = layers.Linear(a.dim_feedforward, d, { bias = a.bias, dtype = a.dtype, name = "linear2" })
  local act = activations[a.activation == "gelu" and "GELU" or "ReLU"] { name = "activation" }
  local norm1, norm2, norm3 = norm("norm1"), norm("norm2"), norm("norm3")
  local function attend(v) return layers.Dropout(a.dropout, { name = "dropout1" })(self_attn(v, v, v)) end
  local function look(v) return layers.Dropout(a.dropout, { name = "dropout2" })(multihead_attn(v, memory, memory)) end
  local function feed(v)
    v = layers.Dropout(a.dropout, { name = "dropout" })(act(linear1(v)))
    return layers.Dropout(a.dropout, { name = "dropout3" })(linear2(v))
  end
  local y
  if a.norm_first then
    y = x + attend(norm1(x))
    y = y + look(norm2(y))
    y = y + feed(norm3(y))
  else
    y = norm1(x + attend(x))
    y = norm2(y + look(y))
    y = norm3(y + feed(y))
  end
  return core.graph({ x, memory }, y, { name = a.name or "transformerdecoderlayer" })
end

local DECODER_STACK <const> = { { "d_model", "posint" }, { "nhead", "posint" }, { "num_layers", "posint" }, { "dim_feedforward", "posint", 2048 },
  { "dropout", "probability", 0.1 }, { "activation", { "relu", "gelu" }, "relu" }, { "layer_norm_eps", "positive", 1e-5 },
  { "norm_first", "boolean", false }, { "final_norm", "boolean", false }, { "is_causal", "boolean", true }, { "dtype", "dtype", "f32" } }
--- `num_layers` decoder layers, named layers.0, layers.1, ..., each looking at the same memory: decoder(target, memory); final_norm: a layer
--- norm "norm" behind them.
---@return scion.Net
function M.TransformerDecoder(...)
  local a = args.read("TransformerDecoder", DECODER_STACK, ...)
  local x, memory = core.input("target"), core.input("memory")
  local y = x
  for i = 1, a.num_layers do
    local layer = M.TransformerDecoderLayer(a.d_model, a.nhead, a.dim_feedforward, a.dropout, a.activation, a.layer_norm_eps, a.norm_first,
      { is_causal = a.is_causal, dtype = a.dtype, name = ("layers.%d"):format(i - 1) })
    y = layer(y, memory)
  end
  if a.final_norm then y = layers.LayerNorm(a.d_model, { eps = a.layer_norm_eps, dtype = a.dtype, name = "norm" })(y) end
  return core.graph({ x, memory }, y, { name = a.name or "transformerdecoder" })
end

local TRANSFORMER <const> = { { "d_model", "posint", 512 }, { "nhead", "posint", 8 }, { "num_encoder_layers", "posint", 6 }, { "num_decoder_layers", "posint", 6 },
  { "dim_feedforward", "posint", 2048 }, { "dropout", "probability", 0.1 }, { "activation", { "relu", "gelu" }, "relu" },
  { "layer_norm_eps", "positive", 1e-5 }, { "norm_first", "boolean", false }, { "dtype", "dtype", "f32" } }
--- Encoder and decoder of Vaswani et al. (2017), a final norm behind each: transformer(source (N, S, d_model), target (N, L, d_model)) to
--- (N, L, d_model), the decoder causal. Arguments: d_model = 512, nhead = 8, num_encoder_layers = 6, num_decoder_layers = 6,
--- dim_feedforward = 2048, dropout = 0.1, activation = "relu", layer_norm_eps = 1e-5, norm_first = false. Parameter names are PyTorch's.
---@return scion.Net
function M.Transformer(...)
  local a = args.read("Transformer", TRANSFORMER, ...)
  local common = { dim_feedforward = a.dim_feedforward, dropout = a.dropout, activation = a.activation, layer_norm_eps = a.layer_norm_eps,
    norm_first = a.norm_first, final_norm = true, dtype = a.dtype }
  local function stack(make, n, name)
    common.name = name
    return make(a.d_model, a.nhead, n, common)
  end
  local source, target = core.input("source"), core.input("target")
  local memory = stack(M.TransformerEncoder, a.num_encoder_layers, "encoder")(source)
  return core.graph({ source, target }, stack(M.TransformerDecoder, a.num_decoder_layers, "decoder")(target, memory), { name = a.name or "transformer" })
end

return M
