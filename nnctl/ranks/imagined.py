"""One of several processes without the others: what it does itself is done, what it would send is counted."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2
from typing import Any

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ranks.base import Ranks
from nnctl.ranks.tree import shards_of


@record
class Network:
    """What lies between processes.

    Attributes:
        bandwidth: Bytes a second, each way at once.
        latency: Seconds that a message takes however short it is.
    """

    bandwidth: float
    latency: float


class ImaginedRanks(Ranks):
    """The one with the most to do of `size` processes.

    The model of cost, counted up in `seconds`: who exchanges arrays waits once for the network's latency, and
    for the larger one of the two ways' bytes; what is gathered or spread goes from hand to hand, log2(R)
    times the latency, and each process gets what it has not once.

    Attributes:
        seconds: What the others' part would have taken so far.
        sent: Bytes that this process would have sent.
        messages: How often it would have waited for the network.
    """

    def __init__(self, size: int, shards: int, network: Network) -> None:
        self.size, self.network = size, network
        self.rank = max(range(size), key=lambda rank: len(shards_of(rank, size, shards)))
        self.launched = True
        self.seconds = 0.0
        self.sent = self.messages = 0

    @property
    def first(self) -> bool:
        """It keeps no run, but nobody else would answer it either."""
        return True

    def gather(self, value: Any) -> list[Any]:
        # First how much each has to say, then that.
        self._hand_round(8)
        self._hand_round(64)
        return [value] * self.size

    def gather_rows(self, rows: Array, counts: Sequence[int]) -> Array:
        import numpy as np

        self._hand_round(sum(counts) * rows.shape[1] * rows.itemsize * (self.size - 1) // self.size)
        found = np.zeros((sum(counts), rows.shape[1]))
        first = sum(counts[: self.rank])
        found[first : first + len(rows)] = rows
        return found

    def exchange(self, sends: Sequence[tuple[int, Array]], receives: Sequence[tuple[int, Array]]) -> None:
        out, back = (sum(array.nbytes for _, array in some) for some in (sends, receives))
        for _, array in receives:
            array[...] = 0
        if sends or receives:
            self._wait(1, max(out, back))
            self.sent += out

    def spread(self, parts: Sequence[tuple[int, Array]]) -> None:
        self._hand_round(sum(array.nbytes for rank, array in parts if rank != self.rank))

    def _hand_round(self, nbytes: int) -> None:
        if self.size > 1:
            self._wait(ceil(log2(self.size)), nbytes)
            self.sent += nbytes

    def _wait(self, times: int, nbytes: int) -> None:
        self.messages += times
        self.seconds += times * self.network.latency + nbytes / self.network.bandwidth
