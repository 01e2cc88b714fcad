"""Moving blocks: copy, a slice of the middle axis in or out, zero padding of two axes.

Arrays are seen as (A, R, B): the axis in question in the middle.
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


@kernel
def put_middle(x, start, y):
    """y[:, start : start + R, :] = x; x (A, R, B), y (A, S, B). A piece of a concatenation."""
    for a in range(x.shape[0]):
        for r in range(x.shape[1]):
            for b in range(x.shape[2]):
                y[a, start + r, b] = x[a, r, b]


@kernel
def take_middle(x, start, step, y):
    """y[:, r, :] = x[:, start + r step, :]; x (A, S, B), y (A, R, B)."""
    for a in range(y.shape[0]):
        for r in range(y.shape[1]):
            at = start + r * step
            for b in range(y.shape[2]):
                y[a, r, b] = x[a, at, b]


@kernel
def spread_middle(x, start, step, y):
    """The transpose of `take_middle`: y is 0 but y[:, start + r step, :] = x[:, r, :]."""
    zero = y.dtype.type(0)
    for a in range(y.shape[0]):
        for s in range(y.shape[1]):
            for b in range(y.shape[2]):
                y[a, s, b] = zero
        for r in range(x.shape[1]):
            at = start + r * step
            for b in range(x.shape[2]):
                y[a, at, b] = x[a, r, b]


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
