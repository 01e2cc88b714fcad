"""Keras 3 on JAX or TensorFlow (KERAS_BACKEND): `train_on_batch` of a compiled model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.folder import config_of  # noqa: E402
from benchmarks.protocol import serve  # noqa: E402
from benchmarks.workloads import WORKLOADS  # noqa: E402
from benchmarks.workloads.base import EPSILON, LEARNING_RATE  # noqa: E402

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)


class Training:
    """One workload in training: the model is read from a file with its first weights."""

    def __init__(self, name: str, dropout: bool) -> None:
        workload = WORKLOADS[name]
        path = config_of(name, dropout and workload.drops).with_suffix(".keras")
        self.model = keras.saving.load_model(path)
        loss = dict(workload.target.loss)
        self.model.compile(
            keras.optimizers.Adam(LEARNING_RATE, epsilon=EPSILON),
            getattr(keras.losses, loss.pop("type"))(**loss),
        )
        names = [tensor.name for tensor in self.model.inputs]
        self.batches = [([given[key] for key in names], wanted) for given, wanted in workload.batches()]
        self.count = 0

    def step(self) -> Any:
        inputs, wanted = self.batches[self.count % len(self.batches)]
        self.count += 1
        # train_on_batch returns a running mean: it starts anew with each step, as a loss does
        self.model.reset_metrics()
        return self.model.train_on_batch(inputs if len(inputs) > 1 else inputs[0], wanted)

    def loss_of(self, made: Any) -> float:
        return float(np.asarray(made))


def about() -> Mapping[str, str]:
    """Versions."""
    backend = keras.backend.backend()
    return {"keras": keras.__version__, backend: __import__(backend).__version__}


if __name__ == "__main__":
    serve(about, Training)
