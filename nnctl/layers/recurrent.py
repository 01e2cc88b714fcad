"""What recurrent layers share: fields, weights, shape and mask rules, dropout, what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt, field_validator
from pydantic_core import PydanticCustomError

from nnctl.activations.base import Activation
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias, WithKernel, WithRecurrentKernel, WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout, dropout_factor
from nnctl.ops.linear import linear
from nnctl.ops.recurrence import Cell, recurrence
from nnctl.ops.shape import concatenate, reshape, slice_axis
from nnctl.regularizers.base import Regularizer

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


class Recurrent(WithKernel, WithRecurrentKernel, WithBias, WithTraining):
    """A cell's step over time, with G gates: products of the input and of the state, side by side.

    A masked step leaves the states as they are, with initial states too (there Keras forgets the mask).

    Shapes: x (B, T, I), each initial state (B, U), kernel W (I, G U), recurrent_kernel V (U, G U), bias b
    (G U,), y (B, U) or, with return_sequences, (B, T, U); then, with return_state, each state (B, U).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("stateful",)
    in_keras: ClassVar[InKeras] = InKeras(
        parts={"": "cell"}, arguments=("sequences",), rest="initial_state", mask="mask"
    )
    cell: ClassVar[Cell]

    units: PositiveInt
    """The length of the state and of the output: U."""
    activation: Activation = "tanh"
    """What is applied to the new state: linear, relu, sigmoid, tanh or hard_sigmoid."""
    activity_regularizer: Regularizer | None = None
    """Penalty on each output, divided by the batch size."""
    dropout: Rate = 0.0
    """The part of the input that is dropped while training, the same at every step of a sequence."""
    recurrent_dropout: Rate = 0.0
    """The part of the state that is dropped before its product, the same at every step of a sequence."""
    seed: int | None = None
    """The dropouts' stream; default: the experiment's."""
    return_sequences: bool = False
    """Whether the output of every step comes out, or only the last one's."""
    return_state: bool = False
    """Whether the last state comes out too, as outputs of its own."""
    go_backwards: bool = False
    """Whether the sequence is read from its end; outputs come in that order too."""
    unroll: bool = False
    """Taken for Keras's sake; nothing changes."""
    zero_output_for_mask: bool = False
    """Whether a masked step's output is zero, or that of the step before."""

    @field_validator("activation")
    @classmethod
    def _activation(cls, value: Any) -> Any:
        return applied_in_a_step(value)

    @classmethod
    def takes(cls) -> tuple[int, int | None]:
        """The sequence, or the sequence and as many initial states as there are."""
        return 1, 1 + cls.cell.states

    @property
    def gates(self) -> int:
        """Products of the input, and of the state, side by side."""
        return self.cell.gates

    @property
    def states(self) -> int:
        """Vectors that go from step to step."""
        return self.cell.states

    @property
    def activations(self) -> list[str]:
        """The names of those that a step applies, as ops know them."""
        return [type(self.activation).__name__]

    def compute_output_shape(self, x: Shape, *initial: Shape) -> Shape | list[Shape]:
        self.need_rank(x, "time", "features")
        self.need_known(x, 1, "the features")
        self._check_initial(initial)
        y: Shape = (x[0], self.units) if self.return_sequences else (self.units,)
        return [y, *[(self.units,)] * self.states] if self.return_state else y

    def _check_initial(self, initial: Sequence[Shape]) -> None:
        if initial and len(initial) != self.states:
            raise ShapeError(
                f"{self.kind} takes {self.states} initial states after the sequence, {len(initial)} given",
                expected=f"inputs: the sequence, or the sequence and {self.states} states",
            )
        for state in initial:
            if state != (self.units,):
                raise ShapeError(
                    f"{self.kind} of {self.units} units cannot start from a state of {show(state)}",
                    field="units",
                    expected=f"initial states of shape ({self.units})",
                )

    def bias_shape(self) -> tuple[int, ...]:
        """The bias's shape."""
        return (self.gates * self.units,)

    def weights(self, x: Shape, *initial: Shape) -> Mapping[str, Weight]:
        width = self.gates * self.units
        weights = {
            "kernel": self.weight("kernel", (self.need_known(x, 1, "the features"), width)),
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

    def options(self, ctx: LayerContext, x: Value, initial: Sequence[Value]) -> dict[str, Any]:
        """What a recurrence takes beside products and activations."""
        return {
            "states": initial,
            "mask": ctx.mask,
            "factors": self._state_factors(ctx, x),
            "go_backwards": self.go_backwards,
            "zero_output_for_mask": self.zero_output_for_mask and ctx.mask is not None,
            "keep": ctx.differentiable,
        }

    def call(self, ctx: LayerContext, x: Value, *initial: Value) -> Value | list[Value]:
        xw = self.projected(ctx, x, ctx.weights.get("bias"))
        options = self.options(ctx, x, initial)
        return self.chosen(
            ctx, *recurrence(self.cell, xw, ctx.weights["recurrent_kernel"], *self.activations, **options)
        )

    def chosen(self, ctx: LayerContext, y: Value, *states: Value) -> Value | list[Value]:
        """The outputs asked for, out of every step's y (B, T, U) and the last states (B, U)."""
        last = states[0]
        if self.zero_output_for_mask and ctx.mask is not None:
            last = reshape(slice_axis(y, 1, y.shape[1] - 1, y.shape[1]), last.shape)
        outputs = [y if self.return_sequences else last, *(states if self.return_state else ())]
        for out in outputs:
            ctx.regularize(self.activity_regularizer, out)
        return outputs if self.return_state else outputs[0]

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        """The sequence's mask goes on with a sequence; the states have none."""
        mask = ctx.mask if self.return_sequences else None
        return [mask, *[None] * self.states] if self.return_state else mask


class Gated(Recurrent):
    """A recurrence with gates, which have an activation of their own."""

    keras_only: ClassVar[tuple[str, ...]] = ("stateful", "use_cudnn")

    recurrent_activation: Activation = "sigmoid"
    """What is applied to the gates: linear, relu, sigmoid, tanh or hard_sigmoid."""

    @field_validator("recurrent_activation")
    @classmethod
    def _recurrent_activation(cls, value: Any) -> Any:
        return applied_in_a_step(value)

    @property
    def activations(self) -> list[str]:
        return [*super().activations, type(self.recurrent_activation).__name__]
