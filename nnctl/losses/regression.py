"""Distances between numbers: the mean over the last axis of a function of y_true and y_pred."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveFloat

from nnctl.kernels.functions import log
from nnctl.kernels.probability import EPSILON, at_least_epsilon
from nnctl.losses.base import register
from nnctl.losses.termwise import Termwise


@register
class MeanSquaredError(Termwise):
    """mean((y_true - y_pred)^2). Source: keras.losses.MeanSquaredError."""

    aliases: ClassVar[tuple[str, ...]] = ("mse", "MSE")
    power_of_unit: ClassVar[int | None] = 2

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        d = y_pred - y_true
        return d * d

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        return 2 * (y_pred - y_true)


@register
class MeanAbsoluteError(Termwise):
    """mean(|y_true - y_pred|). Source: keras.losses.MeanAbsoluteError."""

    aliases: ClassVar[tuple[str, ...]] = ("mae", "MAE")
    power_of_unit: ClassVar[int | None] = 1

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        return abs(y_pred - y_true)

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        d = y_pred - y_true
        return 1 if d > 0 else (-1 if d < 0 else 0)


@register
class MeanAbsolutePercentageError(Termwise):
    """100 mean(|y_true - y_pred| / max(|y_true|, 1e-7)). Source: keras.losses.MeanAbsolutePercentageError."""

    aliases: ClassVar[tuple[str, ...]] = ("mape", "MAPE")

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        return 100 * abs((y_true - y_pred) / at_least_epsilon(abs(y_true)))

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        d = y_pred - y_true
        steep = 100 / at_least_epsilon(abs(y_true))
        return steep if d > 0 else (-steep if d < 0 else 0)


@register
class MeanSquaredLogarithmicError(Termwise):
    """mean((log(1 + y_true) - log(1 + y_pred))^2), both at least 1e-7.

    Source: keras.losses.MeanSquaredLogarithmicError.
    """

    aliases: ClassVar[tuple[str, ...]] = ("msle", "MSLE")

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        d = log(at_least_epsilon(y_pred) + 1) - log(at_least_epsilon(y_true) + 1)
        return d * d

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        d = log(at_least_epsilon(y_pred) + 1) - log(at_least_epsilon(y_true) + 1)
        return 2 * d / (y_pred + 1) if y_pred >= EPSILON else 0


@register
class Huber(Termwise):
    """Quadratic up to delta, linear beyond: e^2 / 2, or delta |e| - delta^2 / 2.

    Source: keras.losses.Huber.
    """

    delta: PositiveFloat = 1.0
    """The error from which on the loss is linear."""

    @staticmethod
    def term(y_true: float, y_pred: float, delta: float) -> float:
        e = abs(y_pred - y_true)
        return 0.5 * e * e if e <= delta else delta * e - 0.5 * delta * delta

    @staticmethod
    def slope(y_true: float, y_pred: float, delta: float) -> float:
        e = y_pred - y_true
        e = delta if e > delta else e
        return -delta if e < -delta else e
