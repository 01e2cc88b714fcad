"""Images bent askew at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import Projection
from nnctl.layers.augmentation_fields import UnitFactor, both_ways
from nnctl.layers.base import register
from nnctl.ops.formula import Formula


@register
class RandomShear(Projection):
    """While training, shears each image by random factors, in one direction or the other; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomShear.
    """

    draws: ClassVar[int] = 3

    x_factor: UnitFactor = 0.0
    """How many columns a row is moved against the next one: the least and the largest; f is [-f, f]."""
    y_factor: UnitFactor = 0.0
    """How many rows a column is moved against the next one."""

    def projection(self, height: int, width: int) -> Formula:
        least_x, most_x = both_ways(self.x_factor)
        least_y, most_y = both_ways(self.y_factor)
        ends = {"least_x": least_x, "most_x": most_x, "least_y": least_y, "most_y": most_y}
        return self.formula(self.matrix, 0, **ends)

    @staticmethod
    def matrix(
        u: float, v: float, w: float, least_x: float, most_x: float, least_y: float, most_y: float
    ) -> tuple[float, ...]:
        side = -1 if u > 0.5 else 1
        y = (least_y + v * (most_y - least_y)) * side
        x = (least_x + w * (most_x - least_x)) * side
        return 1, x, 0, y, 1, 0, 0, 0
