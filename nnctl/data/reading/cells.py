"""The cells of a text file, collected chunk by chunk into columns of numbers or of coded words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.records import record
from nnctl.data.base import Hint
from nnctl.data.reading.dialect import delimiter_hint
from nnctl.data.reading.numerals import EXACT, Numerals
from nnctl.data.table import Column, Numbers, Origin, Rows, Words, as_words


def check_header(names: Sequence[str], file: str, row: int = 1) -> None:
    """Raise DataError unless `names` can name columns: none empty, none twice, not all data."""
    missing_header = "if the first row is data, say `header: false` or `header: [name, ...]`"
    if (
        len(names) > 1
        and all(map(Numerals().number, names))
        and list(names) != [str(i) for i in range(len(names))]
    ):
        raise DataError(
            "the first row should name the columns, but holds only numbers",
            file=file,
            row=row,
            hint=missing_header,
        )
    seen: dict[str, int] = {}
    for i, raw in enumerate(names):
        name = raw.strip()
        if not name:
            named = ", ".join(n.strip() for n in names[1:3])
            index = (
                "if it is an index that pandas or R wrote: to_csv(index=False), write.csv(row.names=FALSE), "
                f"or name it: `skip: {row}` and `header: [id, {named}, ...]`"
            )
            hint = index if i == 0 and len(names) > 1 else missing_header
            raise DataError(f"column {i + 1} has no name", file=file, row=row, hint=hint)
        if name in seen:
            raise DataError(
                f"columns {seen[name] + 1} and {i + 1} have the same name",
                file=file,
                row=row,
                column=name,
                hint=missing_header,
            )
        seen[name] = i


def check_widths(rows: Sequence[Sequence[str]], names: Sequence[str], origin: Origin, first: int = 0) -> None:
    """Raise DataError unless each of the rows `first`, `first` + 1, ... has a cell for every name."""
    for i, row in enumerate(rows, first):
        if len(row) != len(names):
            raise origin.error(
                f"has {len(row)} cells, but there are {len(names)} columns", i, hint=delimiter_hint(names)
            )


_LONG = re.compile(r"-?\d{1,20}")


@record
class Spelled:
    """A column's rows as they are written.

    Attributes:
        cells: What is written.
        places: Which of the cells each row has; the row's own unless it is told.
        firsts: A row for each of the cells.
    """

    cells: Sequence[str]
    places: npt.NDArray[np.int32] | EllipsisType = ...
    firsts: Rows | EllipsisType = ...


class Fields(Protocol):
    """Rows of a file, numbers where they are plain (`field_blocks.py`)."""

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The fields as numbers (columns, rows)."""

    @property
    def others(self) -> npt.NDArray[np.uint8]:
        """1 for a field that is to be looked at: a word, a rare number, a missing value (columns, rows)."""

    @property
    def largest(self) -> npt.NDArray[np.float64]:
        """The largest magnitude of each column."""

    def __len__(self) -> int:
        """The number of rows."""

    def distinct(self, column: int, rows: Rows) -> Spelled:
        """The cells of `rows` of a column, each once, in the order of their first rows."""


