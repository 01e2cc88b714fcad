"""Random factors while training."""

from __future__ import annotations

from math import sqrt
from typing import Annotated

from pydantic import Field

from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.noise import normal


@register
class GaussianDropout(SameShape, WithTraining):
    """While training, y = x n, n normal with mean 1 and variance rate / (1 - rate); else y = x.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.GaussianDropout (Srivastava et al., 2014).
    """

    rate: Annotated[float, Field(ge=0, lt=1)]
    """What would be the part that Dropout drops, below 1."""
    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training or self.rate == 0:
            return x
        deviation = sqrt(self.rate / (1.0 - self.rate))
        return multiply(x, normal(x, 1.0, deviation, ctx.key("noise", self.seed), ctx.graph.step()))
