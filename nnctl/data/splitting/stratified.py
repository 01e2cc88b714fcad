"""Splitting by classes: every class in training, and as near to its share of every split as rows allow.

The rule: sizes are exact; every class has a row in training; each class has its share of each split, rounded
up or down. Where classes of few rows make all of that impossible at once, the last gives way, by as little as
can be (the least sum of squares of rows too many or too few).

Rows are first dealt out evenly spaced, which is nearly always right; then single rows are exchanged between
splits until the rule holds. Counts by class and split with exact sums are a flow, and how far they are off is
convex; so they are the best there are when no exchange makes them better, and an exchange passes each of the
three splits at most once: a class gives a row from split j to k, another from k back to j, or to the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush
from itertools import permutations

import numpy as np
import numpy.typing as npt

from nnctl.core.keys import Key
from nnctl.core.philox import permutation
from nnctl.data.splitting.splits import SplitRows, by_code
from nnctl.data.table import Rows

Counts = npt.NDArray[np.int64]
Cost = tuple[int, int]
"""Classes without a row in training; rows too many or too few, squared: in this order of weight."""

_CYCLES = [c for length in (2, 3) for c in permutations(range(3), length) if c[0] == min(c)]


def stratified(sizes: tuple[int, int, int], classes: Sequence[int], key: Key) -> SplitRows:
    """Rows of classes (N,), numbered from 0, by the rule above; which ones is drawn by `key`.

    Raises:
        ValueError: there are more classes than rows to train on.
    """
    codes = np.asarray(classes, dtype=np.int64)
    members = np.bincount(codes)
    if np.count_nonzero(members) > sizes[0]:
        raise ValueError(f"{np.count_nonzero(members)} classes cannot all be among {sizes[0]} training rows")
    order = permutation(key, len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    place = _evenly_spaced(order, sizes)
    dealt = np.bincount(codes * 3 + place, minlength=len(members) * 3).reshape(-1, 3)
    best = nearest_counts(dealt, members, sizes)
    firsts = np.concatenate([[0], np.cumsum(members)])
    for c in np.flatnonzero((best != dealt).any(axis=1)):
        rows = order[firsts[c] : firsts[c + 1]]
        spare = [rows[place[rows] == split][best[c, split] :] for split in range(3)]
        place[np.concatenate(spare)] = np.repeat([0, 1, 2], np.maximum(best[c] - dealt[c], 0))
    return by_code(place)


def _evenly_spaced(order: Rows, sizes: tuple[int, int, int]) -> Rows:
    """The split of each row: the test takes evenly spaced places of `order`, validation of what is left."""
    place = np.zeros(len(order), dtype=np.int64)
    for split in (2, 1):
        left = order[place[order] == 0]
        marks = np.arange(len(left) + 1, dtype=np.int64) * sizes[split] // max(len(left), 1)
        place[left[marks[1:] > marks[:-1]]] = split
    return place


def nearest_counts(dealt: Counts, members: Rows, sizes: tuple[int, int, int]) -> Counts:
    """The counts (C, 3) with the sums of `dealt`, and of the least cost, that few exchanges lead to."""
    exchange = _Exchange(dealt, members, sizes)
    while exchange.once():
        pass
    return exchange.counts


class _Exchange:
    """Counts by class and split (C, 3), and what each class would win by giving a row to another split."""

    def __init__(self, counts: Counts, members: Rows, sizes: tuple[int, int, int]) -> None:
        self.counts = counts.copy()
        product = members[:, None] * np.array(sizes, dtype=np.int64)
        self.low = product // _rows_of(members)
        self.high = -(-product // _rows_of(members))
        self.heaps: dict[tuple[int, int], list[tuple[Cost, int]]] = {}
        if self._holds():
            return
        for arc in permutations(range(3), 2):
            givers = np.flatnonzero(self.counts[:, arc[0]])
            self.heaps[arc] = [(self._change(int(c), *arc), int(c)) for c in givers]
            heapify(self.heaps[arc])

    def _holds(self) -> bool:
        within = ((self.counts >= self.low) & (self.counts <= self.high)).all()
        return bool(within and (self.counts[:, 0] > 0)[self.high[:, 0] > 0].all())

    def once(self) -> bool:
        """Make the exchange that improves most; False if there is none."""
        if not self.heaps:
            return False
        best, chosen = (0, 0), None
        for cycle in _CYCLES:
            arcs = list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))
            tops = [self._top(arc) for arc in arcs]
            if None in tops:
                continue
            cost = (sum(t[0][0] for t in tops if t), sum(t[0][1] for t in tops if t))
            if cost < best:
                best, chosen = cost, [(t[1], arc) for t, arc in zip(tops, arcs, strict=True) if t]
        if chosen is None:
            return False
        for c, (source, target) in chosen:
            self.counts[c, source] -= 1
            self.counts[c, target] += 1
        for c, _ in chosen:
            for arc, heap in self.heaps.items():
                if self.counts[c, arc[0]]:
                    heappush(heap, (self._change(c, *arc), c))
        return True

    def _top(self, arc: tuple[int, int]) -> tuple[Cost, int] | None:
        """What the class wins that wins most by giving a row along `arc`, and the class."""
        heap = self.heaps[arc]
        while heap:
            cost, c = heap[0]
            if self.counts[c, arc[0]] and cost == self._change(c, *arc):
                return heap[0]
            heappop(heap)
        return None

    def _change(self, c: int, source: int, target: int) -> Cost:
        """How the cost changes when class c gives a row of `source` to `target`."""
        taken, given = int(self.counts[c, source]), int(self.counts[c, target])
        empty = int(source == 0 and taken == 1) - int(target == 0 and given == 0)
        squares = self._off(c, source, taken - 1) - self._off(c, source, taken)
        squares += self._off(c, target, given + 1) - self._off(c, target, given)
        return empty, squares

    def _off(self, c: int, split: int, count: int) -> int:
        """The square of how many rows `count` is too many or too few."""
        return max(count - int(self.high[c, split]), int(self.low[c, split]) - count, 0) ** 2


def _rows_of(members: Rows) -> int:
    """How many rows all classes have."""
    return max(int(members.sum()), 1)
