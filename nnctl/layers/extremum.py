"""What Maximum and Minimum share: which inputs count where there are masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from nnctl.layers.context import LayerContext
from nnctl.layers.merge import Merge
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add
from nnctl.ops.embedding import not_equal
from nnctl.ops.masks import select


class Extremum(Merge):
    """The extreme one of several numbers, from left to right; masked ones are left out."""

    least_extreme: ClassVar[float]
    """What is never chosen: it stands for a masked number."""
    extreme: ClassVar[Callable[[Value, Value], Value]]
    """The more extreme of two tensors, number by number."""

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        masks = self.counting(ctx, *inputs)
        kept = [
            x if m is None else select(m, x, self.least_extreme) for x, m in zip(inputs, masks, strict=True)
        ]
        y, *others = self.alike(*kept)
        for x in others:
            y = type(self).extreme(y, x)
        mask = self.output_mask(ctx, *inputs)
        if not isinstance(mask, Value):
            return y
        first, *_ = self.alike(*inputs)
        return add(select(mask, y, 0.0), select(not_equal(mask, 1), first, 0.0))
