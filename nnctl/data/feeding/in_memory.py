"""Columns that are read from disk as batches need them, taken into memory where they fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod

import numpy as np

from nnctl.core.memory import memory
from nnctl.data.reading.ragged import FlatRows
from nnctl.data.table import LazyArray, Numbers, Table

SHARE = 4
"""One part in so many of the memory may hold columns that could stay on disk."""


def budget() -> int:
    """The bytes that such columns may take; none where nobody says how much there is."""
    known = memory()
    return 0 if known is None else known[0] // SHARE


def lazy(table: Table, names: Iterable[str]) -> dict[str, LazyArray]:
    """The columns among `names` that are on disk, steps of sequences included."""
    found = {}
    for name in names:
        column = table.columns.get(name)
        values = column.values if isinstance(column, Numbers) else None
        if isinstance(values, FlatRows) and isinstance(values.steps, np.ndarray):
            continue
        if values is not None and not isinstance(values, np.ndarray):
            found[name] = values
    return found


def held(table: Table, names: Iterable[str]) -> Table:
    """The table with as many of the columns `names` in memory as fit there, the smallest first.

    A random order reads a whole chunk from disk for one row of it, again and again; read once, it costs no
    more than the first epoch.
    """
    left = budget()
    columns = dict(table.columns)
    waiting = lazy(table, names)
    for name in sorted(waiting, key=lambda n: nbytes(waiting[n])):
        left -= nbytes(waiting[name])
        if left < 0:
            break
        values = waiting[name]
        columns[name] = Numbers(values.held() if isinstance(values, FlatRows) else values.whole())
    return replace(table, columns=columns)


def nbytes(values: LazyArray) -> int:
    """The bytes of the whole array; of sequences, of their steps."""
    shape = values.steps.shape if isinstance(values, FlatRows) else values.shape
    return prod(shape) * values.dtype.itemsize
