"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.recurrent import Gated
from nnctl.ops.base import Value
from nnctl.ops.recurrence import Cell, recurrence
from nnctl.ops.shape import reshape, slice_axis
from nnctl.ops.sums import sum_axes


class ResetAfter(Cell):
    """The step with the reset gate after the state's product, which may have a bias of its own, b'."""

    def extra_gradient(self, kept: Sequence[Value], d_xw: Value, d_hv: Value) -> Value:
        return sum_axes(d_hv, (0, 1))


@register
class GRU(Gated):
    """z, r = s(x W + b + h V + b') and g = a(x W + b + r (h V + b')); h = z h + (1 - z) g, step by step.

    a is the activation, s the recurrent activation; W, V, b and b' hold the thirds of z, r, g. Without
    `reset_after`, g = a(x W + b + (r h) V), and there is no b'.

    Shapes: x (B, T, I), h (B, U), kernel W (I, 3U), recurrent_kernel V (U, 3U), bias (2, 3U), b and b', or
    (3U,) without reset_after, y (B, U) or (B, T, U).
    Source: keras.layers.GRU (Cho et al., 2014).
    """

    cell: ClassVar[Cell] = ResetAfter("gru", gates=3, saved=4, own_slope=True)
    reset_before: ClassVar[Cell] = Cell("gru_reset_before", gates=3, saved=4, own_source=2)

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
        cell = self.cell if self.reset_after else self.reset_before
        xw = self.projected(ctx, x, bias)
        v, options = ctx.weights["recurrent_kernel"], self.options(ctx, x, initial)
        return self.chosen(ctx, *recurrence(cell, xw, v, *self.activations, extra=of_state, **options))
