-- VotingRepurposer: the mean of its members' probabilities, as one graph that is saved and read.

local scion = require "scion"
local helper = require "spec.helper"

local function task(n, seed)
  scion.seed(seed)
  local x, labels = scion.randn(n, 6), {}
  for i = 1, n do
    labels[i] = ({ "a", "b", "c" })[(i - 1) % 3 + 1]
    x[i]:narrow(1, (i - 1) % 3 + 1, 1):add_(2.0)
  end
  return scion.data.tensors { x = x, y = labels, batch_size = 16 }
end
local function identity() return scion.nn.Sequential { scion.nn.Flatten { name = "features" } } end
local function new(class, opts)
  opts = opts or {}
  opts.source_model, opts.feature_layer_names = identity(), { "features" }
  return scion[class](opts)
end

describe("VotingRepurposer", function()
  local train, test = task(45, 1), task(60, 2)

  it("gives the mean of its members' probabilities", function()
    local members = { { "LrRepurposer", c = 0.3 }, { "SvmRepurposer" }, { "NearestPrototypeRepurposer" },
      { "GpRepurposer", standardise = true, calibrate = false }, { "KnnRepurposer", n_neighbors = 7 } }
    local vote = new("VotingRepurposer", { members = members }):repurpose(train)
    local sum
    for _, member in ipairs(members) do
      local opts = {}
      for key, value in pairs(member) do
        if key ~= 1 then opts[key] = value end
      end
      local p = new(member[1], opts):repurpose(train):predict_probability(test)
      sum = sum and sum + p or p
    end
    assert.allclose(vote:predict_probability(test), sum / #members, { atol = 1e-5 })
    assert.is_true(vote:accuracy(test) > 0.7)
  end)

  it("is saved as a graph and read", function()
    local vote = new "VotingRepurposer":repurpose(train)
    local path = helper.tmpdir() .. "/vote.scion"
    vote:save(path)
    local again = scion.load(path)
    assert.equal("VotingRepurposer", getmetatable(again).class_name)
    assert.same(vote:predict_label(test), again:predict_label(test))
    local result = vote:cross_validate(train, { folds = 3 })
    assert.is_true(result.mean.accuracy > 0.6)
  end)

  it("refuses what is no family, or one twice", function()
    assert.error_matches(function() new("VotingRepurposer", { members = { { "BnnRepurposer" } } }) end,
      "member 1 is 'BnnRepurposer', expected each at most once of LrRepurposer")
    assert.error_matches(function() new("VotingRepurposer", { members = { { "LrRepurposer" }, { "LrRepurposer", c = 2 } } }) end,
      "member 2 is 'LrRepurposer'")
    assert.error_matches(function() new("VotingRepurposer", { members = { { "LrRepurposer", d = 2 } } }) end, "unknown option 'd'")
  end)
end)
