"""The arithmetic of recurrences with units: fields, weights, dropout, and one op over all steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt

from nnctl.activations.base import Activation, ActivationFunction
from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, UNIT, Range, within
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias, WithKernel, WithRecurrentKernel, WithTraining
from nnctl.layers.stepwise import Stepwise
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout, dropout_factor
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import linear, matmul
from nnctl.ops.recurrence import Cell, recurrence
from nnctl.ops.shape import concatenate, reshape, slice_axis, unstack

Rate = Annotated[float, Field(ge=0, le=1)]
"""A part of the numbers."""

IN_KERNELS = ("linear", "relu", "sigmoid", "tanh", "hard_sigmoid")
"""What the recurrent kernels can apply in a step, without parameters."""


class Units(WithKernel, WithRecurrentKernel, WithBias, WithTraining, Stepwise):
    """A step of U units with G gates: products of the input and of the state, side by side.

    One kernel takes all steps where it has the activations. With others, steps are composed of ops, one after
    the other, which takes longer to plan and to run.

    Shapes: x (B, T, I), each state (B, U), kernel W (I, G U), recurrent_kernel V (U, G U), bias b (G U,).
    """

    step_op: ClassVar[Cell]
    """The step, as the op over all steps knows it."""

    units: PositiveInt
    """The length of the state and of the output: U."""
    activation: Activation = "tanh"
    """What is applied to the new state: fastest are linear, relu, sigmoid, tanh and hard_sigmoid."""
    dropout: Rate = 0.0
    """The part of the input that is dropped while training, the same at every step of a sequence."""
    recurrent_dropout: Rate = 0.0
    """The part of the state that is dropped before its product, the same at every step of a sequence."""
    seed: int | None = None
    """The dropouts' stream; default: the experiment's."""

    @classmethod
    def state_count(cls) -> int | None:
        return cls.step_op.states

    @property
    def gates(self) -> int:
        """Products of the input, and of the state, side by side."""
        return self.step_op.gates

    @property
    def activations(self) -> dict[str, ActivationFunction]:
        """Those that a step applies, by their fields."""
        return {"activation": self.activation}

    @property
    def chosen_op(self) -> Cell:
        """The step that the fields choose."""
        return self.step_op

    def check_step(self, step: Shape) -> None:
        self.need_known(step, -1, "the features")
        for field, activation in self.activations.items():
            try:
                made = activation.output_shape((self.units,))
            except ShapeError as error:
                error.path = (field, *error.path)
                raise
            if made != (self.units,):
                raise ShapeError(
                    f"a state of {self.units} cannot be one of {show(made)}, "
                    f"which {type(activation).__name__} makes of it",
                    field=field,
                    expected="an activation that keeps the shape",
                )

    def output_range(self, *inputs: Range | None) -> Range | None:
        """The activation's, and the 0 of states before the first step."""
        low, high = self.activation.value_range(ANY) or ANY
        return min(low, 0.0), max(high, 0.0)

    def state_shapes(self, step: Shape) -> list[Shape]:
        return [(self.units,)] * self.step_op.states

    def bias_shape(self) -> tuple[int, ...]:
        """The bias's shape."""
        return (self.gates * self.units,)

    def weights(self, x: Shape, *states: Shape) -> Mapping[str, Weight]:
        width = self.gates * self.units
        weights = {
            "kernel": self.weight("kernel", (self.need_known(x, -1, "the features"), width)),
            "recurrent_kernel": self.weight("recurrent_kernel", (self.units, width)),
        }
        return self.with_bias(weights, *self.bias_shape())

    def projected(self, ctx: LayerContext, x: Value, bias: Value | None) -> Value:
        """x W + b (B, T, gates U), x with its dropout.

        As in Keras, each gate drops inputs of its own where there is recurrent dropout too.
        """
        kernel = ctx.weights["kernel"]
        if not ctx.training or self.dropout == 0:
            return linear(x, kernel, bias)
        if self.recurrent_dropout == 0 or self.gates == 1:
            return linear(self._dropped(ctx, x, "dropout"), kernel, bias)
        parts = []
        for gate in range(self.gates):
            start, stop = gate * self.units, (gate + 1) * self.units
            part = None if bias is None else slice_axis(bias, 0, start, stop)
            seen = self._dropped(ctx, x, f"dropout_{gate}")
            parts.append(linear(seen, slice_axis(kernel, 1, start, stop), part))
        return concatenate(parts, 2)

    def _dropped(self, ctx: LayerContext, x: Value, purpose: str) -> Value:
        batch, _, features = x.shape
        return dropout(x, self.dropout, ctx.key(purpose, self.seed), ctx.graph.step(), (batch, 1, features))

    def _state_factors(self, ctx: LayerContext, x: Value) -> Value | None:
        """What recurrent dropout multiplies the state by, gate by gate: (gates, B, U); None without."""
        if not ctx.training or self.recurrent_dropout == 0:
            return None
        shape = (self.gates, x.shape[0], self.units)
        key = ctx.key("recurrent_dropout", self.seed)
        return dropout_factor(x, self.recurrent_dropout, key, ctx.graph.step(), shape)

    def biases(self, ctx: LayerContext) -> tuple[Value | None, Value | None]:
        """The input's, and what the op takes besides."""
        return ctx.weights.get("bias"), None

    def prepared(self, ctx: LayerContext, x: Value) -> Value:
        bias, _ = self.biases(ctx)
        return self.projected(ctx, x, bias)

    def of_state(self, ctx: LayerContext, h: Value, gates: range) -> Value:
        """h V (B, G' U) of neighbouring gates, h (B, U) with its dropout."""
        v = slice_axis(ctx.weights["recurrent_kernel"], 1, gates.start * self.units, gates.stop * self.units)
        factors = self._state_factors(ctx, h)
        if factors is None:
            return matmul(h, v)
        parts = []
        for at, gate in enumerate(gates):
            seen = multiply(h, reshape(slice_axis(factors, 0, gate, gate + 1), h.shape))
            parts.append(matmul(seen, slice_axis(v, 1, at * self.units, (at + 1) * self.units)))
        return concatenate(parts, 1)

    def by_gate(self, x: Value) -> tuple[Value, ...]:
        """The parts (B, U) of x (B, G' U)."""
        return unstack(reshape(x, (x.shape[0], -1, self.units)), 1)

    def over_time(
        self, ctx: LayerContext, x: Value, states: Sequence[Value], go_backwards: bool, zero_masked: bool
    ) -> tuple[Value, ...]:
        words = [type(activation).__name__ for activation in self.activations.values()]
        if not all(a == type(a)() for a in self.activations.values()) or not set(words) <= set(IN_KERNELS):
            return super().over_time(ctx, x, states, go_backwards, zero_masked)
        bias, extra = self.biases(ctx)
        return recurrence(
            self.chosen_op,
            self.projected(ctx, x, bias),
            ctx.weights["recurrent_kernel"],
            *words,
            extra=extra,
            states=states,
            mask=ctx.mask,
            factors=self._state_factors(ctx, x),
            go_backwards=go_backwards,
            zero_output_for_mask=zero_masked and ctx.mask is not None,
            keep=ctx.differentiable,
        )


class Gated(Units):
    """A recurrence with gates, which have an activation of their own."""

    recurrent_activation: Activation = "sigmoid"
    """What is applied to the gates: fastest are linear, relu, sigmoid, tanh and hard_sigmoid."""

    @property
    def activations(self) -> dict[str, ActivationFunction]:
        return {**super().activations, "recurrent_activation": self.recurrent_activation}

    def output_range(self, *inputs: Range | None) -> Range | None:
        """The activation's where gates let through a part of it."""
        gates = self.recurrent_activation.value_range(ANY) or ANY
        return super().output_range(*inputs) if within(gates, UNIT) else ANY

    def softmax_axis(self) -> int | None:
        return None
