#!/usr/bin/env python3
"""Makes layer.lua and loss.lua with PyTorch: outputs and gradients of layers and losses, f64.

    python3 spec/golden/make_layers.py            # needs torch >= 2.6; running the specs needs no Python

Inputs, parameters and the weights of outputs are not stored: both sides make them from a small generator of whole numbers
(`fill` here and in spec/nn/golden.lua). Of every result three weighted sums and the Euclidean norm are stored. A case:
  layer, args     the constructor's name in scion.nn and its arguments (ids and dimensions count from 1 there)
  inputs          { shape, kind }; kinds: "" (-1.5 .. 1.5), "ids:n", "prob" (0 .. 1), "pos" (0.5 .. 2), "sign" (-1 or 1), "rows" (rows sum to 1)
  train           training mode; buffers are compared after the call too
  y, dx, dp, buffers   what came out, by position or by name
"""
import torch
import torch.nn as nn
from make_golden import write

torch.set_default_dtype(torch.float64)


def fill(shape, seed, kind=""):
    n = 1
    for s in shape:
        n *= s
    s, out = (seed * 7919 + 12345) % 2147483648, []
    for _ in range(4):
        s = (s * 1103515245 + 12345) % 2147483648
    for _ in range(n):
        s = (s * 1103515245 + 12345) % 2147483648
        out.append(s / 2147483648.0)
    u = torch.tensor(out, dtype=torch.float64).reshape(shape)
    if kind.startswith("ids:"):
        return (u * int(kind[4:])).long()
    if kind == "prob":
        return 0.02 + 0.96 * u
    if kind == "pos":
        return 0.5 + 1.5 * u
    if kind == "sign":
        return torch.where(u < 0.5, -1.0, 1.0)
    if kind == "rows":
        u = u + 0.05
        return u / u.sum(-1, keepdim=True)
    return 3 * u - 1.5


def digest(t):
    t = t.detach().double()
    numbers = [float((t * fill(list(t.shape), 300 + k)).sum()) for k in range(3)] + [float(t.norm())]
    return [float("%.12g" % v) for v in numbers]


def prepare(module):
    for i, (name, p) in enumerate(sorted(module.named_parameters())):
        p.data.copy_(fill(list(p.shape), 20 + i) * 0.5)
    running = sorted((n, b) for n, b in module.named_buffers() if n.rpartition(".")[2].startswith("running"))
    for i, (name, b) in enumerate(running):
        b.copy_(fill(list(b.shape), 80 + i, "pos" if "var" in name else ""))


def flat(y):
    out = []
    for v in y if isinstance(y, (tuple, list)) else [y]:
        out += flat(v) if isinstance(v, (tuple, list)) else [v] if isinstance(v, torch.Tensor) else []
    return out


def run(layer, args, module, inputs, train=False, call=None, keep=None):
    """inputs: list of (shape, kind); call(module, *tensors) where calling differs; keep: number of outputs compared."""
    module = module.double().train(train)
    prepare(module)
    xs = []
    for i, (shape, kind) in enumerate(inputs):
        x = fill(shape, 1 + i, kind)
        fixed = kind.startswith("ids") or kind == "sign"
        xs.append(x if fixed else x.requires_grad_())
    ys = flat(call(module, *xs) if call else module(*xs))[:keep]
    loss = sum((y * fill(list(y.shape), 50 + j)).sum() for j, y in enumerate(ys))
    wanted = [x for x in xs if x.requires_grad]
    params = sorted((n, p) for n, p in module.named_parameters())
    grads = torch.autograd.grad(loss, wanted + [p for _, p in params], allow_unused=True)
    dx, at = [], 0
    for x in xs:
        dx.append(digest(grads[at]) if x.requires_grad and grads[at] is not None else False)
        at += 1 if x.requires_grad else 0
    case = {"layer": layer, "args": args, "inputs": [{"shape": list(s), "kind": k} for s, k in inputs], "train": train,
            "y": [digest(y) for y in ys], "shapes": [list(y.shape) for y in ys], "dx": dx,
            "dp": {'["%s"]' % n: digest(g) for (n, _), g in zip(params, grads[len(wanted):]) if g is not None}}
    if train:
        case["buffers"] = {'["%s"]' % n: digest(b) for n, b in module.named_buffers() if b.dtype == torch.float64 and "running" in n} or None
    return case


