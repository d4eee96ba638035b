"""The networks of the bench in PyTorch, as torchvision defines them, and their way to ONNX."""
import torch
from torch import nn


def conv_bn(inp, out, kernel, stride=1, groups=1, act=None):
    parts = [nn.Conv2d(inp, out, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(out)]
    return nn.Sequential(*parts, *([act] if act else []))


class Block(nn.Module):
    """ResNet's basic (two 3 x 3) or bottleneck block, steps of two in the first 3 x 3."""

    def __init__(self, inp, width, stride, wide):
        super().__init__()
        out = 4 * width if wide else width
        relu = lambda: nn.ReLU(inplace=True)
        if wide:
            self.body = nn.Sequential(conv_bn(inp, width, 1, act=relu()), conv_bn(width, width, 3, stride, act=relu()), conv_bn(width, out, 1))
        else:
            self.body = nn.Sequential(conv_bn(inp, width, 3, stride, act=relu()), conv_bn(width, out, 3))
        self.shortcut = conv_bn(inp, out, 1, stride) if stride != 1 or inp != out else nn.Identity()
        self.relu = relu()

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def resnet(depth, classes=1000):
    """classes 0: the pooled features."""
    counts = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth]
    wide = depth >= 50
    layers = [conv_bn(3, 64, 7, 2, act=nn.ReLU(inplace=True)), nn.MaxPool2d(3, 2, 1)]
    inp = 64
    for stage, count in enumerate(counts):
        width = 64 << stage
        for i in range(count):
            layers.append(Block(inp, width, 2 if stage > 0 and i == 0 else 1, wide))
            inp = 4 * width if wide else width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if classes:
        layers.append(nn.Linear(inp, classes))
    return nn.Sequential(*layers)


def vgg19():
    """Up to the second fully connected layer of 4,096."""
    layers, inp = [], 3
    for block, count in enumerate((2, 2, 4, 4, 4)):
        width = min(512, 64 << block)
        for _ in range(count):
            layers += [nn.Conv2d(inp, width, 3, padding=1), nn.ReLU(inplace=True)]
            inp = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(inplace=True), nn.Linear(4096, 4096), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Inverted(nn.Module):
    def __init__(self, inp, out, stride, expansion):
        super().__init__()
        wide = inp * expansion
        relu6 = lambda: nn.ReLU6(inplace=True)
        parts = [conv_bn(inp, wide, 1, act=relu6())] if expansion != 1 else []
        self.body = nn.Sequential(*parts, conv_bn(wide, wide, 3, stride, wide, relu6()), conv_bn(wide, out, 1))
        self.same = stride == 1 and inp == out

    def forward(self, x):
        return x + self.body(x) if self.same else self.body(x)


def mobilenet_v2():
    """The pooled features."""
    layers, inp = [conv_bn(3, 32, 3, 2, act=nn.ReLU6(inplace=True))], 32
    for t, c, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            layers.append(Inverted(inp, c, s if i == 0 else 1, t))
            inp = c
    layers += [conv_bn(inp, 1280, 1, act=nn.ReLU6(inplace=True)), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers)


def to_onnx(net, shape):
    """The traced network as ONNX bytes; covers what the networks above are made of."""
    import operator

    import numpy as np
    from onnx import TensorProto, helper, numpy_helper
    from torch import fx

    traced = fx.symbolic_trace(net.eval())
    modules, nodes, weights = dict(traced.named_modules()), [], []

    def keep(name, tensor):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(tensor.detach().numpy()), name))
        return name

    last = None
    for n in traced.graph.nodes:
        out = n.name
        ins = [a.name for a in n.all_input_nodes]
        if n.op == "placeholder":
            first = out
        elif n.op == "output":
            last = ins[0]
        elif n.op == "call_function" and n.target in (operator.add, torch.add):
            nodes.append(helper.make_node("Add", ins, [out]))
        else:
            m = modules[n.target]
            if isinstance(m, nn.Conv2d):
                params = [keep(out + "_w", m.weight)] + ([keep(out + "_b", m.bias)] if m.bias is not None else [])
                nodes.append(helper.make_node("Conv", ins + params, [out], strides=m.stride, pads=list(m.padding) * 2, group=m.groups,
                                              kernel_shape=m.kernel_size))
            elif isinstance(m, nn.BatchNorm2d):
                params = [keep(out + k, t) for k, t in (("_g", m.weight), ("_b", m.bias), ("_m", m.running_mean), ("_v", m.running_var))]
                nodes.append(helper.make_node("BatchNormalization", ins + params, [out], epsilon=m.eps))
            elif isinstance(m, nn.ReLU6):
                nodes.append(helper.make_node("Clip", ins + [keep(out + "_lo", torch.tensor(0.0)), keep(out + "_hi", torch.tensor(6.0))], [out]))
            elif isinstance(m, nn.ReLU):
                nodes.append(helper.make_node("Relu", ins, [out]))
            elif isinstance(m, nn.MaxPool2d):
                pair = lambda v: [v, v] if isinstance(v, int) else list(v)
                nodes.append(helper.make_node("MaxPool", ins, [out], kernel_shape=pair(m.kernel_size), strides=pair(m.stride), pads=pair(m.padding) * 2))
            elif isinstance(m, nn.AdaptiveAvgPool2d):
                nodes.append(helper.make_node("GlobalAveragePool", ins, [out]))
            elif isinstance(m, nn.Flatten):
                nodes.append(helper.make_node("Flatten", ins, [out]))
            elif isinstance(m, nn.Linear):
                nodes.append(helper.make_node("Gemm", ins + [keep(out + "_w", m.weight), keep(out + "_b", m.bias)], [out], transB=1))
            elif isinstance(m, nn.Identity):
                nodes.append(helper.make_node("Identity", ins, [out]))
            else:
                raise TypeError("no ONNX for %r" % m)
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info(first, TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
