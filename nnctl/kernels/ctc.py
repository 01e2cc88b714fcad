"""Paths through blanks and labels: forward, and backward for the gradient; all in logarithms.

p (N, T, C): log-probabilities, class 0 the blank; labels (N, L), as many as are not 0; mask (N, T) uint8
where `masked`. State s of 2L + 1 is the blank for even s, else label s // 2. A path starts in state 0 or 1,
stays, goes on by one, or by two from a label to an unlike one, and ends in the last label or the blank
behind it. paths[i, r, s] is the logarithm of the sum over all paths that are in s at the r-th step that
counts, their probabilities up to and with it.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.mathfn import exp, log


@inline
def _class_of(labels, i, s):  # type: ignore[no-untyped-def]
    """The class that state s emits."""
    return np.int64(labels[i, s // 2]) if s % 2 == 1 else np.int64(0)


@inline
def _skips(labels, i, s):  # type: ignore[no-untyped-def]
    """Whether a path may come to state s from s - 2."""
    return s % 2 == 1 and s >= 3 and labels[i, s // 2] != labels[i, s // 2 - 1]


@inline
def _log_add(a, b, c):  # type: ignore[no-untyped-def]
    """log(e^a + e^b + e^c)."""
    top = max(max(a, b), c)
    return top + log((exp(a - top) + exp(b - top)) + exp(c - top)) if top > type(a)(-np.inf) else top


@inline
def _length(labels, i, classes):  # type: ignore[no-untyped-def]
    """How many labels example i has; -1 where one of them is no class."""
    n = 0
    for j in range(labels.shape[1]):
        n += 1 if labels[i, j] != 0 else 0
    for j in range(n):
        n = n if labels[i, j] >= 0 and labels[i, j] < classes else -1
    return n


@inline
def _forward(p, labels, mask, masked, i, loss, paths):  # type: ignore[no-untyped-def]
    t = p.dtype.type
    nothing = t(-np.inf)
    n = _length(labels, i, p.shape[2])
    r = 0
    for step in range(p.shape[1] if n >= 0 else 0):
        if not masked or mask[i, step] != 0:
            for s in range(2 * n + 1):
                if r == 0:
                    before = t(0.0) if s < 2 else nothing
                else:
                    one = paths[i, r - 1, s - 1] if s >= 1 else nothing
                    two = paths[i, r - 1, s - 2] if _skips(labels, i, s) else nothing
                    before = _log_add(paths[i, r - 1, s], one, two)
                paths[i, r, s] = before + p[i, step, _class_of(labels, i, s)]
            r += 1
    if r > 0:
        label = paths[i, r - 1, 2 * n - 1] if n > 0 else nothing
        loss[i] = -_log_add(paths[i, r - 1, 2 * n], label, nothing)
    else:
        loss[i] = t(np.nan) if n < 0 else (t(0.0) if n == 0 else t(np.inf))


@kernel
def ctc_loss(p, labels, mask, masked, loss, paths):  # type: ignore[no-untyped-def]
    """loss[i] = -log of the probability of labels i; inf where no path spells them, NaN of a false label."""
    for i in range(p.shape[0]):
        _forward(p, labels, mask, masked, i, loss, paths)


@kernel(parallel=True)
def ctc_loss_parallel(p, labels, mask, masked, loss, paths):  # type: ignore[no-untyped-def]
    """`ctc_loss` on many threads."""
    for i in numba.prange(p.shape[0]):
        _forward(p, labels, mask, masked, i, loss, paths)


@inline
def _backward(p, labels, mask, masked, i, loss, paths, dloss, work, dp):  # type: ignore[no-untyped-def]
    """work[i] (2, 2L + 1): what is still to come after a step, by state, of this step and of the next."""
    t = p.dtype.type
    nothing = t(-np.inf)
    for step in range(p.shape[1]):
        for c in range(p.shape[2]):
            dp[i, step, c] = t(0.0)
    steps = p.shape[1]
    r = steps
    if masked:
        r = 0
        for step in range(steps):
            r += 1 if mask[i, step] != 0 else 0
    n = _length(labels, i, p.shape[2]) if np.isfinite(loss[i]) else -1
    after = -1
    for back in range(steps if n >= 0 else 0):
        step = steps - 1 - back
        if not masked or mask[i, step] != 0:
            r -= 1
            now = r % 2
            for s in range(2 * n + 1):
                if after < 0:
                    rest = t(0.0) if s >= 2 * n - 1 else nothing
                else:
                    stay = work[i, 1 - now, s] + p[i, after, _class_of(labels, i, s)]
                    one, two = nothing, nothing
                    if s + 1 <= 2 * n:
                        one = work[i, 1 - now, s + 1] + p[i, after, _class_of(labels, i, s + 1)]
                    if s + 2 <= 2 * n and _skips(labels, i, s + 2):
                        two = work[i, 1 - now, s + 2] + p[i, after, _class_of(labels, i, s + 2)]
                    rest = _log_add(stay, one, two)
                work[i, now, s] = rest
                dp[i, step, _class_of(labels, i, s)] -= dloss[i] * exp(paths[i, r, s] + rest + loss[i])
            after = step


@kernel
def ctc_loss_grad(p, labels, mask, masked, loss, paths, dloss, work, dp):  # type: ignore[no-untyped-def]
    """dp[i, t, c] = -dloss[i] times the share of the paths that emit c at t; 0 where loss[i] is infinite."""
    for i in range(p.shape[0]):
        _backward(p, labels, mask, masked, i, loss, paths, dloss, work, dp)


@kernel(parallel=True)
def ctc_loss_grad_parallel(p, labels, mask, masked, loss, paths, dloss, work, dp):  # type: ignore[no-untyped-def]
    """`ctc_loss_grad` on many threads."""
    for i in numba.prange(p.shape[0]):
        _backward(p, labels, mask, masked, i, loss, paths, dloss, work, dp)
