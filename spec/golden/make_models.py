#!/usr/bin/env python3
"""Compares the architectures of scion.models with torchvision's own.

    python3 spec/golden/make_models.py                      # writes models.lua; running the specs needs no Python
    python3 spec/golden/make_models.py --through scion      # the other way: weights from torchvision, as files, into the program `scion`

models.lua holds, for some architectures of every family, logits of a batch of two pictures in evaluation. Weights are not stored: both sides make them from
a formula (`formula` here and in spec/models/models_spec.lua), entry by entry in the order of their names.
--through saves torchvision's randomly initialised state dictionaries (running statistics drawn, too), loads each by name with
net:load_weights and prints the largest difference of the logits over the largest logit. Needs torch and torchvision.
"""
import argparse
import os
import subprocess
import tempfile

import numpy as np
import torch
import torchvision
from make_golden import HERE, lua

PERIOD = 1000003  # a prime

CASES = [  # torchvision's name, scion's, options as Lua, size of the picture
    ("alexnet", "alexnet", "{}", 95),
    *[("vgg%d" % d, "vgg", "{ depth = %d }" % d, 64) for d in (11, 13, 16, 19)],
    *[("vgg%d_bn" % d, "vgg", "{ depth = %d, batch_norm = true }" % d, 64) for d in (11, 13, 16, 19)],
    *[("resnet%d" % d, "resnet", "{ depth = %d }" % d, 97) for d in (18, 34, 50, 101, 152)],
    ("squeezenet1_0", "squeezenet", '{ version = "1.0" }', 97),
    ("squeezenet1_1", "squeezenet", '{ version = "1.1" }', 97),
    ("mobilenet_v2", "mobilenet_v2", "{}", 97),
    ("mobilenet_v3_large", "mobilenet_v3", '{ size = "large" }', 97),
    ("mobilenet_v3_small", "mobilenet_v3", '{ size = "small" }', 97),
    *[("densenet%d" % d, "densenet", "{ depth = %d }" % d, 97) for d in (121, 161, 169, 201)],
    *[("efficientnet_b%d" % k, "efficientnet", '{ size = "b%d" }' % k, 97) for k in range(8)],
    ("vit_b_16", "vit", "{}", 224),
    ("vit_b_32", "vit", "{ patch = 32 }", 224),
    ("vit_l_16", "vit", "{ layers = 24, heads = 16, width = 1024 }", 224),
    ("vit_l_32", "vit", "{ patch = 32, layers = 24, heads = 16, width = 1024 }", 224),
]

GOLDEN = ["alexnet", "vgg11", "vgg13_bn", "resnet18", "resnet50", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
          "densenet121", "densenet169", "efficientnet_b0", "efficientnet_b3", "vit_b_32"]


def formula(n, seed):
    """n numbers in [-0.5, 0.5), the same on both sides: whole numbers below 2^53 in f64."""
    j = np.arange(min(n, PERIOD), dtype=np.float64)
    j = np.mod(j * j + 7919.0 * j + 104729.0 * seed, PERIOD)
    j = np.mod(j * j + 31.0 * j, PERIOD)
    return np.resize(j / PERIOD - 0.5, n)


def fill(model):
    entries = sorted((n, t) for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked"))
    for i, (name, t) in enumerate(entries):
        u, shape = formula(t.numel(), i + 1), list(t.shape)
        if name.endswith("running_var"):
            u = 1 + u
        elif name.endswith("running_mean"):
            u = 0.2 * u
        elif len(shape) >= 2 and name.endswith("weight"):
            u = u * (24.0 * shape[0] / t.numel()) ** 0.5
        elif name.endswith("weight"):
            u = 1 + 0.5 * u
        else:
            u = 0.2 * u
        t.copy_(torch.from_numpy(u.reshape(shape)).float())


def picture(size):
    return torch.from_numpy(2 * formula(2 * 3 * size * size, 777).reshape(2, 3, size, size)).float()


def logits(model, x):
    with torch.no_grad():
        return model.eval()(x)


def build(name):
    torch.manual_seed(1)
    return getattr(torchvision.models, name)(weights=None)


def write(names):
    rows = []
    for name, family, options, size in CASES:
        if name not in (names or GOLDEN):
            continue
        model = build(name)
        fill(model)
        y = logits(model.double(), picture(size).double())
        print("%-20s largest logit %.4g" % (name, y.abs().max()), flush=True)
        rows.append('  { "%s", "%s", %s, %d, entries = %d, largest = %s, norm = %s,\n    first = %s,\n    last = %s },' % (
            name, family, options, size, len([n for n in model.state_dict() if not n.endswith("num_batches_tracked")]), lua(float("%.9g" % y.abs().max())),
            lua(float("%.9g" % y.norm())), lua([float("%.9g" % v) for v in y[0, :4]]), lua([float("%.9g" % v) for v in y[1, -4:]])))
    with open(os.path.join(HERE, "models.lua"), "w") as f:
        f.write("-- Logits of torchvision's architectures with weights from a formula: name, family, options, size of the picture; first logits of the first picture,\n"
                "-- last of the second. Made by make_models.py with torchvision %s.\nreturn {\n%s\n}\n" % (torchvision.__version__.split("+")[0], "\n".join(rows)))


LOAD = """
local path, family, options, size = arg[1], arg[2], load("return " .. arg[3])(), math.tointeger(arg[4])
local net = scion.models[family](options)
local report = net:load_weights(path .. ".pth")
assert(#report.missing + #report.unexpected + #report.mismatched == 0, tostring(report))
net:eval()
local y, want = scion.no_grad(net, scion.io.read_npy(path .. ".x.npy")), scion.io.read_npy(path .. ".y.npy")
print(("%d entries, largest difference %.2g of the largest logit"):format(#report.loaded, (y - want):abs():max():item() / want:abs():max():item()))
os.exit((y - want):abs():max():item() <= 1e-4 * want:abs():max():item() and 0 or 1)
"""


def through(program, names):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        script = os.path.join(folder, "load.lua")
        with open(script, "w") as f:
            f.write(LOAD)
        for name, family, options, size in CASES:
            if names and name not in names:
                continue
            model, x, path = build(name), picture(size), os.path.join(folder, name)
            for key, b in model.named_buffers():
                if key.endswith("running_mean"):
                    b.normal_(0, 0.1)
                if key.endswith("running_var"):
                    b.uniform_(0.5, 1.5)
            for key, p in model.named_parameters():  # zero-initialised heads and the like would hide differences
                if p.abs().max() == 0:
                    p.data.normal_(0, 0.02)
            torch.save(model.state_dict(), path + ".pth")
            np.save(path + ".x.npy", x.numpy())
            np.save(path + ".y.npy", logits(model, x).numpy())
            result = subprocess.run([program, script, path, family, options, str(size)], capture_output=True, text=True)
            print("%-20s %s" % (name, (result.stdout + result.stderr).strip()), flush=True)
            failed += result.returncode != 0
            for end in (".pth", ".x.npy", ".y.npy"):
                os.remove(path + end)
    return failed


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--through", metavar="SCION", help="the program to load files of weights with")
    args.add_argument("names", nargs="*", help="only these architectures")
    args = args.parse_args()
    torch.set_default_dtype(torch.float32)
    if args.through:
        raise SystemExit(through(args.through, args.names))
    write(args.names)
