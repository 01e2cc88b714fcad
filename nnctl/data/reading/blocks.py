"""Tables in blocks of consecutive rows: what it takes to go through a file without holding all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nnctl.data.table import Column, Numbers, Origin, Rows, Table, Words, as_words, take

BLOCK_ROWS = 16384
"""Rows of a block, if they are narrow."""
BLOCK_BYTES = 16 << 20
"""What a block of wide rows takes at most, one row at least."""


def block_rows(row_bytes: int) -> int:
    """How many rows of `row_bytes` make a block."""
    return max(1, min(BLOCK_ROWS, BLOCK_BYTES // max(1, row_bytes)))


def below(table: Table, first: int) -> Table:
    """The rows of `table` from `first` on."""
    columns: dict[str, Column] = {name: _below(column, first) for name, column in table.columns.items()}
    texts = {name: cells[first:] for name, cells in table.texts.items()}
    origin = table.origin.through(lambda i: first + i)
    return replace(table, columns=columns, texts=texts, origin=origin)


def _below(column: Column, first: int) -> Column:
    if isinstance(column, Words):
        return Words(column.codes[first:], column.vocabulary)
    names = column.names and Words(column.names.codes[first:], column.names.vocabulary)
    return Numbers(column.values[first:], names)  # type: ignore[index]


def joined(a: Table, b: Table) -> Table:
    """The rows of `a`, then those of `b`, which has the same columns."""
    columns = {name: _joined(a.columns[name], column) for name, column in b.columns.items()}
    texts = {name: [*a.texts[name], *cells] for name, cells in b.texts.items()}
    n = a.longest
    origin = Origin(b.origin.file, parts=lambda i: (a.origin, i) if i < n else (b.origin, i - n))
    return replace(b, columns=columns, texts=texts, origin=origin)


def _joined(a: Column, b: Column) -> Column:
    if isinstance(a, Words) or isinstance(b, Words):
        return _joined_words(as_words(a), as_words(b))
    values = np.concatenate([a.values, b.values])
    # Integers that were made floats beside others keep their names: they may be ids.
    exact = not (a.names or b.names) and values.dtype in (a.dtype, b.dtype) and a.dtype.kind == b.dtype.kind
    return Numbers(values, None if exact or a.shape else _joined_words(as_words(a), as_words(b)))


def _joined_words(a: Words, b: Words) -> Words:
    places: dict[str, int] = {word: i for i, word in enumerate(a.vocabulary)}
    moved = [places.setdefault(word, len(places)) for word in b.vocabulary]
    codes = np.array([*moved, -1], dtype=np.int32)[b.codes]
    return Words(np.concatenate([a.codes, codes]), tuple(places))


def values(table: Table, name: str, rows: Rows) -> list[Any]:
    """The cells of a column at `rows`, as Python's own text and numbers; None for a missing value.

    Raises:
        DataError: the column holds an array a row.
    """
    if name in table.texts:
        cells = table.texts[name]
        return [cells[i] for i in rows.tolist()]
    column = table.columns[name]
    if isinstance(column, Words):
        vocabulary = [*column.vocabulary, None]
        return [vocabulary[code] for code in column.codes[rows].tolist()]
    if column.shape not in ((), (1,)):
        raise table.origin.error("holds arrays, which cannot be carried over", column=name)
    found: list[Any] = take(column.values, rows).reshape(-1).tolist()
    return found
