-- Losses as layers of two (or more) inputs, under PyTorch's names: nn.CrossEntropyLoss { label_smoothing = 0.1 }(logits, ids). The
-- functions of the same meaning (nn.cross_entropy, ...) are ops of the registry.

local args = require "scion.nn.args"
local core = require "scion.nn.core"

local M = {}

-- type, op, inputs from outside, optional tensors kept as buffers
local TABLE <const> = {
  { "CrossEntropyLoss", "cross_entropy", 2, { "weight" } }, { "NLLLoss", "nll_loss", 2, { "weight" } }, { "MSELoss", "mse_loss", 2 },
  { "L1Loss", "l1_loss", 2 }, { "SmoothL1Loss", "smooth_l1_loss", 2 }, { "HuberLoss", "huber_loss", 2 }, { "KLDivLoss", "kl_div", 2 },
  { "BCELoss", "binary_cross_entropy", 2, { "weight" } },
  { "BCEWithLogitsLoss", "binary_cross_entropy_with_logits", 2, { "weight", "pos_weight" } },
  { "HingeLoss", "hinge_loss", 2 }, { "HingeEmbeddingLoss", "hinge_embedding_loss", 2 }, { "SoftMarginLoss", "soft_margin_loss", 2 },
  { "MultiMarginLoss", "multi_margin_loss", 2, { "weight" } }, { "MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", 2, { "weight" } },
  { "PoissonNLLLoss", "poisson_nll_loss", 2 }, { "GaussianNLLLoss", "gaussian_nll_loss", 3 },
  { "MarginRankingLoss", "margin_ranking_loss", 3 }, { "TripletMarginLoss", "triplet_margin_loss", 3 },
  { "CosineEmbeddingLoss", "cosine_embedding_loss", 3 },
  { "CTCLoss", "ctc_loss", 4 }, { "CosineSimilarity", "cosine_similarity", 2 }, { "PairwiseDistance", "pairwise_distance", 2 },
}

local function contains(list, value)
  for _, v in ipairs(list or {}) do if v == value then return true end end
  return false
end

for _, row in ipairs(TABLE) do
  local type_name, op, n_inputs, tensors = row[1], row[2], row[3], row[4]
  M[type_name] = function(options, ...)
    if select("#", ...) > 0 or (options ~= nil and (type(options) ~= "table" or #options > 0)) then
      error(("nn.%s: takes one table of options, got %s"):format(type_name, args.describe(options)), 2)
    end
    local info = core.op_info(op)
    local params, entries, buffers, name, known = {}, {}, {}, nil, { "name" }
    for _, p in ipairs(info.params) do known[#known + 1] = p.name end
    for _, t in ipairs(tensors or {}) do known[#known + 1] = t end
    for key, value in pairs(options or {}) do
      if key == "name" then
        name = value
      elseif contains(tensors, key) then
        if not core.is_tensor(value) then error(("nn.%s: %s must be a tensor, got %s"):format(type_name, key, args.describe(value)), 2) end
        entries[key], buffers[key] = value, true
      elseif contains(known, key) then
        params[key] = value
      else
        table.sort(known)
        error(("nn.%s: unknown option '%s' (known: %s)"):format(type_name, tostring(key), table.concat(known, ", ")), 2)
      end
    end
    local inputs = {}
    for i = 1, n_inputs do inputs[i] = info.inputs[i].name end
    return core.op_layer(type_name, op, params, entries, buffers, name, inputs)
  end
end

return M
