"""One step of Adafactor over flat weights; sums along rows in 16 lanes, along columns in the rows' order.

w, g, row, column (P,). A weight of size n starts at w[at] and is seen as matrices (A, R, C).
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.gradients import norm
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import lane_dot, lane_sum
from nnctl.kernels.ranges import part


@part
def _decayed(lo, hi, factor, rate, w):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        w[i] -= (w[i] * factor) * rate


@part
def _vector(lo, hi, stays, small, g, mean):  # type: ignore[no-untyped-def]
    """The running means of a vector's squares, and g / sqrt of them in g's place."""
    one = g.dtype.type(1.0)
    for i in range(lo, hi):
        mean[i] = stays * mean[i] + (one - stays) * (g[i] * g[i] + small)
        g[i] /= np.sqrt(mean[i])


@part
def _faded(lo, hi, stays, added, mean):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        mean[i] = stays * mean[i] + added


@part
def _add_squares(g, lo, columns, factor, at, mean):  # type: ignore[no-untyped-def]
    for c in range(columns):
        mean[at + c] += factor * (g[lo + c] * g[lo + c])


@part
def _divide(lo, columns, share, mean, at, g):  # type: ignore[no-untyped-def]
    """g[lo + c] /= sqrt(share mean[at + c]); 0 where both are so small that their product is none."""
    zero = g.dtype.type(0.0)
    for c in range(columns):
        square = share * mean[at + c]
        g[lo + c] = g[lo + c] / np.sqrt(square) if square > zero else zero


@inline
def _matrix(lo, rows, columns, at_row, at_column, stays, small, g, row, column):  # type: ignore[no-untyped-def]
    """The means of the matrix g[lo:lo + rows columns], and g / sqrt(v) in its place."""
    t = g.dtype.type
    new = t(1.0) - stays
    _faded(np.uint64(at_column), np.uint64(at_column + columns), stays, new * small, column)
    for r in range(rows):
        start = lo + r * columns
        mean = lane_dot(g, start, g, start, columns) / t(columns) + small
        row[at_row + r] = stays * row[at_row + r] + new * mean
        _add_squares(g, np.uint64(start), np.uint64(columns), new / t(rows), np.uint64(at_column), column)
    mean = lane_sum(row, at_row, rows) / t(rows)
    for r in range(rows):
        share = row[at_row + r] / mean
        start = np.uint64(lo + r * columns)
        _divide(start, np.uint64(columns), share, column, np.uint64(at_column), g)


@part
def _step(lo, hi, rate, divisor, u, w):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        w[i] -= rate * (u[i] / divisor)


@kernel
def adafactor_step(g, hyper, table, numbers, row, column, w):  # type: ignore[no-untyped-def]
    """w -= max(epsilon_2, rms(w)) rho u / max(1, rms(u) / threshold), u = g / sqrt(v), weight by weight.

    hyper (3,) float64: the learning rate, rho, and what stays of the means. table (V, 4): at, A, R, C; A = 0
    for a vector. numbers (4,): weight decay, epsilon_1, epsilon_2, threshold. g is used up.
    """
    t = w.dtype.type
    rate, rho, stays = t(hyper[0]), t(hyper[1]), t(hyper[2])
    decay, small, least, threshold = numbers[0], numbers[1], numbers[2], numbers[3]
    for k in range(table.shape[0]):
        at, count, rows, columns = table[k, 0], table[k, 1], table[k, 2], table[k, 3]
        size = max(count, 1) * rows * columns
        lo, hi = np.uint64(at), np.uint64(at + size)
        _decayed(lo, hi, decay, rate, w)
        if count == 0:
            _vector(lo, hi, stays, small, g, row)
        for a in range(count):
            here = at + a * rows * columns
            _matrix(here, rows, columns, at + a * rows, at + a * columns, stays, small, g, row, column)
        root = np.sqrt(t(size))
        own, along = norm(w, at, at + size) / root, norm(g, at, at + size) / root
        alpha = (own if own > least else least) * rho
        over = along / threshold
        _step(lo, hi, alpha, over if over > t(1.0) else t(1.0), g, w)
