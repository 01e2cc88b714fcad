"""Windows over rows in order of time: where each begins, in a table or in blocks of one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import numpy as np

from nnctl.data.reading.blocks import below, joined
from nnctl.data.spec import WindowSpec
from nnctl.data.table import Origin, Rows, Table, Words, as_words


def segments(rows: Rows, groups: Rows | None) -> list[tuple[int, int]]:
    """Ascending `rows` cut into stretches [first, last + 1) without a gap and within one group."""
    if not len(rows):
        return []
    cut = np.diff(rows) != 1
    if groups is not None:
        cut |= np.diff(groups[rows]) != 0
    ends = np.append(np.flatnonzero(cut), len(rows) - 1)
    firsts = np.append(0, ends[:-1] + 1)
    return [(int(rows[a]), int(rows[b]) + 1) for a, b in zip(firsts, ends, strict=True)]


def starts(pieces: list[tuple[int, int]], length: int, stride: int, horizon: int) -> Rows:
    """The first row of every window: its rows and the target's row lie within one piece."""
    reach = length + horizon
    found = [np.arange(a, b - reach + 1, stride, dtype=np.int64) for a, b in pieces]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def require_series(window: WindowSpec, columns: Collection[str], origin: Origin) -> None:
    """Refuse columns without the one that keeps series apart: windows would run from one into the next.

    Raises:
        DataError: there is no such column.
    """
    if window.group is not None and window.group not in columns:
        raise origin.error(
            f"has no column '{window.group}', which says where one series ends and the next begins",
            hint="without it windows would run from one series into the next",
        )


def first_rows(table: Table, rows: Rows, window: WindowSpec, horizon: int, what: str) -> Rows:
    """The first row of every window over `rows` of a table; none crosses a change of `window.group`.

    Raises:
        DataError: the table has no such column, or `what` (these rows, in words) holds no window.
    """
    require_series(window, table.columns, table.origin)
    groups = None
    if window.group is not None:
        groups = as_words(table.columns[window.group]).codes.astype(np.int64)
    firsts = starts(segments(rows, groups), window.length, window.stride, horizon)
    if not len(firsts):
        raise table.origin.error(
            f"{what} of {len(rows)} rows is too short for a window of {window.length} rows"
            + (f" and a horizon of {horizon}" if horizon else ""),
            hint=f"no window crosses a change of column '{window.group}': sort the rows by it"
            if window.group
            else None,
        )
    return firsts


@dataclass
class Windowed:
    """Cuts blocks of rows so that each holds whole windows: the rows at its end that begin windows not yet
    complete are taken along into the next."""

    window: WindowSpec
    rows: int = field(default=0, init=False)
    """How many rows have been seen."""
    _next: int = field(default=0, init=False)
    """The row, counted over all blocks, at which the next window begins."""
    _group: str | None = field(default=None, init=False)
    _held: Table | None = field(default=None, init=False)

    def add(self, block: Table) -> tuple[Table, Rows]:
        """The table to read from, and in it the first row of every window that is complete now."""
        n = block.longest
        length, stride = self.window.length, self.window.stride
        begin = min(self._next, self.rows)
        held = block
        if self._held is not None and begin < self.rows:
            held = joined(below(self._held, self._held.longest - (self.rows - begin)), block)
        found: list[Rows] = []
        for first, last, fresh in self._pieces(block, n):
            if fresh:
                self._next = first
            firsts = starts([(self._next, last)], length, stride, 0)
            if len(firsts):
                found.append(firsts - begin)
                self._next = int(firsts[-1]) + stride
        self.rows += n
        self._held = held
        return held, np.concatenate(found) if found else np.empty(0, dtype=np.int64)

    def _pieces(self, block: Table, n: int) -> Iterator[tuple[int, int, bool]]:
        """The stretches of one series: first row, last row (over all blocks), whether the series is new."""
        column = block.columns.get(self.window.group) if self.window.group is not None else None
        groups = as_words(column) if column is not None else None
        codes = groups.codes.astype(np.int64) if groups is not None else None
        for first, last in segments(np.arange(n, dtype=np.int64), codes):
            word = _word(groups, first)
            yield self.rows + first, self.rows + last, first > 0 or self.rows == 0 or word != self._group
            self._group = word


def _word(groups: Words | None, row: int) -> str | None:
    if groups is None or groups.codes[row] < 0:
        return None
    return groups.vocabulary[int(groups.codes[row])]
