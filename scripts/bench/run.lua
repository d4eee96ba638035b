-- bench: scion's speed beside that of PyTorch, ONNX Runtime and scikit-learn, in one table, taken in one run.
--
--   make bench                                       everything, ARGS="--rows features" a part
--   scion scripts/bench/run.lua --rows small,features/VGG --quick --json build/bench.json
--
-- The peers run in one Python process of their own (SCION_PEER_PYTHON, else python3), with as many threads as we.
-- Every row does the same work on both sides: same shapes, loss, optimiser, f32. Rounds alternate between
-- the sides, and medians are told, so that what else the machine does falls on both. A row's group is a file of this
-- folder (list.lua names them) with the peers' side in the Python file beside it.

local scion = require "scion"
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local args = scion.cli.parse {
  name = "bench/run", about = "Speed beside PyTorch, ONNX Runtime and scikit-learn.",
  options = {
    { "rows", "LIST", "groups, or group/part of a row's name; several by commas", type = "list" },
    { "rounds", "N", "measurements of every row and side, at most", default = 5, min = 1 },
    { "budget", "S", "seconds of a row's rounds, past which two of them do", default = 10 },
    { "seconds", "S", "least duration of one measurement", default = 0.3 },
    { "cpu", nil, "processor time of one thread instead of the time on the clock: for a machine with other work" },
    { "json", "FILE", "every measurement as JSON" },
    { "list", nil, "names of all rows" },
    { "no-peer", nil, "ours alone" },
    { "once", "ROW", "for memory rows: does the row's work twice and tells its peak memory" },
  },
  examples = { "scion scripts/bench/run.lua --list", "scion scripts/bench/run.lua --rows startup,small --quick" },
}

local bench = require "bench"
bench.configure { here = here, rounds = args.quick and math.min(args.rounds, 2) or args.rounds,
  budget = args.budget, seconds = args.quick and 0.05 or args.seconds, quick = args.quick, cpu = args.cpu, peer = not args.no_peer }

if args.cpu then scion.threads(1) end
if args.once then
  bench.once(args.once)
  return
end
local rows = bench.select(args.rows)
if args.list then
  for _, row in ipairs(rows) do print(row.id) end
  return
end
local results = bench.run(rows)
print(bench.table(results))
if args.json then
  local file = assert(io.open(args.json, "w"))
  file:write(scion.json.encode(bench.json(results)), "\n")
  assert(file:close())
end
