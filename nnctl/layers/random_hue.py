"""Images with other hues at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Recoloured
from nnctl.layers.augmentation_fields import UnitFactor
from nnctl.layers.base import register
from nnctl.layers.colours import coloured, hue_of, saturation_of, value_of


@register
class RandomHue(Recoloured):
    """While training, turns the hues of each image's colours by a random angle, either way; else y = x.

    Shapes: x (B, H, W, 3), y (B, H, W, 3).
    Source: keras.layers.RandomHue.
    """

    draws: ClassVar[int] = 2

    factor: UnitFactor
    """The least and the largest part of half a turn; f is [0, f]."""

    @staticmethod
    def colour(
        r: float, g: float, b: float, u: float, v: float, least: float, most: float, low: float, high: float
    ) -> tuple[float, float, float]:
        turned = (-1 if u > 0.5 else 1) * (least + v * (most - least)) * 0.5
        r, g, b = (r - low) / (high - low), (g - low) / (high - low), (b - low) / (high - low)
        hue = hue_of(r, g, b) + turned
        red, green, blue = coloured(hue, saturation_of(r, g, b), value_of(r, g, b))
        red, green, blue = min(max(red, 0), 1), min(max(green, 0), 1), min(max(blue, 0), 1)
        return red * (high - low) + low, green * (high - low) + low, blue * (high - low) + low
