"""Weights whose rows or columns are orthogonal."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.keys import Key
from nnctl.core.shapes import show
from nnctl.initializers.base import RandomSpec, register
from nnctl.initializers.draws import normal


@register
class Orthogonal(RandomSpec):
    """gain Q, Q (rows, columns) spread evenly over matrices with orthonormal columns, or rows if it is wide.

    Shapes: all axes of the weight but the last are its rows.
    Source: keras.initializers.Orthogonal (Saxe et al., 2014).
    """

    aliases: ClassVar[tuple[str, ...]] = ("OrthogonalInitializer",)

    gain: float = 1.0
    """What the matrix is multiplied by."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) < 2:
            raise ShapeError(
                f"Orthogonal fills weights of two axes or more, not one of shape {show(shape)}",
                expected="zeros, ones or another initializer",
            )

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        self.check_shape(shape)
        from nnctl.kernels import qr

        rows, columns = prod(shape[:-1]), shape[-1]
        high, low = max(rows, columns), min(rows, columns)
        q = np.empty((high, low))
        qr.orthonormal_columns(normal((high, low), self.stream(key)), np.empty(2 * low), q)
        return (self.gain * (q.T if rows < columns else q)).reshape(shape).astype(dtype)
