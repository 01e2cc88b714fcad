"""Examples by how long their sequences are, so that short ones are filled up to less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from nnctl.core.records import record
from nnctl.data.table import Rows


@runtime_checkable
class Varying(Protocol):
    """A feed that fills the sequences of rows up to any length that holds them."""

    def steps_of(self, rows: Rows) -> Rows:
        """How many steps each of the rows has."""


@record
class Buckets:
    """Which examples a batch may hold side by side.

    Attributes:
        of: The bucket of each example (N,).
        lengths: How many steps the sequences of each bucket are filled up to, at the most.
    """

    of: Rows
    lengths: tuple[int, ...]

    @classmethod
    def by_length(cls, steps: Rows, boundaries: Sequence[int], longest: int) -> Buckets:
        """As `bucket_by_sequence_length` deals examples out, with `pad_to_bucket_boundary`.

        Bucket i has those of fewer steps than boundary i that are in none before it; the last has the others.
        """
        of = np.searchsorted(np.array(boundaries, dtype=np.int64), steps, side="right")
        return cls(of, tuple(min(b - 1, longest) for b in (*boundaries, longest + 1)))
