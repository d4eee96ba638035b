#!/usr/bin/env python3
"""The functions of hpo.lua under the Python libraries that are installed: one JSON line a library.

    python3 hpo_peers.py FUNCTION SEEDS N FIRST_SEED SLOW_SEEDS      # called by hpo.lua --peers
"""
import json
import math
import sys
import time

name = sys.argv[1]
seeds, n, first, slow_seeds = (int(a) for a in sys.argv[2:6])

ALPHA = [1.0, 1.2, 3.0, 3.2]
A = {3: [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]],
     6: [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]}
P = {3: [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]],
     6: [[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991], [2348, 1451, 3522, 2883, 3047, 6650],
         [4047, 8828, 8732, 5743, 1091, 381]]}


def branin(x, y):
    return (y - 5.1 / (4 * math.pi ** 2) * x ** 2 + 5 / math.pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def hartmann(x):
    d = len(x)
    return -sum(ALPHA[i] * math.exp(-sum(A[d][i][k] * (x[k] - 1e-4 * P[d][i][k]) ** 2 for k in range(d))) for i in range(4))


def ackley(x):
    return -20 * math.exp(-0.2 * math.sqrt(sum(v * v for v in x) / len(x))) - math.exp(sum(math.cos(2 * math.pi * v) for v in x) / len(x)) + 20 + math.e


def shift(seed, k, half):
    u = (seed * 0.6180339887498949 + k * 1.4142135623730951) % 1
    return (-1 if u < 0.5 else 1) * (0.1 + 0.4 * ((2 * u) % 1)) * half


# bounds, minimum, function of (list, seed)
FUNCTIONS = {
    "branin": ([(-5, 10), (0, 15)], 0.39788735772973816, lambda x, s: branin(*x)),
    "camel": ([(-3, 3), (-2, 2)], -1.031628453489877,
              lambda x, s: (4 - 2.1 * x[0] ** 2 + x[0] ** 4 / 3) * x[0] ** 2 + x[0] * x[1] + (-4 + 4 * x[1] ** 2) * x[1] ** 2),
    "hartmann3": ([(0, 1)] * 3, -3.86278214782076, lambda x, s: hartmann(x)),
    "hartmann6": ([(0, 1)] * 6, -3.32236801141551, lambda x, s: hartmann(x)),
    "ackley5": ([(-5, 5)] * 5, 0, lambda x, s: ackley([v - shift(s, k + 1, 5) for k, v in enumerate(x)])),
    "rosenbrock4": ([(-5, 10)] * 4, 0, lambda x, s: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2 for i in range(3))),
}
# mixed and conditional spaces are left to Optuna, which has them
MIXED = {"ackley_mixed": 0, "branches": -3.86278214782076 + 3.5}


def with_optuna(sampler_name):
    import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial, seed):
        if name == "ackley_mixed":
            return ackley([trial.suggest_float("x%d" % k, 0, 1) for k in range(3)] + [trial.suggest_categorical("b%d" % k, [0, 1]) for k in range(10)])
        if name == "branches":
            if trial.suggest_categorical("branch", ["branin", "hartmann3"]) == "branin":
                return branin(trial.suggest_float("u", -5, 10), trial.suggest_float("v", 0, 15))
            return hartmann([trial.suggest_float("x%d" % k, 0, 1) for k in range(3)]) + 3.5
        bounds, _, f = FUNCTIONS[name]
        return f([trial.suggest_float("x%d" % k, *b) for k, b in enumerate(bounds)], seed)

    def run(seed):
        sampler = optuna.samplers.TPESampler(seed=seed) if sampler_name == "tpe" else optuna.samplers.GPSampler(seed=seed)
        study, values, spent = optuna.create_study(sampler=sampler), [], 0.0
        for _ in range(n):
            before = time.process_time()
            trial = study.ask()
            y = objective(trial, seed)
            spent += time.process_time() - before
            study.tell(trial, y)
            values.append(y)
        return values, spent / n
    return run


def with_skopt():
    from skopt import Optimizer
    bounds, _, f = FUNCTIONS[name]
    bounds = [(float(low), float(high)) for low, high in bounds]  # whole numbers would mean whole numbers

    def run(seed):
        optimizer, values, spent = Optimizer(bounds, random_state=seed), [], 0.0
        for _ in range(n):
            before = time.process_time()
            x = optimizer.ask()
            spent += time.process_time() - before
            y = f(x, seed)
            values.append(y)
            before = time.process_time()
            optimizer.tell(x, y)
            spent += time.process_time() - before
        return values, spent / n
    return run


def with_gpyopt():
    import GPyOpt
    import numpy as np
    bounds, _, f = FUNCTIONS[name]

    def run(seed):
        np.random.seed(seed)
        values = []

        def g(rows):
            out = [f(list(row), seed) for row in rows]
            values.extend(out)
            return np.array(out)[:, None]
        before = time.process_time()
        domain = [{"name": str(k), "type": "continuous", "domain": b} for k, b in enumerate(bounds)]
        search = GPyOpt.methods.BayesianOptimization(g, domain)
        search.run_optimization(n - len(values), eps=-1)
        values.extend([min(values)] * (n - len(values)))
        return values, (time.process_time() - before) / n
    return run


best = MIXED[name] if name in MIXED else FUNCTIONS[name][1]
for method, make in (("Optuna TPE", lambda: with_optuna("tpe")), ("Optuna GP", lambda: with_optuna("gp")), ("scikit-optimize", with_skopt), ("GPyOpt", with_gpyopt)):
    try:
        if name in MIXED and not method.startswith("Optuna"):
            continue
        run, regrets, seconds = make(), [], 0.0
        many = seeds if method == "Optuna TPE" else slow_seeds
        for seed in range(first, first + many):
            values, each = run(seed)
            low, curve = math.inf, []
            for v in values[:n]:
                low = min(low, v)
                curve.append(low - best)
            regrets.append(curve)
            seconds += each / many
    except (ImportError, KeyError):
        continue
    print(json.dumps({"method": method, "regrets": regrets, "seconds": seconds}), flush=True)
