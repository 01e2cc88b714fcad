"""Weights by name: nnctl's own full names, or those of a PyTorch state dict whose modules are called like
the layers.

PyTorch keeps kernels with the outputs first: a Linear's weight is (O, I), a Conv2d's (O, I, H, W), the
gates of an
LSTM are i, f, g, o (Keras: i, f, c, o, the same), those of a GRU r, z, n (Keras: z, r, h).

Source: torch.nn's documentation of each module's variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.imports.base import ArrayInfo, Weights
from nnctl.formats.keras.reading.found import Findings
from nnctl.graph.model import LayerGraph, WeightInfo

Read = Callable[[str], Array]

_NORMS = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
_UNREAD = ("num_batches_tracked",)


def weights_by_name(
    arrays: Sequence[ArrayInfo], read: Read, graph: LayerGraph, dtype: str, findings: Findings
) -> Weights:
    """Every weight of the model; what is missing, left over or of another shape is told to `findings`."""
    there = {info.path: info for info in arrays}
    used: set[str] = set()
    found: dict[str, Array] = {}

    def take(name: str) -> Array:
        used.add(name)
        return read(name)

    for name, info in graph.weights.items():
        made = take(name) if name in there else _from_torch(info, graph, there, take)
        if made is None:
            findings.refuse(name, "the file has no weight of that name", _names(info))
        elif made.shape != tuple(info.weight.shape):
            findings.refuse(
                name, f"has the shape {list(made.shape)}, but the model needs {list(info.weight.shape)}"
            )
        else:
            found[name] = np.ascontiguousarray(made.astype(dtype, copy=False))
    for left in sorted(set(there) - used):
        if left.rpartition(".")[2] not in _UNREAD:
            findings.refuse(left, "the model has no weight of that name")
    findings.check()
    return found


def _names(info: WeightInfo) -> str:
    return f"'{info.name}', or '{info.owner.replace('/', '.')}.weight' and its like as PyTorch calls them"


def _from_torch(
    info: WeightInfo, graph: LayerGraph, there: Mapping[str, ArrayInfo], take: Read
) -> Array | None:
    """A weight out of the variables of a PyTorch module."""
    module, kind = info.owner.replace("/", "."), graph.node(info.owner).layer.kind
    if kind in ("LSTM", "GRU", "SimpleRNN"):
        return _recurrent(kind, info, module, there, take)
    called = f"{module}.{_NORMS.get(info.field, 'bias' if info.field == 'bias' else 'weight')}"
    if called not in there:
        return None
    array = take(called)
    if info.field in ("kernel", "depthwise_kernel") and array.ndim > 1:
        if kind.startswith("DepthwiseConv"):  # (C M, 1, ...) to (..., C, M)
            moved = np.moveaxis(array, (0, 1), (-2, -1))
            return moved.reshape(*moved.shape[:-2], *info.weight.shape[-2:])
        if kind.endswith("Transpose"):  # (I, O, ...) to (..., O, I)
            return np.moveaxis(array, (1, 0), (-2, -1))
        return np.moveaxis(array, (1, 0), (-2, -1))  # (O, I, ...) to (..., I, O)
    return array


def _recurrent(
    kind: str, info: WeightInfo, module: str, there: Mapping[str, ArrayInfo], take: Read
) -> Array | None:
    names = {
        "kernel": ["weight_ih_l0"],
        "recurrent_kernel": ["weight_hh_l0"],
        "bias": ["bias_ih_l0", "bias_hh_l0"],
    }
    parts = [f"{module}.{name}" for name in names[info.field]]
    if any(part not in there for part in parts):
        return None
    arrays = [_gates(kind, take(part)) for part in parts]
    if info.field != "bias":
        return arrays[0].T
    return np.stack(arrays) if len(info.weight.shape) == 2 else arrays[0] + arrays[1]


def _gates(kind: str, array: Array) -> Array:
    """The rows of each gate in Keras's order."""
    if kind != "GRU":
        return array
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])
