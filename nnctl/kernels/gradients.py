"""What is done to all gradients of a weight together: look for non-finite ones, clip, scale a step.

g (P,) holds every gradient; weight k's lies from starts[k] to starts[k + 1], padded with zeros.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import lane_dot
from nnctl.kernels.ranges import all_of, first, last, part
from nnctl.kernels.reduce import LENGTH


@part
def _non_finite(x, lo, hi):  # type: ignore[no-untyped-def]
    top = x.dtype.type(np.inf)
    finite = True
    for i in range(lo, hi):
        finite &= abs(x[i]) < top
    return not finite


@kernel
def first_non_finite(g, starts, out):  # type: ignore[no-untyped-def]
    """out[0] = the first weight with a NaN or infinite gradient, or -1; out (1,) int64."""
    out[0] = _weight_of(g, starts) if _non_finite(g, np.uint64(0), all_of(g)) else np.int64(-1)


@kernel(parallel=True)
def first_non_finite_parallel(g, starts, found, out):  # type: ignore[no-untyped-def]
    """`first_non_finite` on many threads; found (block_count(P),) bool."""
    n = g.shape[0]
    for block in numba.prange(found.shape[0]):
        found[block] = _non_finite(g, first(block), last(block, n))
    out[0] = _weight_of(g, starts) if found.any() else np.int64(-1)


@kernel
def stop_unless_finite(loss, bad):  # type: ignore[no-untyped-def]
    """Raise where the loss (1,) is not finite, or bad (1,) is the number of a weight."""
    if bad[0] >= 0 or not abs(loss[0]) < np.inf:
        raise FloatingPointError("the loss or a gradient is not finite")


@inline
def _weight_of(g, starts):  # type: ignore[no-untyped-def]
    """The first weight that has a non-finite gradient."""
    for k in range(starts.shape[0] - 1):
        if _non_finite(g, np.uint64(starts[k]), np.uint64(starts[k + 1])):
            return np.int64(k)
    return np.int64(-1)


@part
def _clip(g, top, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        x = g[i]
        x = top if x > top else x
        g[i] = -top if x < -top else x


@kernel
def clip_by_value(value, g):  # type: ignore[no-untyped-def]
    """g between -value and value."""
    _clip(g, g.dtype.type(value), np.uint64(0), all_of(g))


@part
def _scale(g, factor, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        g[i] *= factor


@inline
def norm(g, lo, hi):  # type: ignore[no-untyped-def]
    """The root of the sum of squares of g[lo:hi]: blocks of LENGTH in 16 lanes, then the blocks in order."""
    total = g.dtype.type(0.0)
    for start in range(lo, hi, LENGTH):
        total += lane_dot(g, start, g, start, min(LENGTH, hi - start))
    return np.sqrt(total)


@kernel
def clip_by_norm(value, starts, g):  # type: ignore[no-untyped-def]
    """Each stretch g[starts[k]:starts[k + 1]] scaled down to norm `value` where its norm is larger."""
    top = g.dtype.type(value)
    for k in range(starts.shape[0] - 1):
        length = norm(g, starts[k], starts[k + 1])
        if length > top:
            _scale(g, top / length, np.uint64(starts[k]), np.uint64(starts[k + 1]))


@part
def _subtract(u, factor, lo, hi, w):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        w[i] -= factor * u[i]


@kernel
def trust_ratio_step(u, hyper, starts, w):  # type: ignore[no-untyped-def]
    """w -= (ratio rate) u; ratio = |w| / |u| over w[starts[k]:starts[k + 1]], 1 where one is 0; u, w (P,).

    hyper (1,) float64: the rate.
    """
    t = w.dtype.type
    rate = t(hyper[0])
    for k in range(starts.shape[0] - 1):
        own, along = norm(w, starts[k], starts[k + 1]), norm(u, starts[k], starts[k + 1])
        ratio = own / along if own > t(0.0) and along > t(0.0) else t(1.0)
        _subtract(u, ratio * rate, np.uint64(starts[k]), np.uint64(starts[k + 1]), w)
