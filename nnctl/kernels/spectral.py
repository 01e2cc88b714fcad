"""What spectral normalization has beside its products: a weight divided where it lies."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import kernel
from nnctl.kernels.ranges import all_of, part


@part
def _divide(divisor, lo, hi, w, y):  # type: ignore[no-untyped-def]
    for i in range(lo, hi):
        y[i] = w[i] / divisor
        w[i] = y[i]


@kernel
def divide_weight(sigma, found, u, w, y):  # type: ignore[no-untyped-def]
    """w = w / sigma, y = w, u = found; but w and u stay where sigma is 0, as it is where all of w is.

    w, y (N,), u, found (C,), sigma (1,).
    """
    zero = sigma[0] == w.dtype.type(0.0)
    _divide(w.dtype.type(1.0) if zero else sigma[0], np.uint64(0), all_of(w), w, y)
    for c in range(u.shape[0]):
        u[c] = u[c] if zero else found[c]
