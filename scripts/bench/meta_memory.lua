-- Memory over many meta-steps: bytes of tensors alive, Lua's heap and the process's resident memory, every tenth of the way.
-- Tensors alive must not grow at all; the log keeps a few numbers a meta-step.
--
--   scion scripts/bench/meta_memory.lua --algorithms MAML,Leap --meta_steps 10000

local scion = require "scion"
local nn, meta = scion.nn, scion.meta

local ALGORITHMS <const> = { "MAML", "FOMAML", "Reptile", "MetaSGD", "Leap" } -- those that take these options as they come
local args = scion.cli.parse {
  name = "bench/meta_memory", about = "Memory of meta-learning over many meta-steps.",
  options = { { "algorithms", "LIST", "of " .. table.concat(ALGORITHMS, ","), type = "list", default = ALGORITHMS },
    { "meta_steps", "N", "meta-steps of each", default = 10000, min = 10 } },
}
local steps <const> = args.quick and 100 or args.meta_steps

local known = {}
for _, name in ipairs(ALGORITHMS) do known[name] = true end
for _, name in ipairs(args.algorithms) do
  if not known[name] then args:fail("algorithms", ("unknown '%s' (known: %s)"):format(name, table.concat(ALGORITHMS, ", "))) end
end

local function resident() -- MB; nil where /proc is absent
  local file = io.open "/proc/self/status"
  local kb = file and file:read("a"):match "VmRSS:%s*(%d+)"
  if file then file:close() end
  return kb and kb / 1024
end

print("algorithm  meta-step  tensors alive (bytes)  Lua (KB)  resident (MB)")
for _, name in ipairs(args.algorithms) do
  scion.seed(args.seed)
  local model = nn.Sequential { nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1) }
  local algorithm = meta[name] { model = model, lr = 0.01, inner_steps = 2, loss = "mse", seed = args.seed }
  local first, last
  algorithm:fit(meta.tasks.sinusoid { shots = 10, seed = args.seed }, { meta_steps = steps, meta_batch_size = 4, progress = false, on_step = function(_, step)
    if step ~= 10 and step % (steps // 10) ~= 0 then return end
    collectgarbage() -- once to finalise, once to free what was finalised
    collectgarbage()
    last = scion.memory().live
    first = first or last
    print(("%-9s  %9d  %21d  %8.0f  %13s"):format(name, step, last, collectgarbage "count", resident() and ("%.1f"):format(resident()) or "?"))
  end })
  print(scion.json.encode { algorithm = name, meta_steps = steps, growth_bytes = last - first })
end
