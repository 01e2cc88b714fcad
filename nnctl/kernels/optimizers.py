"""One pass an update over flat weights w, gradients g and slots, all (P,); Keras 3's formulas.

`hyper` (H,) float64 holds the step's numbers, the learning rate first. Weight decay comes first:
w -= (w decay) rate. Where a slot is not used, one element is passed and not touched.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.ranges import all_of, block_count, first, last, part


@inline
def decayed(w, decay, rate):  # type: ignore[no-untyped-def]
    """The weight after weight decay."""
    return w - (w * decay) * rate


@part
def _sgd(w, g, m, rate, decay, momentum, nesterov, lo, hi):  # type: ignore[no-untyped-def]
    if momentum == type(momentum)(0.0):
        for i in range(lo, hi):
            w[i] = decayed(w[i], decay, rate) - g[i] * rate
    elif nesterov:
        for i in range(lo, hi):
            step = g[i] * rate
            speed = m[i] * momentum - step
            m[i] = speed
            w[i] = decayed(w[i], decay, rate) + (speed * momentum - step)
    else:
        for i in range(lo, hi):
            speed = m[i] * momentum - g[i] * rate
            m[i] = speed
            w[i] = decayed(w[i], decay, rate) + speed


@kernel
def sgd(g, hyper, decay, momentum, nesterov, m, w):  # type: ignore[no-untyped-def]
    """m = momentum m - rate g; w += m, or with `nesterov` w += momentum m - rate g."""
    t = w.dtype.type
    _sgd(w, g, m, t(hyper[0]), t(decay), t(momentum), nesterov, np.uint64(0), all_of(w))


@kernel(parallel=True)
def sgd_parallel(g, hyper, decay, momentum, nesterov, m, w):  # type: ignore[no-untyped-def]
    """`sgd` on many threads."""
    t = w.dtype.type
    rate, fall, inertia = t(hyper[0]), t(decay), t(momentum)
    n = w.shape[0]
    for block in numba.prange(block_count(n)):
        _sgd(w, g, m, rate, fall, inertia, nesterov, first(block), last(block, n))


@part
def _adam(w, g, m, v, rate, alpha, decay, left_1, left_2, epsilon, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        mean = m[i] + (g[i] - m[i]) * left_1
        square = v[i] + (g[i] * g[i] - v[i]) * left_2
        m[i] = mean
        v[i] = square
        w[i] = decayed(w[i], decay, rate) - mean * alpha / (np.sqrt(square) + epsilon)


@kernel
def adam(g, hyper, decay, left_1, left_2, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """m += (g - m) left_1; v += (g^2 - v) left_2; w -= alpha m / (sqrt(v) + epsilon); alpha = hyper[1]."""
    t = w.dtype.type
    rate, alpha = t(hyper[0]), t(hyper[1])
    _adam(w, g, m, v, rate, alpha, t(decay), t(left_1), t(left_2), t(epsilon), np.uint64(0), all_of(w))


@kernel(parallel=True)
def adam_parallel(g, hyper, decay, left_1, left_2, epsilon, m, v, w):  # type: ignore[no-untyped-def]
    """`adam` on many threads."""
    t = w.dtype.type
    rate, alpha, fall = t(hyper[0]), t(hyper[1]), t(decay)
    share_1, share_2, small = t(left_1), t(left_2), t(epsilon)
    n = w.shape[0]
    for block in numba.prange(block_count(n)):
        lo, hi = first(block), last(block, n)
        _adam(w, g, m, v, rate, alpha, fall, share_1, share_2, small, lo, hi)


@part
def _amsgrad(w, g, m, v, top, rate, alpha, decay, left_1, left_2, epsilon, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        mean = m[i] + (g[i] - m[i]) * left_1
        square = v[i] + (g[i] * g[i] - v[i]) * left_2
        largest = square if square > top[i] else top[i]
        m[i] = mean
        v[i] = square
        top[i] = largest
        w[i] = decayed(w[i], decay, rate) - mean * alpha / (np.sqrt(largest) + epsilon)


@kernel
def amsgrad(g, hyper, decay, left_1, left_2, epsilon, m, v, top, w):  # type: ignore[no-untyped-def]
    """`adam` that divides by the largest v so far, kept in `top`."""
    t = w.dtype.type
    rate, alpha = t(hyper[0]), t(hyper[1])
    lo, hi = np.uint64(0), all_of(w)
    _amsgrad(w, g, m, v, top, rate, alpha, t(decay), t(left_1), t(left_2), t(epsilon), lo, hi)


@part
def _rmsprop(w, g, v, rate, decay, rho, left, epsilon, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        square = rho * v[i] + left * (g[i] * g[i])
        v[i] = square
        w[i] = decayed(w[i], decay, rate) - rate * g[i] / np.sqrt(square + epsilon)


@kernel
def rmsprop(g, hyper, decay, rho, epsilon, v, w):  # type: ignore[no-untyped-def]
    """v = rho v + (1 - rho) g^2; w -= rate g / sqrt(v + epsilon)."""
    t = w.dtype.type
    _rmsprop(w, g, v, t(hyper[0]), t(decay), t(rho), t(1.0 - rho), t(epsilon), np.uint64(0), all_of(w))


@part
def _rmsprop_full(w, g, v, m, a, rate, decay, rho, left, momentum, centered, epsilon):  # type: ignore[no-untyped-def]
    moving = momentum > type(momentum)(0.0)
    for i in range(all_of(w)):
        square = rho * v[i] + left * (g[i] * g[i])
        v[i] = square
        if centered:
            mean = rho * a[i] + left * g[i]
            a[i] = mean
            square = square - mean * mean
        step = rate * g[i] / np.sqrt(square + epsilon)
        if moving:
            step = momentum * m[i] + step
            m[i] = step
        w[i] = decayed(w[i], decay, rate) - step


@kernel
def rmsprop_full(g, hyper, decay, rho, momentum, centered, epsilon, v, m, a, w):  # type: ignore[no-untyped-def]
    """`rmsprop` with momentum (slot m) and the mean gradient taken out of v (slot a, where `centered`)."""
    t = w.dtype.type
    left = t(1.0 - rho)
    _rmsprop_full(w, g, v, m, a, t(hyper[0]), t(decay), t(rho), left, t(momentum), centered, t(epsilon))


@part
def _adagrad(w, g, total, rate, decay, epsilon, lo, hi):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        square = total[i] + g[i] * g[i]
        total[i] = square
        w[i] = decayed(w[i], decay, rate) - rate * g[i] / np.sqrt(square + epsilon)


@kernel
def adagrad(g, hyper, decay, epsilon, total, w):  # type: ignore[no-untyped-def]
    """total += g^2; w -= rate g / sqrt(total + epsilon)."""
    t = w.dtype.type
    _adagrad(w, g, total, t(hyper[0]), t(decay), t(epsilon), np.uint64(0), all_of(w))
