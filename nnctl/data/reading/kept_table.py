"""Tables larger than memory: gone through once, their columns kept on a disk as rows of numbers.

What a file holds in text, packed or in another order of its bytes is read in blocks and written column by
column; batches are then read from there. It is kept by content, so the next run goes through nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.core.memory import memory
from nnctl.data.base import Hint, Source
from nnctl.data.reading.kept_rows import RowWriter, find_rows
from nnctl.data.reading.several import joined_words, origin_of
from nnctl.data.table import Column, Numbers, Origin, Rows, Table, Values, Words, take

LARGE = 128 << 20
"""Files of so many bytes stay on the disk, where the order of examples allows it."""
_SHARE = 8
"""In any order a table is held in memory, up to one part of it in so many (files are often packed)."""


def stays_on_disk(source: Source, base: Path, any_order: bool) -> bool:
    """Whether a source's table is not held in memory."""
    if not source.streams:
        return False
    size = source.size(base) or 0
    known = memory()
    return size > (LARGE if not any_order or known is None else max(LARGE, known[0] // _SHARE))


def kept_table(source: Source, base: Path, hint: Hint, used: Sequence[str]) -> Table:
    """The columns `used` of a source, numbers on a disk; words are in memory, as numbers of words.

    Raises:
        DataError: as reading it; or there is no room.
    """
    first = source.read(base, hint, 1)
    digests = source.digests(base)
    said = [(name, hint(name)) for name in used]
    key = f"1 {source.config()} {sorted((n, c.sha256) for n, c in digests.items())} {said}"
    kept = _found(key, used) or _written(source, base, hint, used, key)
    columns, total, origin = kept
    others = {
        name: first.origin.error("was not read", column=name) for name in first.names if name not in used
    }
    return replace(
        first, columns=columns, total=total, origin=origin, unread=others, content=digests, doubts={}
    )


Kept = tuple[dict[str, Column], int, Origin]


def _found(key: str, used: Sequence[str]) -> Kept | None:
    columns: dict[str, Column] = {}
    notes: dict[str, Any] = {}
    for name in used:
        found = find_rows(f"{key} {name}")
        if found is None:
            return None
        values, notes = found
        columns[name] = _column(values, notes)
    return columns, notes["total"], _origin(notes["places"])


def _written(source: Source, base: Path, hint: Hint, used: Sequence[str], key: str) -> Kept:
    with ExitStack() as opened:
        writers: dict[str, _Column] = {}
        places: list[tuple[str, int, int]] = []
        wanted: Collection[str] = list(used)
        for block in source.blocks(base, hint, lambda names, origin: wanted, lambda name: False):
            count = block.longest
            places.append((block.origin.at(0)[0].file, block.origin.row(0), count))
            for name in used:
                if name not in writers:
                    writers[name] = opened.enter_context(_Column(block.columns[name]))
                writers[name].add(block.columns[name], name, block)
        if not places:
            raise DataError("has no rows of data", file=source.label)
        total = sum(count for *_, count in places)
        columns = {}
        for name, writer in writers.items():
            notes = {"total": total, "places": _shorter(places), **writer.notes()}
            values, notes = writer.writer.end(f"{key} {name}", notes)
            columns[name] = _column(values, notes)
        return columns, total, _origin(notes["places"])


class _Column(ExitStack):
    """One column that is written block by block: numbers as floats or as they are, words as their numbers."""

    def __init__(self, like: Column) -> None:
        super().__init__()
        self.words = isinstance(like, Words)
        self.shape: tuple[int, ...] = () if isinstance(like, Words) else like.shape
        self.dtype = np.dtype("<i4") if isinstance(like, Words) else _kept_type(like)
        self.whole = True
        self.vocabulary: tuple[str, ...] = ()
        self.writer = self.enter_context(RowWriter(self.shape, self.dtype.str))

    def add(self, column: Column, name: str, block: Table) -> None:
        if isinstance(column, Words) is not self.words or (isinstance(column, Numbers) and column.names):
            row = 0
            if isinstance(column, Words):
                row = int(np.argmax(column.codes >= 0))
            hint = f"declare what it is: columns: {{{name}: {{type: category}}}}, or number"
            message = "holds words here and numbers before, or numbers of more digits than float64 has"
            raise block.origin.error(message, row, name, hint)
        if isinstance(column, Words):
            joined = joined_words([Words(np.empty(0, np.int32), self.vocabulary), column])
            self.vocabulary = joined.vocabulary
            self.writer.add(joined.codes)
            return
        if column.shape != self.shape:
            raise block.origin.error(f"has the shape {column.shape}, before {self.shape}", 0, name)
        values = take(column.values, np.arange(len(column), dtype=np.int64))
        if self.dtype.kind == "f" and values.dtype.kind == "f" and self.whole:
            self.whole = bool((values == np.trunc(values)).all())
        self.writer.add(values)

    def notes(self) -> dict[str, Any]:
        whole = self.whole and not self.words and self.dtype == np.float64 and not self.shape
        return {"vocabulary": list(self.vocabulary) if self.words else None, "whole": whole}


def _kept_type(column: Numbers) -> np.dtype[Any]:
    """Scalars may turn out to have missing values or fractions; arrays and single floats are as they are."""
    as_it_is = column.shape or column.dtype == np.float32
    return column.dtype.newbyteorder("<") if as_it_is else np.dtype("<f8")


def _column(values: Values, notes: dict[str, Any]) -> Column:
    if notes["vocabulary"] is not None:
        codes = values if isinstance(values, np.ndarray) else values.whole()
        return Words(codes, tuple(notes["vocabulary"]))
    if not notes["whole"]:
        return Numbers(values)
    return Numbers(values.astype(np.int64) if isinstance(values, np.ndarray) else WholeNumbers(values))


class WholeNumbers:
    """Floats (N,) on a disk all of which are whole, as the integers that they are."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape, self.dtype = values, values.shape, np.dtype(np.int64)
        self.chunk_rows: int = values.chunk_rows

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = self.values.take(rows).astype(np.int64)
        return found

    def whole(self) -> npt.NDArray[Any]:
        """All of them, in memory of their own."""
        found: npt.NDArray[Any] = self.values.whole().astype(np.int64)
        return found


def _shorter(places: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Blocks that follow each other in a file, as one: file, number of the first row, rows."""
    found: list[tuple[str, int, int]] = []
    for file, first, count in places:
        if found and found[-1][0] == file and found[-1][1] + found[-1][2] == first:
            found[-1] = (file, found[-1][1], found[-1][2] + count)
        else:
            found.append((file, first, count))
    return found


def _origin(places: Sequence[Sequence[Any]]) -> Origin:
    origins = [Origin(file, first) for file, first, _ in places]
    return origins[0] if len(origins) == 1 else origin_of(origins, [count for *_, count in places])
