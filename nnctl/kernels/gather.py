"""Rows picked by number, their means, and their gradient: added up in the order of the numbers.

Each strip of a table's columns is added to by one thread, which walks through all numbers in order, so
no two threads add into one number and the order is the same for any number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.ranges import part

ZEROED = 16
"""Parts of a table's gradient that are filled with zeros one by one."""
STRIP = 32
"""Columns of a table's gradient that one thread adds to."""


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


@part
def _add_row(x, n, lo, hi, y, row):
    """y[row, lo:hi] += x[n, lo:hi]."""
    for c in range(lo, hi):
        y[row, c] += x[n, c]


@part
def _zero_rows(lo, hi, y):
    """y[lo:hi, :] = 0."""
    for r in range(lo, hi):
        for c in range(y.shape[1]):
            y[r, c] = y.dtype.type(0.0)


@part
def _divide_row(row, count, y):
    for c in range(y.shape[1]):
        y[row, c] /= count


@inline
def _mean_row(x, numbers, n, y):
    """One row of `mean_rows`."""
    columns = np.uint64(x.shape[1])
    _zero_rows(n, n + np.uint64(1), y)
    for t in range(np.uint64(numbers.shape[1])):
        at = numbers[n, t]
        if at >= 0 and at < x.shape[0]:
            _add_row(x, np.uint64(at), np.uint64(0), columns, y, n)
        else:
            for c in range(columns):
                y[n, c] = y.dtype.type(np.nan)
    _divide_row(n, y.dtype.type(numbers.shape[1]), y)


@kernel
def mean_rows(x, numbers, y):
    """y[n, :] = the mean over t of x[numbers[n, t], :], added from 0, t ascending.

    Shapes: x (V, C), numbers (N, T), y (N, C). A number outside the table gives a row of NaN.
    """
    for n in range(np.uint64(numbers.shape[0])):
        _mean_row(x, numbers, n, y)


@kernel(parallel=True)
def mean_rows_parallel(x, numbers, y):
    """`mean_rows` on many threads."""
    for n in numba.prange(numbers.shape[0]):
        _mean_row(x, numbers, np.uint64(n), y)


@inline
def _add_columns(dy, numbers, lo, hi, dx):
    """Add columns lo..hi-1 of all rows of dy."""
    for n in range(np.uint64(numbers.shape[0])):
        for t in range(np.uint64(numbers.shape[1])):
            at = numbers[n, t]
            if at >= 0 and at < dx.shape[0]:
                _add_row(dy, n, lo, hi, dx, np.uint64(at))


@kernel
def scatter_rows(dy, numbers, dx):
    """dx[v, :] = sum of dy[n, :] over the (n, t) with numbers[n, t] = v, in ascending order.

    Shapes: dy (N, C), numbers (N, T), dx (V, C).
    """
    _zero_rows(np.uint64(0), np.uint64(dx.shape[0]), dx)
    _add_columns(dy, numbers, np.uint64(0), np.uint64(dx.shape[1]), dx)


@kernel(parallel=True)
def scatter_rows_parallel(dy, numbers, dx):
    """`scatter_rows` on many threads."""
    rows, columns = dx.shape
    for block in numba.prange(ZEROED):
        lo, hi = np.int64(block) * rows // ZEROED, (np.int64(block) + 1) * rows // ZEROED
        _zero_rows(np.uint64(lo), np.uint64(hi), dx)
    for strip in numba.prange((columns + STRIP - 1) // STRIP):
        lo = np.int64(strip) * STRIP
        _add_columns(dy, numbers, np.uint64(lo), np.uint64(min(lo + STRIP, columns)), dx)
