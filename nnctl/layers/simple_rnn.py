"""The plain recurrence."""

from __future__ import annotations

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.recurrent import Recurrent
from nnctl.ops import recurrent as ops
from nnctl.ops.base import Value


@register
class SimpleRNN(Recurrent):
    """h = activation(x W + h U + b), step by step.

    Shapes: x (B, T, I), h (B, U), kernel W (I, U), recurrent_kernel U (U, U), bias b (U,), y (B, U) or
    (B, T, U).
    Source: keras.layers.SimpleRNN.
    """

    def call(self, ctx: LayerContext, x: Value, *initial: Value) -> Value | list[Value]:
        xw = self.projected(ctx, x, ctx.weights.get("bias"))
        recurrent = ctx.weights["recurrent_kernel"]
        y, h = ops.simple_rnn(xw, recurrent, self.step, **self.options(ctx, x, initial))
        return self.chosen(ctx, y, h)
