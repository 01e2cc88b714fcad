"""Processes as threads: what they send goes through queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Barrier
from typing import Any, TypeVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.ranks.base import Ranks

T = TypeVar("T")


class _Wires:
    def __init__(self, size: int) -> None:
        self.queues: dict[tuple[int, int], Queue[Array]] = defaultdict(Queue)
        self.barrier = Barrier(size, timeout=20)
        self.given: list[Any] = [None] * size
        self.sent = [0] * size


class ThreadRanks(Ranks):
    """One of several threads."""

    def __init__(self, rank: int, size: int, wires: _Wires) -> None:
        self.rank, self.size, self.wires = rank, size, wires
        self.launched, self.waiting = True, True

    def gather(self, value: Any) -> list[Any]:
        self.wires.given[self.rank] = value
        self.wires.barrier.wait()
        found = list(self.wires.given)
        self.wires.barrier.wait()
        return found

    def share(self, value: Any) -> Any:
        return self.gather(value)[0]

    def gather_rows(self, rows: Array, counts: Sequence[int]) -> Array:
        assert len(rows) == counts[self.rank]
        return np.concatenate(self.gather(rows.copy()))

    def exchange(self, sends: Sequence[tuple[int, Array]], receives: Sequence[tuple[int, Array]]) -> None:
        for rank, array in sends:
            self.wires.sent[self.rank] += array.size
            self.wires.queues[self.rank, rank].put(array.copy())
        for rank, array in receives:
            array[...] = self.wires.queues[rank, self.rank].get(timeout=20)

    def spread(self, parts: Sequence[tuple[int, Array]]) -> None:
        for rank, array in parts:
            array[...] = self.gather(array.copy())[rank]


def together(size: int, work: Callable[[ThreadRanks], T]) -> list[T]:
    """What each of `size` threads makes of it, by rank."""
    wires = _Wires(size)
    with ThreadPoolExecutor(size) as pool:
        made = [pool.submit(work, ThreadRanks(rank, size, wires)) for rank in range(size)]
        return [found.result() for found in made]
