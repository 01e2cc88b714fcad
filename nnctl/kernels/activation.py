"""Activations and their gradients on flat arrays, by code (codes.py); Keras 3's formulas.

x, y, dy, dx: (N,). The output may be the input. Parameters by code:
relu: a = slope below the threshold, b = largest value (inf: none), c = threshold;
leaky_relu: a = slope; elu: a = alpha. Others ignore them.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels import codes
from nnctl.kernels.codes import SELU_ALPHA, SELU_SCALE
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.mathfn import exp, expm1, sigmoid, softplus, tanh
from nnctl.kernels.ranges import all_of, block_count, first, last, part
from nnctl.kernels.simd import fma
from nnctl.kernels.special import erf

_SQRT_HALF = 0.7071067811865476
_INV_SQRT_TWO_PI = 0.3989422804014327
_SQRT_TWO_OVER_PI = 0.7978845608028654
_GELU_CUBE = 0.044715


@inline
def clipped_relu(x, slope, largest, threshold):
    """x above the threshold, at most `largest`; slope * (x - threshold) below.

    With a largest value, what is above a negative threshold is at least 0: Keras clips to [0, largest].
    """
    top = largest if x >= largest else x
    zero = type(x)(0.0)
    top = zero if top < zero and largest < np.inf else top
    return top if x > threshold else slope * (x - threshold)


@inline
def gelu(x):
    """x Phi(x)."""
    t = type(x)
    return t(0.5) * x * (t(1.0) + erf(x * t(_SQRT_HALF)))


@inline
def gelu_slope(x):
    """Phi(x) + x phi(x)."""
    t = type(x)
    half = t(0.5)
    phi = t(_INV_SQRT_TWO_PI) * exp(-half * x * x)
    return fma(x, phi, half * (t(1.0) + erf(x * t(_SQRT_HALF))))


@inline
def gelu_tanh(x):
    """The tanh approximation of gelu."""
    t = type(x)
    inner = t(_SQRT_TWO_OVER_PI) * fma(t(_GELU_CUBE) * x * x, x, x)
    return t(0.5) * x * (t(1.0) + tanh(inner))


@inline
def gelu_tanh_slope(x):
    """Derivative of gelu_tanh."""
    t = type(x)
    half, one = t(0.5), t(1.0)
    square = x * x
    y = tanh(t(_SQRT_TWO_OVER_PI) * fma(t(_GELU_CUBE) * square, x, x))
    inner_slope = t(_SQRT_TWO_OVER_PI) * fma(t(3 * _GELU_CUBE), square, one)
    return fma(half * x * (one - y * y), inner_slope, half * (one + y))


@part
def _forward(x, code, a, b, c, lo, hi, y):
    t = x.dtype.type
    zero, half, one = t(0.0), t(0.5), t(1.0)
    if code == codes.RELU:
        for i in range(lo, hi):
            y[i] = clipped_relu(x[i], a, b, c)
    elif code == codes.SIGMOID:
        for i in range(lo, hi):
            y[i] = sigmoid(x[i])
    elif code == codes.TANH:
        for i in range(lo, hi):
            y[i] = tanh(x[i])
    elif code == codes.LEAKY_RELU:
        for i in range(lo, hi):
            y[i] = x[i] if x[i] > zero else a * x[i]
    elif code == codes.ELU or code == codes.SELU:
        scale = t(SELU_SCALE) if code == codes.SELU else one
        alpha = t(SELU_SCALE * SELU_ALPHA) if code == codes.SELU else a
        for i in range(lo, hi):
            y[i] = scale * x[i] if x[i] > zero else alpha * expm1(x[i])
    elif code == codes.HARD_SIGMOID:
        for i in range(lo, hi):
            v = x[i] / t(6.0) + half
            v = zero if v < zero else v
            y[i] = one if v > one else v
    elif code == codes.SOFTPLUS:
        for i in range(lo, hi):
            y[i] = softplus(x[i])
    elif code == codes.SOFTSIGN:
        for i in range(lo, hi):
            y[i] = x[i] / (one + abs(x[i]))
    elif code == codes.SILU:
        for i in range(lo, hi):
            y[i] = x[i] * sigmoid(x[i])
    elif code == codes.GELU:
        for i in range(lo, hi):
            y[i] = gelu(x[i])
    elif code == codes.GELU_TANH:
        for i in range(lo, hi):
            y[i] = gelu_tanh(x[i])
    elif code == codes.EXPONENTIAL:
        for i in range(lo, hi):
            y[i] = exp(x[i])
    else:
        for i in range(lo, hi):
            y[i] = x[i]


@part
def _backward(v, dy, code, a, b, c, lo, hi, dx):
    t = v.dtype.type
    zero, one = t(0.0), t(1.0)
    if code == codes.RELU:
        for i in range(lo, hi):
            slope = one if v[i] < b and (v[i] > zero or b == np.inf) else zero
            dx[i] = dy[i] * (slope if v[i] > c else a)
    elif code == codes.SIGMOID:
        for i in range(lo, hi):
            dx[i] = dy[i] * v[i] * (one - v[i])
    elif code == codes.TANH:
        for i in range(lo, hi):
            dx[i] = dy[i] * (one - v[i] * v[i])
    elif code == codes.LEAKY_RELU:
        for i in range(lo, hi):
            dx[i] = dy[i] if v[i] > zero else a * dy[i]
    elif code == codes.ELU or code == codes.SELU:
        scale = t(SELU_SCALE) if code == codes.SELU else one
        alpha = t(SELU_SCALE * SELU_ALPHA) if code == codes.SELU else a
        for i in range(lo, hi):
            dx[i] = dy[i] * (scale if v[i] > zero else v[i] + alpha)
    elif code == codes.ELU_FROM_INPUT:
        for i in range(lo, hi):
            dx[i] = dy[i] * (one if v[i] > zero else a * exp(v[i]))
    elif code == codes.HARD_SIGMOID:
        for i in range(lo, hi):
            dx[i] = dy[i] / t(6.0) if zero < v[i] and v[i] < one else zero
    elif code == codes.SOFTPLUS:
        for i in range(lo, hi):
            dx[i] = -dy[i] * expm1(-v[i])
    elif code == codes.SOFTSIGN:
        for i in range(lo, hi):
            root = one - abs(v[i])
            dx[i] = dy[i] * root * root
    elif code == codes.SILU:
        for i in range(lo, hi):
            s = sigmoid(v[i])
            dx[i] = dy[i] * s * fma(v[i], one - s, one)
    elif code == codes.GELU:
        for i in range(lo, hi):
            dx[i] = dy[i] * gelu_slope(v[i])
    elif code == codes.GELU_TANH:
        for i in range(lo, hi):
            dx[i] = dy[i] * gelu_tanh_slope(v[i])
    elif code == codes.EXPONENTIAL:
        for i in range(lo, hi):
            dx[i] = dy[i] * v[i]
    else:
        for i in range(lo, hi):
            dx[i] = dy[i]


@kernel
def activation(x, code, a, b, c, y):
    """y = f(x)."""
    t = x.dtype.type
    _forward(x, code, t(a), t(b), t(c), np.uint64(0), all_of(x), y)


@kernel(parallel=True)
def activation_parallel(x, code, a, b, c, y):
    """`activation` on many threads."""
    t = x.dtype.type
    low, high, edge = t(a), t(b), t(c)
    n = x.shape[0]
    for block in numba.prange(block_count(n)):
        _forward(x, code, low, high, edge, first(block), last(block, n), y)


@kernel
def activation_grad(v, dy, code, a, b, c, dx):
    """dx = f'(x) dy. `v` is the output y, or x where ops.activation says that y does not tell."""
    t = v.dtype.type
    _backward(v, dy, code, t(a), t(b), t(c), np.uint64(0), all_of(v), dx)


@kernel(parallel=True)
def activation_grad_parallel(v, dy, code, a, b, c, dx):
    """`activation_grad` on many threads."""
    t = v.dtype.type
    low, high, edge = t(a), t(b), t(c)
    n = v.shape[0]
    for block in numba.prange(block_count(n)):
        _backward(v, dy, code, low, high, edge, first(block), last(block, n), dx)
