"""PyTensor, what became of Theano: dense layers, their gradients and Adam as one compiled function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.folder import first_weights
from benchmarks.protocol import serve
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import EPSILON, LEARNING_RATE, Workload

pytensor.config.floatX = "float32"
BETA_1, BETA_2 = np.float32(0.9), np.float32(0.999)


def _scores(workload: Workload, x: Any, weights: Mapping[str, Any], dropout: bool) -> tuple[Any, Any]:
    """The last layer's numbers, and what dropout's generator becomes."""
    generator = pytensor.shared(np.random.default_rng(1))
    after = generator
    for entry in workload.entries(dropout):
        if entry.type == "Dropout":
            keep = np.float32(1 - entry.fields["rate"])
            after, kept = pt.random.uniform(0, 1, size=x.shape, rng=after, dtype="float32").owner.outputs
            x = x * (kept < keep) / keep
        else:
            x = x @ weights[f"{entry.name}/kernel"] + weights[f"{entry.name}/bias"]
            x = pt.maximum(x, 0) if entry.fields.get("activation") == "relu" else x
    return x, {generator: after}


class Training:
    """One workload in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        workload = WORKLOADS[name]
        weights = {key: pytensor.shared(value) for key, value in first_weights(name).items()}
        x, wanted = pt.matrix("x", dtype="float32"), pt.ivector("wanted")
        scores, updates = _scores(workload, x, weights, dropout)
        logs = pt.special.log_softmax(scores, axis=-1)
        loss = -logs[pt.arange(wanted.shape[0]), wanted].mean()
        count = pytensor.shared(np.float32(0))
        updates[count] = count + np.float32(1)
        rate = LEARNING_RATE * pt.sqrt(1 - BETA_2 ** updates[count]) / (1 - BETA_1 ** updates[count])
        rate = rate.astype("float32")
        for weight, gradient in zip(weights.values(), pt.grad(loss, list(weights.values())), strict=True):
            zeros = np.zeros_like(weight.get_value())
            m, v = pytensor.shared(zeros), pytensor.shared(zeros)
            updates[m] = m + (1 - BETA_1) * (gradient - m)
            updates[v] = v + (1 - BETA_2) * (gradient * gradient - v)
            updates[weight] = weight - rate * updates[m] / (pt.sqrt(updates[v]) + np.float32(EPSILON))
        self.update = pytensor.function([x, wanted], loss, updates=updates)
        self.batches = [(next(iter(given.values())), wanted) for given, wanted in workload.batches()]
        self.count = 0

    def step(self) -> Any:
        self.count += 1
        return self.update(*self.batches[(self.count - 1) % len(self.batches)])

    def loss_of(self, made: Any) -> float:
        return float(made)


def about() -> Mapping[str, str]:
    """Versions, and how graphs are run."""
    return {"pytensor": pytensor.__version__, "linker": str(pytensor.config.linker)}


if __name__ == "__main__":
    serve(about, Training)
