"""Batch normalisation over the rows of (R, C): statistics, moving averages, gradients without an activation.

Statistics are taken per block of ROWS rows in two passes while the block is in the cache, then
joined in order (Chan, Golub, LeVeque 1979), so nothing cancels. Parameters gamma, beta (C,) are
read only where `use_gamma`, `use_beta` are 1.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.ranges import part
from nnctl.kernels.reduce import ROWS, rows_of_block
from nnctl.kernels.simd import fma

EPSILON = 1e-7
"""What Keras adds to the count of unmasked rows."""


def statistics_scratch(rows: int, columns: int) -> int:
    """Elements of scratch for `batch_statistics`, and `batch_norm.batch_norm_sums`: (2 blocks, C)."""
    return 2 * max(1, -(-rows // ROWS)) * columns


@inline
def _next(x, r, mean, c, total):
    """total + (x[r, c] - mean)^2."""
    d = x[r, c] - mean
    return fma(d, d, total)


@part
def _block_statistics(x, lo, hi, at, out):
    """out[at] = mean, out[at + 1] = sum of squared deviations of rows lo to hi, from the top down.

    Four rows at a time: the same order of additions, a quarter of the traffic with `out`.
    """
    t = x.dtype.type
    columns, deviation = x.shape[1], at + np.uint64(1)
    count = t(hi - lo)
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    for c in range(columns):
        out[at, c] = t(0.0)
        out[deviation, c] = t(0.0)
    r = lo
    while r + four <= hi:
        for c in range(columns):
            total = out[at, c] + x[r, c] + x[r + one, c]
            out[at, c] = total + x[r + two, c] + x[r + three, c]
        r += four
    while r < hi:
        for c in range(columns):
            out[at, c] += x[r, c]
        r += one
    for c in range(columns):
        out[at, c] /= count
    r = lo
    while r + four <= hi:
        for c in range(columns):
            mean = out[at, c]
            total = _next(x, r + one, mean, c, _next(x, r, mean, c, out[deviation, c]))
            out[deviation, c] = _next(x, r + three, mean, c, _next(x, r + two, mean, c, total))
        r += four
    while r < hi:
        for c in range(columns):
            out[deviation, c] = _next(x, r, out[at, c], c, out[deviation, c])
        r += one


@part
def _join(scratch, rows, mean, variance):
    """Join the blocks' statistics in order; variance is the biased one."""
    t = mean.dtype.type
    columns = mean.shape[0]
    for c in range(columns):
        mean[c] = scratch[0, c]
        variance[c] = scratch[1, c]
    for k in range(1, (rows + ROWS - 1) // ROWS):
        before = k * ROWS
        added = min(ROWS, rows - before)
        share = t(added) / t(before + added)
        weight = t(before) * share
        for c in range(columns):
            d = scratch[2 * k, c] - mean[c]
            mean[c] = fma(d, share, mean[c])
            variance[c] += fma(d * d, weight, scratch[2 * k + 1, c])
    for c in range(columns):
        variance[c] /= t(rows)


@kernel
def batch_statistics(x, scratch, mean, variance):
    """mean and biased variance (C,) of the columns of x (R, C), R > 0; scratch (2 blocks, C)."""
    rows = x.shape[0]
    for k in range((rows + ROWS - 1) // ROWS):
        lo, hi = rows_of_block(k, rows)
        _block_statistics(x, lo, hi, np.uint64(2 * k), scratch)
    _join(scratch, rows, mean, variance)


@kernel(parallel=True)
def batch_statistics_parallel(x, scratch, mean, variance):
    """`batch_statistics` on many threads."""
    rows = x.shape[0]
    for k in numba.prange((rows + ROWS - 1) // ROWS):
        lo, hi = rows_of_block(k, rows)
        _block_statistics(x, lo, hi, np.uint64(2 * np.int64(k)), scratch)
    _join(scratch, rows, mean, variance)


@kernel
def masked_statistics(x, mask, count, mean, variance):
    """`batch_statistics` of the rows where mask (R,) bool; count (1,) is their number + 1e-7."""
    t = x.dtype.type
    columns = x.shape[1]
    rows = 0
    for r in range(x.shape[0]):
        rows += np.int64(mask[r])
    count[0] = t(rows) + t(EPSILON)
    for c in range(columns):
        mean[c] = t(0.0)
        variance[c] = t(0.0)
    for r in range(x.shape[0]):
        if mask[r]:
            for c in range(columns):
                mean[c] += x[r, c]
    for c in range(columns):
        mean[c] /= count[0]
    for r in range(x.shape[0]):
        if mask[r]:
            for c in range(columns):
                d = x[r, c] - mean[c]
                variance[c] = fma(d, d, variance[c])
    for c in range(columns):
        variance[c] /= count[0]


@kernel
def update_moving(batch, momentum, moving):
    """moving = moving momentum + batch (1 - momentum), all (C,)."""
    t = moving.dtype.type
    keep, take = t(momentum), t(1.0 - momentum)
    for c in range(moving.shape[0]):
        moving[c] = moving[c] * keep + batch[c] * take


@inline
def column_factors(variance, epsilon, gamma, use_gamma, factor):
    """factor = gamma / sqrt(variance + epsilon)."""
    t = variance.dtype.type
    one = t(1.0)
    for c in range(factor.shape[0]):
        factor[c] = one / np.sqrt(variance[c] + t(epsilon))
    if use_gamma:
        for c in range(factor.shape[0]):
            factor[c] *= gamma[c]


@inline
def slope_rows(variance, epsilon, gamma, use_gamma, dgamma, dbeta, count, scratch):
    """scratch (3, C): factor of dy; what the mean and what (x - mean) take from dx."""
    t = variance.dtype.type
    one = t(1.0)
    for c in range(variance.shape[0]):
        inverse = one / np.sqrt(variance[c] + t(epsilon))
        factor = inverse * gamma[c] if use_gamma else inverse
        scratch[0, c] = factor
        scratch[1, c] = factor * dbeta[c] / count
        scratch[2, c] = factor * inverse * dgamma[c] / count


@inline
def input_slope(x, dy, r, c, mean, terms):
    """dx[r, c] from what arrives there, the batch's statistics and the terms of `slope_rows`."""
    straight = fma(dy, terms[0, c], -terms[1, c])
    return fma(mean[c] - x[r, c], terms[2, c], straight)


@kernel
def masked_batch_norm_grad(
    x, dy, mask, count, mean, variance, epsilon, gamma, use_gamma, dgamma, dbeta, scratch, dx
):
    """dx of `batch_norm.batch_norm` whose statistics came from the rows of `mask` only.

    dgamma, dbeta from `batch_norm.batch_norm_sums`; x, dy, dx (R, C); mask (R,) bool; scratch (3, C).
    """
    slope_rows(variance, epsilon, gamma, use_gamma, dgamma, dbeta, count[0], scratch)
    for r in range(x.shape[0]):
        for c in range(x.shape[1]):
            dx[r, c] = input_slope(x, dy[r, c], r, c, mean, scratch) if mask[r] else dy[r, c] * scratch[0, c]


@kernel
def folded_norm(w, bias, mean, variance, epsilon, gamma, use_gamma, beta, use_beta, folded, shift):
    """`batch_norm` with moving statistics, of w x + bias, as folded x + shift; w (K, F), the others (F,)."""
    t = w.dtype.type
    column_factors(variance, epsilon, gamma, use_gamma, shift)
    for k in range(w.shape[0]):
        for f in range(w.shape[1]):
            folded[k, f] = w[k, f] * shift[f]
    for f in range(w.shape[1]):
        shift[f] = fma(bias[f] - mean[f], shift[f], beta[f] if use_beta else t(0.0))


@kernel
def frozen_batch_norm_grad(dy, variance, epsilon, gamma, use_gamma, scratch, dx):
    """dx of `batch_norm.batch_norm` with moving statistics; dy, dx (R, C), scratch (C,)."""
    column_factors(variance, epsilon, gamma, use_gamma, scratch)
    for r in range(dy.shape[0]):
        for c in range(dy.shape[1]):
            dx[r, c] = dy[r, c] * scratch[c]
