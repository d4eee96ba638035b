-- scion.meta: learning to learn. Algorithms that share one interface,
--
--   local maml = scion.meta.MAML { model = net, lr = 0.01, inner_steps = 1 }
--   maml:fit(scion.meta.tasks.sinusoid { shots = 10 }, { meta_steps = 15000, meta_batch_size = 25 })
--   local learner = maml:adapt(task)          -- learner(x), learner:net()
--   print(maml:evaluate(tasks).loss)
--
-- tasks (scion.meta.tasks), differentiable inner optimisers (scion.meta.inner), and a learner with a loss of its own:
-- maml:clone(), learner:adapt(loss).

local PARTS <const> = {
  Algorithm = "algorithm", Learner = "learner", MAML = "maml", FOMAML = "fomaml", Reptile = "reptile", ANIL = "anil", MetaSGD = "meta_sgd",
  MAMLPlusPlus = "maml_plus_plus", IMAML = "imaml", CAVIA = "cavia", Leap = "leap", LeapMetaRepurposer = "leap_repurposer", WarpLeap = "warp_leap",
  PrototypicalNet = "prototypical", MatchingNet = "matching", RelationNet = "relation", MultiTask = "multi_task",
  MetaLogger = "logger", inner = "inner", tasks = "tasks",
}

local M = setmetatable({}, {
  __name = "scion.meta",
  __index = function(self, name)
    local file = PARTS[name]
    if not file then return nil end
    local value = require("scion.meta." .. file)
    rawset(self, name, value)
    return value
  end,
  __names = function()
    local names = {}
    for name in pairs(PARTS) do names[#names + 1] = name end
    table.sort(names)
    return names
  end,
})

return M
