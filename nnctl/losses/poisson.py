"""Counts: how unlikely they are where a Poisson distribution has the predicted rate."""

from __future__ import annotations

from math import inf

from nnctl.core.ranges import Range
from nnctl.kernels.functions import log
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import register
from nnctl.losses.termwise import Termwise


@register
class Poisson(Termwise):
    """mean(y_pred - y_true log(y_pred + 1e-7)): the negative log-likelihood of counts, without its constant.

    Source: keras.losses.Poisson.
    """

    def reads(self) -> Range:
        return 0.0, inf

    def reads_targets(self) -> Range:
        return 0.0, inf

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        return y_pred - y_true * log(y_pred + EPSILON)

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        return 1 - y_true / (y_pred + EPSILON)
