"""Filling arrays with random numbers from philox.py: uniform, normal, truncated, integers.

Every kernel takes the key (k0, k1), `step` (1,) uint64, which is the upper half of the counter,
and writes y (N,); number i depends only on (k0, k1, step, i).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nnctl.kernels.jit import kernel
from nnctl.kernels.mathfn import log
from nnctl.kernels.philox import block_words, unit32, unit64
from nnctl.kernels.ranges import part
from nnctl.kernels.special import erfinv_central, sincos_turns

_ERF_SQRT_TWO = 0.9544997361036416
_SQRT_TWO = 1.4142135623730951


def _write_units(block: Any, step: Any, k0: Any, k1: Any, y: Any) -> Any:
    """Write the numbers of one block that y has room for."""
    raise NotImplementedError("compiled only")


_OPTIONS: Any = {"forceinline": True, "error_model": "numpy"}


@overload(_write_units, jit_options=_OPTIONS, strict=False)
def _(block: Any, step: Any, k0: Any, k1: Any, y: Any) -> Any:
    def single(block, step, k0, k1, y):
        words = block_words(block, step, k0, k1)
        at = block * np.uint64(4)
        room = np.uint64(y.shape[0]) - at
        y[at] = unit32(words[0])
        if room > np.uint64(1):
            y[at + np.uint64(1)] = unit32(words[1])
        if room > np.uint64(2):
            y[at + np.uint64(2)] = unit32(words[2])
        if room > np.uint64(3):
            y[at + np.uint64(3)] = unit32(words[3])

    def double(block, step, k0, k1, y):
        words = block_words(block, step, k0, k1)
        at = block * np.uint64(2)
        y[at] = unit64(words[0], words[1])
        if at + np.uint64(1) < np.uint64(y.shape[0]):
            y[at + np.uint64(1)] = unit64(words[2], words[3])

    return single if y.dtype == types.float32 else double


def _partner(words: Any, y: Any) -> Any:
    """The number after the last of y, where y has an odd length: the same block holds it."""
    raise NotImplementedError("compiled only")


@overload(_partner, jit_options=_OPTIONS, strict=False)
def _(words: Any, y: Any) -> Any:
    def single(words, y):
        return unit32(words[3] if y.shape[0] & 2 else words[1])

    def double(words, y):
        return unit64(words[2], words[3])

    return single if y.dtype == types.float32 else double


@part
def _units(k0, k1, step, y):
    per_block = 16 // y.itemsize
    key0, key1, count = np.uint32(k0), np.uint32(k1), step[0]
    for block in range(np.uint64((y.shape[0] + per_block - 1) // per_block)):
        _write_units(block, count, key0, key1, y)


@kernel
def uniform(k0, k1, step, low, high, y):
    """y uniform in [low, high): multiples of 2^-24 (float32) or 2^-53 (float64) of the range."""
    _units(k0, k1, step, y)
    width, start = y.dtype.type(high - low), y.dtype.type(low)
    for i in range(y.shape[0]):
        y[i] = y[i] * width + start


@part
def _box_muller(mean, deviation, y):
    t = y.dtype.type
    for pair in range(np.uint64(y.shape[0] // 2)):
        i = pair * np.uint64(2)
        j = i + np.uint64(1)
        radius = np.sqrt(t(-2.0) * log(t(1.0) - y[i])) * deviation
        s, c = sincos_turns(y[j])
        y[i] = c * radius + mean
        y[j] = s * radius + mean


@kernel
def normal(k0, k1, step, mean, deviation, y):
    """y normal, by Box and Muller on the pairs (2i, 2i + 1)."""
    _units(k0, k1, step, y)
    t, n = y.dtype.type, y.shape[0]
    _box_muller(t(mean), t(deviation), y)
    if n & 1:
        block = np.uint64(n // (16 // y.itemsize))
        angle = _partner(block_words(block, step[0], np.uint32(k0), np.uint32(k1)), y)
        radius = np.sqrt(t(-2.0) * log(t(1.0) - y[n - 1])) * t(deviation)
        y[n - 1] = sincos_turns(angle)[1] * radius + t(mean)


@kernel
def truncated_normal(k0, k1, step, mean, deviation, y):
    """y normal, cut at two deviations: the inverse of the distribution at one uniform number each.

    The same distribution as Keras's, which draws again until a number falls inside.
    """
    _units(k0, k1, step, y)
    t = y.dtype.type
    center, scale = t(mean), t(deviation * _SQRT_TWO)
    middle = t(2.0**-24 if y.itemsize == 4 else 2.0**-53)
    for i in range(y.shape[0]):
        v = t(2.0) * y[i] - t(1.0) + middle
        y[i] = erfinv_central(v * t(_ERF_SQRT_TWO)) * scale + center


@kernel
def integers(k0, k1, step, low, high, y):
    """y (N,) int64 in [low, high): the upper half of a 64-bit product of word i and the width."""
    key0, key1 = np.uint32(k0), np.uint32(k1)
    width = np.uint64(high - low)
    for i in range(y.shape[0]):
        words = block_words(np.uint64(i), step[0], key0, key1)
        word = np.uint64(words[0])
        y[i] = low + np.int64((word * width) >> np.uint64(32))
