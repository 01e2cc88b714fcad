"""Adding a batch to counts of what was right and what was wrong, in float64, from the first row to the last.

Rows are positions of examples, M of them. weights (W,), where `weighted`, has an entry an example or a
position, each for M / W rows.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.metrics import weight_of


@inline
def among_largest(y_pred, m, c, k):  # type: ignore[no-untyped-def]
    """Whether y_pred[m, c] is one of the k largest of its row, lower class numbers first."""
    before = 0
    for other in range(y_pred.shape[1]):
        value = y_pred[m, other]
        larger = value > y_pred[m, c] or (value == y_pred[m, c] and other < c)
        before += 1 if larger else 0
    return before < k


@inline
def count_below(thresholds, even, p):  # type: ignore[no-untyped-def]
    """How many of the ascending thresholds (T,) lie below p; none of them below NaN.

    `even` ones lie at i / (T - 1), the first one maybe a little lower; what lies outside [0, 1] is then
    moved to its edge, as in Keras.
    """
    t = thresholds.dtype.type
    if even:
        p = p if p > t(0.0) else t(0.0)
        p = t(1.0) if p > t(1.0) else p
        below = np.int64(np.ceil(p * t(thresholds.shape[0] - 1)))
        return max(below, 1) if thresholds[0] < t(0.0) else below
    low, high = 0, thresholds.shape[0]
    while low < high:
        middle = (low + high) // 2
        if p > thresholds[middle]:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def between_thresholds(  # type: ignore[no-untyped-def]
    y_true, y_pred, thresholds, even, k, class_id, label_weights, weights, weighted, negatives, positives
):
    """Add each prediction's weight at the number of thresholds below it: positives where y_true is not 0.

    y_true, y_pred (M, C), thresholds (T,) ascending, label_weights (C,), negatives, positives (T + 1, L).
    For k > 0 only the k largest of a row lie above any threshold; for class_id >= 0 only that class counts.
    L is C for counts of each label, else 1.
    """
    zero = y_pred.dtype.type(0.0)
    rows, classes = y_pred.shape
    start = class_id if class_id >= 0 else 0
    stop = class_id + 1 if class_id >= 0 else classes
    apart = positives.shape[1] > 1
    for m in range(rows):
        w = weight_of(weights, weighted, m, rows)
        for c in range(start, stop):
            below = 0
            if k <= 0 or among_largest(y_pred, m, c, k):
                below = count_below(thresholds, even, y_pred[m, c])
            label = c if apart else 0
            if y_true[m, c] != zero:
                positives[below, label] += w * label_weights[c]
            else:
                negatives[below, label] += w * label_weights[c]


@inline
def class_of(value, classes):  # type: ignore[no-untyped-def]
    """A class number, cut off behind the point; -1 for what is none of the classes."""
    number = np.float64(value)
    return np.int64(number) if number > -1.0 and number < classes else np.int64(-1)


@kernel
def confusion_matrix(y_true, y_pred, threshold, ignored, weights, weighted, state):  # type: ignore[no-untyped-def]
    """Add each row's weight to state (C, C), at the class of y_true (M,) and that of y_pred (M,).

    A prediction is a class number or, where the threshold is not NaN, class 1 from it on and 0 below. Rows
    of no class, or of the ignored one, do not count.
    """
    by_threshold = not np.isnan(threshold)
    rows, classes = y_pred.shape[0], state.shape[0]
    for m in range(rows):
        true = class_of(y_true[m], classes)
        if by_threshold:
            said = np.int64(y_pred[m] >= y_pred.dtype.type(threshold))
        else:
            said = class_of(y_pred[m], classes)
        if true >= 0 and said >= 0 and true != ignored:
            state[true, said] += weight_of(weights, weighted, m, rows)
