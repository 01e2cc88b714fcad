"""A trail of what arrays have held, step after step: what once differed leaves another trail for good."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import kernel

LANES = 64
"""Numbers of a trail; each word of an array goes into one of them, side by side in vector registers."""
_ODD = np.uint32(0x9E3779B1)


@kernel
def follow(words, trail):
    """Take words (N,) uint32 into a trail (LANES,) uint32.

    A lane becomes (lane XOR word) times an odd number, which is one to one in the lane and in the word: two
    trails that part by one word stay apart, whatever equal words follow.
    """
    whole = words.size // LANES * LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            trail[lane] = (trail[lane] ^ words[start + lane]) * _ODD
    for lane in range(words.size - whole):
        trail[lane] = (trail[lane] ^ words[whole + lane]) * _ODD
