"""What recurrent layers and cells say of the states that go from step to step, and the steps one by one."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, fill
from nnctl.ops.embedding import not_equal
from nnctl.ops.masks import select
from nnctl.ops.shape import stack, unstack


class Stepwise(Layer):
    """A layer with states, which a step takes and gives again; shapes of a step have no time axis."""

    @classmethod
    def state_count(cls) -> int | None:
        """How many states there are; None where that depends on the fields."""
        return None

    @property
    def states(self) -> int:
        """How many states there are."""
        return self.state_count() or 0

    @property
    def output_state(self) -> int:
        """Which of the states is the output as well."""
        return 0

    def check_step(self, step: Shape) -> None:
        """Raise ShapeError where the input of a step is not taken."""

    def state_shapes(self, step: Shape) -> list[Shape]:
        """The shapes of the states, from that of a step's input."""
        raise NotImplementedError

    def step_shape(self, step: Shape) -> Shape:
        """The shape of a step's output."""
        return self.state_shapes(step)[self.output_state]

    def check_states(self, step: Shape, states: Sequence[Shape], first: str) -> None:
        """Raise ShapeError unless the states given after the input, called `first`, are those there are."""
        wanted = self.state_shapes(step)
        if len(states) != len(wanted):
            raise ShapeError(
                f"{self.kind} takes {len(wanted)} initial states after the {first}, {len(states)} given",
                expected=f"inputs: the {first} and {len(wanted)} states",
            )
        for state, shape in zip(states, wanted, strict=True):
            if len(state) != len(shape) or any(
                n is not None and m is not None and n != m for n, m in zip(state, shape, strict=True)
            ):
                raise ShapeError(
                    f"{self.kind} cannot start from a state of {show(state)} where it has {show(shape)}",
                    field=next((name for name in ("units", "filters") if hasattr(self, name)), None),
                    expected=f"an initial state of shape {show(shape)}",
                )

    def step(self, ctx: LayerContext, x: Value, states: Sequence[Value]) -> Sequence[Value]:
        """The states after a step, one of them its output. x (B, ...) is one place of what is `prepared`."""
        raise NotImplementedError

    def prepared(self, ctx: LayerContext, x: Value) -> Value:
        """What steps read of x (B, T, ...): what can be computed for all of them at once is computed here."""
        return x

    def over_time(
        self, ctx: LayerContext, x: Value, states: Sequence[Value], go_backwards: bool, zero_masked: bool
    ) -> tuple[Value, ...]:
        """Every step's output (B, T, ...) in the order of iteration, and the last states.

        A masked step leaves the states as they are and repeats the output, or gives zeros.

        Args:
            x: (B, T, ...).
            states: The initial ones; zeros if empty.
        """
        batch, steps, *shape = x.shape
        if not states:
            sizes = [tuple(n or 0 for n in state) for state in self.state_shapes(tuple(shape))]
            states = [fill(ctx.graph, (batch, *size), 0.0) for size in sizes]
        parts = unstack(self.prepared(ctx, x), 1)
        masks = (None,) * steps if ctx.mask is None else unstack(ctx.mask, 1)
        outputs = []
        for at in reversed(range(steps)) if go_backwards else range(steps):
            new, mask = self.step(ctx, parts[at], states), masks[at]
            if mask is not None:
                new = [_either(mask, n, s) for n, s in zip(new, states, strict=True)]
            y = new[self.output_state]
            outputs.append(select(mask, y, 0.0) if mask is not None and zero_masked else y)
            states = new
        return stack(outputs, 1), *states


def _either(mask: Value, x: Value, other: Value) -> Value:
    """x where the mask (B,) counts, `other` elsewhere."""
    return add(select(mask, x, 0.0), select(not_equal(mask, 1), other, 0.0))
