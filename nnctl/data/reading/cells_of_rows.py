"""Rows of Python's own values, as a database gives them, made columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np

from nnctl.data.reading.numerals import EXACT
from nnctl.data.table import Column, Kind, Numbers, Origin, Words, coded


def column_of(cells: Sequence[Any], name: str, origin: Origin) -> Column:
    """A column out of cells; None is a missing value.

    Raises:
        DataError: a cell is neither a number, a text nor a time.
    """
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds <= {bool, int, float, Decimal}:
        return _numbers(cells, kinds)
    known = (str, bool, int, float, Decimal, date, datetime, time)
    for row, cell in enumerate(cells):
        if cell is not None and not isinstance(cell, known):
            held = f"holds {type(cell).__name__}; numbers, texts and times are read"
            raise origin.error(held, row, name)
    return words_of([None if cell is None else written(cell) for cell in cells])


def kind_of(cells: Sequence[Any]) -> Kind | None:
    """`time` for dates and times."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    return "time" if kinds and kinds <= {date, datetime} else None


def words_of(cells: Sequence[str | None]) -> Words:
    """The words of cells."""
    places: dict[str, int] = {}
    codes = [-1 if cell is None else places.setdefault(cell, len(places)) for cell in cells]
    return coded(list(places), np.array(codes, dtype=np.int32))


def written(cell: Any) -> str:
    """A cell as text: times as ISO 8601 writes them."""
    if isinstance(cell, bool):
        return str(int(cell))
    return cell.isoformat(sep=" ") if isinstance(cell, datetime) else str(cell)


def float_of(cell: Any) -> float:
    """A number; NaN for a missing one, infinity for a whole one beyond all floats."""
    try:
        return np.nan if cell is None else float(cell)
    except OverflowError:
        return np.inf if cell > 0 else -np.inf


def _numbers(cells: Sequence[Any], kinds: set[type]) -> Numbers:
    gaps = any(cell is None for cell in cells)
    if kinds == {bool} and not gaps:
        return Numbers(np.array(cells, dtype=bool))
    if kinds and kinds <= {bool, int} and not gaps:
        try:
            return Numbers(np.array(cells, dtype=np.int64))
        except OverflowError:
            pass
    values = np.array([float_of(cell) for cell in cells], dtype=np.float64)
    exact = float not in kinds and bool((np.abs(values[~np.isnan(values)]) >= EXACT).any())
    return Numbers(values, words_of([None if c is None else written(c) for c in cells]) if exact else None)
