"""Curves over all thresholds of a score: receiver operating characteristic, precision and recall."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array


def roc_curve(there: Array, scores: Array) -> tuple[Array, Array]:
    """The shares of what is not there and of what is (each (T + 1,)) whose scores reach a threshold.

    It begins at (0, 0), ends at (1, 1) and has a point for each of the T different scores, the highest first.
    Source: sklearn.metrics.roc_curve.

    Args:
        there: (N,) bool; some are there and some are not.
        scores: (N,).
    """
    right, wrong = _reached(there, scores)
    return _from_zero(wrong / wrong[-1]), _from_zero(right / right[-1])


def precision_recall_curve(there: Array, scores: Array) -> tuple[Array, Array]:
    """Recall and precision (each (T,)) of taking for there whatever has a threshold's score or a higher one.

    It has a point for each of the T different scores, the highest first.
    Source: sklearn.metrics.precision_recall_curve.

    Args:
        there: (N,) bool; some are there.
        scores: (N,).
    """
    right, wrong = _reached(there, scores)
    return right / right[-1], right / (right + wrong)


def average_precision(recall: Array, precision: Array) -> float:
    """The mean of a curve's precisions, each weighed by the recall that it adds.

    Source: sklearn.metrics.average_precision_score.
    """
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def evenly(count: int, most: int) -> Array:
    """At most so many of the numbers from 0 to count - 1, evenly spaced, both ends among them."""
    if count <= most:
        return np.arange(count)
    return np.arange(most) * (count - 1) // (most - 1)


def _reached(there: Array, scores: Array) -> tuple[Array, Array]:
    """How many that are there, and how many that are not, reach each different score, the highest first."""
    values, group = np.unique(-scores, return_inverse=True)
    return tuple(  # type: ignore[return-value]
        np.cumsum(np.bincount(group[which], minlength=len(values))) for which in (there, ~there)
    )


def _from_zero(shares: Array) -> Array:
    return np.concatenate([[0.0], shares])
