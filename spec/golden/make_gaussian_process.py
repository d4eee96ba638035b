#!/usr/bin/env python3
"""Makes gaussian_process.lua with scikit-learn: Gaussian processes at given and at fitted hyper-parameters.

    python3 spec/golden/make_gaussian_process.py   # needs scikit-learn and scipy; running the specs needs no Python
"""
import os
import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

HERE = os.path.dirname(os.path.abspath(__file__))


def lua(v):
    if isinstance(v, np.ndarray):
        v = v.tolist()
    if isinstance(v, dict):
        return "{ " + ", ".join("%s = %s" % (k, lua(x)) for k, x in v.items()) + " }"
    if isinstance(v, (list, tuple)):
        return "{ " + ", ".join(lua(x) for x in v) + " }"
    return '"%s"' % v if isinstance(v, str) else "%.17g" % v


rng = np.random.default_rng(7)
x = rng.uniform(-2, 2, (14, 3)).round(4)
y = (np.sin(2 * x[:, 0]) + 0.5 * x[:, 1] ** 2 + 0.1 * rng.normal(size=14)).round(4)
q = rng.uniform(-2.5, 2.5, (6, 3)).round(4)
scales, variance, noise = [0.7, 1.3, 2.1], 1.7, 0.05
kernels = {
    "rbf": RBF(scales),
    "matern12": Matern(scales, nu=0.5),
    "matern32": Matern(scales, nu=1.5),
    "matern52": Matern(scales, nu=2.5),
}
cases = []
for name, kernel in kernels.items():
    gp = GaussianProcessRegressor(ConstantKernel(variance) * kernel + WhiteKernel(noise), optimizer=None, alpha=0).fit(x, y)
    evidence, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)
    mean, std = gp.predict(q, return_std=True)
    # theta there: log variance, log length scales, log noise; here: log length scales, log variance, log noise
    gradient = np.concatenate([gradient[1:4], gradient[0:1], gradient[4:]])
    cases.append(dict(kernel=name, evidence=evidence, gradient=gradient, mean=mean, variance=std ** 2))
fitted = []
for name, kernel in (("rbf", RBF([1.0] * 3, (1e-3, 1e3))), ("matern52", Matern([1.0] * 3, (1e-3, 1e3), nu=2.5))):
    gp = GaussianProcessRegressor(ConstantKernel(1.0, (1e-4, 1e4)) * kernel + WhiteKernel(1e-3, (1e-8, 10)), normalize_y=True, alpha=0,
                                  n_restarts_optimizer=20, random_state=0).fit(x, y)
    mean, std = gp.predict(q, return_std=True)
    fitted.append(dict(kernel=name, evidence=gp.log_marginal_likelihood_value_, mean=mean))
z = np.array([-1000.0, -100, -30, -13, -11.9, -5, -1.1, -0.9, 0, 0.5, 3, 40])
# log(phi(z) + z Phi(z)); far below 0 by mpmath, as the sum cancels
try:
    import mpmath
    mpmath.mp.dps = 60
    improvement = [float(mpmath.log(mpmath.npdf(v) + v * mpmath.ncdf(v))) for v in z]
except ImportError:
    raise SystemExit("needs mpmath")
with open(os.path.join(HERE, "gaussian_process.lua"), "w") as out:
    out.write("-- Gaussian processes. Made by make_gaussian_process.py with scikit-learn %s.\nreturn {\n" % sklearn.__version__)
    out.write("  x = %s,\n  y = %s,\n  q = %s,\n" % (lua(x), lua(y), lua(q)))
    out.write("  scales = %s, variance = %s, noise = %s,\n" % (lua(scales), lua(variance), lua(noise)))
    out.write("  fixed = {\n" + "".join("    %s,\n" % lua(c) for c in cases) + "  },\n")
    out.write("  fitted = {\n" + "".join("    %s,\n" % lua(c) for c in fitted) + "  },\n")
    out.write("  z = %s,\n  log_expected_improvement = %s,\n}\n" % (lua(z), lua(improvement)))
