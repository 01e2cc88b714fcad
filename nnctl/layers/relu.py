"""The rectifier with all its parameters."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from nnctl.activations.rectifiers import relu
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

    @property
    def function(self) -> relu:
        """The activation of these parameters."""
        return relu(negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold)

    def output_range(self, *inputs: Range | None) -> Range | None:
        return self.function.value_range(*inputs)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return self.function.apply(x)
