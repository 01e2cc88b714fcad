"""What a process does once, before it forks commands off."""

from __future__ import annotations

import gc
import importlib
import pkgutil


def import_everything() -> None:
    """Import all of nnctl, and have Numba set up what it does at a first kernel: a second and more."""
    import nnctl

    for module in pkgutil.walk_packages(nnctl.__path__, "nnctl."):
        if module.name != "nnctl.__main__":
            importlib.import_module(module.name)
    import numba

    numba.njit(lambda x: x + 1)(1)
    gc.collect()
