"""A CSV file with a line an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field

from nnctl.callbacks.base import register
from nnctl.callbacks.log_file import LogFile, LogRow


@register
class CSVLogger(LogFile):
    """Write the logs of each epoch to a CSV file: `epoch` (from 0), then the names in order.

    Every name that the logs may have has its column from the beginning; a number that an epoch does not have
    is `NA`, as in Keras. Source: keras.callbacks.CSVLogger.
    """

    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What stands between the columns."""

    def head(self, names: Sequence[str]) -> str:
        return self._joined([_harmless(name) for name in ("epoch", *sorted(names))])

    def line(self, row: LogRow, names: Sequence[str]) -> str:
        unknown = row.keys() - {"epoch", *names}
        if unknown:
            raise ValueError(f"{self.filename} has no column for {', '.join(sorted(unknown))}")
        return self._joined([row["epoch"], *(row.get(name, "NA") for name in sorted(names))])

    def _joined(self, cells: Iterable[Any]) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=self.separator, lineterminator="\n").writerow(cells)
        return out.getvalue()


def _harmless(text: str) -> str:
    """Quoted so that a spreadsheet does not take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
