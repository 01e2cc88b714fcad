"""The least of several inputs."""

from __future__ import annotations

from math import inf

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, minimum
from nnctl.ops.embedding import not_equal
from nnctl.ops.masks import select


@register
class Minimum(Merge):
    """y = min(x_1, x_2, ...), number by number.

    A masked position of an input does not count; where every input is masked, y is x_1. Inputs that are equal
    share the gradient by halves, from left to right.

    Shapes: x_i (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Minimum.
    """

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        kept = [x if m is None else select(m, x, inf) for x, m in zip(inputs, ctx.masks, strict=True)]
        y, *others = self.alike(*kept)
        for x in others:
            y = minimum(y, x)
        mask = self.output_mask(ctx, *inputs)
        if not isinstance(mask, Value):
            return y
        first, *_ = self.alike(*inputs)
        return add(select(mask, y, 0.0), select(not_equal(mask, 1), first, 0.0))
