"""Margin losses: targets are -1 and 1 (0 and 1 are read as such), or one-hot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnctl.core.ranges import UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target, register
from nnctl.losses.crossentropy import class_axis
from nnctl.losses.termwise import Termwise

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class _Margin(Termwise):
    """What both binary margin losses share."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def reads_targets(self) -> Range:
        return -1.0, 1.0

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import signed_labels

        return super().rows(signed_labels(y_true), y_pred)


@register
class Hinge(_Margin):
    """mean(max(1 - y_true y_pred, 0)). Source: keras.losses.Hinge."""

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        margin = 1 - y_true * y_pred
        return margin if margin > 0 else 0

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        return -y_true if y_true * y_pred < 1 else 0


@register
class SquaredHinge(_Margin):
    """mean(max(1 - y_true y_pred, 0)^2). Source: keras.losses.SquaredHinge."""

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        margin = 1 - y_true * y_pred
        return margin * margin if margin > 0 else 0

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        margin = 1 - y_true * y_pred
        return -2 * y_true * margin if margin > 0 else 0


@register
class CategoricalHinge(LossSpec):
    """max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0). Source: keras.losses.CategoricalHinge."""

    def target(self, output: Shape) -> Target:
        return Target("onehot", output, class_axis("categorical_hinge", output))

    def reads_targets(self) -> Range:
        return UNIT

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import target_loss

        return target_loss("categorical_hinge", y_pred, y_true)
