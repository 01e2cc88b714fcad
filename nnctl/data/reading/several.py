"""One table out of several files of a kind: their rows one behind another, in the order of their names."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nnctl.data.base import Hint, Source, Verbatim, no_hint
from nnctl.data.paths import DataPaths, expanded, named
from nnctl.data.reading.cells import beyond
from nnctl.data.reading.ragged import FlatRows, Ragged
from nnctl.data.table import (
    Column,
    Numbers,
    Origin,
    Pick,
    Rows,
    Table,
    Values,
    Words,
    as_words,
    take,
)


class Files(Source):
    """A source of one file, of those that match a pattern, or of a list of both.

    A class says how one file is read; several are one table, if they have the same columns.
    """

    path: DataPaths
    """A file, a pattern (`data/*.csv`, `data/**/*.csv`), or a list of both; several are one table."""

    def files(self) -> dict[str, str]:
        return named("path", self.path)

    @property
    def file(self) -> str:
        """The path, of a source of a single file."""
        assert isinstance(self.path, str)
        return self.path

    def apart(self, base: Path) -> list[Self]:
        """A source for each file.

        Raises:
            DataError: a file is missing, or none matches.
        """
        files = [file for _, path in sorted_by_entry(self.files()) for file in expanded(base, path)]
        return [self.model_copy(update={"path": file}) for file in files]

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        parts = self.apart(base)
        return parts[0].read_file(base, hint, rows) if len(parts) == 1 else together(parts, base, hint, rows)

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        for part in self.apart(base):
            yield from part.file_blocks(base, hint, pick, texts)

    @abstractmethod
    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        """The table of a single file; as `read`."""

    def file_blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]
    ) -> Iterator[Table]:
        """The table of a single file in blocks; as `blocks`."""
        table = self.read_file(base, hint, None)
        yield table.only(pick(table.names, table.origin))


def sorted_by_entry(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those of a field `path`, a list's in its order."""
    return [(name, path) for name, path in files.items() if name.partition(".")[0] == "path"]


def together(parts: Sequence[Files], base: Path, hint: Hint, rows: int | None) -> Table:
    """The tables of several files as one.

    Raises:
        DataError: as reading each; or one lacks a column, or has it otherwise.
    """

    def read(hint: Hint) -> list[Table]:
        tables: list[Table] = []
        left = rows
        for part in parts:
            if left is None or left > 0:
                tables.append(part.read_file(base, hint, left))
                left = None if left is None else left - tables[-1].longest
        return tables

    tables = read(hint)
    mixed = {name for name in tables[0].columns if len({type(t.columns.get(name)) for t in tables}) > 1}
    if mixed:
        # 007 is a word in every file, if one has A13 besides.
        tables = read(lambda name: hint(name) or ("category" if name in mixed else None))
    joined = behind_another(tables)
    return joined if len(tables) == len(parts) else replace(joined, total=None)


def behind_another(tables: Sequence[Table]) -> Table:
    """The rows of several tables, in their order.

    Raises:
        DataError: one lacks a column, or has it otherwise.
    """
    first = tables[0]
    for table in tables[1:]:
        for name in first.names:
            if name not in table.names:
                raise table.origin.error(f"has no column '{name}', which '{first.origin.file}' has")
    columns, unread = {}, dict(first.unread)
    for name in first.columns:
        faults = [table.unread[name] for table in tables if name in table.unread]
        if faults:
            unread[name] = faults[0]
        else:
            columns[name] = _joined(name, [table.columns[name] for table in tables], tables)
    totals = [table.total for table in tables]
    doubts = {name: error for table in reversed(tables) for name, error in table.doubts.items()}
    own = {name for table in tables for name in (*table.files, *table.origins)}
    return Table(
        columns,
        origin_of([table.origin for table in tables], [table.longest for table in tables]),
        None if None in totals else sum(total for total in totals if total is not None),
        first.options,
        doubts,
        origins={
            name: origin_of([table.at(name) for table in tables], [table.longest for table in tables])
            for name in own
        },
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
        unread=unread,
        kinds={name: kind for table in tables for name, kind in table.kinds.items()},
    )


