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

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | None:
        # Where an axis of the mask is halved, it says nothing of the output any more.
        mask = ctx.mask
        axes = len(mask.shape) if mask is not None else 0
        made = self.activation.output_shape(x.shape[1:])
        return mask if made[: axes - 1] == x.shape[1:axes] else None

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y: Value = self.activation.apply(x)
        return y
