-- Matching networks (Vinyals et al. 2016): a query's label is the average of the support labels, weighted by attention over cosine similarities.
--   p(k | x) = sum_i softmax_i(temperature cos(f(x), f(x_i))) [y_i = k]

local check = require "scion.check"
local class = require "scion.class"
local Metric = require "scion.meta.metric"

local MatchingNet = class.class("MatchingNet", Metric)

MatchingNet.OPTIONS = { temperature = check.number { default = 10, above = 0 } }

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function MatchingNet:scores(support, query, task)
  local nn = require("scion").nn
  local cosine = nn.normalize(query, { dim = 2 }):matmul(nn.normalize(support, { dim = 2 }):t())
  local attention = cosine:mul(self.temperature):softmax(2)
  return attention:matmul(self.one_hot(task.support_y, task.n_classes):to(attention.dtype)):add(1e-8):log()
end

return MatchingNet
