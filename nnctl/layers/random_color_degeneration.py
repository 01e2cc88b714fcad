"""Images with paler colours at random."""

from __future__ import annotations

from nnctl.layers.augmentation import Recoloured
from nnctl.layers.augmentation_fields import UnitFactor
from nnctl.layers.base import register
from nnctl.layers.colours import grey


@register
class RandomColorDegeneration(Recoloured):
    """While training, moves each image's colours a random part of the way to grey; else y = x.

    Shapes: x (B, H, W, 3), y (B, H, W, 3).
    Source: keras.layers.RandomColorDegeneration.
    """

    factor: UnitFactor
    """The least and the largest part of the way; f is [0, f]."""

    @staticmethod
    def colour(
        r: float, g: float, b: float, u: float, least: float, most: float, low: float, high: float
    ) -> tuple[float, float, float]:
        way, y = least + u * (most - least), grey(r, g, b)
        red, green, blue = r + way * (y - r), g + way * (y - g), b + way * (y - b)
        return min(max(red, low), high), min(max(green, low), high), min(max(blue, low), high)
