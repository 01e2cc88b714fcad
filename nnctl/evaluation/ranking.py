"""How well scores put what is there before what is not."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array


def roc_auc(there: Array, scores: Array) -> float | None:
    """The area under the receiver operating characteristic; None where all are there, or none is.

    It is the share of pairs, one that is there and one that is not, of which the former has the higher score;
    equal scores count half (the Mann-Whitney statistic). Source: sklearn.metrics.roc_auc_score.

    Args:
        there: (N,) bool.
        scores: (N,).
    """
    positive = int(there.sum())
    negative = len(there) - positive
    if not positive or not negative or np.isnan(scores).any():
        return None
    values, group = np.unique(scores, return_inverse=True)
    of_there = np.bincount(group[there], minlength=len(values))
    of_others = np.bincount(group[~there], minlength=len(values))
    below = np.cumsum(of_others) - of_others
    # Twice the number of pairs in order: whole numbers, which float64 holds exactly.
    twice = int((of_there * (2 * below + of_others)).sum())
    return twice / (2 * positive * negative)
