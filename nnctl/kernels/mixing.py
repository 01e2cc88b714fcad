"""What mixing examples draws: shares that sum to 1, and orders. Random numbers are those of philox.py.

Every kernel takes the key (k0, k1) and `step` (1,) uint64, which is the upper half of the counter.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.functions import exp, log
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.philox import block_words, unit64
from nnctl.kernels.special import sincos_turns

TRIES = 31
"""Numbers that are tried for a gamma. All fail with a probability below 1e-40."""
_BLOCKS = 32
"""Of a number: one for each try, and the last one."""


@inline
def _inside(word):
    """A float64 in (0, 1) from a word."""
    return (np.float64(word) + 0.5) * 2.0**-32


@inline
def _log_gamma(number, step, key0, key1, alpha):
    """The logarithm of gamma number `number`: Marsaglia and Tsang (2000), for any alpha > 0.

    Of alpha below 1 it is that of alpha + 1, times u^(1 / alpha).
    """
    shape = alpha + 1.0 if alpha < 1.0 else alpha
    d = shape - 1.0 / 3.0
    c = 1.0 / np.sqrt(9.0 * d)
    first = np.uint64(number) * np.uint64(_BLOCKS)
    result = 0.0
    for attempt in range(TRIES):
        words = block_words(first + np.uint64(attempt), step, key0, key1)
        radius = np.sqrt(-2.0 * log(_inside(words[0])))
        x = sincos_turns(_inside(words[1]))[1] * radius
        v = 1.0 + c * x
        if v > 0.0:
            cube = log(v * v * v)
            if log(_inside(words[2])) < 0.5 * x * x + d * (1.0 - v * v * v + cube):
                result = cube
                break
    result += log(d)
    if alpha < 1.0:
        words = block_words(first + np.uint64(TRIES), step, key0, key1)
        result += log(unit64(words[0], words[1]) + 2.0**-54) / alpha
    return result


@kernel
def dirichlet(k0, k1, step, alpha, work, y):
    """y (N, K): rows that sum to 1, of Dirichlet's distribution with K times alpha[0] (Beta's for K = 2).

    alpha (1,), work (K,) float64. A row depends only on (k0, k1, step, alpha) and its number. Gammas are
    divided by their sum by way of logarithms, since those of a small alpha are below any float.
    """
    key0, key1, t = np.uint32(k0), np.uint32(k1), y.dtype.type
    parts = y.shape[1]
    for n in range(y.shape[0]):
        top = -np.inf
        for k in range(parts):
            work[k] = _log_gamma(n * parts + k, step[0], key0, key1, np.float64(alpha[0]))
            top = max(top, work[k])
        total = 0.0
        for k in range(parts):
            work[k] = exp(work[k] - top)
            total += work[k]
        for k in range(parts):
            y[n, k] = t(work[k] / total)


@kernel
def permutation(k0, k1, step, y):
    """y (N,) int64: 0 to N - 1 in random order; from the last on, each changes places with one up to it."""
    key0, key1 = np.uint32(k0), np.uint32(k1)
    for i in range(y.shape[0]):
        y[i] = i
    for i in range(y.shape[0] - 1, 0, -1):
        word = np.uint64(block_words(np.uint64(i), step[0], key0, key1)[0])
        j = np.int64((word * np.uint64(i + 1)) >> np.uint64(32))
        y[i], y[j] = y[j], y[i]