def x(*shape, kind=""):
    return (list(shape), kind)


def layers():
    cases = []

    def add(layer, args, module, *inputs, **more):
        cases.append(run(layer, args, module, list(inputs), **more))

    add("Linear", [5, 3], nn.Linear(5, 3), x(4, 5))
    add("Linear", [5, 3, False], nn.Linear(5, 3, bias=False), x(2, 3, 5))
    add("Linear", [70, 40], nn.Linear(70, 40), x(33, 70))
    add("Bilinear", [3, 4, 5], nn.Bilinear(3, 4, 5), x(2, 3), x(2, 4))

    # convolutions: (in, out, kernel, options, input)
    C = [(1, 2, 3, 3, {}, [(2, 2, 9)]), (1, 4, 6, 3, {"stride": 2, "padding": 1, "groups": 2}, [(2, 4, 11)]),
         (1, 3, 4, 3, {"dilation": 2, "padding": 2, "bias": False}, [(1, 3, 10)]), (1, 3, 5, 4, {"padding": "same"}, [(2, 3, 7)]),
         (1, 2, 3, 3, {"padding": 2, "padding_mode": "reflect"}, [(2, 2, 8)]), (1, 8, 8, 5, {"groups": 8, "padding": 2}, [(2, 8, 40)]),
         (2, 3, 4, 3, {}, [(2, 3, 7, 6)]), (2, 3, 4, 3, {"padding": 1}, [(2, 3, 8, 8)]), (2, 4, 6, (3, 2), {"stride": (2, 1), "padding": (1, 0), "groups": 2}, [(2, 4, 9, 7)]),
         (2, 3, 5, 3, {"dilation": (2, 1), "padding": 2, "bias": False}, [(1, 3, 9, 8)]), (2, 16, 24, 3, {"padding": 1}, [(2, 16, 19, 17)]),
         (2, 8, 16, 1, {}, [(3, 8, 10, 10)]), (2, 8, 16, 1, {"stride": 2}, [(2, 8, 9, 9)]), (2, 12, 12, 3, {"groups": 12, "padding": 1}, [(2, 12, 14, 15)]),
         (2, 12, 12, 3, {"groups": 12, "padding": 1, "stride": 2}, [(2, 12, 15, 14)]), (2, 6, 12, 3, {"groups": 6, "padding": 1}, [(2, 6, 10, 9)]),
         (2, 3, 16, 7, {"stride": 2, "padding": 3}, [(1, 3, 32, 32)]), (2, 4, 8, 5, {"padding": 2}, [(2, 4, 12, 12)]),
         (2, 3, 4, 4, {"padding": "same"}, [(1, 3, 7, 7)]), (2, 3, 4, 3, {"padding": "valid"}, [(1, 3, 7, 7)]),
         (2, 2, 3, 3, {"padding": 1, "padding_mode": "circular"}, [(2, 2, 6, 6)]), (2, 2, 3, 3, {"padding": 1, "padding_mode": "replicate"}, [(2, 2, 6, 5)]),
         (2, 32, 32, 3, {"padding": 1, "groups": 4}, [(1, 32, 12, 12)]), (2, 1, 8, 3, {}, [(4, 1, 28, 28)]),
         (3, 2, 3, 3, {"padding": 1}, [(1, 2, 5, 6, 4)]), (3, 4, 4, (2, 3, 1), {"stride": (1, 2, 1), "groups": 2}, [(2, 4, 5, 7, 3)]),
         (3, 2, 2, 2, {"dilation": 2, "bias": False}, [(1, 2, 5, 5, 5)])]
    for n, i, o, k, opts, (shape,) in C:
        cls = getattr(nn, "Conv%dd" % n)
        add("Conv%dd" % n, [i, o, k, opts], cls(i, o, k, **opts), x(*shape))
    T = [(1, 3, 2, 3, {}, (2, 3, 6)), (1, 4, 6, 3, {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}, (2, 4, 5)),
         (2, 3, 4, 3, {}, (2, 3, 5, 4)), (2, 4, 6, 3, {"stride": 2, "padding": 1, "output_padding": 1}, (2, 4, 5, 6)),
         (2, 4, 4, (3, 2), {"stride": (2, 3), "dilation": (2, 1), "groups": 2, "bias": False}, (1, 4, 4, 5)), (2, 16, 8, 4, {"stride": 2, "padding": 1}, (2, 16, 8, 8)),
         (3, 2, 3, 3, {"stride": 2, "padding": 1}, (1, 2, 3, 4, 3)), (3, 2, 2, 2, {"dilation": 2}, (1, 2, 3, 3, 2))]
    for n, i, o, k, opts, shape in T:
        cls = getattr(nn, "ConvTranspose%dd" % n)
        add("ConvTranspose%dd" % n, [i, o, k, opts], cls(i, o, k, **opts), x(*shape))

    # pooling
    spaces = {1: (13,), 2: (9, 11), 3: (6, 7, 5)}
    for n in (1, 2, 3):
        s = x(2, 3, *spaces[n])
        for opts in ({}, {"stride": 1}, {"padding": 1, "stride": 2}, {"ceil_mode": True, "stride": 2}, {"dilation": 2, "stride": 1}):
            k = 2 if "dilation" in opts or n == 3 else 3
            if n == 3 and len(opts) > 1 and "padding" not in opts:
                continue
            add("MaxPool%dd" % n, [k, opts], getattr(nn, "MaxPool%dd" % n)(k, **opts), s)
        for opts in ({}, {"padding": 1, "stride": 2}, {"padding": 1, "count_include_pad": False}, {"ceil_mode": True, "stride": 2}):
            add("AvgPool%dd" % n, [2, opts], getattr(nn, "AvgPool%dd" % n)(2, **opts), s)
        for size in (1, 3):
            add("AdaptiveAvgPool%dd" % n, [size], getattr(nn, "AdaptiveAvgPool%dd" % n)(size), s)
            add("AdaptiveMaxPool%dd" % n, [size], getattr(nn, "AdaptiveMaxPool%dd" % n)(size), s)
    add("MaxPool2d", [[2, 3], {"stride": [2, 1]}], nn.MaxPool2d((2, 3), (2, 1)), x(2, 3, 8, 9))
    add("MaxPool2d", [2], nn.MaxPool2d(2), x(2, 5, 28, 28))
    add("MaxPool2d", [3, 2, 1], nn.MaxPool2d(3, 2, 1), x(2, 4, 23, 24))
    add("AvgPool2d", [7], nn.AvgPool2d(7), x(2, 6, 7, 7))
    add("AdaptiveAvgPool2d", [[2, 5]], nn.AdaptiveAvgPool2d((2, 5)), x(2, 3, 7, 11))
    add("GlobalAvgPool2d", [], nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), x(2, 3, 5, 4))
    add("LPPool1d", [2, 3], nn.LPPool1d(2, 3), x(2, 3, 11, kind="pos"))
    add("LPPool2d", [3, 2, {"stride": 1}], nn.LPPool2d(3, 2, stride=1), x(2, 3, 5, 6, kind="pos"))

    # normalisation, in both modes
    for train in (False, True):
        add("BatchNorm1d", [6], nn.BatchNorm1d(6), x(5, 6), train=train)
        add("BatchNorm1d", [3, 1e-3, 0.3], nn.BatchNorm1d(3, 1e-3, 0.3), x(4, 3, 7), train=train)
        add("BatchNorm2d", [4], nn.BatchNorm2d(4), x(3, 4, 5, 6), train=train)
        add("BatchNorm2d", [4, {"affine": False}], nn.BatchNorm2d(4, affine=False), x(3, 4, 5, 6), train=train)
        add("BatchNorm2d", [4, {"track_running_stats": False}], nn.BatchNorm2d(4, track_running_stats=False), x(3, 4, 5, 6), train=train)
        add("BatchNorm3d", [2], nn.BatchNorm3d(2), x(2, 2, 3, 4, 5), train=train)
        for n in (1, 2, 3):
            s = (3, 4, 5, 6, 3)[:2 + n]
            add("InstanceNorm%dd" % n, [4, {"affine": True}], getattr(nn, "InstanceNorm%dd" % n)(4, affine=True), x(*s), train=train)
    add("InstanceNorm2d", [4], nn.InstanceNorm2d(4), x(2, 4, 5, 6))
    add("LayerNorm", [6], nn.LayerNorm(6), x(4, 3, 6))
    add("LayerNorm", [[3, 5], 1e-2], nn.LayerNorm((3, 5), 1e-2), x(2, 3, 5))
    add("LayerNorm", [40, {"bias": False}], nn.LayerNorm(40, bias=False), x(9, 40))
    add("LayerNorm", [6, {"elementwise_affine": False}], nn.LayerNorm(6, elementwise_affine=False), x(4, 6))
    add("RMSNorm", [6, {"eps": 1e-6}], nn.RMSNorm(6, eps=1e-6), x(4, 3, 6))
    add("RMSNorm", [[3, 5], {"eps": 1e-3, "elementwise_affine": False}], nn.RMSNorm((3, 5), eps=1e-3, elementwise_affine=False), x(2, 3, 5))
    add("GroupNorm", [2, 6], nn.GroupNorm(2, 6), x(3, 6, 4, 5))
    add("GroupNorm", [3, 6, {"eps": 1e-2, "affine": False}], nn.GroupNorm(3, 6, 1e-2, affine=False), x(2, 6, 7))
    add("GroupNorm", [1, 4], nn.GroupNorm(1, 4), x(2, 4))
    add("LocalResponseNorm", [3], nn.LocalResponseNorm(3), x(2, 5, 4, 4))
    add("LocalResponseNorm", [4, 0.5, 0.6, 2], nn.LocalResponseNorm(4, 0.5, 0.6, 2.0), x(2, 6, 3))
    for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        add(name, [0.4], getattr(nn, name)(0.4), x(*(2, 3, 4, 3, 2)[:{"Dropout1d": 3, "Dropout2d": 4, "Dropout3d": 5}.get(name, 4)]))
        add(name, [0], getattr(nn, name)(0.0), x(*(2, 3, 4, 3, 2)[:{"Dropout1d": 3, "Dropout2d": 4, "Dropout3d": 5}.get(name, 4)]), train=True)

    # embeddings
    add("Embedding", [7, 4], nn.Embedding(7, 4), x(3, 5, kind="ids:7"))
    add("Embedding", [7, 4, {"padding_idx": 3}], nn.Embedding(7, 4, padding_idx=2), x(12, kind="ids:7"))
    for mode in ("sum", "mean", "max"):
        add("EmbeddingBag", [7, 4, {"mode": mode}], nn.EmbeddingBag(7, 4, mode=mode), x(3, 5, kind="ids:7"))
    add("EmbeddingBag", [7, 4, {"mode": "mean", "padding_idx": 3}], nn.EmbeddingBag(7, 4, mode="mean", padding_idx=2), x(4, 6, kind="ids:7"))

    # recurrent
    for name, n_states in (("RNN", 1), ("GRU", 1), ("LSTM", 2)):
        cls = getattr(nn, name)
        add(name, [4, 5], cls(4, 5), x(6, 3, 4))
        add(name, [4, 5, 2, {"bidirectional": True}], cls(4, 5, 2, bidirectional=True), x(6, 3, 4))
        add(name, [4, 5, {"num_layers": 2, "batch_first": True, "bias": False}], cls(4, 5, 2, batch_first=True, bias=False), x(3, 6, 4))
        states = [x(4, 3, 5)] * n_states
        add(name, [4, 5, 2, {"bidirectional": True, "state": True}], cls(4, 5, 2, bidirectional=True), x(4, 3, 4), *states,
            call=(lambda m, v, h: m(v, h)) if n_states == 1 else (lambda m, v, h, c: m(v, (h, c))))
        cell = getattr(nn, name + "Cell")
        add(name + "Cell", [4, 5], cell(4, 5), x(3, 4), *([x(3, 5)] * n_states),
            call=(lambda m, v, h: m(v, h)) if n_states == 1 else (lambda m, v, h, c: m(v, (h, c))))
    add("RNN", [4, 5, {"nonlinearity": "relu"}], nn.RNN(4, 5, nonlinearity="relu"), x(5, 2, 4))
    add("RNNCell", [4, 5, {"nonlinearity": "relu", "bias": False}], nn.RNNCell(4, 5, nonlinearity="relu", bias=False), x(2, 4), x(2, 5))

    # attention
    def attend(m, q, k, v):
        return m(q, k, v, need_weights=False)[0]
    add("MultiheadAttention", [8, 2], nn.MultiheadAttention(8, 2, batch_first=True), x(2, 5, 8), x(2, 6, 8), x(2, 6, 8), call=attend)
    add("MultiheadAttention", [12, 3, {"bias": False}], nn.MultiheadAttention(12, 3, bias=False, batch_first=True), x(2, 4, 12), x(2, 4, 12), x(2, 4, 12), call=attend)
    add("MultiheadAttention", [8, 4, {"is_causal": True}], nn.MultiheadAttention(8, 4, batch_first=True), x(2, 5, 8), x(2, 5, 8), x(2, 5, 8),
        call=lambda m, q, k, v: m(q, k, v, need_weights=False, attn_mask=torch.triu(torch.ones(5, 5, dtype=torch.bool), 1))[0])
    for opts in ({}, {"norm_first": True, "activation": "gelu"}):
        add("TransformerEncoderLayer", [8, 2, 16, 0, opts], nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True, **opts), x(2, 5, 8), train=True)

        add("TransformerDecoderLayer", [8, 2, 16, 0, {**opts, "is_causal": False}], nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True, **opts),
            x(2, 5, 8), x(2, 3, 8), train=True)
    add("TransformerDecoderLayer", [8, 2, 16, 0], nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), x(2, 5, 8), x(2, 3, 8), train=True,
        call=lambda m, t, mem: m(t, mem, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5)))
    add("Transformer", [8, 2, 2, 1, 16, 0], nn.Transformer(8, 2, 2, 1, 16, 0.0, batch_first=True), x(2, 4, 8), x(2, 5, 8), train=True,
        call=lambda m, src, t: m(src, t, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5)))

    # shapes, padding, resizing
    add("Flatten", [], nn.Flatten(), x(2, 3, 4, 5))
    add("Flatten", [1, 2], nn.Flatten(0, 1), x(2, 3, 4))
    add("Unflatten", [2, [2, 3]], nn.Unflatten(1, (2, 3)), x(2, 6, 4))
    add("Identity", [], nn.Identity(), x(2, 3))
    for n in (1, 2, 3):
        s = x(2, 2, *(5, 6, 4)[:n])
        uneven = [1, 2, 0, 3, 2, 1][:2 * n]
        for kind in ("Zero", "Reflection", "Replication", "Circular"):
            cls = getattr(nn, "%sPad%dd" % (kind, n))
            add("%sPad%dd" % (kind, n), [2], cls(2), s)
            add("%sPad%dd" % (kind, n), [uneven], cls(tuple(uneven)), s)
        add("ConstantPad%dd" % n, [1, 3.5], getattr(nn, "ConstantPad%dd" % n)(1, 3.5), s)
        add("ZeroPad%dd" % n, [[-1, 1] + [0] * (2 * n - 2)], getattr(nn, "ZeroPad%dd" % n)(tuple([-1, 1] + [0] * (2 * n - 2))), s)
    for mode, shape in (("nearest", (2, 3, 5)), ("linear", (2, 3, 5)), ("nearest", (2, 3, 5, 4)), ("bilinear", (2, 3, 5, 4)), ("bicubic", (2, 2, 5, 6)),
                        ("nearest", (1, 2, 3, 4, 3)), ("trilinear", (1, 2, 3, 4, 3))):
        size = [7, 9, 5][:len(shape) - 2]
        add("Upsample", [{"size": size, "mode": mode}], nn.Upsample(size=tuple(size), mode=mode), x(*shape))
        add("Upsample", [{"scale_factor": 2, "mode": mode}], nn.Upsample(scale_factor=2, mode=mode), x(*shape))
        if mode != "nearest":
            add("Upsample", [{"size": size, "mode": mode, "align_corners": True}], nn.Upsample(size=tuple(size), mode=mode, align_corners=True), x(*shape))
    add("Upsample", [{"scale_factor": 1.7, "mode": "bilinear"}], nn.Upsample(scale_factor=1.7, mode="bilinear"), x(2, 2, 5, 7))
    add("UpsamplingNearest2d", [{"scale_factor": 3}], nn.UpsamplingNearest2d(scale_factor=3), x(2, 2, 3, 4))
    add("UpsamplingBilinear2d", [{"size": [6, 5]}], nn.UpsamplingBilinear2d(size=(6, 5)), x(2, 2, 3, 4))
    add("PixelShuffle", [2], nn.PixelShuffle(2), x(2, 8, 3, 4))
    add("PixelUnshuffle", [2], nn.PixelUnshuffle(2), x(2, 2, 4, 6))
    add("ChannelShuffle", [2], nn.ChannelShuffle(2), x(2, 6, 3, 4))
    add("Unfold", [[2, 3], {"padding": 1, "stride": 2}], nn.Unfold((2, 3), padding=1, stride=2), x(2, 3, 6, 7))
    add("Fold", [[5, 6], 2, {"stride": 1}], nn.Fold((5, 6), 2), x(2, 12, 20))
    add("PReLU", [3], nn.PReLU(3), x(2, 3, 4))
    add("RReLU", [0.1, 0.3], nn.RReLU(0.1, 0.3), x(2, 3, 4))
    add("Softmax2d", [], nn.Softmax2d(), x(2, 3, 4, 2))
    add("GLU", [2], nn.GLU(1), x(2, 6, 3))
    write("layer.lua", "Layers: outputs, gradients and moved buffers.", cases)


