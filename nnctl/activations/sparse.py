"""Smooth activations that are exactly 0 far below 0."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import UNIT, Range


@register
class sparse_plus(Elementwise):
    """y = 0 for x <= -1, (x + 1)^2 / 4 up to 1, x for x >= 1. Source: keras.activations.sparse_plus."""

    between: ClassVar[Range] = (0.0, inf)

    @staticmethod
    def value(x: float) -> float:
        return 0 if x <= -1 else (x if x >= 1 else (x + 1) * (x + 1) / 4)

    @staticmethod
    def slope(x: float) -> float:
        return 0 if x <= -1 else (1 if x >= 1 else (x + 1) / 2)


@register
class sparse_sigmoid(Elementwise):
    """y = clip((x + 1) / 2, 0, 1). Source: keras.activations.sparse_sigmoid (Blondel et al., 2019)."""

    between: ClassVar[Range] = UNIT

    @staticmethod
    def value(x: float) -> float:
        y = 0.5 * (x + 1)
        y = 0 if y < 0 else y
        return 1 if y > 1 else y

    @staticmethod
    def slope_by_output(y: float) -> float:
        return 0.5 if y > 0 and y < 1 else 0
