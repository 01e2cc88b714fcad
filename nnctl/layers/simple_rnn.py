"""The plain recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.layers.one_step import OneStep
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.units import Units
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add
from nnctl.ops.recurrence import Cell


class Plain(Units):
    """h = activation(x W + b + h V)."""

    step_op: ClassVar[Cell] = Cell("simple_rnn", gates=1)

    def step(self, ctx: LayerContext, x: Value, states: Sequence[Value]) -> Sequence[Value]:
        (h,) = states
        return [self.activation.apply(add(x, self.of_state(ctx, h, range(1))))]


@register
class SimpleRNN(Recurrent, Plain):
    """h = activation(x W + b + h V), step by step.

    Shapes: x (B, T, I), h (B, U), kernel W (I, U), recurrent_kernel V (U, U), bias b (U,), y (B, U) or
    (B, T, U).
    Source: keras.layers.SimpleRNN.
    """


@register
class SimpleRNNCell(OneStep, Plain):
    """A step of SimpleRNN: h = activation(x W + b + h V), where h comes in as the second input.

    Shapes: x (B, I), h (B, U), kernel W (I, U), recurrent_kernel V (U, U), bias b (U,), y and the new h
    (B, U).
    Source: keras.layers.SimpleRNNCell.
    """

    in_keras: ClassVar[InKeras] = InKeras(arguments=("sequence",), rest="states")
