"""The logarithm of the error's hyperbolic cosine."""

from __future__ import annotations

from nnctl.kernels.functions import expm1, log1p, tanh
from nnctl.losses.base import register
from nnctl.losses.termwise import Termwise


@register
class LogCosh(Termwise):
    """mean(log(cosh(y_pred - y_true))): half the squared error where it is small, |error| - log 2 far out.

    Source: keras.losses.LogCosh.
    """

    has_own_metric = True

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        e = abs(y_pred - y_true)
        return e + log1p(0.5 * expm1(-2 * e))

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        return tanh(y_pred - y_true)
