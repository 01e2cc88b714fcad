"""Sequences of different lengths, made of one length as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from nnctl.core.arrays import distinct_values
from nnctl.core.records import record
from nnctl.data.columns.sequences import from_cells
from nnctl.data.feeding.feeds import Flat, ScaledNumbers, Whole
from nnctl.data.preprocessing import SequencePrep
from nnctl.data.reading.numerals import Numerals
from nnctl.data.reading.ragged import FlatRows, Ragged
from nnctl.data.table import Column, LazyArray, Numbers, Origin, Rows, Table, Values, as_words, take


class Writing(Protocol):
    """What says how sequences stand in a table."""

    @property
    def lengths(self) -> str | None:
        """The column that says how long each sequence of an array is; None: they stand in cells."""

    @property
    def separator(self) -> str | None:
        """What stands between the numbers of a cell."""

    @property
    def empty(self) -> bool:
        """Whether a missing cell is a sequence of no steps."""


@record
class Held:
    """The sequences of a column.

    Attributes:
        values: The steps of all sequences (steps, ...), those between them included that belong to none.
        ragged: Where each sequence lies among them.
        codes: Which sequence a row has (N,); None: each its own.
        origin: Where the steps are, as `values` counts them.
    """

    values: Values
    ragged: Ragged
    codes: Rows | None
    origin: Origin

    def of(self, rows: Rows) -> Rows:
        """The sequences that `rows` have."""
        return rows if self.codes is None else self.codes[rows]


def held(table: Table, name: str, how: Writing, numerals: Numerals) -> Held:
    """The sequences of the column `name`.

    Raises:
        DataError: it holds none, a cell is missing or holds what is no number, or a length is none.
    """
    column, origin = table.columns[name], table.at(name)
    if how.lengths is not None:
        if how.lengths not in table.columns:
            raise table.origin.error(f"has no column '{how.lengths}', the lengths of '{name}'")
        return _in_array(column, name, origin, _lengths(table, how.lengths, column, name))
    if isinstance(column, Numbers) and isinstance(found := column.values, FlatRows):
        return Held(found.steps, found.ragged, None, origin.through(found.row_of))
    if column.shape:
        hint = f"columns: {{{name}: {{type: sequence, lengths: COLUMN}}}} for arrays with lengths beside them"
        raise origin.error("holds arrays, where sequences are cells of text", column=name, hint=hint)
    words = as_words(column)
    cells, codes = from_cells(words, how.separator, numerals, name, origin, empty=how.empty)
    ragged = Ragged.behind_another(np.array([len(cell) for cell in cells], dtype=np.int64))

    def row_of(step: int) -> int:
        # Sequences without steps begin where the one behind them does.
        sequence = int(np.searchsorted(ragged.starts, step, "right")) - 1
        return int(np.argmax(codes == sequence))

    return Held(np.concatenate([*cells, np.empty(0)]), ragged, codes, origin.through(row_of))


def _in_array(column: Column, name: str, origin: Origin, lengths: Rows) -> Held:
    """The sequences of an array (N, T, ...), each at the start of its row, or of one of all steps."""
    assert isinstance(column, Numbers)
    if isinstance(found := column.values, FlatRows):
        return Held(found.steps, found.ragged, None, origin.through(found.row_of))
    most = column.shape[0]
    starts = np.arange(len(column), dtype=np.int64) * most
    values: Values = (
        column.values.reshape(-1, *column.shape[1:])
        if isinstance(column.values, np.ndarray)
        else StepsOnDisk(column.values)
    )
    return Held(values, Ragged(starts, lengths), None, origin.through(lambda step: step // most))


def _lengths(table: Table, name: str, column: Column, sequences: str) -> Rows:
    """The lengths of the sequences in a column of arrays."""
    if not isinstance(column, Numbers) or not column.shape:
        raise table.at(sequences).error(
            f"has 'lengths', but holds no array (N, T, ...) with a row of steps for each of '{name}'",
            column=sequences,
        )
    held = table.columns[name]
    if not isinstance(held, Numbers) or held.shape not in ((), (1,)):
        raise table.at(name).error("does not hold one length per row", column=name)
    rows = np.arange(len(held), dtype=np.int64)
    found = take(held.values, rows).reshape(-1)
    most = column.shape[0]
    with np.errstate(invalid="ignore"):
        right = (found >= 0) & (found <= most) & (found == np.floor(found))
    if not right.all():
        row = int(np.argmin(right))
        raise table.at(name).error(
            f"{found[row]} is no length of a sequence of '{sequences}', which has room for {most} steps",
            row,
            name,
        )
    return found.astype(np.int64)


class StepsOnDisk:
    """An array (N, T, ...) on disk seen as its steps (N * T, ...)."""

    def __init__(self, rows: LazyArray) -> None:
        self.rows, self.most = rows, rows.shape[1]
        self.shape = (rows.shape[0] * self.most, *rows.shape[2:])
        self.dtype, self.chunk_rows = rows.dtype, rows.chunk_rows * self.most

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        wanted, back = np.unique(rows // self.most, return_inverse=True)
        found: npt.NDArray[Any] = self.rows.take(wanted)[back, rows % self.most]
        return found

    def whole(self) -> npt.NDArray[Any]:
        return self.rows.whole().reshape(self.shape)


class Sequences:
    """The sequences of a column, prepared, cut and filled up as rows are read."""

    def __init__(
        self, found: Held, prep: SequencePrep, name: str, origin: Origin, *, integer: bool, dtype: str
    ) -> None:
        self.prep, self.held, self.name, self.table_origin = prep, found, name, origin
        self.ragged = found.ragged.cut(prep.length, last=prep.truncating == "pre")
        self.width = prep.width
        self.steps: Whole | ScaledNumbers = (
            Whole(found.values, name, found.origin)
            if integer
            else ScaledNumbers(found.values, prep.numbers, name, found.origin, dtype)
        )

    @classmethod
    def of(
        cls, table: Table, name: str, prep: SequencePrep, rows: Rows, *, integer: bool, dtype: str
    ) -> Sequences:
        """Those of a column as training prepared its own, all `rows` looked at if they are in memory.

        Raises:
            DataError: as `held`; or its steps have another shape, or a value that nothing prepares for.
        """
        found = held(table, name, prep, Numerals(prep.markers, prep.decimal, prep.thousands))
        step = tuple(found.values.shape[1:])
        if step != prep.numbers.shape:
            message = f"one step has the shape {step}, but {prep.numbers.shape} in training"
            raise table.at(name).error(message, column=name)
        made = cls(found, prep, name, table.at(name), integer=integer, dtype=dtype)
        made.check(rows)
        return made

    def check(self, rows: Rows) -> None:
        """Look at the steps that `rows` have now, if they are in memory."""
        _, _, steps = self.ragged.steps(distinct_values(self.held.of(rows)))
        self.steps.check(steps)

    def kept(self) -> list[Flat]:
        codes = [] if self.held.codes is None else [self.held.codes]
        return [*codes, self.ragged.starts, self.ragged.lengths, *self.steps.kept()]

    def steps_of(self, rows: Rows) -> Rows:
        """How many steps each of the rows has."""
        found: Rows = self.ragged.lengths[self.held.of(rows)]
        return found

    def whole_steps_of(self, rows: Rows) -> Rows:
        """How many steps each of the rows has in the table, before longer ones are cut."""
        found: Rows = self.held.ragged.lengths[self.held.of(rows)]
        return found

    def first_with(self, value: float, rows: Rows, some: int = 4096) -> int | None:
        """The first of `rows` with a step of its own that holds nothing but `value`."""
        for start in range(0, len(rows), some):
            which, _, step = self.ragged.steps(self.held.of(rows[start : start + some]))
            values = np.empty((len(step), self.steps.width), dtype=np.float32)
            self.steps.read(step, values)
            same = (values == np.float32(value)).all(axis=1)
            if same.any():
                return int(rows[start + which[int(np.argmax(same))]])
        return None

    def read(self, rows: Rows, out: Flat) -> None:
        row, place, step = self.ragged.steps(self.held.of(rows))
        values = np.empty((len(step), self.steps.width), dtype=out.dtype)
        self.steps.read(step, values)
        filled = out.reshape(len(rows), out.shape[1] // max(1, self.steps.width), self.steps.width)
        if self.prep.padding == "pre":
            place = place + (filled.shape[1] - self.steps_of(rows))[row]
        filled[...] = self.prep.value
        filled[row, place] = values


def need_as_many_steps(first: Sequences, other: Sequences, rows: Rows) -> None:
    """Hold the numbers of steps that two columns have in `rows` against each other.

    Raises:
        DataError: the sequences of a row have different lengths; names file, row and both columns.
    """
    steps, others = first.whole_steps_of(rows), other.whole_steps_of(rows)
    if (steps != others).any():
        at = int(np.argmax(steps != others))
        message = f"the sequence has {others[at]} steps, but that of '{first.name}' has {steps[at]}"
        hint = "columns whose numbers are those of the same steps have as many in each row"
        raise other.table_origin.error(message, int(rows[at]), other.name, hint)


class SideBySide:
    """Columns of sequences whose steps, as many in each row, make the steps of one sequence.

    Raises:
        DataError: the sequences of a row have different lengths; names file, row and both columns.
    """

    def __init__(self, parts: Sequence[Sequences], rows: Rows) -> None:
        self.parts = parts
        self.width = sum(part.width for part in parts)
        for part in parts[1:]:
            need_as_many_steps(parts[0], part, rows)

    def kept(self) -> list[Flat]:
        return [array for part in self.parts for array in part.kept()]

    def steps_of(self, rows: Rows) -> Rows:
        """How many steps each of the rows has."""
        return self.parts[0].steps_of(rows)

    def read(self, rows: Rows, out: Flat) -> None:
        widths = [part.steps.width for part in self.parts]
        steps = out.reshape(len(rows), out.shape[1] // max(1, sum(widths)), sum(widths))
        at = 0
        for part, width in zip(self.parts, widths, strict=True):
            own = np.empty((len(rows), steps.shape[1] * width), dtype=out.dtype)
            part.read(rows, own)
            steps[:, :, at : at + width] = own.reshape(*steps.shape[:2], width)
            at += width
