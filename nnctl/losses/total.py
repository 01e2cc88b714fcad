"""From one loss per row to one number: sample weights, masks and reduction.

Source: keras.losses.Loss (reduce_weighted_values, apply_mask).
"""

from __future__ import annotations

from math import prod

from nnctl.losses.base import LossSpec
from nnctl.ops.base import Value
from nnctl.ops.masks import stretched
from nnctl.ops.shape import broadcast_to
from nnctl.ops.totals import masked_weights
from nnctl.ops.totals import total as weighted_total


def effective_weights(weights: Value | None, mask: Value | None) -> Value | None:
    """What each example (N,), or each position (N, ...), counts: sample weights and mask, both (N, ...).

    None where everything counts 1.
    """
    if mask is None:
        return weights
    if weights is not None and len(mask.shape) < len(weights.shape):
        mask = stretched(mask, weights.shape)
    return masked_weights(weights, mask)


def by_example(rows: Value, weights: Value | None) -> Value:
    """Rows as weights (N, ...) can weigh them: the one row (1,) of a whole batch is every example's."""
    return broadcast_to(rows, weights.shape) if weights is not None and rows.shape == (1,) else rows


def total(loss: LossSpec, rows: Value, sample_weight: Value | None, mask: Value | None) -> Value:
    """The loss of a batch (1,).

    Args:
        rows: What `loss.masked_rows` gave: one loss per example (N,), per position (N, T, ...), or for all
            of them (1,).
        sample_weight: One weight per example (N,), or per position (N, T, ...): the rows' leading axes. One
            for all of an example's positions is what (N, 1) is in Keras.
        mask: Which rows count (N, ...), uint8: their leading axes.
    """
    weights = effective_weights(sample_weight, mask)
    rows = by_example(rows, weights)
    if loss.reduction == "sum":
        return weighted_total(rows, weights, None, "number", 1.0)
    if loss.reduction == "mean_with_sample_weight" and weights is not None:
        return weighted_total(rows, weights, None, "weights", 1.0)
    if mask is None:
        return weighted_total(rows, weights, None, "number", float(rows.type.size))
    repeat = prod(rows.shape[len(mask.shape) :])
    return weighted_total(rows, weights, mask, "mask", float(repeat))
