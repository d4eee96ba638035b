#!/usr/bin/env python3
"""Makes estimators.lua: what scikit-learn's estimators say about small made-up data, for the repurposers.

    python3 spec/golden/make_estimators.py        # needs scikit-learn >= 1.3; running the specs needs no Python
"""
import json
import os
import numpy as np
import sklearn
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(5)


def lua(v, indent=""):
    if isinstance(v, (np.ndarray, np.generic)):
        v = v.tolist()
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, float):
        return "%.9g" % v
    if isinstance(v, str):
        return "[==[%s]==]" % v if '"' in v else '"%s"' % v
    inner = indent + "  "
    if isinstance(v, (list, tuple)):
        if all(isinstance(x, (int, float, str)) for x in v):
            return "{ " + ", ".join(lua(x) for x in v) + " }"
        return "{\n" + "".join(inner + lua(x, inner) + ",\n" for x in v) + indent + "}"
    return "{\n" + "".join("%s%s = %s,\n" % (inner, k, lua(x, inner)) for k, x in v.items()) + indent + "}"


centres = np.array([[1.0, 0, 0, 0.5], [-1, 1, 0, 0], [0, -1, 1, -0.5]])
scale = np.array([1.0, 3.0, 0.5, 2.0])
y = np.repeat([3, 7, 9], [24, 20, 16])
x = np.round((centres[np.repeat([0, 1, 2], [24, 20, 16])] + 0.8 * rng.standard_normal((60, 4))) * scale + 1, 4)
xt = np.round((centres[np.arange(15) % 3] + 0.8 * rng.standard_normal((15, 4))) * scale + 1, 4)
target = np.round(np.sin(x[:, 0]) + 0.3 * x[:, 1] - 0.2 * x[:, 2] ** 2 + 0.1 * rng.standard_normal(60), 4)
scaler = StandardScaler().fit(x)
z, zt = scaler.transform(x), scaler.transform(xt)
two = y != 9

out = {"x": x, "y": y, "xt": xt, "target": target}
lr = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000, class_weight="balanced").fit(z, y)
lr2 = LogisticRegression(C=0.3, tol=1e-10, max_iter=10000).fit(z[two], y[two])
out["lr"] = {"coef": lr.coef_, "intercept": lr.intercept_, "probability": lr.predict_proba(zt),
             "binary_coef": lr2.coef_, "binary_intercept": lr2.intercept_, "binary_probability": lr2.predict_proba(zt)}
svm = []
for kernel in ("linear", "rbf", "poly", "sigmoid"):
    m = SVC(C=1.5, kernel=kernel, gamma=0.2, coef0=0.5, degree=3, tol=1e-6, decision_function_shape="ovo", probability=False).fit(z, y)
    svm.append({"kernel": kernel, "decision": m.decision_function(zt), "label": m.predict(zt), "n_support": int(len(m.support_))})
out["svm"] = svm
sd = target.std()
scaled = (target - target.mean()) / sd
out["svr"] = SVR(C=2.0, kernel="rbf", gamma=0.2, epsilon=0.1, tol=1e-6).fit(z, scaled).predict(zt) * sd + target.mean()
out["knn"] = {w: KNeighborsClassifier(5, weights=w).fit(z, y).predict_proba(zt) for w in ("uniform", "distance")}
out["knn_regression"] = {w: KNeighborsRegressor(5, weights=w).fit(z, target).predict(zt) for w in ("uniform", "distance")}
out["ridge"] = Ridge(alpha=2.0).fit(z, scaled).predict(zt) * sd + target.mean()
out["ols"] = LinearRegression().fit(z, target).predict(zt)
kernel = ConstantKernel(1.0) * RBF(2.0) + WhiteKernel(0.05)
gp = GaussianProcessRegressor(kernel, n_restarts_optimizer=3, random_state=0).fit(z, scaled)
mean, std = gp.predict(zt, return_std=True)
out["gp"] = {"mean": mean * sd + target.mean(), "std": std * sd, "log_evidence": float(gp.log_marginal_likelihood_value_),
             "variance": float(gp.kernel_.k1.k1.constant_value), "lengthscale": float(gp.kernel_.k1.k2.length_scale),
             "noise": float(gp.kernel_.k2.noise_level)}
gpc = GaussianProcessClassifier(ConstantKernel(1.0) * RBF(1.0), random_state=0, n_restarts_optimizer=2)
out["gpc"] = {"probability": gpc.fit(z, y).predict_proba(zt), "binary_probability": gpc.fit(z[two], y[two]).predict_proba(zt)}


def xfer_json(model, name, layers):
    """A model as Xfer's LrRepurposer and SvmRepurposer write it: arrays as [dtype, nested list]."""
    attributes = {}
    for key in dir(model):
        if (key.startswith("_") or key.endswith("_")) and not key.startswith("__"):
            try:
                value = getattr(model, key)
            except Exception:
                continue
            if isinstance(value, np.ndarray):
                attributes[key] = [str(value.dtype), value.tolist()]
            elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
                attributes[key] = value
    parameters = {k: v for k, v in model.get_params().items() if isinstance(v, (int, float, str, type(None)))}
    return json.dumps({"repurposer_class": name, "version": "1.0.0", "feature_layer_names": layers, "context_function": "cpu", "num_devices": 1,
                       "c": model.C, "provide_data": [["data", [20, 4]]], "target_model": {"model": {"attributes": attributes, "parameters": parameters}}})


few = slice(0, 60, 3)
xl = LogisticRegression(C=1.0, fit_intercept=False, class_weight="balanced").fit(x[few], y[few])
xs = SVC(C=1.0, kernel="rbf", gamma=0.1).fit(x[few], y[few])
xb = SVC(C=1.0, kernel="linear").fit(x[few][:12], np.where(x[few][:12, 0] > 1, 3, 7))
out["xfer"] = {"lr": xfer_json(xl, "LrRepurposer", ["same"]), "lr_probability": xl.predict_proba(xt),
               "svm": xfer_json(xs, "SvmRepurposer", ["same"]), "svm_label": xs.predict(xt),
               "binary": xfer_json(xb, "SvmRepurposer", ["same"]), "binary_label": xb.predict(xt)}
with open(os.path.join(HERE, "estimators.lua"), "w") as f:
    f.write("-- What scikit-learn's estimators say. Made by make_estimators.py with scikit-learn %s.\nreturn %s\n" % (sklearn.__version__, lua(out)))
