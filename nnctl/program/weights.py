"""Where weights live: trainable ones in one flat buffer, their gradients in another, the rest beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.foreign import told
from nnctl.core.keys import key
from nnctl.graph.model import LayerGraph
from nnctl.program.bind import new_arena

SEGMENT = 16
"""Each trainable weight starts at a multiple of this many elements; the gradients' padding stays zero."""

Room = Callable[[int, str, float], Array]
"""What gives an array (count,) of a type, filled with a number."""


@dataclass
class Weights:
    """The weights of a model, by name and flat.

    Attributes:
        arrays: Every weight by full name, in graph order; trainable ones are views of `flat`.
        flat: All trainable weights (P,).
        gradients: Their gradients (P,), in the same layout.
        gradient_views: Each gradient by its weight's name.
        starts: Where each trainable weight starts in `flat`, then P. (V + 1,)
        sizes: Elements of each trainable weight. (V,)
        trainable: The trainable weights' names, in graph order.
    """

    dtype: str
    arrays: dict[str, Array] = field(default_factory=dict)
    flat: Array = field(init=False)
    gradients: Array = field(init=False)
    gradient_views: dict[str, Array] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    trainable: list[str] = field(default_factory=list)

    def load(self, values: Mapping[str, Array]) -> None:
        """Copy `values` in, by name. Raises KeyError or ValueError where they do not fit."""
        for name, array in self.arrays.items():
            given = values[name]
            if given.shape != array.shape:
                raise ValueError(f"'{name}' is {given.shape}, the model wants {array.shape}")
            array[...] = given

    def snapshot(self) -> dict[str, Array]:
        """A copy of every weight, by name."""
        return {name: array.copy() for name, array in self.arrays.items()}


def aligned(count: int, dtype: str, value: float = 0.0) -> Array:
    """A number (count,) times, starting at a 64-byte boundary; zeros take memory when they are written to."""
    made = new_arena(count * np.dtype(dtype).itemsize).view(dtype)
    if value:
        made[...] = value
    return made


def imagined(count: int, dtype: str, value: float = 0.0) -> Array:
    """A number (count,) times that takes no memory and cannot be written: where only sizes are asked for."""
    return np.broadcast_to(np.array(value, dtype), (count,))


def allocate(
    model: LayerGraph,
    dtype: str,
    gradients: bool = True,
    order: Sequence[str] | None = None,
    room: Room = aligned,
) -> Weights:
    """Room for every weight of `model`, all zero; without room for gradients where none are wanted.

    Args:
        order: The trainable weights as they shall lie in the flat buffer; default: the model's order.
        room: What gives it.
    """
    store = Weights(dtype)
    at = 0
    for name in model.trainable() if order is None else order:
        size = model.weights[name].size
        store.trainable.append(name)
        store.starts.append(at)
        store.sizes.append(size)
        at += -(-size // SEGMENT) * SEGMENT
    store.starts.append(at)
    store.flat = room(at, dtype, 0.0)
    store.gradients = room(at if gradients else 0, dtype, 0.0)
    spans = dict(zip(store.trainable, zip(store.starts, store.sizes, strict=False), strict=True))
    for info in model.weights.values():
        shape = info.weight.shape
        if info.name not in spans:
            store.arrays[info.name] = room(prod(shape), dtype, 0.0).reshape(shape)
            continue
        start, size = spans[info.name]
        store.arrays[info.name] = store.flat[start : start + size].reshape(shape)
        if gradients:
            store.gradient_views[info.name] = store.gradients[start : start + size].reshape(shape)
    return store


def initialize(store: Weights, model: LayerGraph, seed: int) -> None:
    """Fill every weight from its initializer; each draws from a stream of its own name.

    Raises:
        ConfigError: a plugin's initializer raises.
    """
    paths = {node.name: node.path for node in model.nodes}
    for info in model.weights.values():
        weight = info.weight
        with told(weight.initializer, f"the weight '{info.name}'", paths[info.owner]):
            values = weight.initializer.sample(weight.shape, store.dtype, key(seed, "init", info.name))
            store.arrays[info.name][...] = values
