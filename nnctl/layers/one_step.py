"""What cells share: layers of a single step, which RNN runs over time."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.layers.stepwise import Stepwise
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape


class OneStep(Stepwise):
    """A step as a layer: the input and the states come in, the output and the new states come out.

    Shapes: x (B, ...), each state (B, ...), y (B, ...), then each new state.
    """

    supports_masking: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(arguments=("inputs",), rest="states")

    @classmethod
    def takes(cls) -> tuple[int, int | None]:
        count = cls.state_count()
        return (2, None) if count is None else (1 + count, 1 + count)

    def compute_output_shape(self, x: Shape, *states: Shape) -> list[Shape]:
        self.need_rank(x, "features")
        self.check_step(x)
        self.check_states(x, states, "input")
        return [self.step_shape(x), *self.state_shapes(x)]

    def call(self, ctx: LayerContext, x: Value, *states: Value) -> list[Value]:
        batch, *shape = x.shape
        _, *new = self.over_time(ctx, reshape(x, (batch, 1, *shape)), states, False, False)
        return [new[self.output_state], *new]
