"""Losses of predictions against targets of the same shape, one number a row; Keras 3's formulas.

x (predictions), target, scratch, dx: (R, C); loss, dloss: (R,). Cross-entropies of logits are
in softmax.py. `a` is the loss's parameter: label smoothing, Huber's delta; hinge losses read
the labels' form from `form` (1,), see `hinge_form`.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels import codes
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import lane_dot, lane_max, lane_sum
from nnctl.kernels.mathfn import log
from nnctl.kernels.ranges import part
from nnctl.kernels.softmax import smoothed

EPSILON = 1e-7
"""keras.config.epsilon()."""


@inline
def clipped(p):
    """p between epsilon and 1 - epsilon."""
    t = type(p)
    low, high = t(EPSILON), t(1.0) - t(EPSILON)
    p = low if p < low else p
    return high if p > high else p


@inline
def at_least_epsilon(x):
    """max(x, epsilon)."""
    t = type(x)
    return t(EPSILON) if x < t(EPSILON) else x


@inline
def sign_label(y, form):
    """A hinge label: 0 and 1 become -1 and 1 where the whole batch is binary (form 1)."""
    t = type(y)
    return t(2.0) * y - t(1.0) if form != 0 else y


@part
def _terms(x, target, r, code, a, form, work):
    t = x.dtype.type
    zero, one, half = t(0.0), t(1.0), t(0.5)
    if code == codes.SQUARED_ERROR:
        for c in range(x.shape[1]):
            d = x[r, c] - target[r, c]
            work[r, c] = d * d
    elif code == codes.ABSOLUTE_ERROR:
        for c in range(x.shape[1]):
            work[r, c] = abs(x[r, c] - target[r, c])
    elif code == codes.ABSOLUTE_PERCENTAGE_ERROR:
        for c in range(x.shape[1]):
            ratio = (target[r, c] - x[r, c]) / at_least_epsilon(abs(target[r, c]))
            work[r, c] = t(100.0) * abs(ratio)
    elif code == codes.SQUARED_LOGARITHMIC_ERROR:
        for c in range(x.shape[1]):
            d = log(at_least_epsilon(x[r, c]) + one) - log(at_least_epsilon(target[r, c]) + one)
            work[r, c] = d * d
    elif code == codes.HUBER:
        for c in range(x.shape[1]):
            d = abs(x[r, c] - target[r, c])
            work[r, c] = half * d * d if d <= a else a * d - half * a * a
    elif code == codes.HINGE:
        for c in range(x.shape[1]):
            margin = one - sign_label(target[r, c], form) * x[r, c]
            work[r, c] = margin if margin > zero else zero
    elif code == codes.SQUARED_HINGE:
        for c in range(x.shape[1]):
            margin = one - sign_label(target[r, c], form) * x[r, c]
            work[r, c] = margin * margin if margin > zero else zero
    elif code == codes.BINARY_CROSSENTROPY:
        for c in range(x.shape[1]):
            p = clipped(x[r, c])
            goal = smoothed(target[r, c], a, t(2.0))
            work[r, c] = -(goal * log(p) + (one - goal) * log(one - p))
    elif code == codes.KL_DIVERGENCE:
        for c in range(x.shape[1]):
            p = at_least_epsilon(one if x[r, c] > one else x[r, c])
            goal = at_least_epsilon(one if target[r, c] > one else target[r, c])
            work[r, c] = goal * log(goal / p)


@part
def _slopes(x, target, r, code, a, form, factor, dx):
    t = x.dtype.type
    zero, one, two = t(0.0), t(1.0), t(2.0)
    if code == codes.SQUARED_ERROR:
        for c in range(x.shape[1]):
            dx[r, c] = factor * two * (x[r, c] - target[r, c])
    elif code == codes.ABSOLUTE_ERROR:
        for c in range(x.shape[1]):
            d = x[r, c] - target[r, c]
            dx[r, c] = factor if d > zero else (-factor if d < zero else zero)
    elif code == codes.ABSOLUTE_PERCENTAGE_ERROR:
        for c in range(x.shape[1]):
            d = x[r, c] - target[r, c]
            slope = t(100.0) * factor / at_least_epsilon(abs(target[r, c]))
            dx[r, c] = slope if d > zero else (-slope if d < zero else zero)
    elif code == codes.SQUARED_LOGARITHMIC_ERROR:
        for c in range(x.shape[1]):
            p = x[r, c] + one
            d = log(at_least_epsilon(x[r, c]) + one) - log(at_least_epsilon(target[r, c]) + one)
            dx[r, c] = factor * two * d / p if x[r, c] >= t(EPSILON) else zero
    elif code == codes.HUBER:
        for c in range(x.shape[1]):
            d = x[r, c] - target[r, c]
            d = a if d > a else d
            dx[r, c] = factor * (-a if d < -a else d)
    elif code == codes.HINGE:
        for c in range(x.shape[1]):
            label = sign_label(target[r, c], form)
            dx[r, c] = -factor * label if label * x[r, c] < one else zero
    elif code == codes.SQUARED_HINGE:
        for c in range(x.shape[1]):
            label = sign_label(target[r, c], form)
            margin = one - label * x[r, c]
            dx[r, c] = -factor * two * label * margin if margin > zero else zero
    elif code == codes.BINARY_CROSSENTROPY:
        for c in range(x.shape[1]):
            p = clipped(x[r, c])
            goal = smoothed(target[r, c], a, two)
            slope = factor * ((one - goal) / (one - p) - goal / p)
            dx[r, c] = slope if p == x[r, c] else zero
    elif code == codes.KL_DIVERGENCE:
        for c in range(x.shape[1]):
            p = at_least_epsilon(one if x[r, c] > one else x[r, c])
            goal = at_least_epsilon(one if target[r, c] > one else target[r, c])
            dx[r, c] = -factor * goal / p if p == x[r, c] else zero


@kernel
def loss_rows(x, target, code, a, form, scratch, loss):
    """loss[r] = mean over c of the terms (KL divergence: their sum)."""
    columns = x.shape[1]
    t = x.dtype.type
    divisor = t(1.0) if code == codes.KL_DIVERGENCE else t(columns)
    for r in range(np.uint64(x.shape[0])):
        _terms(x, target, r, code, t(a), form[0], scratch)
        loss[r] = lane_sum(scratch, np.int64(r) * columns, columns) / divisor


@kernel
def loss_rows_grad(x, target, code, a, form, dloss, dx):
    """dx[r, c] = dloss[r] times the slope of row r's loss in x[r, c]."""
    t = x.dtype.type
    divisor = t(1.0) if code == codes.KL_DIVERGENCE else t(x.shape[1])
    for r in range(np.uint64(x.shape[0])):
        _slopes(x, target, r, code, t(a), form[0], dloss[r] / divisor, dx)


