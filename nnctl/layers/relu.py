"""The rectifier with all its parameters."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from nnctl.activations.rectifiers import rectified, rectified_range
from nnctl.core.ranges import Range
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class ReLU(SameShape):
    """y = min(x, max_value) for x >= threshold, negative_slope (x - threshold) below.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.ReLU.
    """

    max_value: NonNegativeFloat | None = None
    """The largest value that comes out; null for no bound."""
    negative_slope: NonNegativeFloat = 0.0
    """The slope below the threshold."""
    threshold: NonNegativeFloat = 0.0
    """Values below this are damped or set to zero."""

    def value_range(self, *inputs: Range | None) -> Range | None:
        return rectified_range(self.negative_slope, self.max_value)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return rectified(x, self.negative_slope, self.max_value, self.threshold)
