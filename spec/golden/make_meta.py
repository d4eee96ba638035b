# Golden meta gradients: plain autograd through inner steps of SGD (create_graph for MAML, none for FOMAML) with PyTorch.
#   python spec/golden/make_meta.py > spec/golden/meta.lua
import torch


def lua(v):
    if isinstance(v, list):
        return "{ " + ", ".join(lua(x) for x in v) + " }"
    return repr(v)


def case(seed, steps, first_order, lr):
    g = torch.Generator().manual_seed(seed)
    r = lambda *s: torch.randn(*s, generator=g, dtype=torch.float64)
    theta = [r(4, 3), r(4), r(2, 4), r(2)]
    for p in theta:
        p.requires_grad_()
    forward = lambda p, x: torch.relu(x @ p[0].T + p[1]) @ p[2].T + p[3]
    tasks, losses = [], []
    for _ in range(3):
        sx, qx = r(6, 3), r(5, 3)
        sy = torch.randint(0, 2, (6,), generator=g)
        qy = torch.randint(0, 2, (5,), generator=g)
        fast = theta
        for _ in range(steps):
            loss = torch.nn.functional.cross_entropy(forward(fast, sx), sy)
            grads = torch.autograd.grad(loss, fast, create_graph=not first_order)
            fast = [p - lr * d for p, d in zip(fast, grads)]
        losses.append(torch.nn.functional.cross_entropy(forward(fast, qx), qy))
        tasks.append((sx, sy, qx, qy))
    loss = sum(losses) / len(losses)
    grads = torch.autograd.grad(loss, theta)
    names = ["w1", "b1", "w2", "b2"]
    print("  { steps = %d, lr = %r, first_order = %s, loss = %r," % (steps, lr, str(first_order).lower(), loss.item()))
    for n, p in zip(names, theta):
        print("    %s = %s," % (n, lua(p.tolist())))
    print("    grads = {")
    for n, d in zip(names, grads):
        print("      %s = %s," % (n, lua(d.tolist())))
    print("    },")
    print("    tasks = {")
    for sx, sy, qx, qy in tasks:
        print("      { support_x = %s, support_y = %s," % (lua(sx.tolist()), lua((sy + 1).tolist())))
        print("        query_x = %s, query_y = %s }," % (lua(qx.tolist()), lua((qy + 1).tolist())))
    print("    } },")


print("-- Made by spec/golden/make_meta.py with PyTorch %s." % torch.__version__)
print("return {")
case(1, 1, False, 0.4)
case(2, 3, False, 0.2)
case(3, 3, True, 0.2)
print("}")
