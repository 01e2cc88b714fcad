"""The cells of a text file, collected chunk by chunk into columns of numbers or of coded words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.base import Hint
from nnctl.data.table import Column, Numbers, Origin, Words


def parse(cells: Sequence[str], missing: frozenset[str]) -> npt.NDArray[np.float64] | None:
    """The cells (n,) as float64, missing ones NaN; None if one of them is no number."""
    try:
        if any(map(_is_float, missing)):
            raise ValueError("a marker such as -999 reads as a number")
        values = list(map(float, cells))
    except ValueError:
        try:
            values = [math.nan if c in missing else float(c) for c in cells]
        except ValueError:
            return None
    return None if "_" in "".join(cells) else np.array(values, dtype=np.float64)


def _is_float(marker: str) -> bool:
    try:
        return not math.isnan(float(marker))
    except ValueError:
        return False


def number(cell: str) -> bool:
    """Whether a cell is a number as people write them (float() would take 1_000 too)."""
    return parse([cell], frozenset()) is not None


def check_header(names: Sequence[str], file: str) -> None:
    """Raise DataError unless `names` can name columns: none empty, none twice, not all data."""
    missing_header = "if the first row is data, say `header: false` or `header: [name, ...]`"
    if (
        len(names) > 1
        and all(number(n) for n in names)
        and list(names) != [str(i) for i in range(len(names))]
    ):
        raise DataError(
            "the first row should name the columns, but holds only numbers",
            file=file,
            row=1,
            hint=missing_header,
        )
    seen: dict[str, int] = {}
    for i, raw in enumerate(names):
        name = raw.strip()
        if not name:
            raise DataError(f"column {i + 1} has no name", file=file, row=1, hint=missing_header)
        if name in seen:
            raise DataError(
                f"columns {seen[name] + 1} and {i + 1} have the same name",
                file=file,
                row=1,
                column=name,
                hint=missing_header,
            )
        seen[name] = i


class _Builder:
    """One column: float64 chunks, or int32 codes into a growing vocabulary."""

    def __init__(self, words: bool) -> None:
        self.words = words
        self.chunks: list[npt.NDArray[np.float64] | npt.NDArray[np.int32]] = []
        self.vocabulary: dict[str, int] = {}
        self.first_word: tuple[int, str] | None = None
        self.numeric = 0

    def code(self, cells: Sequence[str], missing: frozenset[str]) -> None:
        words = self.vocabulary
        coded = [-1 if c in missing else words.setdefault(c, len(words)) for c in cells]
        self.chunks.append(np.array(coded, dtype=np.int32))

    def column(self) -> Column:
        if self.words:
            codes = np.concatenate(self.chunks).astype(np.int32, copy=False)
            return Words(codes, tuple(self.vocabulary))
        values: npt.NDArray[np.float64] = np.concatenate(self.chunks).astype(np.float64, copy=False)
        return Numbers(_whole(values))


def _whole(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
    """int64 if every value is a whole number that int64 and float64 both hold exactly."""
    if np.all(np.abs(values) <= 2.0**53):
        whole = values.astype(np.int64)
        if np.array_equal(whole, values):
            return whole
    return values


class Cells:
    """All columns of a text file.

    A column is numeric until a chunk proves otherwise; words that appear after the first chunk cannot be
    recovered from the numbers before them, so the file is then read a second time (`late_words`, `again`).
    """

    def __init__(
        self,
        names: list[str],
        origin: Origin,
        missing: Sequence[str],
        hint: Hint,
        words: frozenset[str] = frozenset(),
    ) -> None:
        self.names, self.origin, self.hint = names, origin, hint
        self.missing = frozenset(missing)
        self.count = 0
        self.finished = False
        self.late_words: set[str] = set()
        self.builders = {n: _Builder(n in words or hint(n) == "category") for n in names}

    @property
    def numeric(self) -> bool:
        """Whether all columns may still hold numbers alone, and no number stands for a missing value."""
        return not any(b.words for b in self.builders.values()) and not any(map(_is_float, self.missing))

    def add_numbers(self, values: npt.NDArray[np.float64]) -> None:
        """Append rows (n, columns) that hold nothing but numbers."""
        for name, column in zip(self.names, values.T, strict=True):
            self.builders[name].chunks.append(np.ascontiguousarray(column))
        self.count += len(values)

    def again(self) -> Cells:
        """An empty collector that knows which columns hold words."""
        words = frozenset(n for n in self.names if self.builders[n].words)
        return Cells(self.names, self.origin, tuple(self.missing), self.hint, words)

    def add(self, rows: list[list[str]]) -> None:
        """Append rows of cells. Raises DataError for a ragged row or a word in a column of numbers."""
        width = len(self.names)
        if any(len(row) != width for row in rows):
            i = next(i for i, row in enumerate(rows) if len(row) != width)
            raise self.origin.error(
                f"has {len(rows[i])} cells, but there are {width} columns", self.count + i
            )
        for name, cells in zip(self.names, zip(*rows, strict=True), strict=True):
            self._add(name, cells)
        self.count += len(rows)

    def _add(self, name: str, cells: tuple[str, ...]) -> None:
        builder = self.builders[name]
        if not builder.words:
            values = parse(cells, self.missing)
            if values is not None:
                builder.chunks.append(values)
                return
            i = next(i for i, c in enumerate(cells) if c not in self.missing and not number(c))
            self._refuse(name, cells[i], self.count + i)
            builder.words = True
            if self.count:
                self.late_words.add(name)
            builder.chunks.clear()
        builder.code(cells, self.missing)

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
        numeric = np.array([*map(number, column.vocabulary), False], dtype=bool)
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
