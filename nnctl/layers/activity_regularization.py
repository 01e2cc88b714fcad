"""A penalty on what passes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeFloat

from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.regularizers.norms import L1L2


@register
class ActivityRegularization(SameShape):
    """y = x, and l1 sum(|x|) + l2 sum(x^2), divided by the batch size, is added to the loss.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.ActivityRegularization.
    """

    keeps_range: ClassVar[bool] = True

    l1: NonNegativeFloat = 0.0
    """The factor of the sum of magnitudes."""
    l2: NonNegativeFloat = 0.0
    """The factor of the sum of squares."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return ctx.regularize(L1L2(l1=self.l1, l2=self.l2) if self.l1 or self.l2 else None, x)
