#!/usr/bin/env python3
"""Makes the golden files of this folder with PyTorch, as Lua tables:

    python3 spec/golden/make_golden.py            # needs torch >= 2.6; running the specs needs no Python

optim.lua       ten steps of every optimiser under several sets of options, f64
lbfgs.lua       L-BFGS on two functions, with and without line search
schedule.lua    learning rates of every schedule
activation.lua  values and derivatives of the activation functions, f64
init.lua        mean and spread of the initialisers

make_layers.py makes the rest: layer.lua and loss.lua.
"""
import math
import os
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))


def lua(v, indent=""):
    if v is None:
        return "nil"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (int, str)):
        return '"%s"' % v if isinstance(v, str) else str(v)
    if isinstance(v, float):
        return "1/0" if v == math.inf else "-1/0" if v == -math.inf else "0/0" if v != v else repr(v)
    if isinstance(v, torch.Tensor):
        return lua(v.tolist(), indent)
    if isinstance(v, (list, tuple)):
        if all(isinstance(x, (int, float)) for x in v):
            return "{ " + ", ".join(lua(x) for x in v) + " }" if v else "{}"
        inner = indent + "  "
        return "{\n" + "".join(inner + lua(x, inner) + ",\n" for x in v) + indent + "}"
    inner = indent + "  "
    return "{\n" + "".join("%s%s = %s,\n" % (inner, k, lua(x, inner)) for k, x in v.items() if x is not None) + indent + "}"


def write(name, what, value):
    with open(os.path.join(HERE, name), "w") as f:
        f.write("-- %s Made by make_golden.py with PyTorch %s.\nreturn %s\n" % (what, torch.__version__.split("+")[0], lua(value)))


# ---- optimisers -------------------------------------------------------------------------------------------
# Two parameters; the gradients of ten steps are given, the last three of the second parameter are missing.

def start():
    g = torch.Generator().manual_seed(1)
    return torch.randn(3, 4, generator=g), torch.randn(5, generator=g)


def gradients():
    g = torch.Generator().manual_seed(2)
    return [(torch.randn(3, 4, generator=g), torch.randn(5, generator=g) if t < 7 else None) for t in range(10)]


OPTIM = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-5, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.05, "maximize": True}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.2, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "momentum": 0.7, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "centered": True}),
    ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "momentum_decay": 0.01}),
    ("NAdam", {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
]


def run_optimisers():
    cases = []
    for name, options in OPTIM:
        params = [p.clone().requires_grad_() for p in start()]
        groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.03}]
        opt = getattr(torch.optim, name)(groups, foreach=False, **options)
        after = []
        for t, grads in enumerate(gradients()):
            for p, g in zip(params, grads):
                p.grad = None if g is None else g.clone()
            opt.step()
            if t in (0, 4, 9):
                after.append({"step": t + 1, "a": params[0].detach().clone().flatten(), "b": params[1].detach().clone()})
        cases.append({"name": name, "options": options, "after": after})
    a, b = start()
    write("optim.lua", "Ten steps of each optimiser; the second group has lr 0.03.",
          {"a": a.flatten(), "b": b,
           "gradients": [{"a": g[0].flatten(), "b": g[1]} for g in gradients()], "cases": cases})


def run_lbfgs():
    def rosenbrock(x):
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    def bowl(x):
        w = torch.tensor([1.0, 10.0, 3.0, 0.5])
        return (w * (x - 1) ** 2).sum() + 0.1 * (x ** 4).sum()

    cases = []
    for f, name, x0, options, steps in [
        (bowl, "bowl", [3.0, -2.0, 0.5, 4.0], {"lr": 0.1}, 3),
        (bowl, "bowl", [3.0, -2.0, 0.5, 4.0], {"lr": 0.5, "max_iter": 4, "history_size": 2}, 4),
        (bowl, "bowl", [3.0, -2.0, 0.5, 4.0], {"line_search_fn": "strong_wolfe", "max_iter": 5}, 3),
        (rosenbrock, "rosenbrock", [-1.2, 1.0, 0.7], {"line_search_fn": "strong_wolfe", "max_iter": 8}, 4),
        (rosenbrock, "rosenbrock", [-1.2, 1.0, 0.7], {"line_search_fn": "strong_wolfe", "max_iter": 50, "history_size": 3}, 2),
    ]:
        x = torch.tensor(x0, requires_grad=True)
        opt = torch.optim.LBFGS([x], **options)

        def closure():
            opt.zero_grad()
            loss = f(x)
            loss.backward()
            return loss
        after = []
        for _ in range(steps):
            loss = opt.step(closure)
            after.append({"loss": loss.item(), "x": x.detach().clone(), "evals": opt.state[x]["func_evals"], "iters": opt.state[x]["n_iter"]})
        cases.append({"f": name, "x0": x0, "options": options, "after": after})
    write("lbfgs.lua", "Points of L-BFGS after each step.", cases)


