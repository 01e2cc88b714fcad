"""Layer normalisation over the rows of (R, C), its gradient and its parameters' gradients.

y = (x - mean) inverse gamma + beta with inverse = 1 / sqrt(variance + epsilon), row by row.
gamma, beta (C,) are read only where `use_gamma`, `use_beta` are 1.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import (
    LANES,
    add,
    all16,
    element,
    lane_sum,
    load16,
    multiply,
    multiply_add,
    subtract,
    total16,
)
from nnctl.kernels.ranges import part
from nnctl.kernels.reduce import ROWS, add_pairs, rows_of_block
from nnctl.kernels.simd import fma


def parameter_sums_scratch(rows: int, columns: int) -> int:
    """Elements of scratch for `layer_norm_sums`: (2 blocks, C)."""
    return 2 * max(1, -(-rows // ROWS)) * columns


@inline
def squared_deviations(x, start, count, mean):
    """Sum of (x - mean)^2 over `count` elements from flat element `start`."""
    sums, centers = all16(x, x.dtype.type(0.0)), all16(x, mean)
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        d = subtract(load16(x, start + i), centers)
        sums = multiply_add(d, d, sums)
    total = total16(sums)
    for i in range(whole, count):
        d = element(x, start + i) - mean
        total += d * d
    return total


@part
def _apply_row(x, r, mean, inverse, gamma, use_gamma, beta, use_beta, y):
    columns = x.shape[1]
    for c in range(columns):
        y[r, c] = (x[r, c] - mean) * inverse
    if use_gamma:
        for c in range(columns):
            y[r, c] *= gamma[c]
    if use_beta:
        for c in range(columns):
            y[r, c] += beta[c]


@inline
def normalize_row(x, r, epsilon, gamma, use_gamma, beta, use_beta, mean, inverse, y):
    """One row of `layer_norm`."""
    t = x.dtype.type
    columns = x.shape[1]
    at = np.int64(r) * columns
    center = lane_sum(x, at, columns) / t(columns)
    variance = squared_deviations(x, at, columns, center) / t(columns)
    scale = t(1.0) / np.sqrt(variance + t(epsilon))
    mean[r], inverse[r] = center, scale
    _apply_row(x, r, center, scale, gamma, use_gamma, beta, use_beta, y)


@kernel
def layer_norm(x, epsilon, gamma, use_gamma, beta, use_beta, mean, inverse, y):
    """y (R, C) and, for the gradient, mean and inverse (R,) of x (R, C)."""
    for r in range(np.uint64(x.shape[0])):
        normalize_row(x, r, epsilon, gamma, use_gamma, beta, use_beta, mean, inverse, y)


@kernel(parallel=True)
def layer_norm_parallel(x, epsilon, gamma, use_gamma, beta, use_beta, mean, inverse, y):
    """`layer_norm` on many threads."""
    for r in numba.prange(x.shape[0]):
        row = np.uint64(r)
        normalize_row(x, row, epsilon, gamma, use_gamma, beta, use_beta, mean, inverse, y)


@inline
def row_products(x, g, start, count, mean, inverse):
    """(sum of g, sum of g xhat) over a row of flat x and g."""
    zero = x.dtype.type(0.0)
    sums, products = all16(x, zero), all16(x, zero)
    centers, scales = all16(x, mean), all16(x, inverse)
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        v = load16(g, start + i)
        sums = add(sums, v)
        hat = multiply(subtract(load16(x, start + i), centers), scales)
        products = multiply_add(v, hat, products)
    total, product = total16(sums), total16(products)
    for i in range(whole, count):
        v = element(g, start + i)
        total += v
        product += v * ((element(x, start + i) - mean) * inverse)
    return total, product


@part
def _weigh_row(dy, r, gamma, use_gamma, dx):
    if use_gamma:
        for c in range(dy.shape[1]):
            dx[r, c] = dy[r, c] * gamma[c]
    else:
        for c in range(dy.shape[1]):
            dx[r, c] = dy[r, c]


@part
def _slope_row(x, r, mean, inverse, along_one, along_x, dx):
    for c in range(x.shape[1]):
        hat = (x[r, c] - mean) * inverse
        dx[r, c] = inverse * (dx[r, c] - fma(hat, along_x, along_one))


@inline
def grad_row(x, dy, r, mean, inverse, gamma, use_gamma, dx):
    """One row of `layer_norm_grad`."""
    columns = x.shape[1]
    count = x.dtype.type(columns)
    _weigh_row(dy, r, gamma, use_gamma, dx)
    total, product = row_products(x, dx, np.int64(r) * columns, columns, mean[r], inverse[r])
    _slope_row(x, r, mean[r], inverse[r], total / count, product / count, dx)


@kernel
def layer_norm_grad(x, dy, mean, inverse, gamma, use_gamma, dx):
    """dx of `layer_norm`; x, dy, dx (R, C), dx may be dy."""
    for r in range(np.uint64(x.shape[0])):
        grad_row(x, dy, r, mean, inverse, gamma, use_gamma, dx)


@kernel(parallel=True)
def layer_norm_grad_parallel(x, dy, mean, inverse, gamma, use_gamma, dx):
    """`layer_norm_grad` on many threads."""
    for r in numba.prange(x.shape[0]):
        grad_row(x, dy, np.uint64(r), mean, inverse, gamma, use_gamma, dx)


@part
def _block_sums(x, dy, mean, inverse, lo, hi, at, out):
    t = x.dtype.type
    product = at + np.uint64(1)
    for c in range(x.shape[1]):
        out[at, c] = t(0.0)
        out[product, c] = t(0.0)
    for r in range(lo, hi):
        center, scale = mean[r], inverse[r]
        for c in range(x.shape[1]):
            out[at, c] += dy[r, c]
            out[product, c] = fma(dy[r, c], (x[r, c] - center) * scale, out[product, c])


@kernel
def layer_norm_sums(x, dy, mean, inverse, scratch, dgamma, dbeta):
    """dbeta = sum of dy, dgamma = sum of dy xhat over rows; scratch (2 blocks, C), R > 0."""
    rows = x.shape[0]
    for k in range((rows + ROWS - 1) // ROWS):
        lo, hi = rows_of_block(k, rows)
        _block_sums(x, dy, mean, inverse, lo, hi, np.uint64(2 * k), scratch)
    add_pairs(scratch, rows, dbeta, dgamma)


@kernel(parallel=True)
def layer_norm_sums_parallel(x, dy, mean, inverse, scratch, dgamma, dbeta):
    """`layer_norm_sums` on many threads."""
    rows = x.shape[0]
    for k in numba.prange((rows + ROWS - 1) // ROWS):
        lo, hi = rows_of_block(k, rows)
        _block_sums(x, dy, mean, inverse, lo, hi, np.uint64(2 * np.int64(k)), scratch)
    add_pairs(scratch, rows, dbeta, dgamma)
