"""Images made brighter or darker at random."""

from __future__ import annotations

from nnctl.layers.augmentation import Pointwise
from nnctl.layers.augmentation_fields import SignedFactor, both_ways
from nnctl.layers.base import register


@register
class RandomBrightness(Pointwise):
    """While training, adds a random number to each image and cuts it to its range; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomBrightness.
    """

    factor: SignedFactor
    """What is added, as a part of the range: the least and the largest; f is [-f, f]."""

    def derived(self) -> dict[str, float]:
        least, most = both_ways(self.factor)
        return super().derived() | {"least": least, "most": most}

    @staticmethod
    def value(x: float, u: float, least: float, most: float, low: float, high: float) -> float:
        y = x + (least + u * (most - least)) * (high - low)
        return low if y < low else (high if y > high else y)

    @staticmethod
    def slope(x: float, u: float, least: float, most: float, low: float, high: float) -> float:
        y = x + (least + u * (most - least)) * (high - low)
        return 1 if low <= y and y <= high else 0
