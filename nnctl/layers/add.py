"""The sum of several inputs."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add


@register
class Add(Merge):
    """y = x_1 + x_2 + ..., added from left to right.

    Shapes: x_i (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Add.
    """

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        y, *others = self.alike(*inputs)
        for x in others:
            y = add(y, x)
        return y
