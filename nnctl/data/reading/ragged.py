"""Sequences of different lengths that lie one behind another: where each step of them is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.records import record
from nnctl.data.table import Rows, Values, take


@record
class Ragged:
    """Sequence s is the `lengths[s]` elements from number `starts[s]` on."""

    starts: Rows
    lengths: Rows

    @classmethod
    def behind_another(cls, lengths: Rows) -> Ragged:
        """Sequences without gaps between them."""
        return cls(np.cumsum(lengths) - lengths, lengths)

    def cut(self, most: int, *, last: bool) -> Ragged:
        """At most `most` steps of each, the last ones or the first."""
        lengths = np.minimum(self.lengths, most)
        return Ragged(self.starts + (self.lengths - lengths) if last else self.starts, lengths)

    def steps(self, chosen: Rows) -> tuple[Rows, Rows, Rows]:
        """Of every step of the sequences `chosen`: which of these it belongs to, its place, its element."""
        lengths = self.lengths[chosen]
        which = np.repeat(np.arange(len(chosen)), lengths)
        place = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return which, place, np.repeat(self.starts[chosen], lengths) + place


class FlatRows:
    """Steps (S, ...) in memory or on disk, seen as a row for each sequence (N, T, ...), 0 behind its end."""

    def __init__(self, steps: Values, ragged: Ragged) -> None:
        self.steps, self.ragged = steps, ragged
        sequences, most = len(ragged.lengths), int(ragged.lengths.max(initial=0))
        self.shape = (sequences, most, *steps.shape[1:])
        self.dtype = steps.dtype
        chunk = 1 if isinstance(steps, np.ndarray) else steps.chunk_rows
        self.chunk_rows = max(1, chunk * sequences // max(1, steps.shape[0]))

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """The rows asked for, in the order asked for: (len(rows), T, ...)."""
        which, place, step = self.ragged.steps(rows)
        out = np.zeros((len(rows), *self.shape[1:]), dtype=self.dtype)
        out[which, place] = take(self.steps, step)
        return out

    def whole(self) -> npt.NDArray[Any]:
        """All rows, in memory of their own."""
        return self.take(np.arange(self.shape[0], dtype=np.int64))

    def held(self) -> FlatRows:
        """The same with its steps in memory."""
        return self if isinstance(self.steps, np.ndarray) else FlatRows(self.steps.whole(), self.ragged)

    def row_of(self, step: int) -> int:
        """The row that a step belongs to."""
        # Sequences without steps begin where the one behind them does.
        return int(np.searchsorted(self.ragged.starts, step, "right")) - 1
