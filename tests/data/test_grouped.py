"""Splits by group: whole groups, every split has one, and no move or exchange brings the sizes nearer."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.keys import key
from nnctl.data.splitting.grouped import grouped
from nnctl.data.splitting.splits import sizes


def rows_of(members: list[int]) -> list[int]:
    """The group of each row."""
    return np.repeat(np.arange(len(members)), members).tolist()


@given(
    st.lists(st.integers(1, 25), min_size=3, max_size=25),
    st.floats(0, 0.45),
    st.floats(0, 0.45),
    st.integers(0, 99),
)
@settings(max_examples=120, deadline=None)
def test_random_tables(members: list[int], validation: float, test: float, seed: int) -> None:
    """What docs/data.md promises, held against every move and every exchange."""
    groups = rows_of(members)
    try:
        wanted = sizes(len(groups), validation, test)
    except ValueError:
        return
    split = grouped(len(groups), groups, validation, test, key(seed, "split"))
    assert sorted(np.concatenate(split).tolist()) == list(range(len(groups)))
    kept = [sorted({groups[i] for i in part}) for part in split]
    assert sum(map(len, kept)) == len(members)
    assert all(bool(k) == bool(w) for k, w in zip(kept, wanted, strict=True))
    found = [len(part) for part in split]

    def off(moved: int, j: int, k: int) -> int:
        now = list(found)
        now[j] -= moved
        now[k] += moved
        return sum((a - b) ** 2 for a, b in zip(now, wanted, strict=True))

    least = off(0, 0, 1)
    for j, k in permutations([i for i in range(3) if wanted[i]], 2):
        for a in kept[j]:
            assert len(kept[j]) == 1 or off(members[a], j, k) >= least
            assert all(off(members[a] - members[b], j, k) >= least for b in kept[k])
    again = grouped(len(groups), groups, validation, test, key(seed, "split"))
    assert all((a == b).all() for a, b in zip(split, again, strict=True))


@pytest.mark.parametrize("seed", range(20))
def test_one_large_group_among_small_ones(seed: int) -> None:
    """80 rows in one group, 20 groups of one row: the large one trains, for every seed."""
    split = grouped(100, rows_of([80] + [1] * 20), 0.1, 0.1, key(seed, "split"))
    assert [len(part) for part in split] == [80, 10, 10]


def test_equal_groups_come_out_exactly() -> None:
    split = grouped(40, [i // 2 for i in range(40)], 0.25, 0.25, key(3, "split"))
    assert [len(part) for part in split] == [20, 10, 10]


def test_the_seed_draws_the_groups() -> None:
    drawn = {
        tuple(grouped(60, rows_of([3] * 20), 0.2, 0.2, key(seed, "split"))[2].tolist()) for seed in range(9)
    }
    assert len(drawn) > 5


def test_fewer_groups_than_splits() -> None:
    with pytest.raises(ValueError, match=r"2 groups"):
        grouped(10, [0] * 5 + [1] * 5, 0.2, 0.2, key(0, "split"))
