#!/usr/bin/env python3
"""scikit-learn's logistic regression on the features that scripts/bench/repurposers.lua wrote, beside ours:

    python3 scripts/bench/repurposers_sklearn.py RESULT_DIRECTORY
"""
import json
import sys
import time
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

where = sys.argv[1]
features = np.load(where + "/features.npz")
ours = json.load(open(where + "/repurposers.json"))["LrRepurposer"]
begun = time.perf_counter()
scaler = StandardScaler().fit(features["train"].astype(np.float64))
model = LogisticRegression(C=0.1, tol=1e-5, max_iter=1000).fit(scaler.transform(features["train"]), features["train_ids"])
seconds = time.perf_counter() - begun
accuracy = model.score(scaler.transform(features["test"]), features["test_ids"])
print("scikit-learn: %.2f s, %.1f %%; scion: %.2f s, %.1f %%; time ratio %.2f, accuracy difference %.1f points" % (
    seconds, 100 * accuracy, ours["fitting"], 100 * ours["accuracy"], ours["fitting"] / seconds, 100 * (ours["accuracy"] - accuracy)))
