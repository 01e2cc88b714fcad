"""Sequences of different lengths that lie one behind another: where each step of them is."""

from __future__ import annotations

import numpy as np

from nnctl.core.records import record
from nnctl.data.table import Rows


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