@kernel
def hinge_form(target, form):
    """form[0] = 1 where every label of the batch is 0 or 1, else 0; target (N,), form (1,) int64."""
    t = target.dtype.type
    other = 0
    for i in range(target.shape[0]):
        other += np.int64(target[i] != t(0.0) and target[i] != t(1.0))
    form[0] = 1 if other == 0 else 0


@part
def _log_row(x, target, r, smoothing, total, work):
    classes = x.dtype.type(x.shape[1])
    for c in range(x.shape[1]):
        goal = smoothed(target[r, c], smoothing, classes)
        work[r, c] = -goal * log(clipped(x[r, c] / total))


@kernel
def categorical_crossentropy(x, target, a, scratch, loss):
    """loss[r] = -sum over c of target' log(x / sum(x)), the quotient clipped to [eps, 1 - eps]."""
    columns = x.shape[1]
    for r in range(np.uint64(x.shape[0])):
        at = np.int64(r) * columns
        _log_row(x, target, r, x.dtype.type(a), lane_sum(x, at, columns), scratch)
        loss[r] = lane_sum(scratch, at, columns)


@part
def _log_row_grad(x, target, r, smoothing, total, dx):
    classes, zero = x.dtype.type(x.shape[1]), x.dtype.type(0.0)
    for c in range(x.shape[1]):
        q = x[r, c] / total
        goal = smoothed(target[r, c], smoothing, classes)
        dx[r, c] = -goal / q if clipped(q) == q else zero


