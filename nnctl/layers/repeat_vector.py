"""A row as every step of a sequence."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.shape import broadcast_to, reshape


@register
class RepeatVector(Layer):
    """y[b, i, c] = x[b, c] for each i below n.

    Shapes: x (B, C), y (B, n, C).
    Source: keras.layers.RepeatVector.
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True

    n: PositiveInt
    """How many times x is repeated."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "features")
        return (self.n, *x)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        batch, features = x.shape
        return broadcast_to(reshape(x, (batch, 1, features)), (batch, self.n, features))