# ---- schedules ---------------------------------------------------------------------------------------------

def run_schedules():
    S = torch.optim.lr_scheduler
    cases = []

    def run(name, options, make, n=25, momentum=None, values=None):
        a, b = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
        groups = [{"params": [a], "lr": 0.5}, {"params": [b], "lr": 0.02}]
        opt = torch.optim.Adam(groups, lr=0.1) if momentum == "beta" else torch.optim.SGD(groups, lr=0.1, momentum=0.9)
        schedule = make(opt)
        lrs, momenta = [], []
        for t in range(n):
            lrs.append([g["lr"] for g in opt.param_groups])
            momenta.append(opt.param_groups[0]["betas"][0] if momentum == "beta" else opt.param_groups[0]["momentum"])
            opt.step()
            if t + 1 < n:
                schedule.step(values[t]) if values else schedule.step()
        cases.append({"name": name, "options": options, "lr1": [x[0] for x in lrs], "lr2": [x[1] for x in lrs],
                      "momenta": momenta if momentum else None, "adam": momentum == "beta", "values": values})

    def plain(name, n=25, momentum=None, values=None, **options):
        run(name, options, lambda o: getattr(S, name)(o, **options), n, momentum, values)

    plain("StepLR", step_size=4)
    plain("StepLR", step_size=3, gamma=0.5)
    plain("MultiStepLR", milestones=[3, 7, 7, 15], gamma=0.3)
    plain("ExponentialLR", gamma=0.9)
    plain("CosineAnnealingLR", T_max=10)
    plain("CosineAnnealingLR", T_max=24, eta_min=0.001)
    plain("CosineAnnealingWarmRestarts", T_0=4, T_mult=2, eta_min=0.001)
    plain("CosineAnnealingWarmRestarts", T_0=5)
    plain("LinearLR")
    plain("LinearLR", start_factor=0.1, end_factor=0.6, total_iters=12)
    plain("ConstantLR", factor=0.4, total_iters=6)
    plain("PolynomialLR", total_iters=20, power=2.0)
    plain("OneCycleLR", max_lr=0.4, total_steps=25, momentum="momentum")
    plain("OneCycleLR", max_lr=[0.4, 0.1], epochs=5, steps_per_epoch=5, pct_start=0.2, anneal_strategy="linear", div_factor=10.0,
          final_div_factor=100.0, base_momentum=0.7, max_momentum=0.9, momentum="beta")
    plain("OneCycleLR", max_lr=0.4, total_steps=25, three_phase=True, momentum="momentum")
    plain("OneCycleLR", max_lr=0.4, total_steps=30, cycle_momentum=False)
    values = [1.0, 0.9, 0.95, 0.95, 0.94, 0.93, 0.92, 0.8, 0.8, 0.8, 0.79995, 0.8, 0.8, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]
    plain("ReduceLROnPlateau", patience=2, factor=0.5, values=values)
    plain("ReduceLROnPlateau", patience=1, factor=0.1, cooldown=2, min_lr=0.001, values=values)
    plain("ReduceLROnPlateau", mode="max", patience=2, factor=0.5, threshold=0.01, threshold_mode="abs", values=values)
    run("SequentialLR", {}, lambda o: S.SequentialLR(o, [S.LinearLR(o, start_factor=0.1, total_iters=4), S.ExponentialLR(o, gamma=0.9),
                                                         S.StepLR(o, step_size=3)], milestones=[4, 12]))
    write("schedule.lua", "Learning rates of two groups (0.5 and 0.02) before each of the steps.", cases)


# ---- activations -------------------------------------------------------------------------------------------

