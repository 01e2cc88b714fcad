"""A cross-entropy that wrong labels disturb less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from nnctl.core.ranges import UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.kernels.functions import power
from nnctl.losses.base import LossSpec, Target, register
from nnctl.losses.crossentropy import class_axis

if TYPE_CHECKING:
    from nnctl.ops.base import Value


@register
class CategoricalGeneralizedCrossEntropy(LossSpec):
    """(1 - p[y_true]^q) / q for class numbers y_true: between -log p (q near 0) and 1 - p (q near 1).

    Source: keras.losses.CategoricalGeneralizedCrossEntropy; Zhang & Sabuncu (2018).
    """

    q: float = Field(default=0.5, gt=0.0, lt=1.0)
    """How little examples count that are predicted badly, since their label may be wrong."""

    def target(self, output: Shape) -> Target:
        return Target("classes", output[:-1], class_axis("categorical_generalized_cross_entropy", output))

    def reads(self) -> Range:
        return UNIT

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.activation import Activation
        from nnctl.ops.formula import Formula
        from nnctl.ops.losses import class_score

        loss = Activation(Formula(generalized, (self.q,)), Formula(generalized_slope, (self.q,)))
        return y_pred.graph.add1(loss, class_score(y_pred, y_true))


def generalized(p: float, q: float) -> float:
    """(1 - p^q) / q."""
    return (1 - power(p, q)) / q


def generalized_slope(p: float, q: float) -> float:
    """The derivative of `generalized` in p."""
    return -power(p, q - 1)
