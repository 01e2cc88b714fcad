"""Having kernels compiled before the first step: loaded from the cache, or compiled on two cores."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nnctl.core.threads import usable_cores
from nnctl.program.bind import Bound

Types = tuple[Any, ...]
"""Numba's types of a call's arguments."""

KernelSignature = tuple[Any, Types]
"""A kernel and the signature it is called with."""

Progress = Callable[[int, int, str], None]
"""Told (done, total, kernel name) before each kernel, and once at the end."""


def compile_kernels(bound: Iterable[Bound], progress: Progress | None = None) -> int:
    """Have every kernel of these programs compiled or loaded from the cache.

    Returns:
        How many kernels had to be compiled here because no cache held them.
    """
    from nnctl.kernels.chain import runner

    programs = list(bound)
    types = [_types(program) for program in programs]
    wanted = wanted_kernels(programs, types)
    fresh = 0
    helper: int | None = None
    collecting = gc.isenabled()
    # Compiling makes millions of objects that stay; to look for garbage among them takes a tenth of the time.
    gc.disable()
    try:
        for done, (kernel, signature) in enumerate(wanted):
            if progress is not None:
                progress(done, len(wanted), kernel.__name__)
            compiled = _compile(kernel, signature)
            fresh += compiled
            if compiled and helper is None:
                helper = _help_from_the_end(wanted[done + 1 :])
    finally:
        if collecting:
            gc.enable()
        _dismiss(helper)
    for program, kinds in zip(programs, types, strict=True):
        program.runner = runner(program.calls, kinds)
    if progress is not None:
        progress(len(wanted), len(wanted), "")
    return fresh


def _types(program: Bound) -> list[Types]:
    """Numba's types of the arguments of each call."""
    from numba import typeof

    found: dict[int, Types] = {}
    for call in program.calls:
        if id(call) not in found:  # slices of a batch share calls
            found[id(call)] = tuple(typeof(argument) for argument in call[1])  # type: ignore[no-untyped-call]
    return [found[id(call)] for call in program.calls]


def wanted_kernels(bound: Sequence[Bound], types: Sequence[Sequence[Types]]) -> list[KernelSignature]:
    """Each kernel with each signature that the programs call it with, once, in the order of first use."""
    found: dict[KernelSignature, None] = {}
    for program, kinds in zip(bound, types, strict=True):
        different = dict(zip(map(id, program.calls), zip(program.calls, kinds, strict=True), strict=True))
        for (kernel, _), own in different.values():
            if hasattr(kernel, "compile"):
                found.setdefault((kernel, own))
    return list(found)


def _compile(kernel: Any, signature: tuple[Any, ...]) -> bool:
    """Compile or load one kernel; whether it was compiled."""
    misses = sum(kernel.stats.cache_misses.values())
    kernel.compile(signature)
    return bool(sum(kernel.stats.cache_misses.values()) > misses)


def _help_from_the_end(wanted: Sequence[KernelSignature]) -> int | None:
    """Start a process that compiles from the list's end towards us, into the cache; its number.

    Where the two meet it finds a kernel that the cache holds already, and ends. Nothing waits for it: a
    kernel that it has not finished is compiled here as well.
    """
    if len(wanted) < 3 or sys.platform != "linux" or usable_cores() < 2:
        return None
    parent = os.getpid()
    process = os.fork()
    if process:
        return process
    with contextlib.suppress(BaseException):
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        for kernel, signature in reversed(wanted):
            if os.getppid() != parent or not _compile(kernel, signature):
                break
    os._exit(0)


def _dismiss(helper: int | None) -> None:
    """End the helping process, whatever it is doing: what it finished is in the cache."""
    if helper is not None:
        with contextlib.suppress(OSError):
            os.kill(helper, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.waitpid(helper, 0)
        from nnctl.kernels.jit import folder

        folder().forget(helper)
