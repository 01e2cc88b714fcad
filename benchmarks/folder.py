"""Where the processes of one run leave files for each other: first weights, models, outputs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

FOLDER = "BENCH_FOLDER"
"""The environment's name of it."""


def place(name: str) -> Path:
    """A file of the run."""
    return Path(os.environ[FOLDER]) / name


def config_of(workload: str, dropout: bool) -> Path:
    """The config of a workload; beside it lies the same model for Keras (`.keras`)."""
    return place(f"{workload}{'-dropout' if dropout else ''}.yaml")


def first_weights(workload: str) -> dict[str, np.ndarray]:
    """The weights that every library begins with, by `layer/weight`."""
    with np.load(place(f"{workload}-weights.npz")) as stored:
        return dict(stored)


def onnx_file(workload: str, batch: int) -> Path:
    """The model of a workload for batches of this size; or beside it (`.failed`) why there is none."""
    return place(f"{workload}-{batch}.onnx")
