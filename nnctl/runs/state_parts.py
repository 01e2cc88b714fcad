"""A training's state in parts with names, and their digests: what differs between two of them can be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace

import numpy as np

from nnctl.runs.state import Arrays, TrainingState
from nnctl.storage.array_bytes import as_bytes, little_endian


def parts(state: TrainingState) -> Iterator[tuple[str, np.ndarray]]:
    """Everything that a step may depend on, by name, as arrays; texts are bytes.

    Weights that were set aside are left out: they are copies of what has stood among the weights.
    """
    families = {"weights": state.weights, "optimizer": state.optimizer, "metrics": state.metric_states}
    for family, arrays in families.items():
        yield from ((f"{family}/{name}", array) for name, array in arrays.items())
    for family, numbers in (("scalars", state.scalars), ("logs", state.logs)):
        yield from ((f"{family}/{name}", np.array(value, "<f8")) for name, value in numbers.items())
    for number, own in enumerate(state.callback_states):
        text = json.dumps(own, sort_keys=True, default=str)
        yield f"callbacks/{number}", np.frombuffer(text.encode(), np.uint8)


def array_sha256(array: np.ndarray) -> str:
    """The hash of an array's type, shape and bytes."""
    flat = little_endian(array)
    digest = hashlib.sha256(f"{flat.dtype.str}\0{flat.shape}\0".encode())
    digest.update(as_bytes(flat))
    return digest.hexdigest()


def part_digests(state: TrainingState) -> dict[str, str]:
    """The hash of each part."""
    return {name: array_sha256(array) for name, array in parts(state)}


def state_sha256(state: TrainingState) -> str:
    """The hash of all parts and of the place in the data."""
    digest = hashlib.sha256(f"{state.step} {state.epoch} {state.step_in_epoch}".encode())
    for name, array in parts(state):
        flat = little_endian(array)
        digest.update(f"\0{name}\0{flat.dtype.str}\0{flat.shape}\0".encode())
        digest.update(as_bytes(flat))
    return digest.hexdigest()


def copied(state: TrainingState) -> TrainingState:
    """The state as it is now: nothing that training changes in place is shared with it."""
    return replace(
        state,
        weights=_copies(state.weights),
        optimizer=_copies(state.optimizer),
        metric_states=_copies(state.metric_states),
        scalars=dict(state.scalars),
        callback_states=deepcopy(state.callback_states),
        logs=dict(state.logs),
        kept=dict(state.kept),
        kept_logs=deepcopy(dict(state.kept_logs)),
    )


def _copies(arrays: Arrays) -> dict[str, np.ndarray]:
    return {name: array.copy() for name, array in arrays.items()}
