"""Trails: by a plain oracle, and what once differed stays different."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.kernels.trail import LANES, follow


def oracle(words: Array, trail: Array) -> Array:
    made = [int(lane) for lane in trail]
    for at, word in enumerate(words.tolist()):
        made[at % LANES] = ((made[at % LANES] ^ word) * 0x9E3779B1) % 2**32
    return np.array(made, np.uint32)


@pytest.mark.parametrize("size", [0, 1, LANES - 1, LANES, LANES + 1, 5 * LANES + 7])
def test_words(size: int) -> None:
    rng = np.random.default_rng(size)
    trail = rng.integers(0, 2**32, LANES, np.uint32)
    words = rng.integers(0, 2**32, size, np.uint32)
    wanted = oracle(words, trail)
    follow(words, trail)
    np.testing.assert_array_equal(trail, wanted)


@pytest.mark.parametrize("at", [0, 63, 64, 200])
def test_a_bit_leaves_its_trail(at: int) -> None:
    """For each bit of a word; equal words follow."""
    words = np.random.default_rng(1).integers(0, 2**32, 201, np.uint32)
    found = set()
    for bit in range(32):
        other = words.copy()
        other[at] ^= np.uint32(1 << bit)
        trail = np.zeros(LANES, np.uint32)
        follow(other, trail)
        for _ in range(3):
            follow(words, trail)
        found.add(trail.tobytes())
    assert len(found) == 32
