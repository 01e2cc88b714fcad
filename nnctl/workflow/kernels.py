"""Threads and compiled kernels: what must be in place before the first step."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnctl.core.errors import ConfigError
from nnctl.core.events import Compiling, Event, Notice
from nnctl.core.memory import need_address_space
from nnctl.core.threads import limit_kernels

if TYPE_CHECKING:
    from nnctl.kernels.folder import Folder
    from nnctl.program.session import Session

PATIENCE = 0.7
"""Seconds before the first step after which the user is told what is going on."""


def kept_beside() -> Folder:
    """The folder of the compiled kernels, for whatever else takes long to make."""
    from nnctl.kernels.cache import folder

    return folder()


def use_threads(count: int) -> None:
    """Run kernels on `count` threads from now on.

    Raises:
        ConfigError: A setting in the environment stands against it.
    """
    limit_kernels(count)
    need_address_space(count)
    # Before Numba's threads start: this sets how they wait.
    from nnctl.kernels import jit, threads

    try:
        jit.numba.set_num_threads(min(count, jit.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    except ValueError as error:  # a threading layer that is unknown, or not installed
        layer = jit.config.THREADING_LAYER  # type: ignore[attr-defined]
        raise ConfigError(
            f"NUMBA_THREADING_LAYER is '{layer}', which Numba does not have here: unset it"
        ) from error
    threads.install(count)


def cache_faults() -> list[str]:
    """What is wrong with the cache of compiled kernels: at most one thing is said."""
    from nnctl.kernels.cache import folder

    return folder().notices


def ready_kernels(session: Session, watch: Callable[[Event], None] | None = None) -> int:
    """Compile or load the kernels of a session's programs; tells `watch` when that takes long.

    On a machine's first run that is known at once; the first kernel alone takes seconds to compile. From here
    on garbage is looked for, among what comes after the start: what that made stays for good.
    """
    from nnctl.kernels.cache import folder

    began = time.perf_counter()
    told = False
    cache = folder()
    empty = cache.empty

    def progress(done: int, total: int, kernel: str) -> None:
        nonlocal told
        if watch is None:
            return
        if not told and (empty or time.perf_counter() - began > PATIENCE) and done < total:
            watch(Compiling(0, total, kernel))
            told = True
        if told:
            watch(Compiling(done, total, kernel))

    fresh = session.compile_kernels(progress)
    if watch is not None:
        for text in cache_faults():
            watch(Notice(text))
    if not gc.isenabled():
        # The command line looks for no garbage at its start; a program of others' may have made some.
        gc.freeze()
        gc.enable()
    return fresh
