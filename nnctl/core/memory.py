"""What the machine has, and that what is freed goes back, so that a process holds what its plan says."""

from __future__ import annotations

import ctypes
import os

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


def machine_memory() -> int | None:
    """Bytes of memory that this machine has, or None where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
