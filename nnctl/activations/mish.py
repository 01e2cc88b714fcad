"""A smooth rectifier that dips below 0."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import Range
from nnctl.kernels.functions import fma, sigmoid, softplus, tanh


@register
class mish(Elementwise):
    """y = x tanh(log(1 + exp(x))). Source: keras.activations.mish (Misra, 2019)."""

    between: ClassVar[Range] = (-0.3089, inf)

    @staticmethod
    def value(x: float) -> float:
        return x * tanh(softplus(x))

    @staticmethod
    def slope(x: float) -> float:
        t = tanh(softplus(x))
        return fma(x * (1 - t * t), sigmoid(x), t)
