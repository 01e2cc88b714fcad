"""What Muon's step has beside its products of matrices: flat passes over one matrix."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.gradients import norm
from nnctl.kernels.jit import kernel
from nnctl.kernels.ranges import all_of, part


@part
def _divide(u, divisor, lo, hi, x):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        x[i] = u[i] / divisor


@kernel
def normalized(u, x):  # type: ignore[no-untyped-def]
    """x = u / (|u| + 1e-7); both (N,)."""
    _divide(u, norm(u, 0, u.shape[0]) + u.dtype.type(1e-7), np.uint64(0), all_of(u), x)


@part
def _blend(p, q, y, lo, hi, x):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        x[i] = p * x[i] + q * y[i]


@kernel
def blend(p, q, y, x):  # type: ignore[no-untyped-def]
    """x = p x + q y; x, y (N,)."""
    _blend(p, q, y, np.uint64(0), all_of(x), x)


@part
def _step(x, rate, scale, lo, hi, w):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        w[i] -= (rate * x[i]) * scale


@kernel
def step(x, hyper, scale, w):  # type: ignore[no-untyped-def]
    """w -= (rate x) scale; w, x (N,), hyper (1,) float64: the rate."""
    _step(x, w.dtype.type(hyper[0]), scale, np.uint64(0), all_of(w), w)
