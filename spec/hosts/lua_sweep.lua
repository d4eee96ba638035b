-- What lua_sweep.c runs: a network is trained, saved, loaded and repurposed; gives a number that sums it up.
local scion = require "scion"
local nn = scion.nn

return function(dir)
  scion.seed(3)
  local net = nn.Sequential { nn.Linear(6, 5, { name = "fc1" }), nn.Tanh { name = "tanh" }, nn.Linear(5, 3, { name = "fc2" }) }
  local x, y = scion.randn(12, 6), scion.arange(12):remainder(3) + 1
  local adam = scion.optim.Adam(net:parameters(), { lr = 0.01 })
  for _ = 1, 2 do
    local loss = nn.cross_entropy(net(x), y:to("i64"))
    adam:zero_grad()
    loss:backward()
    adam:step()
  end
  net:save(dir .. "/net.scion")
  local again = nn.load(dir .. "/net.scion")
  local few = scion.data.tensors { x = x, ids = y:to("i64"), classes = { "a", "b", "c" }, batch_size = 6 }
  local rp = scion.LrRepurposer { source_model = again, feature_layer_names = { "tanh" } }
  rp:repurpose(few)
  return rp:predict_probability(few):sum():item() + again(x):sum():item() + (x:matmul(x:t()):exp():log() * 2):max():item()
end
