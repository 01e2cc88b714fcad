"""The order in which the parts of a batch are added up: a tree over shards, whoever has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ranks.base import Ranks

Node = tuple[int, int]
"""The shards from the first up to the second."""


def spans(count: int, shards: int) -> list[slice]:
    """The examples of each shard of a batch of `count`: the first ones have one more where they do not come
    out even, the last ones may have none."""
    size, more = divmod(count, shards)
    starts = [shard * size + min(shard, more) for shard in range(shards + 1)]
    return [slice(a, b) for a, b in pairwise(starts)]


def shards_of(rank: int, size: int, shards: int) -> range:
    """The shards of one of `size` processes, side by side."""
    return range(rank * shards // size, (rank + 1) * shards // size)


def middle(node: Node) -> int:
    """Where a node of the tree is cut: its left part is the largest power of two below it."""
    first, end = node
    return first + (1 << (end - first - 1).bit_length() - 1)


def added(rows: Sequence[Array | None], node: Node) -> Array | None:
    """The sum of what shards have in the tree's order; None where none of them has anything."""
    if node[1] - node[0] == 1:
        return rows[node[0]]
    left, right = added(rows, (node[0], middle(node))), added(rows, (middle(node), node[1]))
    if left is None or right is None:
        return right if left is None else left
    return left + right


def buffers(own: int, size: int) -> int:
    """How many arrays a process with so many shards needs besides, at the most: see `TreeSum`."""
    return own.bit_length() + (size > 1)


@record
class _Holder:
    """Who has the sum of a node's shards, of one chunk of the array, and under which node's name."""

    rank: int
    node: Node


class TreeSum:
    """The sum of an array (P,) over all shards of a batch, of which each process makes its own.

    What one process has is added up as it comes, in as few buffers as the tree allows. Between processes each
    node's sum is made where its left or its right part is, chunk by chunk in turns: as many bytes are sent as
    by any other way that each process gets the whole sum, and no more additions are made than on one process.

    Args:
        ranks: Who takes part.
        shards: In how many parts a batch is cut.
        out: What holds each shard's array before `take`, and the sum after `finish`.
    """

    def __init__(self, ranks: Ranks, shards: int, out: Array) -> None:
        self.ranks, self.shards, self.out = ranks, shards, out
        own = shards_of(ranks.rank, ranks.size, shards)
        self._own = own
        self._stack: list[tuple[Node, Array]] = []
        self._free: list[Array] = []
        edges = [len(out) * n // ranks.size for n in range(ranks.size + 1)]
        self._chunks = [slice(a, b) for a, b in pairwise(edges)]
        self._scratch = np.empty(len(out) if ranks.size > 1 else 0, out.dtype)
        self._parents = dict(_parents((0, shards)))

    def take(self, shard: int, weight: float) -> None:
        """Add what `out` holds, `weight` times, as the array of one of this process's shards, in order."""
        buffer = self._free.pop() if self._free else np.empty_like(self.out)
        np.multiply(self.out, self.out.dtype.type(weight), out=buffer)
        self._stack.append(((shard, shard + 1), buffer))
        self._fold(shard + 1)

    def _fold(self, upto: int) -> None:
        """Add up the nodes on the stack of which all shards below `upto` have come."""
        while len(self._stack) > 1:
            (left, a), (right, b) = self._stack[-2:]
            parent = self._common(left, right)
            # What lies between the two and behind them in their parent holds nothing.
            if parent[1] > upto or parent[0] < self._own.start:
                return
            np.add(a, b, out=a)
            self._stack[-2:] = [(parent, a)]
            self._free.append(b)

    def _common(self, left: Node, right: Node) -> Node:
        node = left
        while not node[0] <= right[0] < node[1]:
            node = self._parents[node]
        return node

    def finish(self, present: Sequence[bool]) -> None:
        """Put the sum of all shards into `out`.

        Args:
            present: Which shards have examples at all.
        """
        self._fold(self._own.stop)
        held = {self._widest(node, present): buffer for node, buffer in self._stack}
        if self.ranks.size == 1:
            (buffer,) = held.values()
            self.out[...] = buffer
        else:
            holders = self._combine((0, self.shards), 0, present, held)
            assert holders is not None
            for chunk, holder in zip(self._chunks, holders, strict=True):
                if holder.rank == self.ranks.rank:
                    self.out[chunk] = held[holder.node][chunk]
            parts = [(h.rank, self.out[c]) for c, h in zip(self._chunks, holders, strict=True)]
            self.ranks.spread(parts)
        self._free += [buffer for _, buffer in self._stack]
        self._stack = []

    def _widest(self, node: Node, present: Sequence[bool]) -> Node:
        """A node without the shards that have no examples: one name, whatever is left out."""
        there = [shard for shard in range(*node) if present[shard]]
        return there[0], there[-1] + 1

    def _rank_of(self, node: Node) -> int | None:
        """The process that has all shards of a node, if it is one."""
        first, last = (self._owner(shard) for shard in (node[0], node[1] - 1))
        return first if first == last else None

    def _owner(self, shard: int) -> int:
        size = self.ranks.size
        return next(r for r in range(size) if shard in shards_of(r, size, self.shards))

    def _combine(
        self, node: Node, depth: int, present: Sequence[bool], held: dict[Node, Array]
    ) -> list[_Holder] | None:
        """Add up a node's shards across processes; who then has which chunk."""
        if not any(present[node[0] : node[1]]):
            return None
        rank = self._rank_of(node)
        if rank is not None:
            return [_Holder(rank, self._widest(node, present))] * len(self._chunks)
        lefts = self._combine((node[0], middle(node)), depth + 1, present, held)
        rights = self._combine((middle(node), node[1]), depth + 1, present, held)
        if lefts is None or rights is None:
            return rights if lefts is None else lefts
        holders, sends, receives, adds = [], [], [], []
        me = self.ranks.rank
        for number, (chunk, left, right) in enumerate(zip(self._chunks, lefts, rights, strict=True)):
            source, goal = (left, right) if number >> depth & 1 else (right, left)
            holders.append(goal)
            if goal.rank == source.rank == me:
                adds.append((chunk, goal.node, held[source.node][chunk]))
            elif goal.rank == me:
                receives.append((source.rank, self._scratch[chunk]))
                adds.append((chunk, goal.node, self._scratch[chunk]))
            elif source.rank == me:
                sends.append((goal.rank, held[source.node][chunk]))
        self.ranks.exchange(sends, receives)
        for chunk, at, other in adds:
            into = held[at][chunk]
            np.add(into, other, out=into)
        return holders


def _parents(node: Node) -> Iterator[tuple[Node, Node]]:
    if node[1] - node[0] > 1:
        for child in ((node[0], middle(node)), (middle(node), node[1])):
            yield child, node
            yield from _parents(child)
