"""Rewriting a weight so that it satisfies a constraint. In place; sums of squares in index order."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import kernel


@kernel
def bound_norms(low, high, rate, epsilon, norms, w):  # type: ignore[no-untyped-def]
    """w[a, :, b] scaled to norm rate clip(n, low, high) + (1 - rate) n, n its norm before.

    w (A, R, B), norms (B,) scratch. `epsilon` is added to the norm that divides.
    """
    t = w.dtype.type
    zero, least, most = t(0.0), t(low), t(high)
    share, rest, small = t(rate), t(1.0 - rate), t(epsilon)
    for a in range(w.shape[0]):
        for b in range(w.shape[2]):
            norms[b] = zero
        for r in range(w.shape[1]):
            for b in range(w.shape[2]):
                norms[b] += w[a, r, b] * w[a, r, b]
        for b in range(w.shape[2]):
            norm = np.sqrt(norms[b])
            clipped = least if norm < least else (most if norm > most else norm)
            norms[b] = (share * clipped + rest * norm) / (small + norm)
        for r in range(w.shape[1]):
            for b in range(w.shape[2]):
                w[a, r, b] *= norms[b]


@kernel
def non_negative(w):  # type: ignore[no-untyped-def]
    """w = max(w, 0); w (N,)."""
    zero = w.dtype.type(0.0)
    for i in range(w.shape[0]):
        w[i] = zero if w[i] < zero else w[i]
