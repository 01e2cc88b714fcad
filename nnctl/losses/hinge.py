"""Margin losses: targets are -1 and 1 (0 and 1 are read as such), or one-hot."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nnctl.core.ranges import UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target, register
from nnctl.losses.crossentropy import class_axis

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class _Margin(LossSpec):
    """What both binary margin losses share."""

    kind: ClassVar[str]
    """The row function's name in `ops.losses`."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def reads_targets(self) -> Range:
        return -1.0, 1.0

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import target_loss

        return target_loss(self.kind, y_pred, y_true)


@register
class Hinge(_Margin):
    """mean(max(1 - y_true y_pred, 0)). Source: keras.losses.Hinge."""

    kind: ClassVar[str] = "hinge"


@register
class SquaredHinge(_Margin):
    """mean(max(1 - y_true y_pred, 0)^2). Source: keras.losses.SquaredHinge."""

    kind: ClassVar[str] = "squared_hinge"


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
