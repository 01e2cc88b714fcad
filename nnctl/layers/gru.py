"""The gated recurrent unit."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.recurrent import Gated
from nnctl.ops import recurrent as ops
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape, slice_axis


@register
class GRU(Gated):
    """z, r = r(x W + h U + b) and g = a(...) by thirds z, r, g; h = z h + (1 - z) g.

    The reset gate r multiplies h U (with `reset_after`) or h before its product, for g alone.

    Shapes: x (B, T, I), h (B, U), kernel W (I, 3U), recurrent_kernel U (U, 3U), bias b (2, 3U), for x W and
    for h U, or (3U,) without reset_after, y (B, U) or (B, T, U).
    Source: keras.layers.GRU (Cho et al., 2014).
    """

    gates: ClassVar[int] = 3

    reset_after: bool = True
    """Whether the reset gate is applied after the state's product, or before it."""

    def bias_shape(self) -> tuple[int, ...]:
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def call(self, ctx: LayerContext, x: Value, *initial: Value) -> Value | list[Value]:
        bias, of_state = ctx.weights.get("bias"), None
        if bias is not None and self.reset_after:
            width = (self.gates * self.units,)
            of_state = reshape(slice_axis(bias, 0, 1, 2), width)
            bias = reshape(slice_axis(bias, 0, 0, 1), width)
        xw = self.projected(ctx, x, bias)
        recurrent = ctx.weights["recurrent_kernel"]
        options = self.options(ctx, x, initial)
        y, h = ops.gru(xw, recurrent, of_state, self.step, self.gate, self.reset_after, **options)
        return self.chosen(ctx, y, h)