def losses():
    cases = []

    def add(layer, options, module, *inputs, tensors=None, call=None):
        case = run(layer, [options] if options else [], module, list(inputs), call=call)
        case["tensors"] = tensors
        cases.append(case)

    w5 = fill([5], 90, "pos")
    for red in ("mean", "sum", "none"):
        add("CrossEntropyLoss", {"reduction": red}, nn.CrossEntropyLoss(reduction=red), x(6, 5), x(6, kind="ids:5"))
        add("NLLLoss", {"reduction": red}, nn.NLLLoss(reduction=red), x(6, 5), x(6, kind="ids:5"))
        for name in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss"):
            add(name, {"reduction": red}, getattr(nn, name)(reduction=red), x(4, 5), x(4, 5))
        add("BCELoss", {"reduction": red}, nn.BCELoss(reduction=red), x(4, 5, kind="prob"), x(4, 5, kind="prob"))
        add("BCEWithLogitsLoss", {"reduction": red}, nn.BCEWithLogitsLoss(reduction=red), x(4, 5), x(4, 5, kind="prob"))
        add("KLDivLoss", {"reduction": red}, nn.KLDivLoss(reduction=red), x(4, 5), x(4, 5, kind="rows"))
        add("HingeEmbeddingLoss", {"reduction": red}, nn.HingeEmbeddingLoss(reduction=red), x(4, 5), x(4, 5, kind="sign"))
        add("SoftMarginLoss", {"reduction": red}, nn.SoftMarginLoss(reduction=red), x(4, 5), x(4, 5, kind="sign"))
        add("MultiMarginLoss", {"reduction": red}, nn.MultiMarginLoss(reduction=red), x(6, 5), x(6, kind="ids:5"))
        add("MultiLabelSoftMarginLoss", {"reduction": red}, nn.MultiLabelSoftMarginLoss(reduction=red), x(4, 5), x(4, 5, kind="prob"))
        add("PoissonNLLLoss", {"reduction": red}, nn.PoissonNLLLoss(reduction=red), x(4, 5), x(4, 5, kind="pos"))
        add("GaussianNLLLoss", {"reduction": red}, nn.GaussianNLLLoss(reduction=red), x(4, 5), x(4, 5), x(4, 5, kind="pos"))
        add("MarginRankingLoss", {"reduction": red, "margin": 0.2}, nn.MarginRankingLoss(0.2, reduction=red), x(6), x(6), x(6, kind="sign"))
        add("TripletMarginLoss", {"reduction": red}, nn.TripletMarginLoss(reduction=red), x(4, 5), x(4, 5), x(4, 5))
        add("CosineEmbeddingLoss", {"reduction": red, "margin": 0.1}, nn.CosineEmbeddingLoss(0.1, reduction=red), x(6, 5), x(6, 5), x(6, kind="sign"))
        # options of classification together, with positions in space
        add("CrossEntropyLoss", {"reduction": red, "label_smoothing": 0.1, "ignore_index": 3},
            nn.CrossEntropyLoss(weight=w5, reduction=red, label_smoothing=0.1, ignore_index=2), x(3, 5, 4, 2), x(3, 4, 2, kind="ids:5"), tensors={"weight": [5]})
        add("NLLLoss", {"reduction": red, "ignore_index": 1}, nn.NLLLoss(weight=w5, reduction=red, ignore_index=0), x(3, 5, 4), x(3, 4, kind="ids:5"),
            tensors={"weight": [5]})
        add("CrossEntropyLoss", {"reduction": red, "label_smoothing": 0.2}, nn.CrossEntropyLoss(reduction=red, label_smoothing=0.2), x(4, 5), x(4, 5, kind="rows"))
    add("CrossEntropyLoss", {"label_smoothing": 0.2}, nn.CrossEntropyLoss(weight=w5, label_smoothing=0.2), x(4, 5, 3), x(4, 3, kind="ids:5"), tensors={"weight": [5]})
    add("CrossEntropyLoss", {"ignore_index": 5}, nn.CrossEntropyLoss(ignore_index=4), x(40, 33), x(40, kind="ids:33"))
    add("CrossEntropyLoss", {}, nn.CrossEntropyLoss(weight=w5), x(4, 5), x(4, 5, kind="rows"), tensors={"weight": [5]})
    add("SmoothL1Loss", {"beta": 0.3}, nn.SmoothL1Loss(beta=0.3), x(4, 5), x(4, 5))
    add("HuberLoss", {"delta": 0.4}, nn.HuberLoss(delta=0.4), x(4, 5), x(4, 5))
    add("BCELoss", {}, nn.BCELoss(weight=w5), x(4, 5, kind="prob"), x(4, 5, kind="prob"), tensors={"weight": [5]})
    add("BCEWithLogitsLoss", {}, nn.BCEWithLogitsLoss(weight=w5, pos_weight=fill([5], 91, "pos")), x(4, 5), x(4, 5, kind="prob"), tensors={"weight": [5], "pos_weight": [5]})
    add("KLDivLoss", {"reduction": "batchmean"}, nn.KLDivLoss(reduction="batchmean"), x(4, 5), x(4, 5, kind="rows"))
    add("KLDivLoss", {"reduction": "batchmean", "log_target": True}, nn.KLDivLoss(reduction="batchmean", log_target=True), x(4, 5), x(4, 5))
    add("MultiMarginLoss", {"p": 2, "margin": 0.7}, nn.MultiMarginLoss(2, 0.7, weight=w5), x(6, 5), x(6, kind="ids:5"), tensors={"weight": [5]})
    add("HingeEmbeddingLoss", {"margin": 0.6}, nn.HingeEmbeddingLoss(0.6), x(4, 5), x(4, 5, kind="sign"))
    add("PoissonNLLLoss", {"log_input": False, "full": True}, nn.PoissonNLLLoss(log_input=False, full=True), x(4, 5, kind="pos"), x(4, 5, kind="pos"))
    add("GaussianNLLLoss", {"full": True}, nn.GaussianNLLLoss(full=True), x(4, 5), x(4, 5), x(4, 1, kind="pos"))
    add("TripletMarginLoss", {"margin": 0.5, "p": 1, "swap": True}, nn.TripletMarginLoss(0.5, 1, swap=True), x(4, 5), x(4, 5), x(4, 5))
    add("CosineSimilarity", {"dim": 2}, nn.CosineSimilarity(1), x(4, 5, 3), x(4, 5, 3))
    add("PairwiseDistance", {"p": 3, "keepdim": True}, nn.PairwiseDistance(3, keepdim=True), x(4, 5), x(4, 5))
    write("loss.lua", "Losses: values and gradients.", cases)


if __name__ == "__main__":
    layers()
    losses()
