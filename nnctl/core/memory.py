"""Memory that is freed goes back to the system, so that a process holds what its plan says."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of glibc's mallopt."""


def give_back_freed() -> None:
    """Have blocks from 128 KiB on be mapped on their own, so that freeing one gives it back at once.

    glibc raises this bound by itself when such a block is freed; later temporaries then stay with the process
    for good. Elsewhere than on glibc nothing happens.
    """
    try:
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 128 * 1024)
    except (OSError, AttributeError, TypeError):
        return