class _ColumnBuilder:
    """One column: float64 chunks, codes into a growing vocabulary, or both.

    Both are kept from the moment a number appears that float64 may not hold exactly: the values for those who
    compute with them, the names for those who tell ids apart.
    """

    def __init__(self, words: bool, numerals: Numerals) -> None:
        self.words, self.named = words, False
        self.numerals = numerals
        self.values: list[npt.NDArray[np.float64]] = []
        self.codes: list[npt.NDArray[np.int32]] = []
        self.vocabulary: dict[str, int] = {}

    def add_words(self, spelled: Spelled) -> None:
        missing = self.numerals.words
        self._code([None if c in missing else c for c in map(str.strip, spelled.cells)], spelled.places)

    def add_numbers(self, values: npt.NDArray[np.float64], written: Callable[[], Spelled]) -> None:
        if not self.named and beyond(values):
            self.named = True
            for before in self.values:
                held = as_words(Numbers(before))
                self._code([held.vocabulary[c] if c >= 0 else None for c in held.codes.tolist()])
        if self.named:
            spelled = written()
            absent = np.isnan(values[spelled.firsts]).tolist()
            name = self.numerals.name
            names = [None if no else name(c) for c, no in zip(spelled.cells, absent, strict=True)]
            self._code(names, spelled.places)
        self.values.append(values)

    def _code(self, names: Sequence[str | None], places: npt.NDArray[np.int32] | EllipsisType = ...) -> None:
        known = self.vocabulary
        coded = [-1 if n is None else known.setdefault(n, len(known)) for n in names]
        self.codes.append(np.array(coded, dtype=np.int32)[places])

    def column(self) -> Column:
        if self.words:
            return self._words()
        values = np.concatenate(self.values) if self.values else np.empty(0)
        if not self.named:
            return Numbers(_whole(values))
        named = self._words()
        whole = _long(named)
        return Numbers(values, named) if whole is None else Numbers(whole)

    def _words(self) -> Words:
        codes = np.concatenate(self.codes) if self.codes else np.empty(0, dtype=np.int32)
        return Words(codes, tuple(self.vocabulary))


def beyond(values: npt.NDArray[np.float64]) -> bool:
    """Whether float64 may have rounded one of the whole numbers among `values`."""
    with np.errstate(invalid="ignore"):
        return bool((np.abs(values) >= EXACT).any())


