"""Images with more or less saturated colours at random."""

from __future__ import annotations

from nnctl.layers.augmentation import Recoloured
from nnctl.layers.augmentation_fields import UnitFactor, ValueRange
from nnctl.layers.base import register
from nnctl.layers.colours import coloured, hue_of, saturation_of, value_of


@register
class RandomSaturation(Recoloured):
    """While training, multiplies the saturation of each image's colours by a random number; else y = x.

    Shapes: x (B, H, W, 3), y (B, H, W, 3).
    Source: keras.layers.RandomSaturation.
    """

    factor: UnitFactor
    """Between what f is drawn, for f / (1 - f): 0 is grey, 0.5 changes nothing; one number f is [0, f]."""
    value_range: ValueRange = (0.0, 255.0)
    """Between what the saturation, from 0 to 1, is kept."""

    @staticmethod
    def colour(
        r: float, g: float, b: float, u: float, least: float, most: float, low: float, high: float
    ) -> tuple[float, float, float]:
        f = least + u * (most - least)
        saturation = saturation_of(r, g, b) * (f / (1 - f + 1e-7))
        return coloured(hue_of(r, g, b), min(max(saturation, low), high), value_of(r, g, b))
