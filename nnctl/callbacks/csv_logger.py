"""A CSV file with a line an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

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

    def render(self, rows: Sequence[Row], *, header: bool) -> str:
        names = sorted({name for row in rows for name in row} - {"epoch"})
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.separator, lineterminator="\n")
        if header and rows:
            writer.writerow([_harmless(name) for name in ("epoch", *names)])
        writer.writerows([row["epoch"], *(row.get(name, "NA") for name in names)] for row in rows)
        return out.getvalue()


def _harmless(text: str) -> str:
    """Quoted so that a spreadsheet does not take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
