"""What is computed: the same models, first weights, batches and optimizer for every library (NumPy alone).

Layouts are Keras's: kernels (in, out) and (height, width, in, out), images (N, H, W, C), LSTM gates in the
order input, forget, cell, output. A worker that wants others transposes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from nnctl.core.arrays import Array

LEARNING_RATE = 0.001
EPSILON = 1e-7
BATCHES = 4
"""Steps go round over this many batches."""


@dataclass(frozen=True)
class Job:
    """A model to train: its name, batch size, one example's shape, and dropout rate while timed."""

    name: str
    batch: int
    example: tuple[int, ...]
    dropout: float = 0.0
    classes: int = 10


MODELS = {
    job.name: job
    for job in (
        Job("mlp", 128, (784,), dropout=0.2),
        Job("cnn", 128, (28, 28, 1)),
        Job("lstm", 64, (100, 32)),
    )
}
HIDDEN = (512, 512)
FILTERS = (32, 64)
UNITS = 128
MATRIX = 2048


def batches(job: Job) -> list[tuple[Array, Array]]:
    """Examples (N, ...) float32 and class numbers (N,) int32."""
    rng = np.random.default_rng(11)
    return [
        (
            rng.standard_normal((job.batch, *job.example), dtype=np.float32),
            rng.integers(0, job.classes, job.batch).astype(np.int32),
        )
        for _ in range(BATCHES)
    ]


def weights(job: Job) -> list[Array]:
    """The first weights, in Keras's order."""
    rng = np.random.default_rng(7)

    def uniform(*shape: int, fan: int) -> Array:
        limit = np.sqrt(6.0 / fan)
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    def dense(inputs: int, outputs: int) -> list[Array]:
        return [uniform(inputs, outputs, fan=inputs + outputs), np.zeros(outputs, np.float32)]

    if job.name == "mlp":
        sizes = (job.example[0], *HIDDEN, job.classes)
        return [w for a, b in pairwise(sizes) for w in dense(a, b)]
    if job.name == "cnn":
        first, second = FILTERS
        return [
            uniform(3, 3, 1, first, fan=9 + 9 * first),
            np.zeros(first, np.float32),
            uniform(3, 3, first, second, fan=9 * first + 9 * second),
            np.zeros(second, np.float32),
            *dense(5 * 5 * second, job.classes),
        ]
    features = job.example[-1]
    bias = np.zeros(4 * UNITS, np.float32)
    bias[UNITS : 2 * UNITS] = 1.0  # Keras: unit_forget_bias
    return [
        uniform(features, 4 * UNITS, fan=features + 4 * UNITS),
        uniform(UNITS, 4 * UNITS, fan=5 * UNITS),
        bias,
        *dense(UNITS, job.classes),
    ]


def matrices() -> tuple[Array, Array]:
    """Two square float32 matrices to multiply."""
    rng = np.random.default_rng(5)
    a = rng.standard_normal((MATRIX, MATRIX), dtype=np.float32)
    return a, rng.standard_normal((MATRIX, MATRIX), dtype=np.float32)
