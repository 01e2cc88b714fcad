"""How many threads to use: what the user says, else what the process may really use."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from nnctl.core.errors import ConfigError, Problem

VARIABLE = "NNCTL_THREADS"

MOST = 1024
"""More threads than this are a slip of the finger; every one has buffers of its own."""


def thread_count(asked: int | None = None) -> int:
    """The number of threads: `--threads`, else $NNCTL_THREADS, else the cores this process may use.

    Raises:
        ConfigError: the number asked for is not a whole number above 0.
    """
    return asked_threads(asked) or usable_cores()


def asked_threads(asked: int | None = None) -> int | None:
    """The number of threads that `--threads` or $NNCTL_THREADS says, if any. Raises as `thread_count`."""
    if asked is not None:
        return _sensible("--threads", str(asked))
    text = os.environ.get(VARIABLE)
    return _sensible(VARIABLE, text) if text else None


def _sensible(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigError(Problem(f"{name} takes a whole number above 0, not '{text}'"))
    if int(text) > MOST:
        raise ConfigError(Problem(f"{name} takes at most {MOST}, not {text}"))
    return int(text)


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores by affinity, cut down to the control group's quota (containers), at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(affinity, math.ceil(quota) if quota else affinity))


def _quota(cgroup: Path) -> float | None:
    """The CPU quota in cores by cgroup v2 or v1; None for no limit."""
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        microseconds = int((cgroup / "cpu" / "cpu.cfs_quota_us").read_text())
        return (
            None
            if microseconds < 0
            else microseconds / int((cgroup / "cpu" / "cpu.cfs_period_us").read_text())
        )
    except (OSError, ValueError, ZeroDivisionError):
        return None


def limit_kernels(count: int) -> None:
    """Have kernels run on `count` threads. Numba's own limit is fixed when it is first imported.

    Raises:
        ConfigError: $NUMBA_NUM_THREADS is no sensible number.
    """
    name = "NUMBA_NUM_THREADS"
    given = os.environ.get(name)
    most = _sensible(name, given) if given is not None else 1
    if "numba" not in sys.modules:
        os.environ[name] = str(max(count, most))
