"""nnctl: a declarative command line for training neural networks on CPUs.

From Python, `nnctl.train`, `nnctl.load`, `nnctl.evaluate` and `nnctl.predict` do what the commands do. Names
are imported when they are used, so that `import nnctl` loads nothing; type checkers read `__init__.pyi`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PLACES = {
    "nnctl.api": ("train", "load", "evaluate", "predict", "Run", "Predictions"),
    "nnctl.core.errors": ("NnctlError", "ConfigError", "DataError", "RunError", "StorageError"),
}

__all__ = [name for names in _PLACES.values() for name in names]


def __getattr__(name: str) -> Any:
    for place, names in _PLACES.items():
        if name in names:
            return getattr(import_module(place), name)
    raise AttributeError(f"module 'nnctl' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "__doc__"])
