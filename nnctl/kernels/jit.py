"""How a kernel is compiled: one decorator, one cache, one set of rules.

Every kernel is a Numba function on arrays: output last, nothing allocated, nothing
returned. `fastmath` is never used, so LLVM keeps the order of every float operation and the
bits do not depend on the machine. The cache is keyed by the *content* of the kernel's file
and of the kernel modules it imports, so it survives reinstalls and never serves stale code.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A waiting libgomp thread spins; on a busy machine that starves the thread that has work.
# Must be set before libgomp is loaded, so before the first parallel kernel runs.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import numba
from numba.core import caching, codegen, compiler, config

_HERE = Path(__file__).resolve().parent
_IMPORT = re.compile(r"^\s*(?:from|import)\s+nnctl\.kernels(?:\.(\w+))?(?:\s+import\s+([\w, ]+))?", re.M)


def cache_root() -> Path:
    """The folder of compiled kernels: $NNCTL_CACHE_DIR, else the user's cache folder."""
    if given := os.environ.get("NNCTL_CACHE_DIR"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "nnctl" / "kernels"


@functools.cache
def _content_stamp(path: Path) -> str:
    """Hash of a kernel file together with the kernel files it imports."""
    seen: dict[Path, bytes] = {}
    todo = [path]
    while todo:
        file = todo.pop()
        if file in seen or not file.exists():
            continue
        source = file.read_bytes()
        seen[file] = source
        for module, names in _IMPORT.findall(source.decode()):
            for name in [module] if module else re.findall(r"\w+", names):
                todo.append(_HERE / f"{name}.py")
    digest = hashlib.sha256()
    for file in sorted(seen):
        digest.update(file.name.encode() + b"\0" + seen[file] + b"\0")
    return digest.hexdigest()


@functools.cache
def _usable(folder: Path) -> bool:
    """Can compiled kernels be written below this folder?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@functools.cache
def _fallback_root() -> Path:
    """Where nothing else can be written: a folder for this process alone."""
    return Path(tempfile.mkdtemp(prefix="nnctl-kernels-"))


class _ContentLocator(caching._CacheLocator):  # type: ignore[misc]
    """Numba cache locator: place by module name, freshness by content."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        self._py_file = py_file  # Numba names it in its warnings
        self._file = Path(py_file).resolve()
        self._name = py_func.__name__
        # Numba names these two in its warnings.
        self._py_file, self._lineno = py_file, py_func.__code__.co_firstlineno
        root = cache_root()
        self._path = (root if _usable(root) else _fallback_root()) / self._file.stem
        self._path.mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._path)

    def get_source_stamp(self) -> str:
        return _content_stamp(self._file)

    def get_disambiguator(self) -> str:
        return self._name

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        return cls(py_func, py_file) if getattr(py_func, "_nnctl_kernel", False) else None


if _ContentLocator not in caching.CacheImpl._locator_classes:
    caching.CacheImpl._locator_classes.insert(0, _ContentLocator)


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
        codegen.JITCPUCodegen._library_class = _PartLibrary
        try:
            return super()._compile_core()
        finally:
            codegen.JITCPUCodegen._library_class = usual


# What the two classes above change is Numba's own and may move; without it a cold start takes twice as long.
_PARTS_CAN_WAIT = (
    hasattr(codegen.JITCPUCodegen, "_library_class")
    and hasattr(codegen.JITCodeLibrary, "_optimize_final_module")
    and hasattr(codegen.JITCodeLibrary, "_finalize_final_module")
    and hasattr(codegen.JITCodeLibrary, "_finalize_dynamic_globals")
    and hasattr(compiler.Compiler, "_compile_core")
    and "NNCTL_PLAIN_COMPILER" not in os.environ
)


def kernel(function: Callable[..., None] | None = None, *, parallel: bool = False) -> Any:
    """Compile `function` as a kernel: cached, no GIL, no fastmath, IEEE division.

    With `parallel=True` the function may use `numba.prange`; every iteration must write its
    own part of the output, and the number of iterations must follow from shapes alone.
    """
    if function is None:
        return functools.partial(kernel, parallel=parallel)
    function._nnctl_kernel = True  # type: ignore[attr-defined]
    options: dict[str, Any] = {"pipeline_class": _KernelCompiler} if _PARTS_CAN_WAIT else {}
    return numba.njit(
        cache=True, nogil=True, parallel=parallel, error_model="numpy", fastmath=False, **options
    )(function)


def inline(function: Callable[..., Any]) -> Any:
    """A scalar or tile helper that is compiled into the kernels that call it."""
    return numba.njit(error_model="numpy", fastmath=False, forceinline=True)(function)


__all__ = ["cache_root", "config", "inline", "kernel"]
