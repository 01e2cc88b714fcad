"""Named columns as a source yields them: numbers (in memory or lazy) and words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.records import record
from nnctl.data.paths import Content

Kind = Literal["number", "category", "time", "text", "sequence"]
"""What a column holds."""

Rows = npt.NDArray[np.int64]
"""Row numbers of a table, from 0."""


class LazyArray(Protocol):
    """An array (N, ...) on disk that is read by rows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """All axes, rows first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of an element."""

    @property
    def chunk_rows(self) -> int:
        """How many rows are read where one is asked for."""

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """The rows asked for, in the order asked for: (len(rows), ...)."""

    def whole(self) -> npt.NDArray[Any]:
        """All rows, in memory of their own."""


Values = npt.NDArray[Any] | LazyArray


@record
class Words:
    """A column of words (N,): `vocabulary[codes[i]]`; a code of -1 stands for a missing value."""

    codes: npt.NDArray[np.int32]
    vocabulary: tuple[str, ...]

    shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)


@record
class Numbers:
    """A column of numbers (N, ...): bool, integer or float; NaN stands for a missing value."""

    values: Values
    names: Words | None = None
    """What the values are called where float64 cannot tell them apart: ids of more digits than it holds."""

    def __len__(self) -> int:
        return self.values.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example's value: () for a scalar."""
        return self.values.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type the source holds."""
        return self.values.dtype

    @property
    def integer(self) -> bool:
        """Whether the source itself says that these are whole numbers."""
        return self.dtype.kind in "iub"


Column = Numbers | Words


@record
class Origin:
    """Where rows come from, so that an error can say it."""

    file: str
    """The path as the config wrote it."""
    first: int = 1
    """What a user calls the first row."""
    locate: Callable[[int], int] | None = field(default=None, compare=False)
    """A slower, exact way to say where row i (from 0) stands, for files whose rows are not lines."""

    parts: Callable[[int], tuple[Origin, int | None]] | None = field(default=None, compare=False)
    """For rows of several files: where row i (from 0) comes from, and its number there; None: the whole file
    is that row."""

    def at(self, i: int) -> tuple[Origin, int | None]:
        """The file that row `i` (from 0) is in, and its number (from 0) there."""
        if self.parts is None:
            return self, i
        origin, row = self.parts(int(i))
        return (origin, None) if row is None else origin.at(row)

    def row(self, i: int) -> int:
        """The number under which a user finds row `i` (from 0) in its file."""
        origin, row = self.at(i)
        if row is None:
            return 1
        return origin.locate(row) if origin.locate else origin.first + row

    def place(self, i: int) -> str:
        """The file, and the row in it, of row `i` (from 0), in words."""
        origin, row = self.at(i)
        return origin.file if row is None else f"{origin.file}, row {origin.row(row)}"

    def through(self, row_of: Callable[[int], int]) -> Origin:
        """Where something comes from whose item i stands in row `row_of(i)`."""
        if self.parts is None:
            return replace(self, locate=lambda i: self.row(row_of(i)))
        return replace(self, parts=lambda i: self.at(row_of(i)))

    def error(
        self, message: str, row: int | None = None, column: str | None = None, hint: str | None = None
    ) -> DataError:
        """A DataError at row `row` (from 0) and `column` of this file."""
        origin, own = (self, None) if row is None else self.at(int(row))
        at = None if own is None else origin.row(own)
        return DataError(message, file=origin.file, row=at, column=column, hint=hint)


Pick = Callable[[Sequence[str], Origin], Collection[str]]
"""Which of a file's columns are wanted. Raises DataError where one is not there."""


