#!/usr/bin/env python3
"""scikit-learn's models on the features that scripts/bench/repurposers.lua wrote, beside ours:

    python3 scripts/bench/repurposers_sklearn.py RESULT_DIRECTORY

Both standardise; the SVMs fit probabilities too. Times are those of the clock, or of the processor where ours were taken with --cpu (give
the libraries one thread then: OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1).
"""
import json
import sys
import time
import warnings
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

warnings.filterwarnings("ignore")
where = sys.argv[1]
features = np.load(where + "/features.npz")
ours = json.load(open(where + "/repurposers.json"))
clock = time.process_time if ours.get("cpu") else time.perf_counter
train, test = features["train"].astype(np.float64), features["test"]
models = {
    "LrRepurposer": LogisticRegression(C=0.1, tol=1e-5, max_iter=1000),
    "SvmRepurposer, linear": SVC(kernel="linear", C=0.01, probability=True),
    "SvmRepurposer, RBF": SVC(kernel="rbf", gamma="auto", C=10, probability=True),
    "KnnRepurposer": KNeighborsClassifier(5),
    "NearestPrototypeRepurposer": NearestCentroid(),
}
print("%-28s %14s %14s %10s %18s" % ("fitting", "scikit-learn s", "scion s", "ratio", "accuracy, points"))
for name, model in models.items():
    begun = clock()
    scaler = StandardScaler().fit(train)
    model.fit(scaler.transform(train), features["train_ids"])
    seconds = clock() - begun
    accuracy = model.score(scaler.transform(test), features["test_ids"])
    print("%-28s %14.3f %14.3f %10.2f %9.1f %+8.1f" % (name, seconds, ours[name]["fitting"], ours[name]["fitting"] / seconds, 100 * accuracy,
                                                       100 * (ours[name]["accuracy"] - accuracy)))
