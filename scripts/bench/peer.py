"""The peers' side of the bench: prepares rows and measures them on demand.

Requests come as JSON lines on standard input, answers go to the pipe named by --answers:
  hello                      -> {about}              versions of what was found
  open group row seconds     -> {labels, seconds}    prepares, warms up, finds the number of steps; seconds of one
  sample label               -> {seconds}            of one step, averaged over that number
  facts                      -> {text}
  close                      -> {}
A group NAME.py has rows(env) -> {row name: setup}; setup() -> {label: step} or {label: (step, facts)}.
"""
import argparse
import gc
import importlib
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")  # advice about the peers' own interfaces
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)


class Env:
    """What the groups see: threads, and the peers that are installed (None: absent), imported when first asked for."""

    def __init__(self, threads, quick, cpu):
        self.threads = threads
        self.cpu = cpu
        self.image_size = 64 if quick else 224
        self.arguments = {}  # what our side says of the row: files, options
        self.modules = {}

    def _find(self, name):
        if name not in self.modules:
            try:
                self.modules[name] = importlib.import_module(name)
            except Exception:  # absent, or broken: either way not a peer
                self.modules[name] = None
            if name == "torch" and self.modules[name]:
                self.modules[name].set_num_threads(self.threads)
        return self.modules[name]

    torch = property(lambda self: self._find("torch"))
    ort = property(lambda self: self._find("onnxruntime"))
    sklearn = property(lambda self: self._find("sklearn"))
    pil = property(lambda self: self._find("PIL.Image"))
    learn2learn = property(lambda self: self._find("learn2learn"))

    def about(self):
        parts = []
        if self.torch:
            one_dnn = "oneDNN on" if self.torch.backends.mkldnn.is_available() else "without oneDNN"
            parts.append("PyTorch %s (%s)" % (self.torch.__version__, one_dnn))
        if self.ort:
            parts.append("ONNX Runtime " + self.ort.__version__)
        if self.sklearn:
            parts.append("scikit-learn " + self.sklearn.__version__)
        if self.pil:
            parts.append("Pillow " + self.pil.__version__)
        return ", ".join(parts)


now = time.perf_counter  # --cpu: time.process_time


def clock(step, n):
    start = now()
    for _ in range(n):
        step()
    return now() - start


def steps_for(step, seconds, compiles):
    """How many steps one measurement takes, and the seconds of one."""
    n, took = 1, clock(step, 1)
    if took < 10 * seconds or compiles:  # long by itself: has had its warm-up, unless something was compiled in it
        took = clock(step, 1)
    while took < seconds:
        n = n * 8 if took < seconds / 20 else max(n + 1, int(n * seconds / took * 1.05) + 1)
        took = clock(step, n)
        if took >= 0.5 * seconds:
            break
    return n, took / n


class Row:
    def __init__(self, env, group, name, seconds):
        self.steps = {}
        self.facts = []
        setup = importlib.import_module(group).rows(env).get(name)
        for label, made in (setup() if setup else {}).items():
            step, facts = made if isinstance(made, tuple) else (made, None)
            try:
                self.steps[label] = (step, *steps_for(step, seconds, "compiled" in label))
            except Exception as problem:  # a peer that can't do it is told, not hidden
                print("bench: %s/%s: %s: %s" % (group, name, label, problem), file=sys.stderr)
                continue
            if facts:
                self.facts.append((label, facts))

    def sample(self, label):
        step, n, _ = self.steps[label]
        return clock(step, n) / n


def peak_memory():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024


def once(env, group, name, label):
    # only the setup of this label may count: groups build theirs lazily, from functions without arguments
    made = importlib.import_module(group).rows(env)[name](only=label)[label]
    step = made[0] if isinstance(made, tuple) else made
    step()
    step()
    print("peak %.2f" % peak_memory())


def serve(env, requests, answers):
    row = None
    for line in requests:
        request = json.loads(line)
        try:
            op = request["op"]
            if op == "hello":
                answer = {"about": env.about()} if env.about() else {}
            elif op == "open":
                env.arguments = request.get("arguments", {})
                row = Row(env, request["group"], request["row"], request["seconds"])
                answer = {"labels": list(row.steps), "seconds": [took for _, _, took in row.steps.values()]}
            elif op == "sample":
                answer = {"seconds": row.sample(request["label"])}
            elif op == "facts":
                answer = {"text": "; ".join("%s %s" % (label, facts()) for label, facts in row.facts)}
            else:
                row = None
                gc.collect()
                answer = {"closed": True}
        except Exception as problem:
            answer = {"error": "%s: %s" % (type(problem).__name__, problem)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--answers")
    parser.add_argument("--once", nargs=3, metavar=("GROUP", "ROW", "LABEL"))
    args = parser.parse_args()
    if args.cpu:
        globals()["now"] = time.process_time
    if args.answers:
        answers = open(args.answers, "w")  # before the imports: the other side waits for it
        serve(Env(args.threads, args.quick, args.cpu), sys.stdin, answers)
    elif args.once:
        once(Env(args.threads, args.quick, args.cpu), *args.once)


if __name__ == "__main__":
    main()
