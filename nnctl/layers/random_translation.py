"""Images moved at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Projection
from nnctl.layers.augmentation_fields import SignedFactor, both_ways
from nnctl.layers.base import register
from nnctl.ops.formula import Formula


@register
class RandomTranslation(Projection):
    """While training, moves each image down and to the right by random parts of its size; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomTranslation.
    """

    draws: ClassVar[int] = 2

    height_factor: SignedFactor
    """How far down, as a part of the height: from the least to the largest; f is [-f, f]."""
    width_factor: SignedFactor
    """How far to the right, as a part of the width."""

    def projection(self, height: int, width: int) -> Formula:
        least_down, most_down = both_ways(self.height_factor)
        least_right, most_right = both_ways(self.width_factor)
        return self.formula(
            self.matrix,
            0,
            least_down=least_down,
            most_down=most_down,
            least_right=least_right,
            most_right=most_right,
            height=height,
            width=width,
        )

    @staticmethod
    def matrix(
        u: float,
        v: float,
        least_down: float,
        most_down: float,
        least_right: float,
        most_right: float,
        height: float,
        width: float,
    ) -> tuple[float, ...]:
        down = (least_down + u * (most_down - least_down)) * height
        right = (least_right + v * (most_right - least_right)) * width
        return 1, 0, -right, 0, 1, -down, 0, 0
