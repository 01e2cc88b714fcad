"""An activation as a layer of its own."""

from __future__ import annotations

from nnctl.activations.base import Activation as ActivationField
from nnctl.core.ranges import Range
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class Activation(SameShape):
    """y = activation(x).

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.Activation.
    """

    activation: ActivationField
    """What is applied."""

    def output_range(self, x: Range | None) -> Range | None:
        found: Range | None = self.activation.value_range(x)
        return found

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y: Value = self.activation.apply(x)
        return y
