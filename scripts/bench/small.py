"""small.lua's rows in PyTorch."""


def rows(env):
    torch = env.torch

    def add(only=None):
        if not torch:
            return {}
        a, b = torch.randn(4, 4), torch.randn(4, 4)
        return {"torch": lambda: a + b}

    def backward(only=None):
        if not torch:
            return {}
        a, b = torch.randn(16, 16, requires_grad=True), torch.randn(16, 16, requires_grad=True)

        def step():
            (a @ b).sum().backward()
            a.grad = b.grad = None

        return {"torch": step}

    def chain(only=None):
        if not torch:
            return {}
        a, b, c = torch.randn(32, 32), torch.randn(32, 32), torch.randn(32)
        return {"torch": lambda: torch.relu(a @ b + c)}

    return {
        "4x4 add": add,
        "16x16 matmul + sum + backward": backward,
        "relu(a b + c) 32x32": chain,
    }
