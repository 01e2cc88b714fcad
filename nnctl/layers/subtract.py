"""The difference of two inputs."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import subtract


@register
class Subtract(Merge):
    """y = x_1 - x_2.

    Shapes: x_1, x_2 (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Subtract.
    """

    def call(self, ctx: LayerContext, first: Value, second: Value, /) -> Value:
        return subtract(*self.alike(first, second))
