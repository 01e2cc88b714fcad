"""Arrays of random numbers in float64 by key, the same on every machine.

The kernels are imported when numbers are drawn, so that reading a config never imports Numba.
"""

from __future__ import annotations

from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.keys import Key

# Weights are drawn before the first update; the step is the upper half of the stream's counter.
_START = np.zeros(1, np.uint64)


def uniform(shape: tuple[int, ...], key: Key) -> Array:
    """Numbers in [0, 1), `shape`, float64."""
    from nnctl.kernels import draws

    values = np.empty(prod(shape))
    draws.uniform(*key, _START, 0.0, 1.0, values)
    return values.reshape(shape)


def normal(shape: tuple[int, ...], key: Key) -> Array:
    """Standard normal numbers, `shape`, float64."""
    from nnctl.kernels import draws

    size = prod(shape)
    values = np.empty(size + size % 2)  # the kernel draws pairs
    draws.normal(*key, _START, 0.0, 1.0, values)
    return values[:size].reshape(shape)


def truncated_normal(shape: tuple[int, ...], key: Key) -> Array:
    """Standard normal numbers, cut at -2 and 2, `shape`, float64."""
    from nnctl.kernels import draws

    values = np.empty(prod(shape))
    draws.truncated_normal(*key, _START, 0.0, 1.0, values)
    return values.reshape(shape)
