"""Zeros in memory, many of them in huge pages: a processor then looks up fewer places of what it reads."""

from __future__ import annotations

import contextlib
import mmap
import sys

import numpy as np

from nnctl.core.arrays import Array

HUGE = 2 << 20
"""Bytes of a huge page."""

MANY = 1 << 20
"""Bytes from which huge pages pay for what the last one has too much."""


def zeros(nbytes: int, alignment: int) -> Array:
    """So many zeros (uint8), the first at a multiple of `alignment`, a power of two up to HUGE."""
    if nbytes < MANY or sys.platform != "linux":
        return _aligned(np.zeros(nbytes + alignment, np.uint8), nbytes, alignment)
    size = -(-nbytes // HUGE) * HUGE
    room = mmap.mmap(-1, size + HUGE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # Not every system has them.
    with contextlib.suppress(AttributeError, OSError):
        room.madvise(mmap.MADV_HUGEPAGE)
    return _aligned(np.frombuffer(room, np.uint8), nbytes, HUGE)


def _aligned(raw: Array, nbytes: int, alignment: int) -> Array:
    start = -raw.ctypes.data % alignment
    return raw[start : start + nbytes]
