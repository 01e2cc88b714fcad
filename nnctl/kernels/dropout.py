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


@inline
def _kept(word, threshold):
    """1 where the word is at least the threshold, else 0."""
    return np.uint32(word >= threshold)


@inline
def _four(block, step, threshold, k0, k1):
    """The mask's bytes 4 block to 4 block + 3, as one word."""
    w0, w1, w2, w3 = block_words(block, step, k0, k1)
    low = _kept(w0, threshold) | _kept(w1, threshold) << np.uint32(8)
    high = _kept(w2, threshold) | _kept(w3, threshold) << np.uint32(8)
    return np.uint32(low | high << np.uint32(16))


@part
def draw_mask(k0, k1, step, threshold, lo, hi, mask):
    """mask[lo:hi] = 0 or 1; lo is a multiple of 4."""
    four, eight = np.uint64(4), np.uint32(8)
    end = hi // four
    for block in range(lo // four, end):
        store_four(mask, block * four, _four(block, step, threshold, k0, k1))
    at = end * four
    word = _four(end, step, threshold, k0, k1)
    while at < hi:
        mask[at] = np.uint8(word & np.uint32(255))
        word = np.uint32(word >> eight)
        at += np.uint64(1)


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
def dropout_factor(k0, k1, step, rate, mask, y):
    """y = 1 / (1 - rate) where kept, else 0: dropout of ones, to share over an axis."""
    t = y.dtype.type
    scale = t(_inverse_keep(rate))
    draw_mask(np.uint32(k0), np.uint32(k1), step[0], _threshold(rate), np.uint64(0), all_of(y), mask)
    for i in range(y.shape[0]):
        y[i] = scale if mask[i] != 0 else t(0.0)
