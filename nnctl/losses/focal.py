"""Focal cross-entropies: what is already predicted well counts less, by (1 - p)^gamma.

As in Keras, probabilities are clipped to [1e-7, 1 - 1e-7] also where they come from logits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import NonNegativeFloat

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape
from nnctl.kernels.functions import log, power
from nnctl.kernels.probability import clipped, smoothed
from nnctl.losses.base import Target, register
from nnctl.losses.crossentropy import OfFlags, OfOneHot, of_probability, of_probability_slope
from nnctl.losses.termwise import Termwise

if TYPE_CHECKING:
    from nnctl.ops.base import Value


@register
class BinaryFocalCrossentropy(OfFlags, Termwise):
    """The mean over the last axis of (1 - p_t)^gamma times the binary cross-entropy; p_t = p where y is 1.

    p_t = y p + (1 - y) (1 - p), p not clipped. With `apply_class_balancing`, a term also counts
    y alpha + (1 - y) (1 - alpha).
    Source: keras.losses.BinaryFocalCrossentropy; Lin et al., "Focal loss" (2018).
    """

    apply_class_balancing: bool = False
    """Whether the classes 1 and 0 count `alpha` and 1 - `alpha`."""
    alpha: float = 0.25
    """How much class 1 counts where classes are balanced."""
    gamma: NonNegativeFloat = 2.0
    """How fast terms lose weight as they are predicted better; 0: not at all."""

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.activation import sigmoid

        return super().rows(y_true, sigmoid(y_pred) if self.from_logits else y_pred)

    @staticmethod
    def term(
        y_true: float, y_pred: float,
        apply_class_balancing: float, alpha: float, gamma: float, label_smoothing: float,
    ) -> float:  # fmt: skip
        goal = smoothed(y_true, label_smoothing, 2)
        entropy = of_probability(goal, y_pred, 0)
        return counts(goal, apply_class_balancing, alpha) * (power(missing(goal, y_pred), gamma) * entropy)

    @staticmethod
    def slope(
        y_true: float, y_pred: float,
        apply_class_balancing: float, alpha: float, gamma: float, label_smoothing: float,
    ) -> float:  # fmt: skip
        goal = smoothed(y_true, label_smoothing, 2)
        left = missing(goal, y_pred)
        along = gamma * power(left, gamma - 1) * (1 - 2 * goal) if gamma > 0 else 0
        entropy, steep = of_probability(goal, y_pred, 0), of_probability_slope(goal, y_pred, 0)
        return counts(goal, apply_class_balancing, alpha) * (along * entropy + power(left, gamma) * steep)


def missing(goal: float, y_pred: float) -> float:
    """1 - p_t: how much the prediction lacks."""
    return 1 - (goal * y_pred + (1 - goal) * (1 - y_pred))


def counts(goal: float, balanced: float, alpha: float) -> float:
    """How much a term counts: `alpha` for a goal of 1, 1 - `alpha` for 0, where classes are balanced."""
    return goal * alpha + (1 - goal) * (1 - alpha) if balanced > 0 else 1


@register
class CategoricalFocalCrossentropy(OfOneHot, Termwise):
    """-sum_c alpha_c (1 - p[c])^gamma y_true[c] log p[c] for one-hot (or soft) y_true.

    p is y_pred divided by its sum, then clipped.
    Source: keras.losses.CategoricalFocalCrossentropy; Lin et al., "Focal loss" (2018).
    """

    mean = False

    alpha: float | list[float] = 0.25
    """How much every class counts: one number, or one per class."""
    gamma: NonNegativeFloat = 2.0
    """How fast classes lose weight as they are predicted better; 0: not at all."""

    def target(self, output: Shape) -> Target:
        target = super().target(output)
        if isinstance(self.alpha, list) and len(self.alpha) != target.classes:
            raise ShapeError(
                f"alpha has {len(self.alpha)} numbers for an output of {target.classes} classes",
                field="alpha",
                expected=f"{target.classes} numbers, or one for all",
            )
        return target

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.elementwise import affine, divide, multiply_row, scale
        from nnctl.ops.shape import broadcast_to, reshape
        from nnctl.ops.softmax import softmax
        from nnctl.ops.sums import sum_axes

        if self.label_smoothing:
            classes = y_true.shape[-1]
            y_true = affine(y_true, 1.0 - self.label_smoothing, self.label_smoothing / classes)
        if isinstance(self.alpha, list):
            weights = np.array(self.alpha, y_true.dtype)
            y_true = multiply_row(y_true, y_true.graph.constant(weights))
        else:
            y_true = scale(y_true, self.alpha)
        if self.from_logits:
            return super().rows(y_true, softmax(y_pred))
        total = reshape(sum_axes(y_pred, [-1]), (*y_pred.shape[:-1], 1))
        return super().rows(y_true, divide(y_pred, broadcast_to(total, y_pred.shape)))

    @staticmethod
    def term(y_true: float, y_pred: float, gamma: float) -> float:
        p = clipped(y_pred)
        return power(1 - p, gamma) * (-y_true * log(p))

    @staticmethod
    def slope(y_true: float, y_pred: float, gamma: float) -> float:
        p = clipped(y_pred)
        along = gamma * power(1 - p, gamma - 1) * log(p)
        return y_true * (along - power(1 - p, gamma) / p) if p == y_pred else 0
