"""The product of several inputs."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.masks import select


@register
class Multiply(Merge):
    """y = x_1 x_2 ..., multiplied from left to right.

    A masked position of an input counts as 1; where every input is masked, y is 0.

    Shapes: x_i (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Multiply.
    """

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        masks = self.counting(ctx, *inputs)
        kept = [x if m is None else select(m, x, 1.0) for x, m in zip(inputs, masks, strict=True)]
        y, *others = self.alike(*kept)
        for x in others:
            y = multiply(y, x)
        mask = self.output_mask(ctx, *inputs)
        return select(mask, y, 0.0) if isinstance(mask, Value) else y
