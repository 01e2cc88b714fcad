"""Softmax over rows (R, C), its gradient, and the stable cross-entropies that take logits.

Row sums go through 16 lanes (lanes.py). A row of a mask or of weights is handled by the loss
reduction, not here.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels import probability
from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import lane_dot, lane_max, lane_sum
from nnctl.kernels.mathfn import exp, exp_negative, log
from nnctl.kernels.ranges import part

smoothed = compiled(probability.smoothed)


@part
def exp_row(x, r, top, y):
    """y[r, :] = e^(x[r, :] - top)."""
    for c in range(x.shape[1]):
        y[r, c] = exp_negative(x[r, c] - top)


@part
def scale_row(x, r, factor, y):
    """y[r, :] = x[r, :] * factor."""
    for c in range(x.shape[1]):
        y[r, c] = x[r, c] * factor


@inline
def softmax_row(x, r, y):
    """y[r, :] = softmax of x[r, :]; gives (largest, sum of exponentials)."""
    columns = x.shape[1]
    at = np.int64(r) * columns
    top = lane_max(x, at, columns)
    exp_row(x, r, top, y)
    total = lane_sum(y, at, columns)
    scale_row(y, r, x.dtype.type(1.0) / total, y)
    return top, total


@kernel
def softmax(x, y):
    """y = softmax of every row; x, y (R, C), may be the same memory."""
    for r in range(np.uint64(x.shape[0])):
        softmax_row(x, r, y)


@kernel(parallel=True)
def softmax_parallel(x, y):
    """`softmax` on many threads."""
    for r in numba.prange(x.shape[0]):
        softmax_row(x, np.uint64(r), y)


@part
def _softmax_grad_row(y, dy, r, inner, dx):
    for c in range(y.shape[1]):
        dx[r, c] = y[r, c] * (dy[r, c] - inner)


@kernel
def softmax_grad(y, dy, dx):
    """dx = y (dy - sum(y dy)), row by row; y, dy, dx (R, C)."""
    columns = y.shape[1]
    for r in range(np.uint64(y.shape[0])):
        at = np.int64(r) * columns
        _softmax_grad_row(y, dy, r, lane_dot(y, at, dy, at, columns), dx)


@part
def _minus_row(x, r, number, y):
    for c in range(x.shape[1]):
        y[r, c] = x[r, c] - number


@kernel
def log_softmax(x, y):
    """y = log(softmax) of every row; x, y (R, C), not the same memory."""
    columns = x.shape[1]
    for r in range(np.uint64(x.shape[0])):
        at = np.int64(r) * columns
        top = lane_max(x, at, columns)
        exp_row(x, r, top, y)
        _minus_row(x, r, top + log(lane_sum(y, at, columns)), y)


@part
def _log_softmax_grad_row(y, dy, r, total, dx):
    for c in range(y.shape[1]):
        dx[r, c] = dy[r, c] - exp(y[r, c]) * total


@kernel
def log_softmax_grad(y, dy, dx):
    """dx = dy - softmax sum(dy), row by row; y is the log-softmax."""
    columns = y.shape[1]
    for r in range(np.uint64(y.shape[0])):
        _log_softmax_grad_row(y, dy, r, lane_sum(dy, np.int64(r) * columns, columns), dx)


@kernel
def sparse_softmax_loss(x, labels, ignored, p, loss):
    """loss[r] = -log softmax(x)[r, labels[r]], p = softmax(x).

    x, p (R, C), labels (R,) int64, loss (R,). A row whose label is `ignored` loses 0. A label
    outside the classes gives NaN, which stops the run.
    """
    columns = x.shape[1]
    t = x.dtype.type
    for r in range(np.uint64(x.shape[0])):
        label = labels[r]
        valid = label >= 0 and label < columns
        score = x[r, np.uint64(label if valid else 0)]
        top, total = softmax_row(x, r, p)
        value = log(total) + (top - score)
        value = value if valid else t(np.nan)
        loss[r] = t(0.0) if label == ignored else value


@kernel
def sparse_softmax_loss_grad(p, labels, ignored, dloss, dx):
    """dx[r, :] = dloss[r] (p[r, :] - onehot(labels[r])); 0 where the label is `ignored`."""
    columns = p.shape[1]
    t = p.dtype.type
    for r in range(np.uint64(p.shape[0])):
        label = labels[r]
        factor = t(0.0) if label == ignored else dloss[r]
        scale_row(p, r, factor, dx)
        if label >= 0 and label < columns:
            dx[r, np.uint64(label)] -= factor


@part
def _target_loss_row(x, target, r, smoothing, shift, work):
    classes = x.dtype.type(x.shape[1])
    for c in range(x.shape[1]):
        work[r, c] = smoothed(target[r, c], smoothing, classes) * (shift - x[r, c])


@kernel
def softmax_loss(x, target, smoothing, p, loss):
    """loss[r] = -sum over c of target'[r, c] log softmax(x)[r, c], p = softmax(x).

    x, target, p (R, C), loss (R,); target' is smoothed as Keras does.
    """
    columns = x.shape[1]
    amount = x.dtype.type(smoothing)
    for r in range(np.uint64(x.shape[0])):
        at = np.int64(r) * columns
        top = lane_max(x, at, columns)
        exp_row(x, r, top, p)
        shift = top + log(lane_sum(p, at, columns))
        _target_loss_row(x, target, r, amount, shift, p)
        loss[r] = lane_sum(p, at, columns)
        softmax_row(x, r, p)


@part
def _softmax_loss_grad_row(p, target, r, smoothing, factor, mass, dx):
    classes = p.dtype.type(p.shape[1])
    for c in range(p.shape[1]):
        dx[r, c] = factor * (mass * p[r, c] - smoothed(target[r, c], smoothing, classes))


@kernel
def softmax_loss_grad(p, target, smoothing, dloss, dx):
    """dx[r, :] = dloss[r] (p[r, :] - target'[r, :]), also where a target row sums to less than 1."""
    columns = p.shape[1]
    t = p.dtype.type
    amount = t(smoothing)
    for r in range(np.uint64(p.shape[0])):
        given = lane_sum(target, np.int64(r) * columns, columns)
        mass = given * (t(1.0) - amount) + amount
        _softmax_loss_grad_row(p, target, r, amount, dloss[r], mass, dx)
