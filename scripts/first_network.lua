-- A neural network in one page: functions composed, a loss, the chain rule by hand and by machine, training.
--   scion scripts/first_network.lua [--seed N] [--quick] [--out DIR]
local scion = require "scion"
local nn, data = scion.nn, scion.data
local args = scion.cli.parse { name = "first_network", about = "A neural network as composed functions, trained on Fashion-MNIST.", options = {} }
scion.seed(args.seed)

-- 1. A network is a composition of functions, each with its own weights: f(x) = h2(h1(x; W1, b1); W2, b2).
local W1, b1 = scion.randn(16, 3):mul(0.5), scion.zeros(16)
local W2, b2 = scion.randn(2, 16):mul(0.5), scion.zeros(2)
for _, w in ipairs { W1, b1, W2, b2 } do w:requires_grad_(true) end     -- we shall want derivatives with respect to these
local function h1(x) return (x:matmul(W1:t()) + b1):tanh() end          -- h1 = phi(x W1' + b1), phi is not linear
local function h2(h) return h:matmul(W2:t()) + b2 end
local function f(x) return h2(h1(x)) end

-- 2. A loss says how far the network's answers are from the right ones: here the squared difference.
local x, y = scion.randn(8, 3), scion.randn(8, 2)
local function loss_of(prediction) return (prediction - y):square():sum() end
local loss = loss_of(f(x))
print(("loss of random weights        %.4f"):format(loss:item()))

-- 3. Back-propagation by hand: the chain rule from the loss back to each weight.
local by_hand = scion.no_grad(function()
  local h = h1(x)
  local d_out = (h2(h) - y) * 2                                         -- dL/df
  local d_h = d_out:matmul(W2) * (1 - h:square())                       -- through h2, then through tanh: 1 - tanh^2
  return { W1 = d_h:t():matmul(x), b1 = d_h:sum(1), W2 = d_out:t():matmul(h), b2 = d_out:sum(1) }
end)

-- 4. The same by machine: every operation knows its own derivative.
loss:backward()
for name, w in pairs { W1 = W1, b1 = b1, W2 = W2, b2 = b2 } do
  print(("gradient of %s: largest difference between hand and machine  %.1e"):format(name, (w.grad - by_hand[name]):abs():max():item()))
end

-- 5. Gradient descent: a small step against the gradient, again and again.
for step = 1, 200 do
  loss = loss_of(f(x))
  for _, w in ipairs { W1, b1, W2, b2 } do w.grad = nil end
  loss:backward()
  scion.no_grad(function() for _, w in ipairs { W1, b1, W2, b2 } do w:sub_(w.grad * 0.01) end end)
  if step % 50 == 0 then print(("step %3d  loss %.4f"):format(step, loss:item())) end
end

-- 6. The same with layers, an optimiser and real data: photos of clothes, ten classes.
local train = data.fashion_mnist { split = "train", batch_size = 64, shuffle = true, seed = args.seed }
local test = data.fashion_mnist { split = "test", batch_size = 500 }
if args.quick then train, test = train:head(2000), test:head(500) end
local net = nn.Sequential { nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10) }
print(net:summary { 1, 1, 28, 28 })
local optimiser, losses = scion.optim.Adam(net:parameters(), { lr = 1e-3 }), {}
for images, ids in train do
  local batch_loss = nn.cross_entropy(net(images), ids)
  optimiser:zero_grad(); batch_loss:backward(); optimiser:step()
  losses[#losses + 1] = batch_loss:item()
end
local measured = net:evaluate(test, { metrics = { "accuracy" } })
print(("after one pass: loss %.3f, %.1f %% of unseen photos right"):format(measured.loss, 100 * measured.accuracy))
if args.out then scion.plot.lines { series = { { label = "loss", y = losses } }, x_label = "step", out = args.out .. "/first_network.svg" } end
print(scion.json.encode { script = "first_network", seed = args.seed, accuracy = measured.accuracy, loss = measured.loss })
