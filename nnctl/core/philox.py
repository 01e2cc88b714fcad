"""Philox4x32-10 in NumPy: random words and permutations that are the same on every machine.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011); checked against the known
answers of Random123.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnctl.core.keys import Key

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(32)

PhiloxWords = npt.NDArray[np.uint64]


def philox4x32(
    counter: tuple[PhiloxWords, PhiloxWords, PhiloxWords, PhiloxWords],
    key: Key | tuple[PhiloxWords, PhiloxWords],
    rounds: int = 10,
) -> tuple[PhiloxWords, ...]:
    """Four 32-bit words (in uint64 arrays) for each 128-bit counter, given as four arrays of 32-bit words.

    The key is two words, or two arrays of them that broadcast with the counter.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = (np.asarray(word, np.uint64) for word in key)
    for _ in range(rounds):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c2 = (p1 >> _HIGH) ^ c1 ^ k0, (p0 >> _HIGH) ^ c3 ^ k1
        c1, c3 = p1 & _LOW, p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return c0, c1, c2, c3


def words64(key: Key, n: int) -> PhiloxWords:
    """The first `n` 64-bit words (n,) of the stream: two from each counter 0, 1, 2, ..."""
    index = np.arange((n + 1) // 2, dtype=np.uint64)
    zero = np.zeros_like(index)
    w0, w1, w2, w3 = philox4x32((index & _LOW, index >> _HIGH, zero, zero), key)
    pairs = np.stack([w0 | (w1 << _HIGH), w2 | (w3 << _HIGH)], axis=1)
    return pairs.reshape(-1)[:n]


def permutation(key: Key, n: int) -> npt.NDArray[np.int64]:
    """A random order (n,) of 0..n-1: the indices sorted by their random word, ties by index."""
    return np.argsort(words64(key, n), kind="stable").astype(np.int64, copy=False)


def permutations(keys: Sequence[Key], n: int) -> npt.NDArray[np.int64]:
    """For each key (K) its `permutation` as a row (K, n): for small n, much faster than one by one."""
    index = np.arange((n + 1) // 2, dtype=np.uint64)
    zero = np.zeros_like(index)
    k0, k1 = np.array(keys, np.uint64).T[:, :, None]
    w0, w1, w2, w3 = philox4x32((index & _LOW, index >> _HIGH, zero, zero), (k0, k1))
    words = np.stack([w0 | (w1 << _HIGH), w2 | (w3 << _HIGH)], axis=2).reshape(len(keys), -1)[:, :n]
    return np.argsort(words, axis=1, kind="stable").astype(np.int64, copy=False)
