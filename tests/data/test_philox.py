"""The known answers of Random123 (kat_vectors, philox4x32 10), and permutations."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from nnctl.core.keys import key
from nnctl.core.philox import permutation, philox4x32, words64
from nnctl.data.feeding.order import order

ONES = 0xFFFFFFFF
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "words", "answer"), KNOWN)
def test_known_answers(
    counter: tuple[int, int, int, int], words: tuple[int, int], answer: tuple[int, ...]
) -> None:
    c0, c1, c2, c3 = (np.array([c], dtype=np.uint64) for c in counter)
    assert tuple(int(w[0]) for w in philox4x32((c0, c1, c2, c3), words)) == answer


def test_words_are_a_prefix_of_longer_streams() -> None:
    assert words64((5, 9), 7).tolist() == words64((5, 9), 12).tolist()[:7]


@pytest.mark.parametrize("n", [0, 1, 2, 13, 1000])
def test_permutation_holds_every_index_once(n: int) -> None:
    assert sorted(permutation((1, 2), n).tolist()) == list(range(n))


def test_order_is_a_function_of_seed_and_epoch() -> None:
    assert order(7, 0, 5).tolist() == [4, 3, 2, 0, 1]
    assert order(7, 3, 100).tolist() == order(7, 3, 100).tolist()
    assert order(7, 3, 100).tolist() != order(7, 4, 100).tolist()
    assert order(7, 3, 100).tolist() != order(8, 3, 100).tolist()
    assert order(7, 3, 4, shuffle=False).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("n", [0, 1, 16, 47, 48, 2051])
@pytest.mark.parametrize("window", [2, 33, 40, 5000])
def test_a_window_is_mixed_before_the_next(n: int, window: int) -> None:
    """Each comes from up to 16 runs of neighbours, and has every one of them once."""
    found = order(7, 3, n, shuffle=window)
    assert sorted(found.tolist()) == list(range(n))
    run = -(-window // 16)
    for first in range(0, n, window):
        part = np.sort(found[first : first + window])
        # The shortest run of all may stand in a window, which then reaches into another.
        assert len(np.unique(part // run)) <= len(part) // run + 2
    if n > 40:
        assert found.tolist() != order(7, 4, n, shuffle=window).tolist()
        assert found.tolist() != order(8, 3, n, shuffle=window).tolist()
        assert (np.diff(found) != 1).sum() > n // 2


def test_windows_of_each_epoch() -> None:
    found = order(5, 0, 12, shuffle=4)
    words = words64(key(5, "window", 0), 12).tolist()
    runs = order(5, 0, 12).tolist()
    expected = [
        w for first in (0, 4, 8) for _, w in sorted((words[i], runs[i]) for i in range(first, first + 4))
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize(("n", "batch"), [(0, 4), (3, 4), (4, 4), (23, 4), (24, 4)])
def test_batches_of_neighbours(n: int, batch: int) -> None:
    """In a random order, a shorter one last."""
    found = order(7, 3, n, shuffle="batch", batch=batch).tolist()
    runs = [found[first : first + batch] for first in range(0, n, batch)]
    assert sorted(runs) == [list(range(first, min(n, first + batch))) for first in range(0, n, batch)]
    assert [run[0] // batch for run in runs if len(run) == batch] == order(7, 3, n // batch).tolist()
    assert n % batch == 0 or runs[-1][-1] == n - 1


@pytest.mark.parametrize("n", [1, 2, 3, 52, 129, 1024, 1025])
def test_orders_made_together_are_those_made_alone(n: int) -> None:
    for epoch in (0, 1, 63, 64, 65, 1000):
        alone = permutation(key(7, "shuffle", epoch), n)
        assert order(7, epoch, n).tolist() == alone.tolist()
        assert order(7, epoch, n).dtype == alone.dtype


def test_the_split_stream_never_changes() -> None:
    digest = hashlib.sha256(permutation(key(7, "split"), 1797).astype("<i8").tobytes()).hexdigest()
    assert digest == "dc559df84bdbc3f1896ff8c2a67c51021e284517791bb3b698e1add8a928f63a"
