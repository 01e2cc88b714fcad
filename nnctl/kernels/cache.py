"""Numba's cache of compiled functions, nnctl's way: content has a name of its own, and a fault is a miss.

Numba keeps one index per function beside numbered data files, replaces one after the other without a lock,
and takes the numbers again when the source changes: whoever is stopped in between, or writes at the same
time, leaves an index that points to other code. Here each compiled signature is a file that is named by
everything its code follows from (`entry.py`), in a folder that only this user may write (`folder.py`).
"""

from __future__ import annotations

import functools
import hashlib
import json
import pickle
import platform
import sys
import warnings
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching, compiler, config, sigutils
from numba.core.errors import NumbaWarning
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.core.serialize import dumps

from nnctl.kernels.entry import entry_name
from nnctl.kernels.folder import Folder
from nnctl.kernels.stamp import Unstable, stamp

_OPTIONS = (
    "OPT", "BOUNDSCHECK", "LOOP_VECTORIZE", "SLP_VECTORIZE", "USING_SVML", "DISABLE_INTEL_SVML",
    "DEBUGINFO_DEFAULT", "ENABLE_PROFILING", "LLVM_REFPRUNE_PASS", "LLVM_REFPRUNE_FLAGS",
)  # fmt: skip
"""What of Numba's configuration changes the code that it makes."""

_HASH_SECRET = b"_numba_hashsecret"
"""What code refers to that computes hashes as Python does: Numba says where that is when it is to compile."""


@functools.cache
def folder() -> Folder:
    """The folder that this process keeps compiled kernels in."""
    return Folder()


@functools.cache
def _versions() -> list[Any]:
    """What compiles, and how."""
    options = [str(getattr(config, name, None)) for name in _OPTIONS]
    python = [sys.implementation.cache_tag, platform.python_version(), getattr(sys, "abiflags", "")]
    return [*python, numba.__version__, llvmlite.__version__, np.__version__, *options]


def key() -> str:
    """A name of everything that all kernels follow from: this nnctl, what compiles, this kind of CPU.

    Under it a folder of kernels can be kept elsewhere. Each kernel in it has a name of its own besides: what
    was kept under another key is never wrong, only of less use.
    """
    sources = hashlib.sha256()
    package = Path(__file__).parents[1]
    for file in sorted(package.rglob("*.py")):
        sources.update(f"{file.relative_to(package)}\0".encode())
        sources.update(hashlib.sha256(file.read_bytes()).digest())
    target = cpu_target.target_context.codegen().magic_tuple()
    words = [list(map(str, target)), _versions(), sources.hexdigest()]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:32]


class KernelCache(caching._Cache):  # type: ignore[misc]
    """What Numba asks when it is to compile a kernel: `load_overload` before, `save_overload` after."""

    def __init__(self, function: Any, variant: str = "") -> None:
        self._function = function
        self._variant = variant
        self._label = f"{function.__module__.rpartition('.')[2]}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The folder, for Numba's statistics."""
        return str(folder().root) if folder().root else None

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled result for a signature, or None: not there, not whole, not right, not readable."""
        try:
            # Kept code calls Numba's reference counts, if anything. Numba's own cache loads all that is
            # needed to compile: a third of a second and 25 MB.
            rtsys.initialize(target_context)
            key = self._key(sig, target_context.codegen())
            payload = folder().read(entry_name(self._label, key), key)
            if payload is None:
                return None
            if _HASH_SECRET in payload:
                target_context.refresh()
            found = compiler.CompileResult._rebuild(target_context, *pickle.loads(payload))
            return found if tuple(found.signature.args) == _arguments(sig) else None
        except Exception:
            # Compiled again, and kept in its place.
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled result where that is possible."""
        if data.library.has_dynamic_globals or any(not lifted.can_cache for lifted in data.lifted):
            warnings.warn(
                f"{self._label} cannot be kept: its code holds addresses", NumbaWarning, stacklevel=2
            )
            return
        try:
            key = self._key(sig, data.codegen)
        except (Unstable, RecursionError):
            return
        folder().write(entry_name(self._label, key), key, dumps(data._reduce()))

    def enable(self) -> None:
        """Part of Numba's interface; always enabled."""

    def disable(self) -> None:
        """Part of Numba's interface; always enabled."""

    def flush(self) -> None:
        """Part of Numba's interface: `recompile` writes over what is there."""

    def _key(self, sig: Any, codegen: Any) -> str:
        """Everything that the machine code follows from, in words."""
        types = [str(argument) for argument in _arguments(sig)]
        words = [self._label, self._variant, types, list(map(str, codegen.magic_tuple())), _versions()]
        return json.dumps([*words, stamp(self._function)])


def _arguments(sig: Any) -> tuple[Any, ...]:
    """The types of a signature's arguments."""
    return tuple(sigutils.normalize_signature(sig)[0])
