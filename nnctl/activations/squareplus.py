"""A smooth rectifier without exponentials."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveFloat

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import POSITIVE, Range
from nnctl.kernels.functions import sqrt


@register
class squareplus(Elementwise):
    """y = (x + sqrt(x^2 + b)) / 2. Source: keras.activations.squareplus (Barron, 2021)."""

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Squareplus")
    between: ClassVar[Range] = POSITIVE

    b: PositiveFloat = 4.0
    """How smooth the bend at 0 is."""

    @staticmethod
    def value(x: float, b: float) -> float:
        # Below 0 the sum would cancel: there it is (s + x) (s - x) / (s - x), and s^2 - x^2 is b.
        s = sqrt(x * x + b)
        return 0.5 * (x + s) if x > 0 else 0.5 * b / (s - x)

    @staticmethod
    def slope(x: float, b: float) -> float:
        s = sqrt(x * x + b)
        return 0.5 * (x + s) / s if x > 0 else 0.5 * b / ((s - x) * s)
