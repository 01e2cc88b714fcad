"""Dropout that keeps mean and variance where selu is the activation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.drops import Drops
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout_factor
from nnctl.ops.elementwise import affine
from nnctl.ops.embedding import not_equal
from nnctl.ops.masks import select
from nnctl.ops.shape import broadcast_to

_SATURATED = -1.6732632423543772 * 1.0507009873554805
"""What selu is far below 0."""


@register
class AlphaDropout(Drops):
    """While training, sets a part `rate` of x to what selu is far below 0, then y = a x + b; else y = x.

    a and b give y the mean 0 and the variance 1 where x has them.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.AlphaDropout (Klambauer et al., 2017).
    """

    rate: Annotated[float, Field(ge=0, lt=1)]
    """The part of the numbers that is dropped, below 1."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training or self.rate == 0:
            return x
        factor = dropout_factor(
            x, self.rate, ctx.key("dropout", self.seed), ctx.graph.step(), self.mask_shape(x)
        )
        kept = broadcast_to(not_equal(factor, 0), x.shape)
        a = ((1 - self.rate) * (1 + self.rate * _SATURATED**2)) ** -0.5
        return affine(select(kept, x, _SATURATED), a, -a * _SATURATED * self.rate)
