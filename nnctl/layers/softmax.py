"""Softmax as a layer."""

from __future__ import annotations

from nnctl.core.ranges import UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.masks import select
from nnctl.ops.softmax import softmax
from nnctl.ops.transpose import move_axis


@register
class Softmax(Layer):
    """y = exp(x) / sum(exp(x)) along an axis.

    A mask counts where it has all axes of x: masked positions get 0.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.Softmax.
    """

    axis: int = -1
    """The axis that sums to 1; 0 is the batch, -1 the last."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_axis(x, self.axis)
        return x

    def output_range(self, *inputs: Range | None) -> Range | None:
        return UNIT

    def softmax_axis(self) -> int | None:
        return self.axis

    def call(self, ctx: LayerContext, x: Value) -> Value:
        at = self.need_axis(x.shape[1:], self.axis) + 1
        mask = ctx.mask if ctx.mask is not None and ctx.mask.shape == x.shape else None
        kept = x if mask is None else select(mask, x, -1e9)
        last = len(x.shape) - 1
        y = move_axis(softmax(move_axis(kept, at, last)), last, at)
        return y if mask is None else select(mask, y, 0.0)
