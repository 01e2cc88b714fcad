"""Images zoomed at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from nnctl.layers.augmentation import Projection
from nnctl.layers.augmentation_fields import Between, Factor, both_ways
from nnctl.layers.base import register
from nnctl.ops.formula import Formula


def _above_minus_one(factor: Factor) -> Factor:
    if min(factor if isinstance(factor, tuple) else (factor,)) <= -1:
        raise ValueError("-1 would zoom an image to nothing; the least is above -1")
    return factor


ZoomFactor = Annotated[Factor, AfterValidator(Between(-1.0, 1.0)), AfterValidator(_above_minus_one)]


@register
class RandomZoom(Projection):
    """While training, zooms each image around its middle by random factors; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomZoom.
    """

    draws: ClassVar[int] = 2

    height_factor: ZoomFactor
    """By how much an image shows more of its height (above 0) or less; f is [-f, f]."""
    width_factor: ZoomFactor | None = None
    """By how much of its width; null: as of the height, by the same number."""

    def projection(self, height: int, width: int) -> Formula:
        least, most = both_ways(self.height_factor)
        other = both_ways(self.width_factor) if self.width_factor is not None else (0.0, 0.0)
        return self.formula(
            self.matrix,
            0,
            least_high=least,
            most_high=most,
            least_wide=other[0],
            most_wide=other[1],
            together=float(self.width_factor is None),
            height=height,
            width=width,
        )

    @staticmethod
    def matrix(
        u: float,
        v: float,
        least_high: float,
        most_high: float,
        least_wide: float,
        most_wide: float,
        together: float,
        height: float,
        width: float,
    ) -> tuple[float, ...]:
        high = 1 + (least_high + u * (most_high - least_high))
        wide = high if together > 0 else 1 + (least_wide + v * (most_wide - least_wide))
        x = (width - 1) / 2 * (1 - wide)
        y = (height - 1) / 2 * (1 - high)
        return wide, 0, x, 0, high, y, 0, 0
