"""The digits with scikit-learn's MLPClassifier (it has no dropout, and no validation split is watched)."""

from __future__ import annotations

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks.scripts.digits import job, read

warnings.simplefilter("ignore", ConvergenceWarning)
spec = job()
train, _, test = read(spec)
hidden = [entry["units"] for entry in spec["layers"] if entry["type"] == "Dense"][:-1]
model = MLPClassifier(
    hidden, batch_size=spec["batch"], max_iter=spec["epochs"], n_iter_no_change=spec["epochs"], random_state=7
)
model.fit(*train)
print(model.score(*test))