@part
def _through_quotient(r, inner, factor, dx):
    for c in range(dx.shape[1]):
        dx[r, c] = (dx[r, c] - inner) * factor


@kernel
def categorical_crossentropy_grad(x, target, a, dloss, dx):
    """dx of `categorical_crossentropy`, through the clipping and the division by the sum."""
    columns = x.shape[1]
    for r in range(np.uint64(x.shape[0])):
        at = np.int64(r) * columns
        total = lane_sum(x, at, columns)
        _log_row_grad(x, target, r, x.dtype.type(a), total, dx)
        inner = lane_dot(dx, at, x, at, columns) / total
        _through_quotient(r, inner, dloss[r] / total, dx)


@kernel
def sparse_crossentropy(x, labels, ignored, loss):
    """loss[r] = -log(x[r, label] / sum(x[r])), the quotient clipped; labels (R,) int64.

    A row whose label is `ignored` loses 0; a label outside the classes gives NaN.
    """
    columns = x.shape[1]
    t = x.dtype.type
    for r in range(x.shape[0]):
        label = labels[r]
        valid = label >= 0 and label < columns
        score = x[r, np.uint64(label if valid else 0)]
        value = -log(clipped(score / lane_sum(x, r * columns, columns)))
        loss[r] = t(0.0) if label == ignored else (value if valid else t(np.nan))


@kernel
def sparse_crossentropy_grad(x, labels, ignored, dloss, dx):
    """dx of `sparse_crossentropy`, through the clipping and the division by the sum."""
    columns = x.shape[1]
    t = x.dtype.type
    for r in range(np.uint64(x.shape[0])):
        label = labels[r]
        valid = label >= 0 and label < columns and label != ignored
        at = np.uint64(label if valid else 0)
        total = lane_sum(x, np.int64(r) * columns, columns)
        score = x[r, at]
        q = score / total
        active = valid and clipped(q) == q
        shared = dloss[r] / total if active else t(0.0)
        for c in range(columns):
            dx[r, c] = shared
        if active:
            dx[r, at] = shared - dloss[r] / score


@kernel
def categorical_hinge(x, target, scratch, loss):
    """loss[r] = max(0, max over c of (1 - target) x - sum of target x + 1)."""
    columns = x.shape[1]
    t = x.dtype.type
    for r in range(x.shape[0]):
        at = r * columns
        for c in range(columns):
            scratch[r, c] = (t(1.0) - target[r, c]) * x[r, c]
        value = lane_max(scratch, at, columns) - lane_dot(target, at, x, at, columns) + t(1.0)
        loss[r] = value if value > t(0.0) else t(0.0)


@kernel
def categorical_hinge_grad(x, target, dloss, dx):
    """dx of `categorical_hinge`; equal maxima share the gradient."""
    columns = x.shape[1]
    t = x.dtype.type
    zero, one = t(0.0), t(1.0)
    for r in range(x.shape[0]):
        at = r * columns
        for c in range(columns):
            dx[r, c] = (one - target[r, c]) * x[r, c]
        top = lane_max(dx, at, columns)
        equal = 0
        for c in range(columns):
            equal += np.int64(dx[r, c] == top)
        active = top - lane_dot(target, at, x, at, columns) + one > zero
        factor = dloss[r] if active else zero
        for c in range(columns):
            share = (one - target[r, c]) / t(equal) if dx[r, c] == top else zero
            dx[r, c] = factor * (share - target[r, c])


@kernel
def weighted(loss, weight, y):
    """y[r] = loss[r] weight[r], all (R,)."""
    for r in range(loss.shape[0]):
        y[r] = loss[r] * weight[r]
