"""Two large matrices to multiply."""

from __future__ import annotations

import numpy as np

from benchmarks.workloads.base import Array

MATRIX = 2048


def matrices() -> tuple[Array, Array]:
    """Two square float32 matrices to multiply."""
    rng = np.random.default_rng(5)
    a = rng.standard_normal((MATRIX, MATRIX), dtype=np.float32)
    return a, rng.standard_normal((MATRIX, MATRIX), dtype=np.float32)
