"""What recurrent layers share: fields, shape and mask rules, what comes out."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.layers.stepwise import Stepwise
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape, slice_axis
from nnctl.regularizers.base import Regularizer


class Recurrent(Stepwise):
    """Steps over time.

    A masked step leaves the states as they are, with initial states too (there Keras forgets the mask).

    Shapes: x (B, T, ...), each initial state (B, ...), y (B, ...) or, with return_sequences, (B, T, ...);
    then, with return_state, each state.
    """

    keras_only: ClassVar[tuple[str, ...]] = ("stateful",)
    in_keras: ClassVar[InKeras] = InKeras(
        parts={"": "cell"}, arguments=("sequences",), rest="initial_state", mask="mask"
    )
    axes: ClassVar[tuple[str, ...]] = ("features",)
    """What the axes of a step are called, for errors."""

    activity_regularizer: Regularizer | None = None
    """Penalty on each output, divided by the batch size."""
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

    @classmethod
    def takes(cls) -> tuple[int, int | None]:
        """The sequence, or the sequence and as many initial states as there are."""
        count = cls.state_count()
        return 1, None if count is None else 1 + count

    def compute_output_shape(self, x: Shape, *initial: Shape) -> Shape | list[Shape]:
        self.need_rank(x, "time", *self.axes)
        step = x[1:]
        self.check_step(step)
        if initial:
            self.check_states(step, initial, "sequence")
        y = (x[0], *self.step_shape(step)) if self.return_sequences else self.step_shape(step)
        return [y, *self.state_shapes(step)] if self.return_state else y

    def call(self, ctx: LayerContext, x: Value, *initial: Value) -> Value | list[Value]:
        y, *states = self.over_time(ctx, x, initial, self.go_backwards, self.zero_output_for_mask)
        last = states[self.output_state]
        if self.zero_output_for_mask and ctx.mask is not None:
            last = reshape(slice_axis(y, 1, y.shape[1] - 1, y.shape[1]), last.shape)
        outputs = [y if self.return_sequences else last, *(states if self.return_state else ())]
        for out in outputs:
            ctx.regularize(self.activity_regularizer, out)
        return outputs if self.return_state else outputs[0]

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        """The sequence's mask goes on with a sequence; the states have none."""
        mask = ctx.mask if self.return_sequences else None
        if not self.return_state:
            return mask
        return [mask, *[None] * self.states]
