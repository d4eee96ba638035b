"""meta_learning.lua's rows in PyTorch: plain autograd, torch.func (grad and vmap over tasks) where that is how one writes it, and learn2learn
where that is installed."""


def rows(env):
    torch = env.torch
    if not torch:
        return {}
    from torch import nn
    from torch.nn import functional as F

    def mlp():
        return nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))

    def conv(filters, strided, outputs=None):
        layers, channels = [], 1
        for _ in range(4):
            layers += [nn.Conv2d(channels, filters, 3, 2 if strided else 1, 1), nn.BatchNorm2d(filters, track_running_stats=not strided), nn.ReLU()]
            layers += [] if strided else [nn.MaxPool2d(2)]
            channels = filters
        layers += [nn.AdaptiveAvgPool2d(1)] if strided else []
        layers.append(nn.Flatten())
        if outputs:
            layers.append(nn.Linear(filters, outputs))
        return nn.Sequential(*layers)

    def ids(ways, shots):
        return torch.arange(ways).repeat_interleave(shots)

    def images(ways, shots, queries):
        return torch.rand(ways * shots, 1, 28, 28), ids(ways, shots), torch.rand(ways * queries, 1, 28, 28), ids(ways, queries)

    def sines():
        x = torch.rand(25, 20, 1) * 10 - 5
        y = (0.1 + 4.9 * torch.rand(25, 1, 1)) * torch.sin(x - 3.14 * torch.rand(25, 1, 1))
        return x[:, :10], y[:, :10], x[:, 10:], y[:, 10:]

    # by hand: the layers as batched products with weights of every task
    def batched_by_hand():
        net = mlp()
        params = list(net.parameters())
        optimizer = torch.optim.Adam(params, lr=1e-3)
        sx, sy, qx, qy = sines()

        def forward(p, x):
            x = torch.relu(torch.baddbmm(p[1].unsqueeze(1), x, p[0].transpose(1, 2)))
            x = torch.relu(torch.baddbmm(p[3].unsqueeze(1), x, p[2].transpose(1, 2)))
            return torch.baddbmm(p[5].unsqueeze(1), x, p[4].transpose(1, 2))

        def step():
            optimizer.zero_grad(set_to_none=True)
            start = [p.unsqueeze(0).expand(25, *p.shape) for p in params]
            grads = torch.autograd.grad(F.mse_loss(forward(start, sx), sy) * 25, start, create_graph=True)
            F.mse_loss(forward([p - 0.01 * g for p, g in zip(start, grads)], qx), qy).backward()
            optimizer.step()

        return step

    def with_func():
        net = mlp()
        params = dict(net.named_parameters())
        optimizer = torch.optim.Adam(params.values(), lr=1e-3)
        sx, sy, qx, qy = sines()
        call = lambda p, x: torch.func.functional_call(net, p, (x,))

        def task_loss(p, a, b, c, d):
            g = torch.func.grad(lambda q: F.mse_loss(call(q, a), b))(p)
            return F.mse_loss(call({k: p[k] - 0.01 * g[k] for k in p}, c), d)

        def step():
            optimizer.zero_grad(set_to_none=True)
            torch.func.vmap(task_loss, (None, 0, 0, 0, 0))(params, sx, sy, qx, qy).mean().backward()
            optimizer.step()

        return step

    def loop(net, tasks, lr, loss):
        params = dict(net.named_parameters())
        optimizer = torch.optim.Adam(params.values(), lr=1e-3)

        def step():
            optimizer.zero_grad(set_to_none=True)
            for sx, sy, qx, qy in tasks:
                grads = torch.autograd.grad(loss(torch.func.functional_call(net, params, (sx,)), sy), list(params.values()), create_graph=True)
                fast = {k: p - lr * g for (k, p), g in zip(params.items(), grads)}
                (loss(torch.func.functional_call(net, fast, (qx,)), qy) / len(tasks)).backward()
            optimizer.step()

        return step

    def with_learn2learn(net, tasks, lr, loss):
        maml = env.learn2learn.algorithms.MAML(net, lr=lr)
        optimizer = torch.optim.Adam(maml.parameters(), lr=1e-3)

        def step():
            optimizer.zero_grad(set_to_none=True)
            for sx, sy, qx, qy in tasks:
                learner = maml.clone()
                learner.adapt(loss(learner(sx), sy))
                (loss(learner(qx), qy) / len(tasks)).backward()
            optimizer.step()

        return step

    def leap():
        net = conv(32, False, 20)
        start = [p.detach().clone() for p in net.parameters()]
        params = list(net.parameters())
        x, y, _, _ = images(20, 1, 1)
        inner = torch.optim.SGD(params, lr=0.1)

        def step():
            total = [torch.zeros_like(p) for p in params]
            with torch.no_grad():
                for p, s in zip(params, start):
                    p.copy_(s)
            last = None
            for _ in range(50):
                inner.zero_grad(set_to_none=True)
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                with torch.no_grad():
                    here = (loss.item(), [p.clone() for p in params], [p.grad.clone() for p in params])
                    if last:
                        df = -abs(here[0] - last[0])
                        d = [a - b for a, b in zip(last[1], here[1])]
                        length = (sum((v * v).sum() for v in d) + df * df).sqrt()
                        for t, v, g in zip(total, d, last[2]):
                            t.add_((v - df * g) / length)
                    last = here
                inner.step()
            for s, t in zip(start, total):
                s.sub_(0.1 * t)

        return step

    def proto():
        net = conv(64, False)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        sx, sy, qx, qy = images(30, 1, 5)

        def step():
            optimizer.zero_grad(set_to_none=True)
            z = net(torch.cat([sx, qx]))
            F.cross_entropy(-torch.cdist(z[len(sx):], z[:len(sx)]) ** 2, qy).backward()
            optimizer.step()

        return step

    def row(**makers):
        def setup(only=None):
            return {name.replace("_", ", ", 1).replace("_", " "): make() for name, make in makers.items() if name != "learn2learn" or env.learn2learn}
        return setup

    def sine_tasks():
        sx, sy, qx, qy = sines()
        return [(sx[i], sy[i], qx[i], qy[i]) for i in range(25)]

    return {
        "MAML sinusoid, 25 tasks": row(torch=batched_by_hand, torch_func_and_vmap=with_func),
        "MAML sinusoid, 25 tasks one by one": row(torch=lambda: loop(mlp(), sine_tasks(), 0.01, F.mse_loss),
                                                  learn2learn=lambda: with_learn2learn(mlp(), sine_tasks(), 0.01, F.mse_loss)),
        "MAML Omniglot 5-way 1-shot, 4 tasks": row(
            torch=lambda: loop(conv(64, True, 5), [images(5, 1, 1) for _ in range(4)], 0.4, F.cross_entropy),
            learn2learn=lambda: with_learn2learn(conv(64, True, 5), [images(5, 1, 1) for _ in range(4)], 0.4, F.cross_entropy)),
        "Leap, 50 inner steps": row(torch=leap),
        "ProtoNet 30-way episode": row(torch=proto),
    }
