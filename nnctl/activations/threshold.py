"""What a number becomes that is not above a threshold."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import Range


@register
class threshold(Elementwise):
    """y = x for x > threshold, default_value else. Source: keras.activations.threshold."""

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Threshold")

    threshold: float
    """Numbers above it stay."""
    default_value: float
    """What the others become."""

    @staticmethod
    def value(x: float, threshold: float, default_value: float) -> float:
        return x if x > threshold else default_value

    @staticmethod
    def slope(x: float, threshold: float) -> float:
        return 1 if x > threshold else 0

    def value_range(self, x: Range | None) -> Range | None:
        return min(self.threshold, self.default_value), inf
