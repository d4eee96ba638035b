#!/usr/bin/env python3
"""Makes op.lua with PyTorch: values of tensor operations whose meaning derivative checks cannot tell.

    python3 spec/golden/make_ops.py               # needs torch >= 2.6; running the specs needs no Python

A case: op and args as scion writes them ("x2" stands for the second input), inputs as in
make_layers.py, and digests of the results in f64; results that are ids count from 1.
"""
import torch
from make_golden import write
from make_layers import digest, fill

torch.set_default_dtype(torch.float64)
NAN = float("nan")


def main():
    cases = []

    def add(op, args, inputs, fn, ids=()):
        """args: positional arguments after the tensors, ids: positions of results that are 0-based ids."""
        xs = []
        for i, spec in enumerate(inputs):
            shape, kind = spec if isinstance(spec, tuple) else (spec, "")
            v = fill(list(shape), 1 + i, kind.replace("!nan", ""))
            if kind.endswith("!nan"):
                v.view(-1)[1] = NAN
            xs.append(v)
        out = fn(*xs)
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        out = [o + 1 if i in ids else o for i, o in enumerate(out)]
        cases.append({"op": op, "args": args, "inputs": [{"shape": list(s[0] if isinstance(s, tuple) else s), "kind": s[1] if isinstance(s, tuple) else ""} for s in inputs],
                      "y": [digest(torch.nan_to_num(o.double(), 77.0, 99.0, -99.0)) for o in out], "shapes": [list(o.shape) for o in out]})

    A, M, V = [4, 5], [4, 4], [9]
    I = ([6], "ids:4")
    # reductions and statistics
    for dims in ([1], [1, 2]):
        td = tuple(d - 1 for d in dims)
        add("sum", [dims], [[3, 4, 2]], lambda x: x.sum(td))
        add("mean", [dims, True], [[3, 4, 2]], lambda x: x.mean(td, keepdim=True))
        add("var", [{"dim": dims, "correction": 0}], [[3, 4, 2]], lambda x: x.var(td, correction=0))
        add("std", [dims], [[3, 4, 2]], lambda x: x.std(td))
        add("amax", [dims], [[3, 4, 2]], lambda x: x.amax(td))
        add("logsumexp", [dims], [[3, 4, 2]], lambda x: x.logsumexp(td))
    add("prod", [2], [A], lambda x: x.prod(1))
    for p in (0.0, 1.0, 2.0, 3.0):
        add("norm", [p, 2], [A], lambda x: torch.linalg.vector_norm(x, p, 1))
    add("nansum", [1], [(A, "!nan")], lambda x: x.nansum(0))
    add("nanmean", [1], [(A, "!nan")], lambda x: x.nanmean(0))
    add("sum", [], [(A, "!nan")], lambda x: x.sum())
    add("amax", [2], [(A, "!nan")], lambda x: x.amax(1))
    add("max", [2], [A], lambda x: x.max(1), ids=(1,))
    add("min", [1, True], [A], lambda x: x.min(0, keepdim=True), ids=(1,))
    add("argmax", [], [A], lambda x: x.argmax(), ids=(0,))
    add("argmin", [2], [A], lambda x: x.argmin(1), ids=(0,))
    add("median", [], [A], lambda x: x.median())
    add("median", [2], [A], lambda x: x.median(1), ids=(1,))
    add("median_dim", [1], [[6, 3]], lambda x: x.median(0), ids=(1,))
    add("kthvalue", [2, 1], [A], lambda x: x.kthvalue(2, 0), ids=(1,))
    add("mode", [1], [([7, 3], "ids:3")], lambda x: x.mode(0)[0] + 1)
    for q in (0.0, 0.3, 0.5, 1.0):
        add("quantile", [q, 2], [A], lambda x: x.quantile(q, 1))
    add("cov", [], [[3, 6]], lambda x: x.cov())
    add("corrcoef", [], [[3, 6]], lambda x: x.corrcoef())
    add("count_nonzero", [2], [(A, "ids:2")], lambda x: (x + 1).count_nonzero(1))
    # order
    add("sort", [2], [A], lambda x: x.sort(1), ids=(1,))
    add("sort", [1, True], [A], lambda x: x.sort(0, descending=True), ids=(1,))
    add("argsort", [-1], [A], lambda x: x.argsort(-1), ids=(0,))
    add("topk", [3, 2], [A], lambda x: x.topk(3, 1), ids=(1,))
    add("topk", [{"k": 2, "dim": 1, "largest": False}], [A], lambda x: x.topk(2, 0, largest=False), ids=(1,))
    add("unique", [], [([12], "ids:5")], lambda x: (x + 1).unique())
    # scans
    for name in ("cumsum", "cumprod", "logcumsumexp"):
        add(name, [2], [A], lambda x: getattr(x, name)(1))
    add("cummax", [1], [A], lambda x: x.cummax(0), ids=(1,))
    add("cummin", [2], [A], lambda x: x.cummin(1), ids=(1,))
    add("diff", [{"n": 2, "dim": 2}], [A], lambda x: x.diff(n=2, dim=1))
    add("trapezoid", [], [A], lambda x: torch.trapezoid(x))
    # ids
    add("gather", [2, "x2"], [A, ([4, 3], "ids:5")], lambda x, i: x.gather(1, i))
    add("scatter", [1, "x2", "x3"], [A, ([1, 5], "ids:4"), [1, 5]], lambda x, i, s: x.scatter(0, i, s))
    add("scatter_add", [1, "x2", "x3"], [A, ([3, 5], "ids:4"), [3, 5]], lambda x, i, s: x.scatter_add(0, i, s))
    for r in ("sum", "amax", "prod"):
        add("scatter_reduce", [1, "x2", "x3", r], [A, ([3, 5], "ids:4"), [3, 5]], lambda x, i, s: x.scatter_reduce(0, i, s, r))
    add("index_select", [1, "x2"], [A, I], lambda x, i: x.index_select(0, i))
    add("index_add", [1, "x2", "x3"], [A, I, [6, 5]], lambda x, i, s: x.index_add(0, i, s))
    add("take", ["x2"], [A, ([3], "ids:20")], lambda x, i: x.take(i))
    add("take_along_dim", ["x2", 2], [A, ([4, 2], "ids:5")], lambda x, i: x.take_along_dim(i, 1))
    add("one_hot", [5], [([6], "ids:4")], lambda x: torch.nn.functional.one_hot(x, 5))
    add("bincount", [], [([12], "ids:4")], lambda x: x.bincount())
    add("histc", [{"bins": 5, "min": -1.0, "max": 1.0}], [[30]], lambda x: x.histc(5, -1, 1))
    # arranging
    add("flip", [[1, 2]], [A], lambda x: x.flip(0, 1))
    add("roll", [[1, -2], [1, 2]], [A], lambda x: x.roll((1, -2), (0, 1)))
    add("roll", [3], [A], lambda x: x.roll(3))
    add("tile", [[2, 1, 2]], [A], lambda x: x.tile(2, 1, 2))
    add("repeat_interleave", [2, 2], [A], lambda x: x.repeat_interleave(2, 1))
    add("tril", [-1], [A], lambda x: x.tril(-1))
    add("triu", [1], [A], lambda x: x.triu(1))
    add("diagonal", [{"offset": 1}], [A], lambda x: x.diagonal(1))
    add("diag_embed", [{"offset": -1}], [A], lambda x: x.diag_embed(-1))
    add("unfold", [2, 3, 2], [[4, 9]], lambda x: x.unfold(1, 3, 2))
    add("rot90", [3], [A], lambda x: x.rot90(3))
    add("movedim", [1, 3], [[2, 3, 4]], lambda x: x.movedim(0, 2))
    # elementwise with conventions
    add("remainder", ["x2"], [A, A], lambda x, y: x.remainder(y))
    add("fmod", ["x2"], [A, A], lambda x, y: x.fmod(y))
    add("floor_divide", ["x2"], [A, A], lambda x, y: x.floor_divide(y))
    add("round", [], [A], lambda x: x.round())
    add("frac", [], [A], lambda x: x.frac())
    add("atan2", ["x2"], [A, A], lambda x, y: x.atan2(y))
    add("lerp", ["x2", 0.3], [A, A], lambda x, y: x.lerp(y, 0.3))
    add("addcmul", ["x2", "x3", 0.5], [A, A, A], lambda x, y, z: x.addcmul(y, z, value=0.5))
    add("addcdiv", ["x2", "x3", 0.5], [A, A, (A, "pos")], lambda x, y, z: x.addcdiv(y, z, value=0.5))
    add("nan_to_num", [0.5], [(A, "!nan")], lambda x: x.nan_to_num(0.5))
    add("maximum", ["x2"], [(A, "!nan"), A], lambda x, y: x.maximum(y))
    add("digamma", [], [(A, "pos")], lambda x: x.digamma())
    add("lgamma", [], [(A, "pos")], lambda x: x.lgamma())
    add("erf", [], [A], lambda x: x.erf())
    add("polygamma", [2], [(A, "pos")], lambda x: torch.polygamma(2, x))
    add("clamp", [-0.5, 0.5], [A], lambda x: x.clamp(-0.5, 0.5))
    add("renorm", [2, 1, 1.0], [A], lambda x: x.renorm(2, 0, 1.0))
    add("logaddexp", ["x2"], [A, A], lambda x, y: x.logaddexp(y))
    # products and linear algebra
    add("matmul", ["x2"], [[2, 1, 3, 4], [5, 4, 2]], lambda x, y: x @ y)
    add("tensordot", ["x2", {"dims_a": [2, 3], "dims_b": [2, 1]}], [[2, 3, 4], [4, 3, 5]], lambda x, y: torch.tensordot(x, y, ((1, 2), (1, 0))))
    add("outer", ["x2"], [V, [4]], lambda x, y: x.outer(y))
    add("kron", ["x2"], [[2, 3], [2, 2]], lambda x, y: x.kron(y))
    add("cross", ["x2"], [[4, 3], [4, 3]], lambda x, y: x.cross(y, -1))
    add("addmm", ["x2", "x3", {"beta": 0.5, "alpha": 2.0}], [A, [4, 3], [3, 5]], lambda x, y, z: x.addmm(y, z, beta=0.5, alpha=2))
    add("baddbmm", ["x2", "x3"], [[2, 3, 5], [2, 3, 4], [2, 4, 5]], lambda x, y, z: x.baddbmm(y, z))
    add("matrix_power", [3], [M], lambda x: torch.linalg.matrix_power(x, 3))
    add("inv", [], [M], lambda x: x.inverse())
    add("det", [], [M], lambda x: x.det())
    add("slogdet", [], [[2, 4, 4]], lambda x: tuple(x.slogdet()))
    add("solve", ["x2"], [M, [4, 2]], lambda a, b: torch.linalg.solve(a, b))
    add("lstsq", ["x2"], [[6, 3], [6, 2]], lambda a, b: torch.linalg.lstsq(a, b).solution)
    add("pinv", [], [[5, 3]], lambda x: torch.linalg.pinv(x))
    add("svdvals", [], [[4, 3]], lambda x: torch.linalg.svdvals(x))
    add("matrix_norm", ["nuc"], [[4, 3]], lambda x: torch.linalg.matrix_norm(x, "nuc"))
    add("matrix_rank", [], [[4, 3]], lambda x: torch.linalg.matrix_rank(x))
    add("cdist", ["x2"], [[5, 3], [4, 3]], lambda x, y: torch.cdist(x, y))
    add("cdist", ["x2", 1.0], [[5, 3], [4, 3]], lambda x, y: torch.cdist(x, y, 1.0))
    add("normalize", [1.0, 1], [A], lambda x: torch.nn.functional.normalize(x, 1.0, 0))
    add("trace", [], [M], lambda x: x.trace())
    add("fmax", ["x2"], [(A, "!nan"), A], lambda x, y: x.fmax(y))
    add("fmin", ["x2"], [A, (A, "!nan")], lambda x, y: x.fmin(y))
    add("copysign", ["x2"], [A, A], lambda x, y: x.copysign(y))
    add("heaviside", [0.5], [A], lambda x: x.heaviside(torch.tensor(0.5)))
    add("sinc", [], [A], lambda x: x.sinc())
    add("logaddexp2", ["x2"], [A, A], lambda x, y: x.logaddexp2(y))
    for p in (0.0, 1.0, 2.0, 3.0):
        add("vector_norm", [p, 1], [A], lambda x: torch.linalg.vector_norm(x, p, 0))
    add("vecdot", ["x2"], [A, A], lambda x, y: torch.linalg.vecdot(x, y))
    add("cond", [], [M], lambda x: torch.linalg.cond(x))
    add("cond", ["fro"], [M], lambda x: torch.linalg.cond(x, "fro"))
    add("matrix_exp", [], [[2, 4, 4]], lambda x: torch.linalg.matrix_exp(x))
    write("op.lua", "Values of tensor operations.", cases)


if __name__ == "__main__":
    main()
