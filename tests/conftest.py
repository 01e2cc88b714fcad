"""What all tests share: comparisons with Keras run on JAX unless the environment says otherwise."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
# What is compiled runs once or twice: XLA need not make it fast.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
)
