"""Images turned at random."""

from __future__ import annotations

from nnctl.kernels.functions import cos_turns, sin_turns
from nnctl.layers.augmentation import Projection
from nnctl.layers.augmentation_fields import SignedFactor, both_ways
from nnctl.layers.base import register
from nnctl.ops.formula import Formula


@register
class RandomRotation(Projection):
    """While training, turns each image around its middle by a random part of a full turn; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomRotation.
    """

    factor: SignedFactor
    """The least and the largest part of a turn, counterclockwise; f is [-f, f]."""

    def projection(self, height: int, width: int) -> Formula:
        least, most = both_ways(self.factor)
        return self.formula(self.matrix, 0, least=least, most=most, height=height, width=width)

    @staticmethod
    def matrix(u: float, least: float, most: float, height: float, width: float) -> tuple[float, ...]:
        turns = least + u * (most - least)
        c, s = cos_turns(turns), sin_turns(turns)
        x, y = 0.5 * (width - 1), 0.5 * (height - 1)
        return c, -s, x - x * c + y * s, s, c, y - x * s - y * c, 0, 0