def run_activations():
    x = torch.tensor([-30.0, -8.0, -3.5, -3.0, -1.7, -1.0, -0.6, -0.25, -1e-3, 0.0, 1e-3, 0.25, 0.45, 1.0, 1.7, 3.0, 3.5, 8.0, 30.0])
    cases = []

    def case(op, fn, options=None):
        y = x.clone().requires_grad_()
        out = fn(y)
        (out * torch.arange(1.0, out.numel() + 1).reshape(out.shape)).sum().backward()
        cases.append({"op": op, "options": options or {}, "y": out.detach().flatten(), "dx": y.grad})

    for op in "relu silu mish hardsigmoid hardswish leaky_relu elu celu selu softsign logsigmoid tanhshrink softshrink hardshrink hardtanh relu6 softplus".split():
        case(op, getattr(F, op))
    case("sigmoid", torch.sigmoid)
    case("tanh", torch.tanh)
    case("gelu", F.gelu)
    case("gelu", lambda v: F.gelu(v, approximate="tanh"), {"approximate": "tanh"})
    case("leaky_relu", lambda v: F.leaky_relu(v, 0.2), {"negative_slope": 0.2})
    case("elu", lambda v: F.elu(v, 0.7), {"alpha": 0.7})
    case("celu", lambda v: F.celu(v, 0.7), {"alpha": 0.7})
    case("softplus", lambda v: F.softplus(v, 2.0, 5.0), {"beta": 2.0, "threshold": 5.0})
    case("hardtanh", lambda v: F.hardtanh(v, -2.0, 0.5), {"min_val": -2.0, "max_val": 0.5})
    case("softshrink", lambda v: F.softshrink(v, 0.9), {"lambda": 0.9})
    case("hardshrink", lambda v: F.hardshrink(v, 0.9), {"lambda": 0.9})
    case("threshold", lambda v: F.threshold(v, 0.2, -7.0), {"threshold": 0.2, "value": -7.0})
    write("activation.lua", "Activations at x and their derivatives, weighted 1, 2, 3, ...", {"x": x, "cases": cases})


# ---- initialisers --------------------------------------------------------------------------------------------

def run_init():
    I = torch.nn.init
    cases = []

    def case(name, shape, fn, options=None):
        torch.manual_seed(0)
        t = fn(torch.empty(*shape))
        cases.append({"name": name, "shape": list(shape), "options": options or {}, "mean": t.mean().item(), "std": t.std().item(),
                      "min": t.min().item(), "max": t.max().item()})

    shape = (400, 300)
    case("uniform_", shape, lambda t: I.uniform_(t, -0.3, 0.7), {"a": -0.3, "b": 0.7})
    case("normal_", shape, lambda t: I.normal_(t, 0.5, 0.2), {"mean": 0.5, "std": 0.2})
    case("trunc_normal_", shape, lambda t: I.trunc_normal_(t, 0.1, 0.5, -0.4, 0.9), {"mean": 0.1, "std": 0.5, "a": -0.4, "b": 0.9})
    case("xavier_uniform_", shape, lambda t: I.xavier_uniform_(t))
    case("xavier_uniform_", shape, lambda t: I.xavier_uniform_(t, gain=1.7), {"gain": 1.7})
    case("xavier_normal_", shape, lambda t: I.xavier_normal_(t))
    case("kaiming_uniform_", shape, lambda t: I.kaiming_uniform_(t, a=math.sqrt(5)), {"a": math.sqrt(5)})
    case("kaiming_uniform_", (64, 32, 5, 5), lambda t: I.kaiming_uniform_(t, nonlinearity="relu"), {"nonlinearity": "relu"})
    case("kaiming_normal_", (64, 32, 5, 5), lambda t: I.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"), {"mode": "fan_out", "nonlinearity": "relu"})
    case("orthogonal_", (120, 80), lambda t: I.orthogonal_(t))
    case("sparse_", (200, 100), lambda t: I.sparse_(t, sparsity=0.3, std=0.05), {"sparsity": 0.3, "std": 0.05})
    gains = {n: I.calculate_gain(n) for n in ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]}
    write("init.lua", "Statistics of initialised tensors (random: compare within sampling error) and gains.", {"gains": gains, "cases": cases})


def main():
    run_optimisers()
    run_lbfgs()
    run_schedules()
    run_activations()
    run_init()


if __name__ == "__main__":
    main()
