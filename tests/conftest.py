"""What all tests share: comparisons with Keras run on JAX; what is compiled once is kept for the next run."""

from __future__ import annotations

import gc
import os
import sys

from nnctl.kernels.folder import cache_root
from tests.databases import postgres

__all__ = ["postgres"]

os.environ.setdefault("KERAS_BACKEND", "jax")
# What is compiled runs once or twice: XLA need not make it fast.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
# Nor need it be compiled again by every worker and every run: it stays in the folder of compiled kernels.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache_root() / "jax-of-tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# Python's own byte code, too, also where the environment says otherwise: without it each worker compiles the
# tests anew, and each process that a test starts all of nnctl.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Collecting thousands of tests makes objects that stay to the end: the garbage collector need not look at
# them, neither while they are made nor at each of its rounds later.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()
