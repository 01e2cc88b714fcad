"""Distances between numbers: the mean over the last axis of a function of y_true and y_pred."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import PositiveFloat

from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target, register

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class _Distance(LossSpec):
    """What these losses share: a target of the output's shape, and one row function by name."""

    kind: ClassVar[str]
    """The row function's name in `ops.losses`."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output)

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import target_loss

        return target_loss(self.kind, y_pred, y_true)


@register
class MeanSquaredError(_Distance):
    """mean((y_true - y_pred)^2). Source: keras.losses.MeanSquaredError."""

    aliases: ClassVar[tuple[str, ...]] = ("mse", "MSE")
    kind: ClassVar[str] = "mean_squared_error"
    power_of_unit: ClassVar[int | None] = 2


@register
class MeanAbsoluteError(_Distance):
    """mean(|y_true - y_pred|). Source: keras.losses.MeanAbsoluteError."""

    aliases: ClassVar[tuple[str, ...]] = ("mae", "MAE")
    kind: ClassVar[str] = "mean_absolute_error"
    power_of_unit: ClassVar[int | None] = 1


@register
class MeanAbsolutePercentageError(_Distance):
    """100 mean(|y_true - y_pred| / max(|y_true|, 1e-7)). Source: keras.losses.MeanAbsolutePercentageError."""

    aliases: ClassVar[tuple[str, ...]] = ("mape", "MAPE")
    kind: ClassVar[str] = "mean_absolute_percentage_error"


@register
class MeanSquaredLogarithmicError(_Distance):
    """mean((log(1 + y_true) - log(1 + y_pred))^2), both at least 1e-7.

    Source: keras.losses.MeanSquaredLogarithmicError.
    """

    aliases: ClassVar[tuple[str, ...]] = ("msle", "MSLE")
    kind: ClassVar[str] = "mean_squared_logarithmic_error"


@register
class Huber(_Distance):
    """Quadratic up to delta, linear beyond: e^2 / 2, or delta |e| - delta^2 / 2.

    Source: keras.losses.Huber.
    """

    kind: ClassVar[str] = "huber"
    delta: PositiveFloat = 1.0
    """The error from which on the loss is linear."""

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import target_loss

        return target_loss(self.kind, y_pred, y_true, self.delta)
