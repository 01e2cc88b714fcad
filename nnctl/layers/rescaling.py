"""A fixed affine map."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import affine, cast


@register
class Rescaling(SameShape):
    """y = scale x + offset.

    Shapes: x (B, ...), y (B, ...) of floats.
    Source: keras.layers.Rescaling.
    """

    any_dtype: ClassVar[bool] = True

    scale: float
    """What x is multiplied by."""
    offset: float = 0.0
    """What is added after that."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return affine(cast(x, ctx.graph.dtype), self.scale, self.offset)
