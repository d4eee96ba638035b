-- Relation networks (Sung et al. 2018): a second network looks at a class's embedding and a query's, side by side, and says how related they are.
--   r_k = g([sum_i f(x_i^k), f(x)]) in 0..1, trained with squared error against [y = k]
--
-- model embeds images to feature maps (N, C, H, W) or vectors; `relation` takes twice the channels and gives one number an item.

local check = require "scion.check"
local class = require "scion.class"
local Metric = require "scion.meta.metric"

local RelationNet = class.class("RelationNet", Metric)

local function scion() return require "scion" end

RelationNet.OPTIONS = { relation = check.test("a net", function(v) return scion().is_net(v) end, { required = true }) }

--- The parameters that the outer optimiser moves: a list of { name, tensor }.
function RelationNet:meta_parameters()
  local list = Metric.meta_parameters(self)
  for name, p in self.relation:named_parameters() do
    if p.requires_grad then list[#list + 1] = { "relation." .. name, p } end
  end
  return list
end

--- Tensors beside the model that checkpoints keep, by name.
function RelationNet:extras()
  local out = {}
  for _, e in ipairs(self.relation:entries()) do
    if e.kind ~= "const" then out["relation." .. e.name] = e.tensor end
  end
  return out
end

--- Running statistics that a task moves.
function RelationNet:statistics()
  local list = Metric.statistics(self)
  for _, s in ipairs(self.statistics_of(self.relation, 1)) do list[#list + 1] = s end
  return list
end

--- Embeds supports and queries together and gives logits.
function RelationNet:compare(support_x, query_x, task, mode, untouched)
  self.mode = mode
  self.untouched = untouched
  return Metric.compare(self, support_x, query_x, task, mode, untouched)
end

--- Logits (Q, K) of embedded queries against embedded support items; task: { support_y =, n_classes = }.
function RelationNet:scores(support, query, task)
  local k, q, shape = task.n_classes, #query, { table.unpack(query.shape, 2) }
  local members = self.one_hot(task.support_y, k):to(support.dtype)
  local sums = members:t():matmul(support:reshape(#support, -1)) -- of each class
  local pairs_shape = { q, k, table.unpack(shape) }
  local a = sums:reshape(1, k, table.unpack(shape)):expand(pairs_shape)
  local b = query:reshape(q, 1, table.unpack(shape)):expand(pairs_shape)
  local x = scion().cat({ a, b }, 3):reshape(q * k, 2 * shape[1], table.unpack(shape, 2))
  return self.relation:call(x, { mode = self.mode, buffers = self.untouched and self.copies(self.relation) or nil }):reshape(q, k)
end

--- Loss of an episode from its logits and class ids.
function RelationNet:episode_loss(output, y)
  if self.loss then return self.loss_fn(output, y) end
  return scion().nn.mse_loss(output, self.one_hot(y, output:size(2)):to(output.dtype))
end

return RelationNet
