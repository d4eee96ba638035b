#!/usr/bin/env python3
"""Makes estimators.lua: what scikit-learn's estimators say about small made-up data, for the repurposers.

    python3 spec/golden/make_estimators.py        # needs scikit-learn >= 1.3; running the specs needs no Python
"""
import json
import os
import warnings
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
    """A model as Xfer's LrRepurposer and SvmRepurposer write it: parameters of the constructor, and attributes whose names start or end
    with '_'; arrays as [dtype, nested list], tuples as ["tuple", list]."""
    def plain(v):
        if isinstance(v, np.ndarray):
            return [str(v.dtype), v.tolist()]
        return ["tuple", list(v)] if isinstance(v, tuple) else v.item() if isinstance(v, np.generic) else v

    attributes = {k: plain(v) for k, v in vars(model).items() if k.startswith("_") or k.endswith("_")}
    out = {"repurposer_class": name, "version": "1.2.0", "provide_data": [["data", [20, 4]]], "provide_label": [["softmax_label", [20]]],
           "last_layer_name": "softmax", "context_function": "cpu", "num_devices": 1, "feature_layer_names": layers, "c": model.C}
    if name == "SvmRepurposer":
        out.update(kernel=model.kernel, gamma=model.gamma, enable_probability_estimates=bool(model.probability))
    else:
        out.update(tol=model.tol, n_jobs=-1)
    out["target_model"] = {"model": {"parameters": {k: plain(v) for k, v in model.get_params().items()}, "attributes": attributes}}
    return json.dumps(out)


def lr_as_xfer(c):
    return LogisticRegression(C=c, tol=1e-4, fit_intercept=False, class_weight="balanced", solver="sag", random_state=1)


def svm_as_xfer(kernel, gamma, probability):
    return SVC(C=1.0, kernel=kernel, gamma=gamma, probability=probability, random_state=1)


few = slice(0, 60, 3)
three, names = y[few], np.array(["bee", "ant", "wasp"])[np.searchsorted([3, 7, 9], y[few])]
pair = np.where(x[few][:, 0] > 1, 3, 7)
warnings.simplefilter("ignore")  # SAG stops at 100 iterations, as in Xfer
xfer = []
for what, name, model, labels in [("lr", "LrRepurposer", lr_as_xfer(1.0), three), ("lr_two", "LrRepurposer", lr_as_xfer(0.3), pair),
                                  ("lr_multinomial", "LrRepurposer", lr_as_xfer(0.3), pair),
                                  ("lr_names", "LrRepurposer", lr_as_xfer(2.0), names), ("svm", "SvmRepurposer", svm_as_xfer("rbf", 0.1, False), three),
                                  ("svm_two", "SvmRepurposer", svm_as_xfer("linear", "auto", False), pair), ("svm_poly", "SvmRepurposer", svm_as_xfer("poly", "auto", True), three),
                                  ("svm_sigmoid", "SvmRepurposer", svm_as_xfer("sigmoid", 0.05, False), three),
                                  ("svm_probability", "SvmRepurposer", svm_as_xfer("linear", "auto", True), three),
                                  ("svm_two_probability", "SvmRepurposer", svm_as_xfer("rbf", 0.2, True), pair)]:
    model.fit(x[few], labels)
    if what == "lr_multinomial":  # what scikit-learn made of two classes with multi_class="multinomial", until it lost that parameter
        d = xt @ model.coef_[0]
        text = xfer_json(model, name, ["same"]).replace('"n_jobs": null', '"n_jobs": null, "multi_class": "multinomial"')
        xfer.append({"what": what, "class": name, "json": text, "label": model.predict(xt), "probability": np.stack([1 / (1 + np.exp(2 * d)), 1 / (1 + np.exp(-2 * d))], 1)})
        assert "multi_class" in text
        continue
    case = {"what": what, "class": name, "json": xfer_json(model, name, ["same"]), "label": [v if isinstance(v, str) else int(v) for v in model.predict(xt)]}
    if name == "LrRepurposer" or model.probability:
        case["probability"] = model.predict_proba(xt)
    xfer.append(case)
out["xfer"] = xfer
with open(os.path.join(HERE, "estimators.lua"), "w") as f:
    f.write("-- What scikit-learn's estimators say. Made by make_estimators.py with scikit-learn %s.\nreturn %s\n" % (sklearn.__version__, lua(out)))
