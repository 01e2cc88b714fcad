"""The arithmetic of recurrences with units: fields, weights, dropout, and one op over all steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt, field_validator
from pydantic_core import PydanticCustomError

from nnctl.activations.base import Activation
from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias, WithKernel, WithRecurrentKernel, WithTraining
from nnctl.layers.stepwise import Stepwise
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout, dropout_factor
from nnctl.ops.linear import linear
from nnctl.ops.recurrence import Cell, recurrence
from nnctl.ops.shape import concatenate, slice_axis

Rate = Annotated[float, Field(ge=0, le=1)]
"""A part of the numbers."""

STEP_ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "hard_sigmoid")
"""What the recurrent kernels can apply in a step."""


def applied_in_a_step(value: Any) -> Any:
    """The activation, if recurrent layers have it in their kernels; a pydantic error else."""
    if type(value).__name__ not in STEP_ACTIVATIONS or value != type(value)():
        raise PydanticCustomError(
            "step_activation",
            "a recurrent layer's activation is one of {words}, without parameters",
            {"words": ", ".join(STEP_ACTIVATIONS)},
        )
    return value


class Units(WithKernel, WithRecurrentKernel, WithBias, WithTraining, Stepwise):
    """A step of U units with G gates: products of the input and of the state, side by side.

    Shapes: x (B, T, I), each state (B, U), kernel W (I, G U), recurrent_kernel V (U, G U), bias b (G U,).
    """

    step_op: ClassVar[Cell]
    """The step, as the op over all steps knows it."""

    units: PositiveInt
    """The length of the state and of the output: U."""
    activation: Activation = "tanh"
    """What is applied to the new state: linear, relu, sigmoid, tanh or hard_sigmoid."""
    dropout: Rate = 0.0
    """The part of the input that is dropped while training, the same at every step of a sequence."""
    recurrent_dropout: Rate = 0.0
    """The part of the state that is dropped before its product, the same at every step of a sequence."""
    seed: int | None = None
    """The dropouts' stream; default: the experiment's."""

    @field_validator("activation")
    @classmethod
    def _activation(cls, value: Any) -> Any:
        return applied_in_a_step(value)

    @classmethod
    def state_count(cls) -> int | None:
        return cls.step_op.states

    @property
    def gates(self) -> int:
        """Products of the input, and of the state, side by side."""
        return self.step_op.gates

    @property
    def activations(self) -> list[str]:
        """The names of those that a step applies, as ops know them."""
        return [type(self.activation).__name__]

    @property
    def chosen_op(self) -> Cell:
        """The step that the fields choose."""
        return self.step_op

    def check_step(self, step: Shape) -> None:
        self.need_known(step, -1, "the features")

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

    def over_time(
        self, ctx: LayerContext, x: Value, states: Sequence[Value], go_backwards: bool, zero_masked: bool
    ) -> tuple[Value, ...]:
        bias, extra = self.biases(ctx)
        return recurrence(
            self.chosen_op,
            self.projected(ctx, x, bias),
            ctx.weights["recurrent_kernel"],
            *self.activations,
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
    """What is applied to the gates: linear, relu, sigmoid, tanh or hard_sigmoid."""

    @field_validator("recurrent_activation")
    @classmethod
    def _recurrent_activation(cls, value: Any) -> Any:
        return applied_in_a_step(value)

    @property
    def activations(self) -> list[str]:
        return [*super().activations, type(self.recurrent_activation).__name__]
