"""Adding a batch to a metric's float64 state; Keras 3's formulas, every sum from the first row to the last.

Rows are positions of examples: M rows of N `examples`, M / N a piece. weights (W,), where `weighted`, has an
entry an example or a position, each for M / W rows. A mean's state (2,) is (sum of weight * value, sum of
weight), both divided by M / N: an example counts 1 however many positions it has.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel

KERAS_ZERO = 1e-9
"""keras.metrics.FBetaScore: a prediction that is the largest of its row and no larger than this is none."""
KERAS_EPSILON = 1e-7
"""keras.config.epsilon()."""


@inline
def weight_of(weights, weighted, row, rows):  # type: ignore[no-untyped-def]
    """What a row counts."""
    return np.float64(weights[row * weights.shape[0] // rows]) if weighted else 1.0


@inline
def add_to(state, total, count, rows, examples):  # type: ignore[no-untyped-def]
    """Add a batch to a mean's state."""
    state[0] += total * examples / rows
    state[1] += count * examples / rows


@kernel
def mean_of_batch(value, count, state):  # type: ignore[no-untyped-def]
    """Add value (1,), a mean over `count` examples."""
    state[0] += np.float64(value[0]) * count
    state[1] += count


@kernel
def mean(values, weights, weighted, examples, state):  # type: ignore[no-untyped-def]
    """Add values (M,)."""
    rows = values.shape[0]
    total, count = 0.0, 0.0
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        total += np.float64(values[m]) * w
        count += w
    add_to(state, total, count, rows, examples)


@kernel
def binary_accuracy(y_true, y_pred, threshold, weights, weighted, examples, state):  # type: ignore[no-untyped-def]
    """Add how often y_pred (M,) > threshold is y_true (M,)."""
    t = y_pred.dtype.type
    limit, zero, one = t(threshold), t(0.0), t(1.0)
    rows = y_pred.shape[0]
    total, count = 0.0, 0.0
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        said = one if y_pred[m] > limit else zero
        total += w if said == y_true[m] else 0.0
        count += w
    add_to(state, total, count, rows, examples)


@kernel
def arg_max(x, y):  # type: ignore[no-untyped-def]
    """y[m] = the first of the largest of x[m, :]; x (M, C), y (M,) int32."""
    for m in range(x.shape[0]):
        best = 0
        for c in range(1, x.shape[1]):
            best = c if x[m, c] > x[m, best] else best
        y[m] = best


@kernel
def top_k(labels, y_pred, k, ties, weights, weighted, examples, state):  # type: ignore[no-untyped-def]
    """Add how often fewer than k of y_pred (M, C) stand before the label's; labels (M,).

    Before it stand larger ones, and equal ones of lower class numbers unless `ties` count as one.
    """
    rows, classes = y_pred.shape
    total, count = 0.0, 0.0
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        label = np.int64(labels[m])
        if label >= 0 and label < classes:
            own = y_pred[m, np.uint64(label)]
            before = 0
            for c in range(classes):
                larger = y_pred[m, c] > own or (y_pred[m, c] == own and c < label and not ties)
                before += 1 if larger else 0
            total += w if before < k else 0.0
        count += w
    add_to(state, total, count, rows, examples)


@kernel
def counts_by_class(y_true, y_pred, threshold, weights, weighted, state):  # type: ignore[no-untyped-def]
    """Add true positives, false positives, false negatives of each class to state (3, C).

    y_true, y_pred (M, C). Positive is y_pred > threshold; where that is NaN, the largest of a row, with all
    that equal it, but for zeros.
    """
    t = y_pred.dtype.type
    limit, zero = t(threshold), t(KERAS_ZERO)
    by_largest = np.isnan(threshold)
    rows, classes = y_pred.shape
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        largest = y_pred[m, 0]
        for c in range(1, classes):
            largest = y_pred[m, c] if y_pred[m, c] > largest else largest
        for c in range(classes):
            p, y = y_pred[m, c], np.float64(y_true[m, c])
            said = (p >= largest and abs(p) > zero) if by_largest else p > limit
            if said:
                state[0, c] += w * y
                state[1, c] += w * (1.0 - y)
            else:
                state[2, c] += w * y


@kernel
def total(values, weights, weighted, state):  # type: ignore[no-untyped-def]
    """Add values (M,), weighted, to state (1,)."""
    rows = values.shape[0]
    found = 0.0
    for m in range(rows):
        found += np.float64(values[m]) * weight_of(weights, weighted, m, rows)
    state[0] += found


@kernel
def squares_by_unit(y_true, y_pred, weights, weighted, counts, sums):  # type: ignore[no-untyped-def]
    """Add w y, w y^2 and w (y - p)^2 of each unit to sums (3, C), w and the number of numbers to counts (2,).

    y = y_true (M, C), p = y_pred (M, C).
    """
    rows, units = y_pred.shape
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        for c in range(units):
            y = np.float64(y_true[m, c])
            off = y - np.float64(y_pred[m, c])
            sums[0, c] += y * w
            sums[1, c] += y * (y * w)
            sums[2, c] += off * off * w
        counts[0] += w
    counts[1] += rows * units


@kernel
def correlation(y_true, y_pred, counted, masked, concordance, weights, weighted, examples, state):  # type: ignore[no-untyped-def]
    """Add the correlation of each row of y_true (M, C) with that of y_pred (M, C) to a mean's state.

    Pearson's, or Lin's concordance. Where `masked`, only numbers that are counted (M, C) are looked at. A
    row of weight 0 adds nothing, whatever it holds.
    """
    rows, columns = y_pred.shape
    total, count = 0.0, 0.0
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        n, mean_true, mean_pred = 0, 0.0, 0.0
        for c in range(columns):
            if not masked or counted[m, c]:
                n += 1
                mean_true += np.float64(y_true[m, c])
                mean_pred += np.float64(y_pred[m, c])
        if w == 0.0 or n == 0:
            continue
        mean_true /= n
        mean_pred /= n
        var_true, var_pred, both = 0.0, 0.0, 0.0
        for c in range(columns):
            if not masked or counted[m, c]:
                a, b = np.float64(y_true[m, c]) - mean_true, np.float64(y_pred[m, c]) - mean_pred
                var_true += a * a
                var_pred += b * b
                both += a * b
        if concordance:
            apart = mean_true - mean_pred
            total += w * (2.0 * both / n / (var_true / n + var_pred / n + apart * apart + KERAS_EPSILON))
        else:
            total += w * (both / (np.sqrt(var_true) * np.sqrt(var_pred)))
        count += w
    add_to(state, total, count, rows, examples)
