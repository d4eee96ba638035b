"""training.lua's rows in PyTorch: as written, in the channels-last layout, and compiled."""


def rows(env):
    torch = env.torch

    def training(make, x, classes, images):
        y = torch.randint(0, classes, (x.shape[0],))

        def step_of(net, data, compiled=False):
            net.train()
            optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, fused=True)
            run = torch.compile(net) if compiled else net

            def step():
                loss = torch.nn.functional.cross_entropy(run(data), y)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()

            return step

        steps = {"torch": step_of(make(), x)}
        if images:
            last = torch.channels_last
            steps["torch, channels last"] = step_of(make().to(memory_format=last), x.contiguous(memory_format=last))
        steps["torch, compiled"] = step_of(make(), x, True)
        return steps

    def mlp(only=None):
        if not torch:
            return {}
        nn = torch.nn
        return training(lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)), torch.randn(64, 784), 10, False)

    def cnn(only=None):
        if not torch:
            return {}
        nn = torch.nn
        make = lambda: nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10))
        return training(make, torch.randn(64, 1, 28, 28), 10, True)

    def resnet18(only=None):
        if not torch:
            return {}
        from networks import resnet
        return training(lambda: resnet(18), torch.randn(16, 3, env.image_size, env.image_size), 1000, True)

    return {
        "MLP 784-256-10 batch 64": mlp,
        "CNN on 28x28 batch 64": cnn,
        "ResNet-18 at 224 batch 16": resnet18,
    }
