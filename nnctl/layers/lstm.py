"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from nnctl.activations.base import ActivationFunction
from nnctl.core.keys import Key
from nnctl.core.records import record
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias
from nnctl.layers.one_step import OneStep
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.units import Gated
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, multiply
from nnctl.ops.recurrence import Cell


@record
class ForgetBias:
    """A bias (4 U,) whose second quarter, the forget gate's, is ones; `others` fills the rest."""

    others: Any

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """See InitializerSpec.check_shape."""
        self.others.check_shape(shape)

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> np.ndarray[Any, Any]:
        """The first values; see InitializerSpec.sample."""
        values: np.ndarray[Any, Any] = self.others.sample(shape, dtype, key)
        values[shape[0] // 4 : shape[0] // 2] = 1
        return values


class WithForgetBias(WithBias):
    """A layer whose bias is that of four gates, the second of them a forget gate."""

    shared_fields: ClassVar[bool] = True

    unit_forget_bias: bool = True
    """Whether the forget gate's bias starts at 1 (Jozefowicz et al., 2015)."""

    def with_bias(self, weights: dict[str, Weight], *shape: int) -> dict[str, Weight]:
        weights = super().with_bias(weights, *shape)
        if self.use_bias and self.unit_forget_bias:
            weights["bias"] = replace(weights["bias"], initializer=ForgetBias(self.bias_initializer))
        return weights


class LongShortTerm(WithForgetBias, Gated):
    """Input, forget and output gates around a state c of its own."""

    step_op: ClassVar[Cell] = Cell("lstm", gates=4, states=2, saved=5)

    def step(self, ctx: LayerContext, x: Value, states: Sequence[Value]) -> Sequence[Value]:
        h, c = states
        gates = self.by_gate(add(x, self.of_state(ctx, h, range(4))))
        return through_gates(gates, c, self.activation, self.recurrent_activation)


def through_gates(
    gates: Sequence[Value], c: Value, activation: ActivationFunction, of_gates: ActivationFunction
) -> tuple[Value, Value]:
    """The new h and c, from what input and h give to i, f, g and o, and from c."""
    i, f, o = (of_gates.apply(gates[at]) for at in (0, 1, 3))
    c = add(multiply(f, c), multiply(i, activation.apply(gates[2])))
    return multiply(o, activation.apply(c)), c


@register
class LSTM(Recurrent, LongShortTerm):
    """i, f, o = s(x W + b + h V) and g = a(x W + b + h V); c = f c + i g; h = o a(c), step by step.

    a is the activation, s the recurrent activation; W, V and b hold the quarters of i, f, g, o.

    Shapes: x (B, T, I), h and c (B, U), kernel W (I, 4U), recurrent_kernel V (U, 4U), bias b (4U,), y (B, U)
    or (B, T, U).
    Source: keras.layers.LSTM (Hochreiter and Schmidhuber, 1997).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("stateful", "use_cudnn")


@register
class LSTMCell(OneStep, LongShortTerm):
    """A step of LSTM; h and c come in after x.

    Shapes: x (B, I), h and c (B, U), kernel W (I, 4U), recurrent_kernel V (U, 4U), bias b (4U,), y, the new h
    and the new c (B, U).
    Source: keras.layers.LSTMCell.
    """
