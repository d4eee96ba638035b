-- The bench runs without peers, chooses rows, tells what it does not know, and writes what it measured.
local helper = require "spec.helper"
local scion = require "scion"

local function bench(arguments, env)
  local command = { "scion", "scripts/bench/run.lua" }
  table.move(arguments, 1, #arguments, 3, command)
  return helper.run(command, { env = env or {} })
end

describe("scripts/bench", function()
  it("lists its rows, with the peers' code beside every group", function()
    local run = bench { "--list" }
    assert.equal(0, run.code, run.err)
    local groups, rows = {}, 0
    for id in run.out:gmatch("[^\n]+") do
      groups[id:match("^([^/]+)/")] = true
      rows = rows + 1
    end
    assert.is_true(rows > 15)
    for _, group in ipairs { "startup", "small", "training", "features", "logistic", "loading" } do
      assert.is_true(groups[group], group)
      assert.is_true(group == "startup" or helper.exists("scripts/bench/" .. group .. ".py"))
    end
  end)

  it("prints ours and says that there is no peer #slow", function()
    local json = helper.tmpdir() .. "/bench.json"
    local run = bench({ "--rows", "startup,small,training/MLP", "--quick", "--json", json }, { SCION_PEER_PYTHON = "no-such-python" })
    assert.equal(0, run.code, run.err)
    assert.matches("no peer", run.out)
    assert.matches("GFLOP/s of fused multiply%-adds", run.out)
    assert.matches("4x4 add", run.out)
    assert.is_nil(run.out:find("ResNet-50", 1, true))
    local data = scion.json.decode(helper.read_file(json))
    for _, row in ipairs(data.rows) do
      assert.is_true(row.median > 0, row.row)
      assert.equal(2, #row.samples)
      assert.equal(0, #row.peers)
    end
    assert.equal("training/MLP 784-256-10 batch 64", data.rows[#data.rows].row)
    assert.is_true(data.rows[#data.rows].gflops > 0)
  end)

  it("takes turns with a peer #slow", function()
    local dir = helper.tmpdir() -- a peer that answers as peer.py does
    helper.write_file(dir .. "/python", [[#!/bin/sh
for last; do :; done
case "$*" in *--answers*) ;; *) exit 0 ;; esac
exec 3> "$last"
while read -r line; do
  case "$line" in
    *hello*) echo '{"about": "a peer of sh"}' ;;
    *open*) echo '{"labels": ["torch", "torch, traced"]}' ;;
    *traced*) echo '{"seconds": 1e-9}' ;;
    *sample*) echo '{"seconds": 1}' ;;
    *facts*) echo '{"text": ""}' ;;
    *) echo '{"closed": true}' ;;
  esac >&3
done
]])
    helper.run("chmod +x " .. dir .. "/python")
    local run = bench({ "--rows", "small/4x4", "--quick" }, { SCION_PEER_PYTHON = dir .. "/python" })
    assert.equal(0, run.code, run.err)
    assert.matches("peers: a peer of sh", run.out)
    assert.matches("PyTorch is traced", run.out)
    local ratio = tonumber(run.out:match("4x4 add[^\n]-(%d[%d.]*)\n"))
    assert.is_true(ratio < 0.1, run.out) -- the fastest of the peers counts
  end)

  it("refuses unknown rows", function()
    local run = bench { "--rows", "nothing" }
    assert.equal(2, run.code)
    assert.matches("no row 'nothing'", run.err)
  end)

  it("shows that memory stays over meta-steps", function()
    local run = helper.run { "scion", "scripts/bench/meta_memory.lua", "--quick", "--algorithms", "MAML,Leap" }
    assert.equal(0, run.code, run.err)
    local found = 0
    for growth in run.out:gmatch '"growth_bytes":(%-?%d+)' do
      assert.equal("0", growth)
      found = found + 1
    end
    assert.equal(2, found)
    run = helper.run { "scion", "scripts/bench/meta_memory.lua", "--algorithms", "Mamml" }
    assert.equal(1, run.code)
    assert.matches("unknown 'Mamml' %(known: MAML", run.err)
  end)
end)
