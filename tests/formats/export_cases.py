"""One entry for each format that `export` writes: what is told of its files, how their weights are read."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nnctl.core.arrays import Array


@dataclass(frozen=True)
class Case:
    """A format.

    Attributes:
        hints: What is told of a file, by its name; INPUTS stands for the names of the model's inputs.
        weights: Reads a file's weights by their full names, for formats that keep these.
        keras: Whether it can hold only what Keras can.
    """

    hints: Mapping[str, str] = field(default_factory=dict)
    weights: Callable[[bytes], Mapping[str, Array]] | None = None
    keras: bool = False


def _npz(data: bytes) -> Mapping[str, Array]:
    with np.load(io.BytesIO(data), allow_pickle=False) as opened:
        return dict(opened)


CASES = {
    "yaml": Case({"m.yaml": "a config takes it as model: {path: m.yaml}"}),
    "json": Case({"m.json": "a config takes it as model: {path: m.json}"}),
    "npz": Case({"w.npz": "numpy.load('w.npz') gives an array a weight"}, _npz),
    "h5": Case(
        {
            "m.weights.h5": "load_weights('m.weights.h5') of the model that --format keras writes reads it",
            "m.h5": "Keras reads it if its name ends in .weights.h5",
        },
        keras=True,
    ),
    "keras": Case({"m.keras": "it takes inputs prepared as in training: INPUTS"}, keras=True),
}
