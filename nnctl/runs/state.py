"""Everything that decides how training goes on, as one value: what a checkpoint holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnctl.storage.array_bytes import as_bytes, little_endian

Arrays = Mapping[str, np.ndarray]
"""Arrays by name, in graph order."""


@dataclass
class TrainingState:
    """What resumes. The place in the data follows from (`epoch`, `step_in_epoch`) and the seed.

    Attributes:
        step: Updates applied since the run began.
        epoch: The epoch that goes on, from 0; equal to the number of epochs when all are done.
        step_in_epoch: Updates applied in that epoch.
        weights: Every weight, non-trainable ones included, in graph order.
        trainable: Whether training changes the weight, by name.
        optimizer: The optimizer's slots by name.
        scalars: Numbers such as the learning rate.
        callback_states: One JSON-able dict a callback, in config order.
        metric_states: Running sums of the epoch that goes on.
        logs: The numbers of the last epoch that ended.
        kept: Weights set aside by slot (`restore_best_weights`).
        kept_logs: The logs of the epoch that these are of, with its `epoch`.
        files: How far each file that grows with the epochs came: its bytes and their SHA-256, by name.
        complete: Whether training can go on from it; a model that is kept for itself has only the weights.
    """

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    weights: Arrays = field(default_factory=dict, repr=False)
    trainable: Mapping[str, bool] = field(default_factory=dict, repr=False)
    optimizer: Arrays = field(default_factory=dict, repr=False)
    scalars: Mapping[str, float] = field(default_factory=dict)
    callback_states: list[dict[str, Any]] = field(default_factory=list)
    metric_states: Arrays = field(default_factory=dict, repr=False)
    logs: Mapping[str, float] = field(default_factory=dict)
    kept: Mapping[str, Arrays] = field(default_factory=dict, repr=False)
    kept_logs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    complete: bool = True


def weights_sha256(weights: Arrays) -> str:
    """The hash that names trained weights (docs: the run directory).

    SHA-256 over the weights in their order; for each: name (UTF-8), NUL, dtype as NumPy's `dtype.str` in
    little-endian, NUL, shape as decimals joined by `,`, NUL, C-order little-endian bytes.
    """
    digest = hashlib.sha256()
    for name, array in weights.items():
        flat = little_endian(array)
        shape = ",".join(map(str, flat.shape))
        digest.update(f"{name}\0{flat.dtype.str}\0{shape}\0".encode())
        digest.update(as_bytes(flat))
    return digest.hexdigest()
