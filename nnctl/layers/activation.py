"""An activation as a layer of its own."""

from __future__ import annotations

from nnctl.activations.base import Activation as ActivationField
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class Activation(Layer):
    """y = activation(x).

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.Activation.
    """

    activation: ActivationField
    """What is applied."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return x

    def value_range(self, *inputs: Range | None) -> Range | None:
        (x,) = inputs
        found: Range | None = self.activation.value_range(x)
        return found

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        (x,) = inputs
        y: Value = self.activation.apply(x)
        return y
