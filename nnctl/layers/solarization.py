"""Images whose bright numbers are turned into their negatives at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Pointwise
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register


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
        same = low == 0 and high == 255
        y = (x if same else (x - low) / (high - low) * 255) + (least + u * (most - least))
        y = min(max(y, 0), 255)
        y = y if y < first + v * (last - first) else 255 - y
        return y if same else y / 255 * (high - low) + low

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
        same = low == 0 and high == 255
        y = (x if same else (x - low) / (high - low) * 255) + (least + u * (most - least))
        inside = 1 if y >= 0 and y <= 255 else 0
        return inside if y < first + v * (last - first) else -inside
