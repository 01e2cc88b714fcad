"""Random zeros while training."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.drops import Drops
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout


@register
class Dropout(Drops):
    """While training, sets a part `rate` of x to zero and divides the rest by 1 - rate; else y = x.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.Dropout.
    """

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training or self.rate == 0:
            return x
        return dropout(x, self.rate, ctx.key("dropout", self.seed), ctx.graph.step(), self.mask_shape(x))
