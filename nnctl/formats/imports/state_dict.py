"""A PyTorch state dict as weights of a model whose layers are called like its modules.

`layer1.0.conv` is the layer `layer1/0/conv` of nested models, or one called `layer1_0_conv`. PyTorch has the
outputs first: a Linear's weight is (O, I), a Conv2d's (O, I, H, W); and channels before places, also where a
Flatten makes one row of them.

Source: torch.nn's documentation of each module's variables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.keras.reading.found import Findings
from nnctl.graph.model import LayerGraph, Ref, WeightInfo
from nnctl.layers.base import Layer

_Get = Callable[[str], Array | None]
"""A variable of one module, by its name."""

_PLAIN = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "embeddings": "weight",
    "alpha": "weight",
    "bias": "bias",
}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_PROJECTIONS = ("query", "key", "value")


class StateDict:
    """The variables of a file by nnctl's names.

    Args:
        there: The names that the file has.
        take: Reads one.
        findings: Told where rows are put in another order.
    """

    def __init__(
        self, there: Collection[str], take: Callable[[str], Array], graph: LayerGraph, findings: Findings
    ) -> None:
        self._take, self._graph, self._findings = take, graph, findings
        self._there = set(there)
        self._flat: dict[str, list[str]] = {}
        for name in there:
            self._flat.setdefault(name.replace(".", "_"), []).append(name)

    def weight(self, info: WeightInfo) -> Array | None:
        """One weight, turned as nnctl has it; None where the file has none for it."""
        node = self._graph.node(info.owner)

        def get(variable: str) -> Array | None:
            name = f"{info.owner.replace('/', '.')}.{variable}"
            if name not in self._there:
                (name, *others) = self._flat.get(name.replace(".", "_"), [""])
                if not name or others:
                    return None
            return self._take(name)

        found = _variable(node.layer, info.field, tuple(info.weight.shape), get)
        flattened = self._flattened(node.inputs[0]) if node.inputs else None
        if found is None or flattened is None or found.ndim == 0 or len(flattened) != len(found):
            return found
        if info.field == "kernel":
            self._findings.note(info.name, "its rows are reordered: PyTorch flattens channels first")
        if info.field == "bias":
            return found
        return found[flattened]

    def _flattened(self, ref: Ref) -> Array | None:
        """Which of PyTorch's columns each column of nnctl's is, where the two flatten otherwise."""
        if ref.name in self._graph.inputs or len(self._graph.shape(ref)) != 1:
            return None
        node = self._graph.node(ref.name)
        (width,) = self._graph.shape(ref)
        shapes = node.input_shapes
        if node.layer.kind == "Concatenate":
            parts = [self._flattened(given) for given in node.inputs]
            if all(part is None for part in parts):
                return None
            orders, first = [], 0
            for part, shape in zip(parts, shapes, strict=True):
                own = prod(n or 0 for n in shape)
                orders.append(first + (np.arange(own) if part is None else part))
                first += own
            return np.concatenate(orders)
        if len(shapes) != 1:
            return None
        if len(shapes[0]) > 1 and prod(n or 0 for n in shapes[0]) == width:
            *places, channels = (n or 0 for n in shapes[0])
            order = np.moveaxis(np.arange(width).reshape(channels, *places), 0, -1).reshape(-1)
            turned = (np.diff(order) != 1).any() and self._channels_first(node.inputs[0])
            return order if turned else None
        return None if shapes[0] != (width,) or self._mixes(node.owner) else self._flattened(node.inputs[0])

    def _channels_first(self, ref: Ref) -> bool:
        """Whether PyTorch has a tensor's channels before its places: of images, of what convolutions make."""
        while ref.name not in self._graph.inputs:
            node = self._graph.node(ref.name)
            if "Conv" in node.layer.kind or "Pooling" in node.layer.kind:
                return True
            if self._mixes(node.owner) or not node.inputs:
                return False
            ref = node.inputs[0]
        return len(self._graph.shape(ref)) > 2

    def _mixes(self, owner: str) -> bool:
        """Whether a layer makes new columns of its input's."""
        fields = [info.field for info in self._graph.weights_of(owner)]
        return any(field.endswith(("kernel", "embeddings")) for field in fields)


def _variable(layer: Layer, field: str, shape: tuple[int, ...], get: _Get) -> Array | None:
    kind = layer.kind
    part, _, rest = field.rpartition("/")
    if kind == "MultiHeadAttention":
        return _attention(part, rest, shape, get)
    if kind == "Bidirectional":
        suffix = "_reverse" if part == "backward_layer" else ""
        return _recurrent(layer.layer.kind, rest, shape, lambda name: get(name + suffix))  # type: ignore[attr-defined]
    if kind in _RECURRENT:
        return _recurrent(kind, field, shape, get)
    if kind == "TimeDistributed" and part == "layer":
        return _variable(layer.layer, rest, shape, get)  # type: ignore[attr-defined]
    if field != "kernel":
        array = get(_PLAIN[field]) if field in _PLAIN else None
        # One number a channel, where nnctl has axes of one place before it.
        fits = array is not None and field == "alpha" and array.size == prod(shape)
        return array.reshape(shape) if array is not None and fits else array
    array = get("weight")
    if array is None or array.ndim < 2:
        return array
    if kind.startswith("DepthwiseConv"):  # (C M, 1, ...) to (..., C, M)
        moved = np.moveaxis(array, (0, 1), (-2, -1))
        return moved.reshape(*moved.shape[:-2], *shape[-2:]) if moved.size == prod(shape) else moved
    return np.moveaxis(array, (1, 0), (-2, -1))  # (O, I, ...) to (..., I, O); a transposed one's (I, O, ...)


def _recurrent(kind: str, field: str, shape: tuple[int, ...], get: _Get) -> Array | None:
    """The gates of an LSTM are i, f, g, o in both; a GRU's r, z, n are Keras's z, r, h."""
    if field != "bias":
        array = get({"kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0"}[field])
        return None if array is None else _gates(kind, array).T
    given, state = get("bias_ih_l0"), get("bias_hh_l0")
    if given is None or state is None:
        return None
    parts = _gates(kind, given), _gates(kind, state)
    return np.stack(parts) if len(shape) == 2 else parts[0] + parts[1]


def _gates(kind: str, array: Array) -> Array:
    """The rows of each gate in Keras's order."""
    if kind != "GRU" or len(array) % 3:
        return array
    r, z, n = np.split(array, 3)
    return np.concatenate([z, r, n])


def _attention(part: str, field: str, shape: tuple[int, ...], get: _Get) -> Array | None:
    """The projections to queries, keys and values lie in one weight (3 E, E), or in three."""
    word = "weight" if field == "kernel" else field
    if part not in _PROJECTIONS:
        array = get(f"out_proj.{word}")
    elif (array := get(f"in_proj_{word}")) is not None and len(array) % 3 == 0:
        array = np.split(array, 3)[_PROJECTIONS.index(part)]
    elif field == "kernel":
        array = get(f"{part[0]}_proj_weight")
    if array is None:
        return None
    array = array.T
    return array.reshape(shape) if array.size == prod(shape) else array
