"""Sparsemax of rows (R, C), the nearest probabilities to x, and its gradient. Sums go from first to last.

Martins and Astudillo, 2016. The threshold is found without sorting (Michelot, 1986): what lies below the
threshold of all that is left leaves, until nothing does.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel


@inline
def threshold(x, r, top):  # type: ignore[no-untyped-def]
    """t such that the positive ones among x[r, :] - top - t sum to 1; NaN where there are none."""
    t = x.dtype.type
    columns = x.shape[1]
    # The largest keeps at most 1, so nothing that lies 1 or more below it is left.
    found, left = t(-1.0), columns + 1
    while True:
        total, above = t(0.0), 0
        for c in range(columns):
            if x[r, c] - top > found:
                total += x[r, c] - top
                above += 1
        if above == 0:
            return t(np.nan)
        found = (total - t(1.0)) / t(above)
        if above >= left:
            return found
        left = above


@kernel
def sparsemax(x, y):  # type: ignore[no-untyped-def]
    """y = sparsemax of every row; x, y (R, C), may be the same memory."""
    zero = x.dtype.type(0.0)
    for r in range(np.uint64(x.shape[0])):
        top = x[r, 0]
        for c in range(1, x.shape[1]):
            top = x[r, c] if x[r, c] > top else top
        limit = threshold(x, r, top)
        for c in range(x.shape[1]):
            value = x[r, c] - top - limit
            y[r, c] = zero if value <= zero else value


@kernel
def sparsemax_grad(y, dy, dx):  # type: ignore[no-untyped-def]
    """dx = dy less its mean over the row's positive y, 0 where y is 0; y, dy, dx (R, C), dx may be dy."""
    t = y.dtype.type
    zero = t(0.0)
    for r in range(np.uint64(y.shape[0])):
        total, count = zero, 0
        for c in range(y.shape[1]):
            if y[r, c] > zero:
                total += dy[r, c]
                count += 1
        mean = total / t(max(count, 1))
        for c in range(y.shape[1]):
            dx[r, c] = dy[r, c] - mean if y[r, c] > zero else zero
