"""Random numbers that depend only on (key, step, index): Philox4x32-10.

Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (2011). The counter is
(block low, block high, step low, step high), the key two 32-bit words; a block gives four
words. float32 number i is word i mod 4 of block i // 4; float64 number i is words 2 (i mod 2)
and 2 (i mod 2) + 1 of block i // 2. So any number can be drawn alone, in any order.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint32(0x9E3779B9)
_WEYL_1 = np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)


@inline
def philox(c0, c1, c2, c3, k0, k1):
    """Ten rounds on a counter of four uint32 under a key of two; four uint32.

    Words live in the lower halves of 64-bit numbers, whose upper halves are left dirty: what the
    vector multiply reads and gives is in that form already, so a round is eight instructions.
    """
    a, b, c, d = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    for _ in range(10):
        p = _MULTIPLIER_0 * (a & _LOW)
        q = _MULTIPLIER_1 * (c & _LOW)
        a = (q >> _WORD) ^ b ^ np.uint64(k0)
        c = (p >> _WORD) ^ d ^ np.uint64(k1)
        b, d = q, p
        k0 = np.uint32(k0 + _WEYL_0)
        k1 = np.uint32(k1 + _WEYL_1)
    return np.uint32(a & _LOW), np.uint32(b & _LOW), np.uint32(c & _LOW), np.uint32(d & _LOW)


@inline
def block_words(block, step, k0, k1):
    """The four words of a block: block and step uint64, k0 and k1 uint32."""
    return philox(
        np.uint32(block & _LOW),
        np.uint32(block >> _WORD),
        np.uint32(step & _LOW),
        np.uint32(step >> _WORD),
        k0,
        k1,
    )


@inline
def unit32(word):
    """A float32 in [0, 1) from the upper 24 bits of a word."""
    return np.float32(np.int32(word >> np.uint32(8))) * np.float32(2.0**-24)


@inline
def unit64(low, high):
    """A float64 in [0, 1) from 53 bits of two words."""
    whole = (np.uint64(high) << _WORD | np.uint64(low)) >> np.uint64(11)
    return np.float64(np.int64(whole)) * 2.0**-53
