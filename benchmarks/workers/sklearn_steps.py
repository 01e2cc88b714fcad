"""scikit-learn: MLPClassifier's `partial_fit`, one step a call. It has no dropout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.folder import first_weights
from benchmarks.protocol import serve
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import EPSILON, LEARNING_RATE


class Training:
    """One workload in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        workload = WORKLOADS[name]
        entries = workload.entries(dropout=False)
        self.model = MLPClassifier(
            [entry.fields["units"] for entry in entries[:-1]],
            activation=entries[0].fields["activation"],
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=LEARNING_RATE,
            epsilon=EPSILON,
            shuffle=False,
        )
        self.batches = [(next(iter(given.values())), wanted) for given, wanted in workload.batches()]
        classes = np.arange(workload.target.classes)
        # The first call makes the weights and the optimizer, which holds views of them; then both begin anew.
        self.model.partial_fit(*self.batches[0], classes=classes)
        first = list(first_weights(name).values())
        for arrays, values in ((self.model.coefs_, first[::2]), (self.model.intercepts_, first[1::2])):
            for array, value in zip(arrays, values, strict=True):
                array[...] = value
        optimizer = self.model._optimizer
        optimizer.t = 0
        for array in (*optimizer.ms, *optimizer.vs):
            array[...] = 0
        self.count = 0

    def step(self) -> Any:
        self.model.partial_fit(*self.batches[self.count % len(self.batches)])
        self.count += 1
        return self.model.loss_

    def loss_of(self, made: Any) -> float:
        return float(made)


def about() -> Mapping[str, str]:
    """Versions."""
    return {"scikit-learn": sklearn.__version__}


if __name__ == "__main__":
    serve(about, Training)
