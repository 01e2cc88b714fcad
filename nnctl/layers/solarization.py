"""Images whose bright numbers are turned into their negatives at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Pointwise
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.colours import from_byte, to_byte


@register
class Solarization(Pointwise):
    """While training, adds a random number to each image and inverts what lies above another; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.Solarization.
    """

    draws: ClassVar[int] = 2

    addition_factor: UnitFactor = 0.0
    """[a, b]: what is added, from a to 255 b, to numbers from 0 to 255; one number b is [0, b]."""
    threshold_factor: UnitFactor = 0.0
    """[a, b]: from where on numbers are inverted, from a to 255 b; one number b is [0, b]."""

    def derived(self) -> dict[str, float]:
        least, most = from_zero(self.addition_factor)
        first, last = from_zero(self.threshold_factor)
        ends = {"least": least, "most": most * 255, "first": first, "last": last * 255}
        return super().derived() | ends

    @staticmethod
    def value(
        x: float,
        u: float,
        v: float,
        least: float,
        most: float,
        first: float,
        last: float,
        low: float,
        high: float,
    ) -> float:
        y = min(max(_brighter(x, u, least, most, low, high), 0), 255)
        return from_byte(y if y < first + v * (last - first) else 255 - y, low, high)

    @staticmethod
    def slope(
        x: float,
        u: float,
        v: float,
        least: float,
        most: float,
        first: float,
        last: float,
        low: float,
        high: float,
    ) -> float:
        y = _brighter(x, u, least, most, low, high)
        inside = 1 if y >= 0 and y <= 255 else 0
        return inside if y < first + v * (last - first) else -inside


def _brighter(x: float, u: float, least: float, most: float, low: float, high: float) -> float:
    """x as a number from 0 to 255, and a part u of the way from `least` to `most` more."""
    return to_byte(x, low, high) + (least + u * (most - least))
