"""What a kernel is made of, as a hash: the kernel's file and all that it imports, as read and as loaded.

The files alone would not do. While a process runs, an upgrade may replace them, and what it compiles from the
old code would be kept under the new files' name. So the code that is loaded is part of the hash: a mixture of
both has a name that no other process asks for.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([^\n#]+))", re.M
)
_OTHERS = sys.stdlib_module_names | {"numba", "numpy", "llvmlite"}
"""Not looked into: the versions of these are part of an entry's key."""
_INSTALLED = {"site-packages", "dist-packages"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic)


class Unstable(Exception):
    """A kernel depends on a value that has no lasting name; it cannot be kept."""


def stamp(function: Any) -> str:
    """The hash of a kernel's source: it changes with anything that its machine code follows from.

    Raises:
        Unstable: the kernel closes over an object that cannot be named.
    """
    own = [function.__qualname__, str(function.__code__.co_firstlineno), *_function(function, strict=True)]
    return hashlib.sha256("\0".join([_module_stamp(function.__module__), *own]).encode()).hexdigest()


def _module_stamp(name: str) -> str:
    """The hash of a module with all that it imports."""
    return _remembered_stamp(name) if name.startswith(_LASTING) else _fresh_stamp(name)


def _fresh_stamp(name: str) -> str:
    digest = hashlib.sha256()
    for module in sorted(_closure(name)):
        look = _remembered_digest if module.startswith(_LASTING) else _module_digest
        digest.update(f"{module}\0{look(module)}\n".encode())
    return digest.hexdigest()


def _closure(name: str) -> set[str]:
    """A module's name and those of the modules that it imports, theirs included."""
    found: set[str] = set()
    todo = [name]
    while todo:
        module = todo.pop()
        if module in found or module not in sys.modules or not _looked_into(module, name):
            continue
        found.add(module)
        todo += _remembered_imports(module) if module.startswith(_LASTING) else _imports(module)
    return found


def _looked_into(module: str, origin: str) -> bool:
    """Whether a module is nnctl's, the kernel's own package's, or a file that was not installed."""
    package = module.partition(".")[0]
    if package in _OTHERS:
        return False
    if package in ("nnctl", origin.partition(".")[0]):
        return True
    return _INSTALLED.isdisjoint(Path(getattr(sys.modules[module], "__file__", None) or "").parts)


def _imports(name: str) -> list[str]:
    """Whatever a module's imports may name; not every word is a module."""
    package = getattr(sys.modules[name], "__package__", None) or ""
    found: list[str] = []
    for origin, names, modules in _IMPORT.findall(_source(name).decode(errors="replace")):
        if not origin:
            found += re.findall(r"[\w.]+", modules)
            continue
        if origin.startswith("."):
            try:
                origin = importlib.util.resolve_name(origin, package)
            except ImportError:
                continue
        found += [origin, *(f"{origin}.{word}" for word in re.findall(r"\w+", names))]
    return found


def _source(name: str) -> bytes:
    """The file of a module, or nothing where there is none."""
    try:
        return Path(sys.modules[name].__file__ or "").read_bytes()
    except (OSError, TypeError, AttributeError):
        return b""


def _module_digest(name: str) -> str:
    """The hash of one module's file and of what is loaded from it.

    Not of modules among its names: a package has those that happened to be loaded so far, in one command
    others than in the next. What a module imports is in the closure.
    """
    digest = hashlib.sha256(_source(name))
    for key, value in sorted(vars(sys.modules[name]).items()):
        if not key.startswith("__") and not isinstance(value, ModuleType):
            digest.update("\0".join([key, *_value(value, name)]).encode(errors="surrogatepass"))
    return digest.hexdigest()


_LASTING = "nnctl."
"""Modules that are loaded once; a plugin may be loaded again, as something else."""
_remembered_stamp = functools.cache(_fresh_stamp)
_remembered_imports = functools.cache(_imports)
_remembered_digest = functools.cache(_module_digest)


def _value(value: Any, owner: str, strict: bool = False) -> list[str]:
    """A value in words that are the same in every process; what has none is named by its type."""
    if isinstance(value, _PLAIN):
        return [type(value).__name__, repr(value)]
    if isinstance(value, tuple):
        return ["(", *(word for item in value for word in _value(item, owner, strict)), ")"]
    if isinstance(value, np.ndarray):
        return [value.dtype.str, str(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    function = _inside(value)
    if isinstance(function, FunctionType):
        # Another module's function is in that module's hash.
        away = f"{function.__module__}.{function.__qualname__}"
        if function.__module__ == owner:
            return _function(function, strict)
        return [away, *_from_elsewhere(function)] if strict else [away]
    if isinstance(value, type):
        return [f"{value.__module__}.{value.__qualname__}"]
    if strict:
        raise Unstable(f"it closes over a {type(value).__name__}")
    return [type(value).__name__]


def _inside(value: Any) -> Any:
    """The function within a kernel, an intrinsic, or a remembered function."""
    if type(value).__module__.partition(".")[0] == "numba":
        return getattr(value, "py_func", None) or getattr(value, "_defn", value)
    return value.__wrapped__ if isinstance(value, functools._lru_cache_wrapper) else value


def _from_elsewhere(function: FunctionType) -> list[str]:
    """A function of another module that a kernel is made of: it, and its module with all that it imports."""
    words = _function(function, strict=True)
    return words if _is_copy(function) else [*words, _module_stamp(function.__module__)]


def _is_copy(function: FunctionType) -> bool:
    """Whether it is a formula's copy, which has names of its own (kernels/formula_text.py)."""
    return function.__globals__ is not vars(sys.modules.get(function.__module__, sys))


def _function(function: FunctionType, strict: bool = False) -> list[str]:
    """A function's code, defaults and what it closes over; of a formula's copy also what its names mean."""
    words = [_code(function.__code__)]
    for default in function.__defaults__ or ():
        words += _value(default, function.__module__, strict)
    for cell in function.__closure__ or ():
        try:
            words += _value(cell.cell_contents, function.__module__, strict)
        except ValueError:  # not filled yet
            words.append("empty")
    if _is_copy(function):
        for name, value in sorted(function.__globals__.items()):
            if not name.startswith("__"):
                words += [name, *_value(value, function.__module__, strict)]
    return words


def _code(code: CodeType) -> str:
    """The hash of a code object, wherever its file is."""
    parts: list[Any] = [code.co_code, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    parts += [code.co_flags, code.co_argcount]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            parts.append(_code(constant))
        elif isinstance(constant, frozenset):
            parts.append(sorted(map(repr, constant)))
        else:
            parts.append(constant)
    return hashlib.sha256(repr(parts).encode(errors="surrogatepass")).hexdigest()
