"""Weights by name: nnctl's own full names, or those of a PyTorch state dict whose modules are called like the
layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.imports.base import ArrayInfo, Weights
from nnctl.formats.imports.state_dict import StateDict
from nnctl.formats.keras.reading.found import Findings
from nnctl.graph.model import LayerGraph, WeightInfo

Read = Callable[[str], Array]

_UNREAD = ("num_batches_tracked",)


def weights_by_name(
    arrays: Sequence[ArrayInfo], read: Read, graph: LayerGraph, dtype: str, findings: Findings
) -> Weights:
    """Every weight of the model; what is missing, left over or of another shape is told to `findings`."""
    there = {info.path for info in arrays}
    used: set[str] = set()
    found: dict[str, Array] = {}

    def take(name: str) -> Array:
        used.add(name)
        return read(name)

    torch = StateDict(there, take, graph, findings)
    for name, info in graph.weights.items():
        made = take(name) if name in there else torch.weight(info)
        if made is None:
            findings.refuse(name, "the file has no weight of that name", _names(info))
        elif made.shape != tuple(info.weight.shape):
            findings.refuse(
                name, f"has the shape {list(made.shape)}, but the model needs {list(info.weight.shape)}"
            )
        else:
            found[name] = np.asarray(made, dtype, order="C")
    for left in sorted(there - used):
        if left.rpartition(".")[2] not in _UNREAD:
            findings.refuse(left, "the model has no weight of that name")
    findings.check()
    return found


def _names(info: WeightInfo) -> str:
    return f"'{info.name}', or '{info.owner.replace('/', '.')}.weight' and its like as PyTorch calls them"
