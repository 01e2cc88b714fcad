"""Numbers of classes counted in each row, and bins found for numbers."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel


@kernel
def count_rows(numbers, weights, once, y):
    """y[r, n] = how often n is among numbers[r], or if `once`, whether it is; y (R, D).

    Numbers (R, T) that are none of 0 .. D - 1 do not count. Weights (R, T) are added in the order of t in
    place of ones; (0, 0) where there are none.
    """
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for r in range(y.shape[0]):
        for d in range(y.shape[1]):
            y[r, d] = zero
        for t in range(numbers.shape[1]):
            at = numbers[r, t]
            if at >= 0 and at < y.shape[1]:
                n = np.uint64(at)
                if once:
                    y[r, n] = one
                elif weights.shape[0]:
                    y[r, n] += weights[r, t]
                else:
                    y[r, n] += one


@kernel
def pick_rows(numbers, x, y):
    """y[r, t] = x[r, numbers[r, t]], 0 for a number that is no column of x; x (R, D), y (R, T)."""
    for r in range(y.shape[0]):
        for t in range(y.shape[1]):
            at = numbers[r, t]
            y[r, t] = x[r, np.uint64(at)] if at >= 0 and at < x.shape[1] else x.dtype.type(0)


@inline
def at_most(x, boundaries):
    """How many of the boundaries, which never fall, are at most x; all of them for NaN."""
    low, high = 0, boundaries.shape[0]
    while low < high:
        middle = (low + high) // 2
        if x < boundaries[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def bins(x, boundaries, y):
    """y[i] = how many of the boundaries are at most x[i]."""
    for i in range(x.shape[0]):
        y[i] = at_most(x[i], boundaries)
