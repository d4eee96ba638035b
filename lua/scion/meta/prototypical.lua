-- Prototypical networks (Snell, Swersky, Zemel 2017): a class is the mean of its embedded support items, a query belongs to the nearest.
--   p(k | x) = softmax(-|f(x) - c_k|^2)          (distance = "cosine": 10 times the cosine instead)

local check = require "scion.check"
local class = require "scion.class"
local Metric = require "scion.meta.metric"

local PrototypicalNet = class.class("PrototypicalNet", Metric)

PrototypicalNet.OPTIONS = { distance = check.choice({ "euclidean", "cosine" }, { default = "euclidean" }) }

--- |q|^2 - 2 q c' + |c|^2 for all pairs: (Q, K).
function PrototypicalNet.square_distance(q, c)
  return q:square():sum(2, true):sub(q:matmul(c:t()):mul(2)):add(c:square():sum(2):reshape(1, -1))
end

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function PrototypicalNet:scores(support, query, task)
  local prototypes = self.class_means(support, task.support_y, task.n_classes)
  if self.distance == "euclidean" then return self.square_distance(query, prototypes):neg() end
  local nn = require("scion").nn
  return nn.normalize(query, { dim = 2 }):matmul(nn.normalize(prototypes, { dim = 2 }):t()):mul(10)
end

return PrototypicalNet
