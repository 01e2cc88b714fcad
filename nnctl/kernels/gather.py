"""Rows picked by number, and their gradient: added up in the order of the numbers.

Each block of table rows is added to by one thread, which walks through all numbers in order, so
no two threads add into one row and the order is the same for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel

TABLE_BLOCKS = 16
"""Parts into which a table is cut for its gradient."""


@kernel
def gather_rows(x, numbers, y):
    """y[n, :] = x[numbers[n], :]; x (V, C), numbers (N,), y (N, C) of any dtype.

    A number outside the table gives a row of NaN (of zeros in an integer y).
    """
    missing = y.dtype.type(0.0) / y.dtype.type(0.0) if y.dtype.type(0.5) else y.dtype.type(0)
    for n in range(numbers.shape[0]):
        at = numbers[n]
        if at >= 0 and at < x.shape[0]:
            row = np.uint64(at)
            for c in range(x.shape[1]):
                y[n, c] = x[row, c]
        else:
            for c in range(x.shape[1]):
                y[n, c] = missing


@inline
def add_block(dy, numbers, block, dx):
    """Fill one block of dx's rows."""
    rows = dx.shape[0]
    size = (rows + TABLE_BLOCKS - 1) // TABLE_BLOCKS
    lo = min(np.int64(block) * size, rows)
    hi = min(lo + size, rows)
    zero = dx.dtype.type(0.0)
    for r in range(np.uint64(lo), np.uint64(hi)):
        for c in range(dx.shape[1]):
            dx[r, c] = zero
    for n in range(numbers.shape[0]):
        at = numbers[n]
        if at >= lo and at < hi:
            row = np.uint64(at)
            for c in range(dx.shape[1]):
                dx[row, c] += dy[n, c]


@kernel
def scatter_rows(dy, numbers, dx):
    """dx[v, :] = sum of dy[n, :] over the n with numbers[n] = v, n ascending; dy (N, C), dx (V, C)."""
    for block in range(TABLE_BLOCKS):
        add_block(dy, numbers, block, dx)


@kernel(parallel=True)
def scatter_rows_parallel(dy, numbers, dx):
    """`scatter_rows` on many threads."""
    for block in numba.prange(TABLE_BLOCKS):
        add_block(dy, numbers, block, dx)
