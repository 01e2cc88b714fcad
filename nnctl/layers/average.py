"""The mean of several inputs."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, scale


@register
class Average(Merge):
    """y = (x_1 + x_2 + ...) / n, added from left to right. Masked numbers count too.

    Shapes: x_1, ..., x_n (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Average.
    """

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        y, *others = self.alike(*inputs)
        for x in others:
            y = add(y, x)
        return scale(y, 1.0 / len(inputs))
