"""A cell over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, TypeAdapter

from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.layers.one_step import OneStep
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.stacked_rnn_cells import CellField, StackedRNNCells
from nnctl.layers.wrapper import Holding
from nnctl.ops.base import Value

_CELLS: TypeAdapter[list[Any]] = TypeAdapter(list[CellField])


def _stacked(value: Any) -> Any:
    """Several cells are a stack of them."""
    return StackedRNNCells(cells=_CELLS.validate_python(value)) if isinstance(value, list | tuple) else value


@register
class RNN(Recurrent, Holding, WithTraining):
    """Runs a cell over a sequence, or several on top of each other.

    Initial states, and the last ones with return_state, are those of each cell in turn.

    Shapes: x (B, T, I), each state (B, U), y (B, U) or, with return_sequences, (B, T, U).
    Source: keras.layers.RNN.
    """

    in_keras: ClassVar[InKeras] = InKeras(arguments=("sequences",), rest="initial_state", mask="mask")

    cell: Annotated[CellField, BeforeValidator(_stacked, json_schema_input_type=CellField | list[CellField])]
    """The cell: a name, a mapping as in `layers`, or a list of several."""

    @property
    def states(self) -> int:
        found: int = self.cell.states
        return found

    @property
    def output_state(self) -> int:
        found: int = self.cell.output_state
        return found

    def children(self) -> Mapping[str, OneStep]:
        return {"cell": self.cell}

    def check_step(self, step: Shape) -> None:
        with self.within("cell"):
            self.cell.check_step(step)

    def state_shapes(self, step: Shape) -> list[Shape]:
        found: list[Shape] = self.cell.state_shapes(step)
        return found

    def weights(self, x: Shape, *initial: Shape) -> Mapping[str, Weight]:
        return self.weights_of("cell", x[1:])

    def rest_in_keras(self, given: list[Any]) -> list[Any]:
        found: list[Any] = self.cell.rest_in_keras(given)
        return found

    def output_range(self, *inputs: Range | None) -> Range | None:
        found: Range | None = self.cell.output_range(None)
        return found

    def over_time(
        self, ctx: LayerContext, x: Value, states: Sequence[Value], go_backwards: bool, zero_masked: bool
    ) -> tuple[Value, ...]:
        inside = ctx.inside("cell", self.cell)
        found: tuple[Value, ...] = self.cell.over_time(inside, x, states, go_backwards, zero_masked)
        return found
