"""features.lua's rows: PyTorch as written, traced and frozen, channels last, compiled; ONNX Runtime."""

BATCHES = (8, 1, 32)


def rows(env):
    torch = env.torch

    def features(make, batch):
        def setup(only=None):
            if not torch:
                return {}
            import networks
            torch.manual_seed(0)
            net = getattr(networks, make[0])(*make[1:]).eval()
            x = torch.randn(batch, 3, 224, 224)
            steps = {}

            def run(model, data):
                def step():
                    with torch.inference_mode():
                        return model(data)
                return step

            def wanted(label):
                return only is None or only == label

            if wanted("torch"):
                steps["torch"] = run(net, x)
            if wanted("torch, traced"):
                with torch.no_grad():
                    traced = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
                steps["torch, traced"] = run(traced, x)
            if wanted("torch, channels last"):
                last = torch.channels_last
                with torch.no_grad():
                    data = x.contiguous(memory_format=last)
                    traced = torch.jit.freeze(torch.jit.trace(getattr(networks, make[0])(*make[1:]).eval().to(memory_format=last), data))
                steps["torch, channels last"] = run(traced, data)
            if wanted("onnxruntime") and env.ort:
                options = env.ort.SessionOptions()
                options.intra_op_num_threads = env.threads
                session = env.ort.InferenceSession(networks.to_onnx(net, [batch, 3, 224, 224]), options, providers=["CPUExecutionProvider"])
                name, data = session.get_inputs()[0].name, x.numpy()
                steps["onnxruntime"] = lambda: session.run(None, {name: data})
            return steps

        return setup

    table = {}
    for batch in BATCHES:
        table["ResNet-50 batch %d" % batch] = features(("resnet", 50, 0), batch)
        table["VGG-19 batch %d" % batch] = features(("vgg19",), batch)
        table["MobileNetV2 batch %d" % batch] = features(("mobilenet_v2",), batch)
    return table
