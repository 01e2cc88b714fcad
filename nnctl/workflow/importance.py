"""Permutation importance: how much worse a model does where a column's values are those of other examples.

Source: Breiman, "Random forests" (2001), section 10; sklearn.inspection.permutation_importance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.keys import key
from nnctl.core.philox import permutation
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.preprocessing import Preprocessing, SequencePrep
from nnctl.evaluation.curves import evenly
from nnctl.workflow.batch_reader import BatchReader

if TYPE_CHECKING:
    from nnctl.program.session import Session

REPEATS = 5
"""How often each column is permuted."""
MOST_EXAMPLES = 2000
"""Of more examples than these so many are used, evenly spaced."""
MOST_PREDICTIONS = 200_000
"""Over all columns and permutations; of many columns fewer examples are used."""
MOST_COLUMNS = 128
"""Of more columns than these none is permuted."""


@record
class Importance:
    """By how much the loss grows, once for each permutation of the column."""

    column: str
    growth: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the permutations."""
        return sum(self.growth) / len(self.growth)


@record
class Importances:
    """Every column's, the largest mean first.

    Attributes:
        loss: What it is where nothing is permuted.
        examples: How many were used.
    """

    loss: float
    examples: int
    columns: tuple[Importance, ...]


Place = tuple[str, int, int, bool]
"""Where a column stands: the input, the first and last + 1 of its numbers, whether those are of each step."""


def importances(
    session: Session, preprocessing: Preprocessing, examples: Dataset, batch: int, seed: int
) -> Importances | str:
    """The importance of each input column over a split, or why there is none.

    Args:
        seed: The run's own: which permutations there are follows from it and the column's name.
    """
    from nnctl.runner.evaluate import evaluate

    places = columns_of(preprocessing, examples)
    if len(places) < 2:
        return "there is only one input column"
    if len(places) > MOST_COLUMNS:
        return f"there are {len(places)} input columns, and of more than {MOST_COLUMNS} none is permuted"
    if examples.buckets is not None:
        return "the lengths of examples differ, and those of different lengths cannot stand for each other"
    chosen = evenly(len(examples), most_examples(len(places)))
    used = replace(examples, rows=examples.rows[chosen])
    loss = evaluate(session, BatchReader(used), batch)["loss"]

    def growth(column: str, repeat: int) -> float:
        order = permutation(key(seed, "importance", column, repeat), len(used))
        return evaluate(session, Permuted(used, places[column], order), batch)["loss"] - loss

    found = [Importance(name, tuple(growth(name, repeat) for repeat in range(REPEATS))) for name in places]
    return Importances(loss, len(used), tuple(sorted(found, key=lambda one: -one.mean)))


def most_examples(columns: int) -> int:
    """How many examples are used at the most for so many columns."""
    return min(MOST_EXAMPLES, MOST_PREDICTIONS // (REPEATS * columns))


def columns_of(preprocessing: Preprocessing, examples: Dataset) -> dict[str, list[Place]]:
    """Every input column, with all places where its numbers stand."""
    found: dict[str, list[Place]] = {}
    for name, prep in preprocessing.inputs.items():
        stepwise = preprocessing.window is not None or all(
            isinstance(column, SequencePrep) for column in prep.columns.values()
        )
        widths = [_width(column, stepwise) for column in prep.columns.values()]
        shape = examples.inputs[name].shape
        whole = prod(shape[1:]) if stepwise else prod(shape)
        if len(widths) == 1:
            widths = [whole]
        assert sum(widths) == whole, f"{name}: {widths} in {shape}"
        at = 0
        for column, width in zip(prep.columns, widths, strict=True):
            found.setdefault(column, []).append((name, at, at + width, stepwise))
            at += width
    return found


def _width(column: object, stepwise: bool) -> int:
    if stepwise and isinstance(column, SequencePrep):
        return column.numbers.width
    return int(column.width)  # type: ignore[attr-defined]


class Permuted(BatchReader):
    """A split in which one column's values are those of other examples.

    Args:
        places: Where the column stands.
        order: By example the one whose values it has.
    """

    def __init__(self, data: Dataset, places: Iterable[Place], order: Array) -> None:
        super().__init__(data)
        self.places, self.order = tuple(places), order
        self._others = BatchReader(data)
        self._room: Mapping[str, Array] = {}

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices` into the buffers of a program, the column from those of `order`."""
        super().read(indices, out)
        if {name: array.shape for name, array in self._room.items()} != _input_shapes(out):
            self._room = {name: np.empty_like(out[name]) for name in _input_shapes(out)}
        self._others.read(self.order[indices], self._room)
        for own, other in self._pairs(out):
            own[...] = other

    def _pairs(self, out: Mapping[str, Array]) -> Iterator[tuple[Array, Array]]:
        """The column's numbers in the buffers, and in the room with the other examples."""
        for name, first, last, stepwise in self.places:
            part = tuple(array[f"input:{name}"] for array in (out, self._room))
            lead = part[0].shape[:2] if stepwise else part[0].shape[:1]
            own, other = (array.reshape(*lead, -1)[..., first:last] for array in part)
            yield own, other


def _input_shapes(out: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in out.items() if name.startswith("input:")}
