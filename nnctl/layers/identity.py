"""What changes nothing."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class Identity(SameShape):
    """y = x: a name for a place in the model.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.Identity.
    """

    any_dtype: ClassVar[bool] = True
    keeps_range: ClassVar[bool] = True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return x
