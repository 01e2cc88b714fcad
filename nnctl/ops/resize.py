"""One axis with more or fewer places: each new place is a weighted sum of old ones near it.

Weights are tables, made when the ops are composed, by arithmetic that is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil, floor, fsum, pi, prod
from typing import Literal

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.turns import sin_turns
from nnctl.ops.base import Value
from nnctl.ops.embedding import embedding
from nnctl.ops.linear import matmul
from nnctl.ops.shape import reshape
from nnctl.ops.transpose import move_axis

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"]
"""How a number between places follows from theirs."""


def resize_axis(x: Value, axis: int, size: int, how: Interpolation, antialias: bool = False) -> Value:
    """x with `size` places along `axis`, centers laid over centers as in jax.image.resize."""
    length = x.shape[axis]
    if length == size:
        return x
    if how == "nearest":
        x = move_axis(x, axis, 0)
        numbers = x.graph.constant(np.array([(2 * i + 1) * length // (2 * size) for i in range(size)]))
        rows = embedding(numbers, reshape(x, (length, prod(x.shape[1:]))))
        return move_axis(reshape(rows, (size, *x.shape[1:])), 0, axis)
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    table = x.graph.constant(resize_weights(length, size, how, antialias).astype(x.dtype))
    y = matmul(table, reshape(x, (prod(before), length, prod(after))))
    return reshape(y, (*before, size, *after))


def resize_weights(length: int, size: int, how: Interpolation, antialias: bool) -> Array:
    """Weights (size, length) float64, each row with the sum 1; with `antialias`, wider where size is less."""
    radius, weight = _KERNELS[how]
    stretch = max(length / size, 1.0) if antialias else 1.0
    table = np.zeros((size, length))
    for i in range(size):
        center = (i + 0.5) * (length / size) - 0.5
        low = max(floor(center - radius * stretch), 0)
        high = min(ceil(center + radius * stretch), length - 1)
        found = [weight(abs(center - j) / stretch) for j in range(low, high + 1)]
        total = fsum(found)
        table[i, low : high + 1] = [w / total for w in found]
    return table


def _bilinear(x: float) -> float:
    return max(0.0, 1.0 - x)


def _bicubic(x: float) -> float:
    """Keys's kernel with a = -0.5."""
    if x >= 2.0:
        return 0.0
    return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 if x >= 1.0 else ((1.5 * x - 2.5) * x) * x + 1.0


def _lanczos(radius: int, x: float) -> float:
    if x > radius:
        return 0.0
    return radius * _sine(x) * _sine(x / radius) / (pi * pi * x * x) if x > 1e-3 else 1.0


def _sine(x: float) -> float:
    """sin(pi x)."""
    return float(sin_turns(0.5 * x))


_KERNELS: dict[str, tuple[int, Callable[[float], float]]] = {
    "bilinear": (1, _bilinear),
    "bicubic": (2, _bicubic),
    "lanczos3": (3, partial(_lanczos, 3)),
    "lanczos5": (5, partial(_lanczos, 5)),
}
"""How many places away a kernel reaches, and its weight by distance."""
