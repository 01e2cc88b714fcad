"""Random terms while training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add
from nnctl.ops.noise import normal


@register
class GaussianNoise(SameShape, WithTraining):
    """While training, y = x + n, n normal with mean 0; else y = x.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.GaussianNoise.
    """

    stddev: Annotated[float, Field(ge=0, le=1)]
    """The standard deviation of n."""
    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training or self.stddev == 0:
            return x
        return add(x, normal(x, 0.0, self.stddev, ctx.key("noise", self.seed), ctx.graph.step()))
