"""Sums over shards: one order of additions, whoever has the shards."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.ranks.base import ALONE, Ranks
from nnctl.ranks.tree import TreeSum, added, buffers, middle, shards_of, spans
from tests.ranks.threads import together


def test_spans() -> None:
    """The first ones have one more, the last ones may have none."""
    assert [(s.start, s.stop) for s in spans(10, 4)] == [(0, 3), (3, 6), (6, 8), (8, 10)]
    assert [s.stop - s.start for s in spans(2, 4)] == [1, 1, 0, 0]
    assert [s.stop - s.start for s in spans(0, 3)] == [0, 0, 0]


@pytest.mark.parametrize(("size", "shards"), [(1, 8), (2, 8), (3, 8), (5, 7), (4, 4)])
def test_each_shard_has_one_owner(size: int, shards: int) -> None:
    every = [shard for rank in range(size) for shard in shards_of(rank, size, shards)]
    assert every == list(range(shards))
    counts = [len(shards_of(rank, size, shards)) for rank in range(size)]
    assert max(counts) - min(counts) <= 1


def test_the_tree() -> None:
    assert [middle((0, n)) for n in (2, 3, 4, 5, 6, 7, 8, 9)] == [1, 2, 2, 4, 4, 4, 4, 8]
    assert middle((4, 7)) == 6
    letters = [np.array([c], dtype=object) for c in "abcdefg"]

    class Shown(str):
        def __add__(self, other: str) -> Shown:
            return Shown(f"({self}{other})")

    rows: list[Array | None] = [np.array([Shown(row[0])], dtype=object) for row in letters]
    found = added(rows, (0, 7))
    assert found is not None
    assert found[0] == "(((ab)(cd))((ef)g))"
    assert added([None, rows[1], None, None], (0, 4)) is rows[1]
    assert added([None, None], (0, 2)) is None


def arrays(shards: int, length: int) -> Array:
    """Numbers whose sum depends on the order."""
    rng = np.random.default_rng(shards * 100 + length)
    return (rng.standard_normal((shards, length)) * 10.0 ** rng.integers(-4, 4, (shards, 1))).astype("f4")


def summed(ranks: Ranks, values: Array, weights: Array, count: int, times: int = 2) -> Array:
    """What a process has in the end: of a second sum, with the buffers of the first."""
    shards = len(values)
    out = np.empty(values.shape[1], "f4")
    tree = TreeSum(ranks, shards, out)
    cut = spans(count, shards)
    present = [span.stop > span.start for span in cut]
    for turn in range(times):
        for shard in shards_of(ranks.rank, ranks.size, shards):
            if present[shard]:
                out[...] = values[shard] * np.float32(turn)
                tree.take(shard, weights[shard])
        tree.finish(present)
    return out


@pytest.mark.parametrize("count", [99, 8, 5, 3, 1])
@pytest.mark.parametrize(("size", "shards"), [(1, 8), (2, 8), (3, 8), (4, 8), (8, 8), (3, 7), (5, 6), (2, 3)])
def test_any_number_of_processes_makes_the_same_bits(size: int, shards: int, count: int) -> None:
    values, weights = arrays(shards, 37), np.linspace(0.1, 0.3, shards)
    scaled = [row * np.float32(weight) for row, weight in zip(values, weights, strict=True)]
    present = [span.stop > span.start for span in spans(count, shards)]
    wanted = added([row if p else None for row, p in zip(scaled, present, strict=True)], (0, shards))
    found = together(size, lambda ranks: summed(ranks, values, weights, count))
    for one in found:
        np.testing.assert_array_equal(one, wanted)
    assert len(found) == size


def test_fewer_numbers_than_processes() -> None:
    values = arrays(4, 2)
    alone = summed(ALONE, values, np.ones(4), 4)
    for one in together(4, lambda ranks: summed(ranks, values, np.ones(4), 4)):
        np.testing.assert_array_equal(one, alone)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_no_process_sends_more_than_it_must(size: int) -> None:
    """Before the result is spread: a half, then a quarter, ... of the array."""
    length = 64

    def work(ranks: Ranks) -> int:
        summed(ranks, arrays(8, length), np.ones(8), 8, times=1)
        return ranks.wires.sent[ranks.rank]  # type: ignore[attr-defined, no-any-return]

    assert together(size, work) == [length * (size - 1) // size] * size


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8, 64])
def test_few_buffers_are_kept(shards: int) -> None:
    """As many as are planned for; of several processes one more, for what they receive."""
    tree = TreeSum(ALONE, shards, np.ones(5, "f4"))
    for shard in range(shards):
        tree.take(shard, 1.0)
    tree.finish([True] * shards)
    assert tree.out.tolist() == [float(shards)] * 5
    assert len(tree._free) == buffers(shards, 1) == buffers(shards, 2) - 1
