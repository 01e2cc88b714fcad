"""Commands in forked processes, and what the process that forks them off does once."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HANGS = 30
"""Seconds by the clock after which a process is ended."""


@dataclass(frozen=True)
class Outcome:
    """What a process of its own left."""

    code: int
    """Negative: the signal that ended it."""
    seconds: float
    """Of the processor, so that other work on the machine does not count; of the clock where it hangs."""
    megabytes: float
    grown: float
    """The megabytes that it came to have beyond those of the process that it was forked off."""
    out: bytes
    err: bytes


def run(command: tuple[str, ...], here: Path, watch: Callable[[], None] | None = None) -> Outcome:
    """`nnctl COMMAND` in `here`, in a forked process: what is imported already is not imported again.

    Args:
        watch: Called in that process before the command.
    """
    begun, had = time.perf_counter(), _megabytes()
    pid = os.fork()
    if pid == 0:
        _child(command, here, watch)
    _, status, used = os.wait4(pid, 0)
    waited = time.perf_counter() - begun
    seconds = min(waited, used.ru_utime + used.ru_stime) if waited < HANGS else waited
    out, err = (here / "stdout").read_bytes(), (here / "stderr").read_bytes()
    most = used.ru_maxrss / 1024
    return Outcome(os.waitstatus_to_exitcode(status), seconds, most, most - had, out, err)


def _megabytes() -> float:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _child(command: tuple[str, ...], here: Path, watch: Callable[[], None] | None) -> None:
    code = 1
    try:
        os.chdir(here)
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))
        signal.alarm(HANGS)
        if command[0] == "resave":
            from tests.mutated.reference import resave

            resave(Path(command[1]), Path(command[2]))
            code = 0
        else:
            from nnctl.cli.main import main

            if watch is not None:
                watch()
            main(list(command))
            code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def import_everything() -> None:
    """Import all of nnctl, and have Numba set up what it does at a first kernel: a second and more."""
    import nnctl

    for module in pkgutil.walk_packages(nnctl.__path__, "nnctl."):
        if module.name != "nnctl.__main__":
            importlib.import_module(module.name)
    import numba

    numba.njit(lambda x: x + 1)(1)
    gc.collect()
