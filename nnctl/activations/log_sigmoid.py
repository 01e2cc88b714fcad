"""The logarithm of a sigmoid."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import Range
from nnctl.kernels.functions import expm1, softplus


@register
class log_sigmoid(Elementwise):
    """y = -log(1 + exp(-x)). Source: keras.activations.log_sigmoid."""

    between: ClassVar[Range] = (-inf, 0.0)

    @staticmethod
    def value(x: float) -> float:
        return -softplus(-x)

    @staticmethod
    def slope_by_output(y: float) -> float:
        return -expm1(y)
