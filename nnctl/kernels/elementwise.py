"""Arithmetic on flat arrays: two arrays, one array, scalars, masks, conversions.

Arrays are (N,) unless said otherwise; the output may be an input. Codes are in codes.py.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels import codes
from nnctl.kernels.interleaved import interleaved
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.mathfn import exp, log, log1p
from nnctl.kernels.ranges import all_of, block_count, first, last, part


@inline
def combine(code, x1, x2):
    """x1 (code) x2; a NaN in either stays."""
    if code == codes.ADD:
        return x1 + x2
    if code == codes.SUBTRACT:
        return x1 - x2
    if code == codes.MULTIPLY:
        return x1 * x2
    if code == codes.DIVIDE:
        return x1 / x2
    if code == codes.MAXIMUM:
        return x1 if x1 >= x2 or x1 != x1 else x2
    return x1 if x1 <= x2 or x1 != x1 else x2


@part
def _binary(x1, x2, code, lo, hi, y):
    if code == codes.ADD:
        for i in range(lo, hi):
            y[i] = x1[i] + x2[i]
    elif code == codes.MULTIPLY:
        for i in range(lo, hi):
            y[i] = x1[i] * x2[i]
    else:
        for i in range(lo, hi):
            y[i] = combine(code, x1[i], x2[i])


@kernel
def binary(x1, x2, code, y):
    """y = x1 (code) x2."""
    _binary(x1, x2, code, np.uint64(0), all_of(x1), y)


@kernel(parallel=True)
def binary_parallel(x1, x2, code, y):
    """`binary` on many threads."""
    n = x1.shape[0]
    for block in numba.prange(block_count(n)):
        _binary(x1, x2, code, first(block), last(block, n), y)


@part
def _binary_row(x, row, code, r, y):
    for c in range(x.shape[1]):
        y[r, c] = combine(code, x[r, c], row[c])


@kernel
def binary_row(x, row, code, y):
    """y[r, c] = x[r, c] (code) row[c]; x, y (R, C), row (C,)."""
    for r in range(np.uint64(x.shape[0])):
        _binary_row(x, row, code, r, y)


@kernel
def extremum_grad(x1, x2, code, dy, dx1, dx2):
    """Gradients of MAXIMUM or MINIMUM: to the larger (smaller) input, halved where equal."""
    t = x1.dtype.type
    zero, half = t(0.0), t(0.5)
    for i in range(x1.shape[0]):
        first_wins = x1[i] > x2[i] if code == codes.MAXIMUM else x1[i] < x2[i]
        share = dy[i] if first_wins else zero
        share = half * dy[i] if x1[i] == x2[i] else share
        dx1[i] = share
        dx2[i] = dy[i] - share


@interleaved
def _unary(x, code, lo, hi, y):
    t = x.dtype.type
    zero, one = t(0.0), t(1.0)
    if code == codes.NEGATE:
        for i in range(lo, hi):
            y[i] = -x[i]
    elif code == codes.ABSOLUTE:
        for i in range(lo, hi):
            y[i] = abs(x[i])
    elif code == codes.SIGN:
        for i in range(lo, hi):
            y[i] = one if x[i] > zero else (-one if x[i] < zero else x[i])
    elif code == codes.SQUARE:
        for i in range(lo, hi):
            y[i] = x[i] * x[i]
    elif code == codes.SQRT:
        for i in range(lo, hi):
            y[i] = np.sqrt(x[i])
    elif code == codes.RSQRT:
        for i in range(lo, hi):
            y[i] = one / np.sqrt(x[i])
    elif code == codes.RECIPROCAL:
        for i in range(lo, hi):
            y[i] = one / x[i]
    elif code == codes.EXP:
        for i in range(lo, hi):
            y[i] = exp(x[i])
    elif code == codes.LOG:
        for i in range(lo, hi):
            y[i] = log(x[i])
    elif code == codes.LOG1P:
        for i in range(lo, hi):
            y[i] = log1p(x[i])


@kernel
def unary(x, code, y):
    """y = f(x)."""
    _unary(x, code, np.uint64(0), all_of(x), y)


@part
def _affine(x, a, b, lo, hi, y):
    for i in range(lo, hi):
        y[i] = x[i] * a + b


@kernel
def affine(x, a, b, y):
    """y = a x + b, for numbers a and b; the product is rounded."""
    t = x.dtype.type
    _affine(x, t(a), t(b), np.uint64(0), all_of(x), y)


@kernel(parallel=True)
def affine_parallel(x, a, b, y):
    """`affine` on many threads."""
    t = x.dtype.type
    scale, offset = t(a), t(b)
    n = x.shape[0]
    for block in numba.prange(block_count(n)):
        _affine(x, scale, offset, first(block), last(block, n), y)


@part
def _accumulate(x, a, lo, hi, y):
    for i in range(lo, hi):
        y[i] += a * x[i]


@kernel
def accumulate(x, a, y):
    """y += a x, for a number a; the product is rounded."""
    _accumulate(x, x.dtype.type(a), np.uint64(0), all_of(x), y)


@kernel
def scale_by(x, factor, y):
    """y = factor[0] * x for a number that a kernel computed; x, y (N,), factor (1,)."""
    _affine(x, factor[0], x.dtype.type(-0.0), np.uint64(0), all_of(x), y)


@kernel
def fill(value, y):
    """y = value."""
    number = y.dtype.type(value)
    for i in range(y.shape[0]):
        y[i] = number


@kernel
def cast(x, y):
    """y = x in y's dtype; to bool: x != 0."""
    for i in range(x.shape[0]):
        y[i] = x[i]


@kernel
def not_equal(x, value, y):
    """y = (x != value); y bool."""
    number = x.dtype.type(value)
    for i in range(x.shape[0]):
        y[i] = x[i] != number


@kernel
def logical_and(x1, x2, y):
    """y = x1 and x2, all bool."""
    for i in range(x1.shape[0]):
        y[i] = x1[i] & x2[i]


@kernel
def logical_or(x1, x2, y):
    """y = x1 or x2, all bool."""
    for i in range(x1.shape[0]):
        y[i] = x1[i] | x2[i]


@kernel
def select_rows(mask, x, value, y):
    """y[r, :] = x[r, :] where mask[r], else `value`; mask (R,) bool, x, y (R, C)."""
    number = x.dtype.type(value)
    for r in range(x.shape[0]):
        keep = mask[r]
        for c in range(x.shape[1]):
            y[r, c] = x[r, c] if keep else number


@part
def _select(mask, a, x, h, number, y):
    for r in range(x.shape[2]):
        y[a, h, r] = x[a, h, r] if mask[a, r] else number


@kernel
def select_middle(mask, x, value, y):
    """y[a, h, r] = x[a, h, r] where mask[a, r], else `value`; mask (A, R) bool, x, y (A, H, R)."""
    number = x.dtype.type(value)
    for a in range(np.uint64(x.shape[0])):
        for h in range(np.uint64(x.shape[1])):
            _select(mask, a, x, h, number, y)


@kernel(parallel=True)
def select_middle_parallel(mask, x, value, y):
    """`select_middle` on many threads."""
    number = x.dtype.type(value)
    repeats = x.shape[1]
    for i in numba.prange(x.shape[0] * repeats):
        _select(mask, np.uint64(i // repeats), x, np.uint64(i % repeats), number, y)
