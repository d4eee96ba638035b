-- VotingRepurposer: several repurposers on the same features, their probabilities averaged (soft voting). Which of them is best for a
-- small data set is mostly a matter of luck; their mean is seldom worse than any, and its errors are fewer than their mean.
--
--   scion.VotingRepurposer { source_model = net, feature_layer_names = { "flatten" },
--     members = { { "LrRepurposer" }, { "SvmRepurposer", c = 0.1 }, { "NearestPrototypeRepurposer" } } }

local check = require "scion.check"
local class = require "scion.class"
local graph = require "scion.repurpose.graph"
local Predictor = require "scion.repurpose.predictor"

local Voting = class.class("VotingRepurposer", Predictor)

Voting.TASKS = { classes = true }

local FAMILIES <const> = { "LrRepurposer", "SvmRepurposer", "GpRepurposer", "KnnRepurposer", "NearestPrototypeRepurposer" }

Voting.OPTIONS = {
  -- { class name, its options ... }: each family once. Features are standardised for all of them together, and the vote, if it
  -- should be, is calibrated as a whole: what a member says of these is not heard.
  members = check.list { of = check.table(), min_length = 1, default = { { "LrRepurposer" }, { "SvmRepurposer" }, { "NearestPrototypeRepurposer" } } },
}

-- The members as repurposers of their own.
function Voting:init(opts)
  Predictor.init(self, opts)
  self.members = {}
  local seen = {}
  for i, given in ipairs(self.options.members) do
    local name, own = given[1], {}
    local known = false
    for _, family in ipairs(FAMILIES) do known = known or family == name end
    if not known or seen[name] then
      check.raise("VotingRepurposer: member %d is %s, expected each at most once of %s", i, check.describe(name), table.concat(FAMILIES, ", "))
    end
    seen[name] = true
    for key, value in pairs(given) do
      if key ~= 1 then own[key] = value end
    end
    own.source_model, own.feature_layer_names, own.seed = opts.source_model, opts.feature_layer_names, self.options.seed
    self.members[i] = require("scion.repurpose")[name](own)
  end
end

function Voting:_fit(z, y, fit)
  local models, converged = {}, true
  for i, member in ipairs(self.members) do
    member.task, member.classes = self.task, self.classes
    models[i] = member:_fit(z, y, setmetatable({ reuse = fit.reuse and fit.reuse.models[i] or false }, { __index = fit }))
    converged = converged and (models[i].report == nil or models[i].report.converged ~= false)
  end
  return { models = models, report = { converged = converged, n = #z } }
end

function Voting:_build(net, value, model)
  local sum
  for i, member in ipairs(self.members) do
    local scores = member:_build(net, value, model.models[i])
    local probability = graph.node(net, ("vote%d"):format(i), "Softmax", "softmax", { dim = 2 }, { scores })
    sum = sum and graph.node(net, ("votes%d"):format(i), "Add", "add", nil, { sum, probability }) or probability
  end
  return graph.node(net, "log_votes", "Log", "log", nil, { sum })
end

return Voting
