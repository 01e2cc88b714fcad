"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.one_step import OneStep
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.units import Gated
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, add_row, affine, multiply
from nnctl.ops.recurrence import Cell
from nnctl.ops.shape import reshape, slice_axis
from nnctl.ops.sums import sum_axes


class ResetAfter(Cell):
    """The step with the reset gate after the state's product, which may have a bias of its own, b'."""

    def extra_gradient(self, kept: Sequence[Value], d_xw: Value, d_hv: Value) -> Value:
        return sum_axes(d_hv, (0, 1))


class Reset(Gated):
    """An update gate, and one that resets the state."""

    step_op: ClassVar[Cell] = ResetAfter("gru", gates=3, saved=4, own_slope=True)
    reset_before: ClassVar[Cell] = Cell("gru_reset_before", gates=3, saved=4, own_source=2, by_units=False)

    reset_after: bool = True
    """Whether the reset gate is applied after the state's product, or before it."""

    @property
    def chosen_op(self) -> Cell:
        return self.step_op if self.reset_after else self.reset_before

    def bias_shape(self) -> tuple[int, ...]:
        width = self.gates * self.units
        return (2, width) if self.reset_after else (width,)

    def biases(self, ctx: LayerContext) -> tuple[Value | None, Value | None]:
        """The input's, and the state's own (with reset_after)."""
        bias, of_state = super().biases(ctx)
        if bias is None or not self.reset_after:
            return bias, of_state
        width = (self.gates * self.units,)
        own, of_state = (slice_axis(bias, 0, at, at + 1) for at in (0, 1))
        return reshape(own, width), reshape(of_state, width)

    def step(self, ctx: LayerContext, x: Value, states: Sequence[Value]) -> Sequence[Value]:
        (h,) = states
        _, bias = self.biases(ctx)
        own = self.by_gate(x)
        hv = self.of_state(ctx, h, range(3 if self.reset_after else 2))
        of_state = self.by_gate(hv if bias is None else add_row(hv, bias))
        z, r = (
            self.recurrent_activation.apply(add(*parts)) for parts in zip(own[:2], of_state, strict=False)
        )
        inner = (
            multiply(r, of_state[2]) if self.reset_after else self.of_state(ctx, multiply(r, h), range(2, 3))
        )
        g = self.activation.apply(add(own[2], inner))
        return [add(multiply(z, h), multiply(affine(z, -1.0, 1.0), g))]


@register
class GRU(Recurrent, Reset):
    """z, r = s(x W + b + h V + b') and g = a(x W + b + r (h V + b')); h = z h + (1 - z) g, step by step.

    a is the activation, s the recurrent activation; W, V, b and b' hold the thirds of z, r, g. Without
    `reset_after`, g = a(x W + b + (r h) V), and there is no b'.

    Shapes: x (B, T, I), h (B, U), kernel W (I, 3U), recurrent_kernel V (U, 3U), bias (2, 3U), b and b', or
    (3U,) without reset_after, y (B, U) or (B, T, U).
    Source: keras.layers.GRU (Cho et al., 2014).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("stateful", "use_cudnn")


@register
class GRUCell(OneStep, Reset):
    """A step of GRU; h comes in after x.

    Shapes: x (B, I), h (B, U), kernel W (I, 3U), recurrent_kernel V (U, 3U), bias (2, 3U), or (3U,) without
    reset_after, y and the new h (B, U).
    Source: keras.layers.GRUCell.
    """
