"""A layer from outside nnctl: learned factors, one a feature."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.constraints.base import Constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply_row


@register
class FeatureScale(Layer):
    """y = x s, one learned factor a feature.

    Shapes: x (B, ..., C), scale s (C,), y (B, ..., C).
    Source: an example of the documentation.
    """

    scale_initializer: Initializer = "ones"
    """First values of s."""
    scale_constraint: Constraint | None = None
    """What s satisfies after each update."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_known(x, -1, "the last axis")
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        features = self.need_known(x, -1, "the last axis")
        return {"scale": self.weight("scale", (features,))}

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return multiply_row(x, ctx.weights["scale"])
