"""Keras 3 on JAX, TensorFlow or PyTorch (KERAS_BACKEND): `train_on_batch` of a compiled model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from benchmarks import jobs  # noqa: E402
from benchmarks.protocol import serve  # noqa: E402

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
if keras.backend.backend() == "torch":
    import torch

    torch.set_num_threads(THREADS)


def _model(job: jobs.Job, dropout: float) -> Any:
    stack: list[Any] = [keras.Input(job.example)]
    if job.name == "mlp":
        for units in jobs.HIDDEN:
            stack.append(layers.Dense(units, activation="relu"))
            if dropout:
                stack.append(layers.Dropout(dropout, seed=1))
    elif job.name == "cnn":
        for filters in jobs.FILTERS:
            stack += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()]
        stack.append(layers.Flatten())
    else:
        stack.append(layers.LSTM(jobs.UNITS))
    return keras.Sequential([*stack, layers.Dense(job.classes)])


class Training:
    """One job in training."""

    def __init__(self, name: str, dropout: bool) -> None:
        job = jobs.MODELS[name]
        self.model = _model(job, job.dropout if dropout else 0.0)
        trained = self.model.trainable_weights
        for variable, value in zip(trained, jobs.weights(job), strict=True):
            variable.assign(value)
        self.model.compile(
            keras.optimizers.Adam(jobs.LEARNING_RATE, epsilon=jobs.EPSILON),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.batches = jobs.batches(job)
        self.count = 0

    def step(self) -> Any:
        x, y = self.batches[self.count % len(self.batches)]
        self.count += 1
        # train_on_batch returns a running mean: it starts anew with each step, as a loss does
        self.model.reset_metrics()
        return self.model.train_on_batch(x, y)

    def loss_of(self, made: Any) -> float:
        return float(np.asarray(made))


def about() -> Mapping[str, str]:
    """Versions."""
    backend = keras.backend.backend()
    return {"keras": keras.__version__, backend: __import__(backend).__version__}


if __name__ == "__main__":
    serve(about, Training)