@record
class Table:
    """Named columns of one source. `total` is the number of rows in the file, None if it was not counted."""

    columns: dict[str, Column]
    origin: Origin
    total: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """How the file was read (delimiter, header, ...): another file of its kind is read the same way."""
    doubts: dict[str, DataError] = field(default_factory=dict)
    """By column: what is wrong with it unless the config says what the column is."""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """By column: its cells as they are written, where that was asked for."""
    files: dict[str, str] = field(default_factory=dict)
    """Files of single columns, where they are not in the origin's file."""
    origins: dict[str, Origin] = field(default_factory=dict)
    """Where single columns come from, where that is not the table's own."""
    notes: tuple[str, ...] = ()
    """What was guessed of the file, in sentences."""
    unread: dict[str, DataError] = field(default_factory=dict)
    """Why parts of the file are no columns; it matters only to those who want them."""
    kinds: dict[str, Kind] = field(default_factory=dict)
    """By column: what the file says that it is, where its being numbers or words does not."""
    content: dict[str, Content] | None = None
    """What was read, by the names of the source's `files`, where it is no file or was hashed already."""

    @property
    def names(self) -> list[str]:
        """The names of all columns, those that cannot be read last."""
        return [*self.columns, *self.unread]

    def need(self, names: Iterable[str]) -> None:
        """Raise the DataError of the first of `names` that cannot be read."""
        for name in names:
            if name in self.unread:
                error = self.unread[name]
                raise replace(error, hint=error.hint or f'if it is not needed: inputs: ["!{name}"]')

    def at(self, name: str) -> Origin:
        """Where the rows of column `name` come from."""
        if name in self.origins:
            return self.origins[name]
        return replace(self.origin, file=self.files[name]) if name in self.files else self.origin

    @property
    def complete(self) -> bool:
        """Whether every row of the file is here."""
        return all(len(c) == self.total for c in self.columns.values())

    @property
    def longest(self) -> int:
        """The number of rows of the longest column; 0 without columns."""
        return max(map(len, self.columns.values()), default=0)

    def rows(self, names: list[str]) -> int:
        """The number of rows that the columns `names` have in common.

        Raises:
            DataError: they differ; it names two of them.
        """
        if not names:
            return self.longest
        return same_length({name: len(self.columns[name]) for name in names}, self.origin)

    def only(self, wanted: Collection[str]) -> Table:
        """The table of the columns `wanted`.

        Raises:
            DataError: one of them cannot be read, or they have different numbers of rows.
        """
        self.need(wanted)
        columns = {name: column for name, column in self.columns.items() if name in wanted}
        self.rows(list(columns))
        return replace(self, columns=columns)


def same_length(counts: Mapping[str, int], origin: Origin) -> int:
    """The number of rows that columns have in common; 0 without columns.

    Raises:
        DataError: they differ; it names two of them.
    """
    first, n = next(iter(counts.items()), ("", 0))
    for name, count in counts.items():
        if count != n:
            raise origin.error(f"column '{first}' has {n} rows, but column '{name}' has {count}", column=name)
    return n


def take(values: Values, rows: Rows) -> npt.NDArray[Any]:
    """The rows asked for, in order, of an array in memory or on disk."""
    return values[rows] if isinstance(values, np.ndarray) else values.take(rows)


def blocks(values: Values, rows: Rows, elements: int = 1 << 20) -> Iterator[tuple[Rows, npt.NDArray[Any]]]:
    """The rows `rows` of an array in pieces of about `elements` elements, with the row numbers of each."""
    width = max(1, int(np.prod(values.shape[1:], dtype=np.int64)))
    step = max(1, elements // width)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        yield part, take(values, part)


def as_words(column: Column, rows: Rows | None = None) -> Words:
    """The column as words: numbers are written as decimals ("3", not "3.0")."""
    if isinstance(column, Words):
        return column
    if column.names is not None:
        return column.names
    if column.shape:
        raise ValueError("an array column holds no words")
    everything = np.arange(len(column), dtype=np.int64) if rows is None else rows
    values = take(column.values, everything)
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    distinct, codes = np.unique(values[~missing], return_inverse=True)
    coded = np.full(len(values), -1, dtype=np.int32)
    coded[~missing] = codes
    return Words(coded, tuple(word(v) for v in distinct.tolist()))


def coded(words: Sequence[str], codes: npt.NDArray[np.int32]) -> Words:
    """The column whose row i holds `words[codes[i]]`; blanks around it do not count, "" is missing."""
    places: dict[str, int] = {"": -1}
    known = [places.setdefault(w, len(places) - 1) for w in map(str.strip, words)]
    del places[""]
    return Words(np.array([*known, -1], dtype=np.int32)[codes], tuple(places))


def word(value: bool | int | float) -> str:
    """A number as a class name: 3.0 and 3 are both "3"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(int(value)) if isinstance(value, bool) else str(value)


def natural(words: list[str]) -> list[str]:
    """Words in the order people expect: as numbers where all are numbers, else by code point."""
    try:
        return sorted(words, key=lambda w: (int(w) if w.lstrip("-").isdecimal() else float(w), w))
    except ValueError:
        return sorted(words)