def _whole(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    """int64 if every value is a whole number."""
    first = values[:1024]
    if not (np.isnan(values).any() or (first != np.trunc(first)).any()):
        whole = values.astype(np.int64)
        if np.array_equal(whole, values):
            return whole
    return values


def _long(named: Words) -> npt.NDArray[np.int64] | npt.NDArray[np.uint64] | None:
    """The numbers that `named` spells out as 64-bit integers, if they all are."""
    if (named.codes < 0).any() or not all(map(_LONG.fullmatch, named.vocabulary)):
        return None
    distinct = [int(w) for w in named.vocabulary]
    low, high = min(distinct), max(distinct)
    if low >= -(2**63) and high < 2**63:
        return np.array(distinct, dtype=np.int64)[named.codes]
    return np.array(distinct, dtype=np.uint64)[named.codes] if low >= 0 and high < 2**64 else None


class Cells:
    """All columns of a text file.

    A column is numeric until a chunk proves otherwise; words that appear after the first chunk cannot be
    recovered from the numbers before them, so the file is then read a second time (`late_words`, `again`).
    """

    def __init__(
        self,
        names: list[str],
        origin: Origin,
        numerals: Numerals,
        hint: Hint,
        words: frozenset[str] = frozenset(),
    ) -> None:
        self.names, self.origin, self.numerals, self.hint = names, origin, numerals, hint
        self.count = 0
        self.finished = False
        self.late_words: set[str] = set()
        self.builders = {
            n: _ColumnBuilder(n in words or hint(n) not in (None, "number"), numerals) for n in names
        }

    @property
    def numeric(self) -> bool:
        """Whether all columns may still hold only numbers, as Python writes them."""
        return self.numerals.plain and not any(b.words or b.named for b in self.builders.values())

    @property
    def words(self) -> list[bool]:
        """Which columns hold words, of each."""
        return [self.builders[name].words for name in self.names]

    def add_numbers(self, values: npt.NDArray[np.float64]) -> None:
        """Append rows (n, columns) that hold nothing but numbers below EXACT."""
        for name, column in zip(self.names, values.T, strict=True):
            self.builders[name].values.append(self.numerals.without_markers(np.array(column)))
        self.count += len(values)

    def again(self) -> Cells:
        """An empty collector that knows which columns hold words."""
        words = frozenset(n for n in self.names if self.builders[n].words)
        return Cells(self.names, self.origin, self.numerals, self.hint, words)

    def add(self, rows: list[list[str]]) -> None:
        """Append rows of cells. Raises DataError for a ragged row or a word in a column of numbers."""
        check_widths(rows, self.names, self.origin, self.count)
        for name, cells in zip(self.names, zip(*rows, strict=True), strict=True):
            self._add(name, Spelled(cells))
        self.count += len(rows)

    def _add(self, name: str, spelled: Spelled) -> None:
        if not self.builders[name].words:
            values = self._values(name, spelled)
            if values is not None:
                self.builders[name].add_numbers(values, lambda: spelled)
                return
        self.builders[name].add_words(spelled)

    def add_fields(self, fields: Fields) -> None:
        """Append rows as `add` does, where Python looks at each distinct word only.

        Raises DataError for a word in a column of numbers.
        """
        every = np.arange(len(fields))
        odd = fields.others.any(axis=1) | (fields.largest >= EXACT)
        for i, name in enumerate(self.names):
            builder = self.builders[name]
            if not builder.words:
                values = self.numerals.without_markers(fields.values[i].copy())
                if not odd[i] and not builder.named:
                    builder.values.append(values)
                elif self._read(i, fields, values):
                    builder.add_numbers(values, lambda i=i: fields.distinct(i, every))  # type: ignore[misc]
            if self.builders[name].words:
                self.builders[name].add_words(fields.distinct(i, every))
        self.count += len(fields)

    def _read(self, i: int, fields: Fields, values: npt.NDArray[np.float64]) -> bool:
        """Write to `values` (rows,) of a column what is not read yet; whether it is all numbers."""
        others = np.flatnonzero(fields.others[i])
        spelled = fields.distinct(i, others)
        rest = self._values(self.names[i], spelled)
        if rest is not None:
            values[others] = rest[spelled.places]
        return rest is not None

    def _values(self, name: str, spelled: Spelled) -> npt.NDArray[np.float64] | None:
        """The numbers of a column's cells; None: the column is one of words."""
        values = self.numerals.parse(spelled.cells)
        if values is None:
            known = self.numerals
            cells = enumerate(spelled.cells)
            i = next(i for i, c in cells if not known.missing(c) and not known.number(c))
            row = i if isinstance(spelled.firsts, EllipsisType) else int(spelled.firsts[i])
            self._refuse(name, spelled.cells[i], self.count + row)
            self.builders[name] = _ColumnBuilder(True, self.numerals)
            if self.count:
                self.late_words.add(name)
        return values

    def _refuse(self, name: str, cell: str, row: int) -> None:
        if self.hint(name) == "number":
            raise self.origin.error(f"'{cell}' is not a number", row, name)

    def columns(self) -> dict[str, Column]:
        """The finished columns."""
        return {name: builder.column() for name, builder in self.builders.items()}

    def doubts(self, columns: dict[str, Column]) -> dict[str, DataError]:
        """By column: a word among what is mostly numbers, a typo unless the config declares a category."""
        found = {
            n: self._stray(n, c) for n, c in columns.items() if isinstance(c, Words) and not self.hint(n)
        }
        return {name: error for name, error in found.items() if error}

    def _stray(self, name: str, column: Words) -> DataError | None:
        numeric = np.array([*map(self.numerals.number, column.vocabulary), False], dtype=bool)
        present = column.codes >= 0
        is_number = numeric[column.codes]
        if 2 * int(is_number.sum()) <= int(present.sum()):
            return None
        row = int(np.argmax(present & ~is_number))
        cell = column.vocabulary[column.codes[row]]
        return self.origin.error(
            f"'{cell}' is not a number, but most of the column is",
            row,
            name,
            hint=f"correct it, name it under `missing:` of the source, or declare columns: "
            f"{{{name}: {{type: category}}}}",
        )
