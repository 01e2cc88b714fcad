"""Images turned into their negatives at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Pointwise
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.fields import WithDataFormat


@register
class RandomInvert(Pointwise, WithDataFormat):
    """While training, subtracts random ones of the images from the largest number; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomInvert.
    """

    draws: ClassVar[int] = 2

    factor: UnitFactor = 1.0
    """Between what the probability of an image is drawn; f is [0, f]."""

    def derived(self) -> dict[str, float]:
        least, most = from_zero(self.factor)
        return super().derived() | {"least": least, "most": most}

    @staticmethod
    def value(x: float, u: float, v: float, least: float, most: float, high: float) -> float:
        return high - x if v < least + u * (most - least) else x

    @staticmethod
    def slope(x: float, u: float, v: float, least: float, most: float, high: float) -> float:
        return -1 if v < least + u * (most - least) else 1
