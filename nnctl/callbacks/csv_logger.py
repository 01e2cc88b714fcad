"""A CSV file with a line an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from nnctl.callbacks.base import register
from nnctl.callbacks.log_file import LogFile, Row


@register
class CSVLogger(LogFile):
    """Write the logs of each epoch to a CSV file: `epoch` (from 0), then the names in order.

    A number that an epoch does not have is `NA`, as in Keras; a name that first appears later gets its
    column then. Source: keras.callbacks.CSVLogger.
    """

    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between the columns."""

    _names: list[str] = PrivateAttr(default_factory=list)
    """The columns of what was rendered last, without `epoch`."""

    def render(self, rows: Sequence[Row], *, header: bool) -> str:
        self._names = sorted({name for row in rows for name in row} - {"epoch"})
        lines = [[_harmless(name) for name in ("epoch", *self._names)]] if header and rows else []
        return self._text([*lines, *map(self._cells, rows)])

    def more(self, row: Row) -> str | None:
        return self._text([self._cells(row)]) if {"epoch", *self._names}.issuperset(row) else None

    def _cells(self, row: Row) -> list[Any]:
        return [row["epoch"], *(row.get(name, "NA") for name in self._names)]

    def _text(self, lines: Iterable[Iterable[Any]]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=self.separator, lineterminator="\n").writerows(lines)
        return out.getvalue()


def _harmless(text: str) -> str:
    """Quoted so that a spreadsheet does not take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
