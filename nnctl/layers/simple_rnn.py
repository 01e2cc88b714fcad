"""The plain recurrence."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.recurrent import Recurrent
from nnctl.ops.recurrence import Cell


@register
class SimpleRNN(Recurrent):
    """h = activation(x W + b + h V), step by step.

    Shapes: x (B, T, I), h (B, U), kernel W (I, U), recurrent_kernel V (U, U), bias b (U,), y (B, U) or
    (B, T, U).
    Source: keras.layers.SimpleRNN.
    """

    cell: ClassVar[Cell] = Cell("simple_rnn", gates=1)
