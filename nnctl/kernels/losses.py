"""Losses of predictions against targets of the same shape, one number per row; Keras 3's formulas.

x (predictions), target, scratch, dx: (R, C); loss, dloss: (R,). Cross-entropies of logits are in softmax.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from nnctl.kernels import probability
from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import kernel, named
from nnctl.kernels.lanes import lane_dot, lane_max, lane_sum
from nnctl.kernels.mathfn import log
from nnctl.kernels.ranges import part

clipped = compiled(probability.clipped)
smoothed = compiled(probability.smoothed)


@functools.cache
def term_rows(formula: Callable[..., Any]) -> Any:
    """The kernel of loss[r] = (sum over c of formula(target, x, *numbers)) / divisor."""
    term = compiled(formula)

    @part
    @named("term_row", formula)
    def row(x, target, r, numbers, work):
        for c in range(x.shape[1]):
            work[r, c] = term(target[r, c], x[r, c], *numbers)

    @kernel
    @named("term_rows", formula)
    def term_rows(x, target, numbers, divisor, scratch, loss):
        columns = x.shape[1]
        for r in range(np.uint64(x.shape[0])):
            row(x, target, r, numbers, scratch)
            loss[r] = lane_sum(scratch, np.int64(r) * columns, columns) / divisor

    return term_rows


@functools.cache
def term_rows_grad(formula: Callable[..., Any]) -> Any:
    """The kernel of dx[r, c] = dloss[r] / divisor formula(target, x, *numbers), the slope in x."""
    slope = compiled(formula)

    @part
    @named("term_row_grad", formula)
    def row(x, target, r, numbers, factor, dx):
        for c in range(x.shape[1]):
            dx[r, c] = factor * slope(target[r, c], x[r, c], *numbers)

    @kernel
    @named("term_rows_grad", formula)
    def term_rows_grad(x, target, numbers, divisor, dloss, dx):
        for r in range(np.uint64(x.shape[0])):
            row(x, target, r, numbers, dloss[r] / divisor, dx)

    return term_rows_grad


@kernel
def signed_labels(target, y):
    """y = 2 target - 1 where every label of the batch is 0 or 1, else target; both (N,)."""
    t = target.dtype.type
    other = 0
    for i in range(target.shape[0]):
        other += np.int64(target[i] != t(0.0) and target[i] != t(1.0))
    for i in range(target.shape[0]):
        y[i] = t(2.0) * target[i] - t(1.0) if other == 0 else target[i]


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
def class_score(x, labels, y):
    """y[r] = x[r, label]; NaN where the label is none of the columns."""
    t = x.dtype.type
    for r in range(x.shape[0]):
        valid = labels[r] >= 0 and labels[r] < x.shape[1]
        y[r] = x[r, np.uint64(labels[r] if valid else 0)] if valid else t(np.nan)


@kernel
def class_score_grad(labels, dy, dx):
    """dx[r, label] = dy[r], and 0 elsewhere."""
    zero = dx.dtype.type(0.0)
    for r in range(dx.shape[0]):
        for c in range(dx.shape[1]):
            dx[r, c] = dy[r] if c == labels[r] else zero


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
