"""The circle loss of each example against all others of the batch; sums in index order.

s (N, N): similarities, labels (N,). gamma and margin are of s's type, `alone` leaves the diagonal out.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.mathfn import exp, log, sigmoid, softplus


@inline
def _score(s, same, gamma, margin):  # type: ignore[no-untyped-def]
    """How much a similarity costs before the exponential, and the derivative in s."""
    t = type(s)
    zero, one = t(0.0), t(1.0)
    apart = one - s
    # The slope of max(1 - s, 0) in s: half of it where both are equal.
    turn = -one if apart > zero else (t(-0.5) if apart == zero else zero)
    d = apart if apart > zero else zero
    if same:
        weight = margin + d
        known = weight if weight > zero else zero
        missing = margin - d
        slope = known - (missing if weight > zero else zero)
        return -gamma * known * missing, gamma * slope * turn
    weight = one + margin - d
    known = weight if weight > zero else zero
    missing = one - margin - d
    slope = -known - (missing if weight > zero else zero)
    return gamma * known * missing, gamma * slope * turn


@inline
def _tops(s, labels, i, gamma, margin, alone):  # type: ignore[no-untyped-def]
    """The largest score of i's own class and of the others; -inf where there is none."""
    t = s.dtype.type
    own, other = t(-np.inf), t(-np.inf)
    for j in range(s.shape[0]):
        same = labels[i] == labels[j]
        if not (same and alone and i == j):
            score = _score(s[i, j], same, gamma, margin)[0]
            own = score if same and score > own else own
            other = score if not same and score > other else other
    return own, other


@inline
def _totals(s, labels, i, gamma, margin, alone, own, other):  # type: ignore[no-untyped-def]
    """The sums of e^(score - largest) over i's own class and over the others."""
    t = s.dtype.type
    near, far = t(0.0), t(0.0)
    for j in range(s.shape[0]):
        same = labels[i] == labels[j]
        if not (same and alone and i == j):
            score = _score(s[i, j], same, gamma, margin)[0]
            power = exp(score - (own if same else other))
            near += power if same else t(0.0)
            far += t(0.0) if same else power
    return near, far


@kernel
def circle_loss(s, labels, gamma, margin, alone, loss, counted):  # type: ignore[no-untyped-def]
    """loss[i] = softplus(logsumexp over i's class + logsumexp over others); counted[i] = loss[i] > 0, uint8.

    loss (N,), counted (N,). No loss where one of both is empty.
    """
    t = s.dtype.type
    for i in range(s.shape[0]):
        own, other = _tops(s, labels, i, gamma, margin, alone)
        near, far = _totals(s, labels, i, gamma, margin, alone, own, other)
        found = near > t(0.0) and far > t(0.0)
        loss[i] = softplus((own + log(near)) + (other + log(far))) if found else t(0.0)
        counted[i] = 1 if loss[i] > t(0.0) else 0


@kernel
def circle_loss_grad(s, labels, gamma, margin, alone, dloss, ds):  # type: ignore[no-untyped-def]
    """ds (N, N) of `circle_loss`."""
    t = s.dtype.type
    for i in range(s.shape[0]):
        own, other = _tops(s, labels, i, gamma, margin, alone)
        near, far = _totals(s, labels, i, gamma, margin, alone, own, other)
        found = near > t(0.0) and far > t(0.0)
        steep = dloss[i] * sigmoid((own + log(near)) + (other + log(far))) if found else t(0.0)
        for j in range(s.shape[0]):
            same = labels[i] == labels[j]
            score, slope = _score(s[i, j], same, gamma, margin)
            share = exp(score - own) / near if same else exp(score - other) / far
            ds[i, j] = steep * (share * slope) if found and not (same and alone and i == j) else t(0.0)
