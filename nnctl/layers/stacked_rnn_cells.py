"""Cells on top of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from nnctl.core.ranges import Range
from nnctl.core.registry import snake_case
from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.layers.one_step import OneStep
from nnctl.layers.wrapper import Child, Holding
from nnctl.ops.base import Value
from nnctl.ops.shape import slice_axis

T = TypeVar("T")


def _cell(value: Any) -> Any:
    """A cell; a pydantic error for any other layer."""
    if not isinstance(value, OneStep):
        message = "{kind} is no cell (SimpleRNNCell, LSTMCell, GRUCell, StackedRNNCells)"
        raise PydanticCustomError("not_a_cell", message, {"kind": value.kind})
    return value


CellField = Annotated[Child, AfterValidator(_cell)]
"""A field that takes a cell: a name, or a mapping with `type`."""


@register
class StackedRNNCells(OneStep, Holding):
    """A cell made of cells: each reads what the one before it gives.

    Shapes: x (B, I), then the states of each cell in turn; y (B, U) of the last cell, then all new states.
    Source: keras.layers.StackedRNNCells.
    """

    in_keras: ClassVar[InKeras] = InKeras(arguments=("inputs",), rest="states")

    cells: Annotated[tuple[CellField, ...], Field(min_length=1)]
    """The cells, in the order in which they read."""

    @property
    def states(self) -> int:
        return sum(cell.states for cell in self.children().values())

    @property
    def output_state(self) -> int:
        """The last cell's."""
        *before, last = self.children().values()
        return sum(cell.states for cell in before) + last.output_state

    def children(self) -> Mapping[str, OneStep]:
        """Called as Keras's files call them: cells/lstm_cell, cells/lstm_cell_1."""
        counts: Counter[str] = Counter()
        named: dict[str, OneStep] = {}
        for cell in self.cells:
            kind = snake_case(cell.kind)
            named[f"cells/{kind}_{counts[kind]}" if counts[kind] else f"cells/{kind}"] = cell
            counts[kind] += 1
        return named

    def path_of(self, child: str) -> tuple[str | int, ...]:
        return ("cells", list(self.children()).index(child))

    def _steps(self, step: Shape) -> Iterator[tuple[str, OneStep, Shape]]:
        """Each cell, and the shape that it reads."""
        for name, cell in self.children().items():
            with self.within(name):
                cell.check_step(step)
            yield name, cell, step
            step = cell.step_shape(step)

    def check_step(self, step: Shape) -> None:
        for _ in self._steps(step):
            pass

    def state_shapes(self, step: Shape) -> list[Shape]:
        return [shape for _, cell, seen in self._steps(step) for shape in cell.state_shapes(seen)]

    def weights(self, x: Shape, *states: Shape) -> Mapping[str, Weight]:
        return {k: w for name, _, seen in self._steps(x) for k, w in self.weights_of(name, seen).items()}

    def output_range(self, *inputs: Range | None) -> Range | None:
        found: Range | None = self.cells[-1].output_range(None)
        return found

    def rest_in_keras(self, given: list[T]) -> list[Any]:
        return self.by_cell(given)

    def by_cell(self, states: Sequence[T]) -> list[list[T]]:
        """States in turn, as lists by cell."""
        left = iter(states)
        return [list(islice(left, cell.states)) for cell in self.cells]

    def over_time(
        self, ctx: LayerContext, x: Value, states: Sequence[Value], go_backwards: bool, zero_masked: bool
    ) -> tuple[Value, ...]:
        """Each cell over all that the one before it gives: the same as step after step."""
        if go_backwards:
            x = _reversed(x)
            ctx = replace(ctx, masks=[None if mask is None else _reversed(mask) for mask in ctx.masks])
        last: list[Value] = []
        for (name, cell), given in zip(self.children().items(), self.by_cell(states), strict=True):
            # What a masked step gives, no cell after it reads.
            x, *new = cell.over_time(ctx.inside(name, cell), x, given, False, zero_masked)
            last += new
        return x, *last


def _reversed(x: Value) -> Value:
    """x (B, T, ...) from its end."""
    return slice_axis(x, 1, x.shape[1] - 1, -1, -1)
