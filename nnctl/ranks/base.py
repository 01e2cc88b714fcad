"""What a process knows of those it trains with, and what they tell one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnctl.core.arrays import Array


class Ranks:
    """A process alone: the base of those that are several.

    Attributes:
        rank: Its number, from 0. Rank 0 keeps the run.
        size: How many there are.
        beside: How many of them are on this machine.
        launched: Whether a launcher started them, be it one alone.
        waiting: Whether the others count on this one: they would wait for it if it left.
    """

    rank: int = 0
    size: int = 1
    beside: int = 1
    launched: bool = False
    waiting: bool = False

    @property
    def first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def share(self, value: Any) -> Any:
        """What rank 0 gives, in every process."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """What each process gives, by rank, in every process."""
        return [value]

    def gather_rows(self, rows: Array, counts: Sequence[int]) -> Array:
        """The rows (n, W) float64 of every process, one after the other.

        Args:
            counts: How many rows each process gives.
        """
        return rows

    def exchange(self, sends: Sequence[tuple[int, Array]], receives: Sequence[tuple[int, Array]]) -> None:
        """Send and receive arrays, each to or from a rank; between two processes in one order on both."""
        assert not sends
        assert not receives

    def spread(self, parts: Sequence[tuple[int, Array]]) -> None:
        """Give every process each part of an array, from the rank that has it."""

    def end(self, code: int) -> None:
        """End every process, this one with the others: they wait for what does not come any more."""


ALONE = Ranks()
"""A process that no launcher started."""
