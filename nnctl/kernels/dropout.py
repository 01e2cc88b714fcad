"""Inverted dropout: Keras's, with masks drawn by counter (philox.py).

Element i is kept where word i of the stream (k0, k1, step) is at least rate * 2^32, and scaled
by 1 / (1 - rate). The forward pass keeps the mask as bytes: reading them back is several times
faster than drawing again.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.bits import store_four
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.philox import block_words
from nnctl.kernels.ranges import all_of, block_count, first, last, part


@inline
def _threshold(rate):
    """Words below this are dropped. A rate of 1 keeps one word of 2^32, which is scaled by 0."""
    return np.uint32(min(np.uint64(rate * 4294967296.0), np.uint64(4294967295)))


@inline
def _inverse_keep(rate):
    return 1.0 / (1.0 - rate) if rate < 1.0 else 0.0


@part
def draw_mask(k0, k1, step, threshold, lo, hi, mask):
    """mask[lo:hi] = 0 or 1; lo is a multiple of 4."""
    end = hi >> np.uint64(2)
    for block in range(lo >> np.uint64(2), end):
        w0, w1, w2, w3 = block_words(block, step, k0, k1)
        low = np.uint32(w0 >= threshold) | np.uint32(w1 >= threshold) << np.uint32(8)
        high = np.uint32(w2 >= threshold) | np.uint32(w3 >= threshold) << np.uint32(8)
        store_four(mask, block << np.uint64(2), np.uint32(low | high << np.uint32(16)))
    if end << np.uint64(2) < hi:
        words = block_words(end, step, k0, k1)
        for i in range(end << np.uint64(2), hi):
            mask[i] = np.uint8(words[i & np.uint64(3)] >= threshold)


@part
def _apply(x, mask, scale, lo, hi, y):
    zero = x.dtype.type(0.0)
    for i in range(lo, hi):
        y[i] = x[i] * scale if mask[i] != 0 else zero


@kernel
def dropout(x, k0, k1, step, rate, mask, y):
    """y = x / (1 - rate) where kept, else 0; mask the kept; x, y (N,), mask (N,) uint8."""
    key0, key1, threshold = np.uint32(k0), np.uint32(k1), _threshold(rate)
    scale = x.dtype.type(_inverse_keep(rate))
    n = x.shape[0]
    for block in range(block_count(n)):
        lo, hi = first(block), last(block, n)
        draw_mask(key0, key1, step[0], threshold, lo, hi, mask)
        _apply(x, mask, scale, lo, hi, y)


@kernel(parallel=True)
def dropout_parallel(x, k0, k1, step, rate, mask, y):
    """`dropout` on many threads."""
    key0, key1, threshold = np.uint32(k0), np.uint32(k1), _threshold(rate)
    scale = x.dtype.type(_inverse_keep(rate))
    n = x.shape[0]
    for block in numba.prange(block_count(n)):
        lo, hi = first(block), last(block, n)
        draw_mask(key0, key1, step[0], threshold, lo, hi, mask)
        _apply(x, mask, scale, lo, hi, y)


@kernel
def dropout_grad(dy, mask, rate, dx):
    """dx = dy / (1 - rate) where mask, else 0."""
    scale = dy.dtype.type(_inverse_keep(rate))
    _apply(dy, mask, scale, np.uint64(0), all_of(dy), dx)


@kernel
def dropout_mask(k0, k1, step, rate, mask):
    """mask (N,) uint8 = 1 where a number is kept, else 0."""
    draw_mask(np.uint32(k0), np.uint32(k1), step[0], _threshold(rate), np.uint64(0), all_of(mask), mask)


@kernel(parallel=True)
def dropout_mask_parallel(k0, k1, step, rate, mask):
    """`dropout_mask` on many threads."""
    key0, key1, threshold = np.uint32(k0), np.uint32(k1), _threshold(rate)
    n = mask.shape[0]
    for block in numba.prange(block_count(n)):
        draw_mask(key0, key1, step[0], threshold, first(block), last(block, n), mask)


@kernel
def dropout_factor(k0, k1, step, rate, mask, y):
    """y = 1 / (1 - rate) where kept, else 0: dropout of ones, to share over an axis."""
    t = y.dtype.type
    scale = t(_inverse_keep(rate))
    draw_mask(np.uint32(k0), np.uint32(k1), step[0], _threshold(rate), np.uint64(0), all_of(y), mask)
    for i in range(y.shape[0]):
        y[i] = scale if mask[i] != 0 else t(0.0)
