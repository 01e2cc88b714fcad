"""Moving blocks: copy, a slice of an axis in or out, padding of two axes.

For a slice arrays are seen as (A, R): what lies before the axis, and the axis with all that is behind it.
"""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import part_of
from nnctl.kernels.jit import kernel
from nnctl.kernels.ranges import all_of, part


@part
def _copy(x, lo, hi, y):
    for i in range(lo, hi):
        y[i] = x[i]


@kernel
def copy(x, y):
    """y = x, both (N,)."""
    _copy(x, np.uint64(0), all_of(x), y)


def copy_drawn(x, other, number, part, parts, y):
    """y = other where a number (1,) in [0, 1), cut into parts, falls into one of them, else x.

    Nothing is done where y lies in the memory of what it becomes.
    """
    source = other if part_of(number, parts) == part else x
    if source.ctypes.data != y.ctypes.data:
        y[...] = source


@part
def _copy_run(x, x_at, count, y, y_at):
    """Copy `count` elements of the rows x[r, :] and y[q, :], x_at = (r, first), y_at = (q, first)."""
    for i in range(count):
        y[y_at[0], y_at[1] + i] = x[x_at[0], x_at[1] + i]


@kernel
def put_rows(x, start, y):
    """y[:, start : start + R] = x; x (A, R), y (A, S). A piece of a concatenation."""
    zero = np.uint64(0)
    for a in range(np.uint64(x.shape[0])):
        _copy_run(x, (a, zero), np.uint64(x.shape[1]), y, (a, np.uint64(start)))


@kernel
def take_runs(x, start, step, run, y):
    """y[:, i run + j] = x[:, start + i step + j] for j < run, which divides R; x (A, S), y (A, R)."""
    runs = y.shape[1] // run
    for a in range(np.uint64(y.shape[0])):
        for i in range(runs):
            _copy_run(x, (a, np.uint64(start + i * step)), np.uint64(run), y, (a, np.uint64(i * run)))


@kernel
def spread_runs(x, start, step, run, y):
    """The transpose of `take_runs`: y is 0 but y[:, start + i step + j] = x[:, i run + j]."""
    runs = x.shape[1] // run
    for a in range(np.uint64(y.shape[0])):
        for s in range(y.shape[1]):
            y[a, s] = y.dtype.type(0)
        for i in range(runs):
            _copy_run(x, (a, np.uint64(i * run)), np.uint64(run), y, (a, np.uint64(start + i * step)))


@kernel
def pad(x, top, left, value, y):
    """x (N, H, W, C) inside y (N, P, Q, C) from row `top`, column `left`; `value` around it."""
    number = y.dtype.type(value)
    height, width = x.shape[1], x.shape[2]
    for n in range(y.shape[0]):
        for p in range(y.shape[1]):
            row_inside = p >= top and p < top + height
            for q in range(y.shape[2]):
                if row_inside and q >= left and q < left + width:
                    for c in range(y.shape[3]):
                        y[n, p, q, c] = x[n, p - top, q - left, c]
                else:
                    for c in range(y.shape[3]):
                        y[n, p, q, c] = number


@kernel
def crop(x, top, left, y):
    """y[n, h, w, c] = x[n, top + h, left + w, c]: the transpose of `pad`."""
    for n in range(y.shape[0]):
        for h in range(y.shape[1]):
            for w in range(y.shape[2]):
                for c in range(y.shape[3]):
                    y[n, h, w, c] = x[n, top + h, left + w, c]


@kernel
def transpose_middle(x, y):
    """y[a, s, r, b] = x[a, r, s, b]; x (A, R, S, B), y (A, S, R, B)."""
    for a in range(y.shape[0]):
        for s in range(y.shape[1]):
            for r in range(y.shape[2]):
                for b in range(y.shape[3]):
                    y[a, s, r, b] = x[a, r, s, b]