def origin_of(origins: Sequence[Origin], counts: Sequence[int]) -> Origin:
    """Where rows of several files come from, as many of each as `counts` says."""
    starts = np.cumsum([0, *counts[:-1]]).tolist()

    def part(i: int) -> tuple[Origin, int]:
        at = bisect_right(starts, i) - 1
        return origins[at], i - starts[at]

    others = len(origins) - 1
    label = f"{origins[0].file} and {others} other{'s' if others > 1 else ''}" if others else origins[0].file
    return Origin(label, parts=part)


def _joined(name: str, columns: Sequence[Column], tables: Sequence[Table]) -> Column:
    if any(isinstance(c, Words) or c.names is not None for c in columns) or _rounded(columns):
        words = joined_words([as_words(column) for column in columns])
        if any(isinstance(column, Words) for column in columns):
            return words
        numbers = [column.values[...].astype(np.float64) for column in columns]  # type: ignore[union-attr,index]
        return Numbers(np.concatenate(numbers), words)
    numeric = [column for column in columns if isinstance(column, Numbers)]
    ragged = [column.values for column in numeric if isinstance(column.values, FlatRows)]
    if len(ragged) == len(columns):
        steps = [held if isinstance(held, np.ndarray) else held.whole() for held in (r.steps for r in ragged)]
        lengths = np.concatenate([r.ragged.lengths for r in ragged])
        return Numbers(FlatRows(np.concatenate(steps), Ragged.behind_another(lengths)))
    for column, table in zip(numeric, tables, strict=True):
        if column.shape != numeric[0].shape:
            shapes = f"{column.shape} a row, where '{tables[0].at(name).file}' has {numeric[0].shape}"
            raise table.at(name).error(f"has the shape {shapes}", column=name)
    values = [column.values for column in numeric]
    if all(isinstance(array, np.ndarray) for array in values):
        return Numbers(np.concatenate(values))  # type: ignore[arg-type]
    return Numbers(OneBehindAnother(values))


def _rounded(columns: Sequence[Column]) -> bool:
    """Whether whole numbers stand beside others, and float64 holds not all of them."""
    held = [c.values for c in columns if isinstance(c, Numbers) and isinstance(c.values, np.ndarray)]
    whole = [values for values in held if values.dtype.kind in "iu"]
    mixed = 0 < len(whole) < len(columns) and all(values.ndim == 1 for values in held)
    return mixed and any(beyond(values.astype(np.float64)) for values in whole)


def joined_words(columns: Sequence[Words]) -> Words:
    """The words of several columns, one behind another."""
    places: dict[str, int] = {}
    codes = []
    for column in columns:
        moved = [places.setdefault(word, len(places)) for word in column.vocabulary]
        codes.append(np.array([*moved, -1], dtype=np.int32)[column.codes])
    return Words(np.concatenate(codes), tuple(places))


class OneBehindAnother:
    """Arrays (N, ...) of several files, in memory or on disk, as one that is read by rows."""

    def __init__(self, parts: Sequence[Values]) -> None:
        self.parts = parts
        counts = [part.shape[0] for part in parts]
        self.starts = np.cumsum([0, *counts])
        self.shape = (int(self.starts[-1]), *parts[0].shape[1:])
        self.dtype: np.dtype[Any] = np.result_type(*(part.dtype for part in parts))
        self.chunk_rows = max(part.chunk_rows for part in parts if not isinstance(part, np.ndarray))

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """The rows asked for, in the order asked for: (len(rows), ...)."""
        out = np.empty((len(rows), *self.shape[1:]), dtype=self.dtype)
        whose = np.searchsorted(self.starts, rows, "right") - 1
        for at in np.unique(whose).tolist():
            own = whose == at
            out[own] = take(self.parts[at], rows[own] - self.starts[at])
        return out

    def whole(self) -> npt.NDArray[Any]:
        """All rows, in memory of their own."""
        out = np.empty(self.shape, dtype=self.dtype)
        for at, part in enumerate(self.parts):
            out[self.starts[at] : self.starts[at + 1]] = (
                part if isinstance(part, np.ndarray) else part.whole()
            )
        return out
