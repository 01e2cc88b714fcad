"""The rectifier that lets a little through below zero."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from nnctl.activations.rectifiers import leaky_relu
from nnctl.core.ranges import Range
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class LeakyReLU(SameShape):
    """y = x for x >= 0, negative_slope x below.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.LeakyReLU.
    """

    negative_slope: NonNegativeFloat = 0.3
    """The slope below zero."""

    def output_range(self, *inputs: Range | None) -> Range | None:
        return leaky_relu(negative_slope=self.negative_slope).value_range(*inputs)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return leaky_relu(negative_slope=self.negative_slope).apply(x)
