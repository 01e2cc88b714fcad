"""How a kernel is compiled: one decorator, one cache, one set of rules.

Every kernel is a Numba function on arrays: output last, nothing allocated, nothing
returned. `fastmath` is never used, so LLVM keeps the order of every float operation and the
bits do not depend on the machine. What was compiled is kept by `cache.py`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

from nnctl.core.errors import ConfigError

# A waiting libgomp thread spins; on a busy machine that starves the thread that has work.
# Must be set before libgomp is loaded, so before the first parallel kernel runs.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

with warnings.catch_warnings(record=True) as _said:
    warnings.simplefilter("always")
    import numba
    from numba.core import codegen, compiler, config, cpu

from nnctl.kernels.cache import KernelCache, folder


def _need_sound_settings() -> None:
    """Numba warns of settings that it cannot read, and goes on without them."""
    for warning in _said:
        text = str(warning.message)
        if text.startswith("Environment variable"):
            raise ConfigError(text.splitlines()[0].replace("Environment", "the environment"))
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    if config.DISABLE_JIT:
        raise ConfigError("NUMBA_DISABLE_JIT is set, and nnctl's kernels exist only compiled: unset it")


_need_sound_settings()


class _Codegen:
    """Numba's code generator, without environments: a part of a kernel is not in memory by itself."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def set_env(self, name: str, env: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _PartLibrary(codegen.JITCodeLibrary):  # type: ignore[misc]
    """Code that only goes into a kernel: neither optimised nor turned into machine code by itself.

    Numba does both for each function that a kernel calls, then again for the kernel with all of
    them in it. Leaving it to the kernel halves the time a cold start takes.
    """

    @property
    def codegen(self) -> Any:
        return _Codegen(self._codegen)

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        # Called from Python by mistake, a part says that it is not callable.
        self._ensure_finalized()
        return ctypes.cast(ctypes.pythonapi.PyObject_Call, ctypes.c_void_p).value or 0


def _not_of_a_part(create: Callable[..., None]) -> Callable[..., None]:
    """What makes an entry to a function from outside, leaving out parts: only kernels are entered."""

    def made(context: Any, library: Any, *rest: Any, **options: Any) -> None:
        if not isinstance(library, _PartLibrary):
            create(context, library, *rest, **options)

    return made


class _KernelCompiler(compiler.Compiler):  # type: ignore[misc]
    """Compiles a kernel; whatever Numba compiles on the way becomes a part of it."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        if library is None:
            library = codegen.JITCodeLibrary(targetctx.codegen(), "kernel")
            library.enable_object_caching()
        super().__init__(typingctx, targetctx, library, *rest)

    def _compile_core(self) -> Any:
        # Under Numba's global compiler lock, so no other thread sees the exchange.
        usual = codegen.JITCPUCodegen._library_class
        entries = {name: getattr(cpu.CPUContext, name) for name in _ENTRIES}
        codegen.JITCPUCodegen._library_class = _PartLibrary
        for name, create in entries.items():
            setattr(cpu.CPUContext, name, _not_of_a_part(create))
        try:
            return super()._compile_core()
        finally:
            codegen.JITCPUCodegen._library_class = usual
            for name, create in entries.items():
                setattr(cpu.CPUContext, name, create)


_ENTRIES = ("create_cpython_wrapper", "create_cfunc_wrapper")
"""What of Numba's context makes a function callable from Python and from C."""

# What the two classes above change is Numba's own and may move; without it a cold start takes twice as long.
_PARTS_CAN_WAIT = (
    hasattr(codegen.JITCPUCodegen, "_library_class")
    and hasattr(codegen.JITCodeLibrary, "_optimize_final_module")
    and hasattr(codegen.JITCodeLibrary, "_finalize_final_module")
    and hasattr(codegen.JITCodeLibrary, "_finalize_dynamic_globals")
    and hasattr(compiler.Compiler, "_compile_core")
    and all(hasattr(cpu.CPUContext, name) for name in _ENTRIES)
    and "NNCTL_PLAIN_COMPILER" not in os.environ
)


def kernel(function: Callable[..., None] | None = None, *, parallel: bool = False) -> Any:
    """Compile `function` as a kernel: cached, no GIL, no fastmath, IEEE division.

    With `parallel=True` the function may use `numba.prange`; every iteration must write its
    own part of the output, and the number of iterations must follow from shapes only.
    """
    if function is None:
        return functools.partial(kernel, parallel=parallel)
    options: dict[str, Any] = {"pipeline_class": _KernelCompiler} if _PARTS_CAN_WAIT else {}
    dispatcher: Any = numba.njit(
        nogil=True, parallel=parallel, error_model="numpy", fastmath=False, **options
    )(function)
    dispatcher._cache = KernelCache(function, variant="parts" if _PARTS_CAN_WAIT else "plain")
    return dispatcher


def named(name: str, *formulas: Callable[..., Any]) -> Callable[[FunctionType], FunctionType]:
    """Gives a function that is made more than once a name of its own: of what it does, and of its formulas.

    Progress and the cache show it. Code that was kept by different processes is linked by name when it is
    loaded, so that two functions must never have the same.
    """

    def decorate(function: FunctionType) -> FunctionType:
        function.__name__ = " ".join([name, *(f.__qualname__ for f in formulas)])
        function.__qualname__ = ".".join([name, *(f"{f.__module__}.{f.__qualname__}" for f in formulas)])
        return function

    return decorate


def inline(function: Callable[..., Any]) -> Any:
    """A scalar or tile helper that is compiled into the kernels that call it."""
    return numba.njit(error_model="numpy", fastmath=False, forceinline=True)(function)


__all__ = ["config", "folder", "inline", "kernel", "named"]
