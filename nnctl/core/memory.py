"""What the machine has, and that what is freed goes back, so that a process holds what its plan says."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from nnctl.core.errors import ResourceError

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


def memory(cgroup: Path = Path("/sys/fs/cgroup")) -> tuple[int, str] | None:
    """Bytes of memory for this process, and who says so in words; None where nobody does."""
    found = [_machine(), _process_limit(), _container_limit(cgroup)]
    return min((f for f in found if f is not None), default=None)


def _machine() -> tuple[int, str] | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "this machine has"
    except (AttributeError, ValueError, OSError):
        return None


def _process_limit() -> tuple[int, str] | None:
    """What `ulimit -v` allows."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else (limit, "this process may use (by ulimit -v)")


def _container_limit(cgroup: Path) -> tuple[int, str] | None:
    """What the control group allows, by version 2 or 1."""
    for file in (cgroup / "memory.max", cgroup / "memory" / "memory.limit_in_bytes"):
        try:
            return int(file.read_text()), "this container has"
        except (OSError, ValueError):
            continue
    return None


_LEAST, _A_THREAD = 640 << 20, 72 << 20
"""Bytes of address space for the compiler and its libraries; for a thread's stack and part of the heap."""


def need_address_space(threads: int) -> None:
    """Refuse a limit under which libraries would fail in words of their own, or wait for ever.

    Raises:
        ResourceError: `ulimit -v` is too small to run kernels on so many threads.
    """
    limit, need = _process_limit(), _LEAST + _A_THREAD * (threads - 1)
    if limit is not None and limit[0] < need:
        on = f"{threads} threads" if threads > 1 else "one thread"
        raise ResourceError(
            f"there is not enough memory: {limit[1]} {limit[0] >> 20:,} MiB\n"
            f"  kernels on {on} need {need >> 20:,} MiB of address space"
        )


_SIGNS = (
    "failed to map segment",
    "Cannot allocate memory",
    "can't start new thread",
    "returned NULL without setting an exception",
    "Could not find/load shared object file",
)
"""What libraries say where memory ran out under them."""


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether an exception comes from too little memory, said plainly or not."""
    limited = _process_limit() is not None
    seen: set[int] = set()  # what led to an exception may go in a circle
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        if limited and any(sign in str(error) for sign in _SIGNS):
            return True
        error = error.__cause__ or error.__context__
    return False
