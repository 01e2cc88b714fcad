"""Images seen from another side at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.augmentation import Projected
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.ops.formula import Formula


@register
class RandomPerspective(Projected):
    """While training, moves the corners of random ones of the images, all but the first; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C), H and W at least 2.
    Source: keras.layers.RandomPerspective.
    """

    draws: ClassVar[int] = 6

    factor: UnitFactor = 1.0
    """Between what the probability of an image is drawn; f is [0, f]."""
    scale: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Twice how far a corner moves at most, as a part of the height and the width."""

    def compute_output_shape(self, x: Shape) -> Shape:
        shape = super().compute_output_shape(x)
        if 1 in shape[:2]:
            raise ShapeError(f"{self.kind} moves corners, but {show(shape)} comes in, which has not four")
        return shape

    def projection(self, height: int, width: int) -> Formula:
        least, most = from_zero(self.factor)
        return self.formula(
            self.matrix, 0, least=least, most=most, last_row=height - 1, last_column=width - 1
        )

    @staticmethod
    def matrix(
        chance: float,
        bar: float,
        right: float,
        bottom: float,
        far_right: float,
        far_bottom: float,
        least: float,
        most: float,
        scale: float,
        last_row: float,
        last_column: float,
    ) -> tuple[float, ...]:
        """Of the square with corners (0, 0), (a, 0), (0, b), (c, d), as Heckbert has it (1989), and back."""
        chosen = bar < least + chance * (most - least)
        a, b = last_column * (1 + scale * (right - 0.5)), last_row * (1 + scale * (bottom - 0.5))
        c, d = last_column * (1 + scale * (far_right - 0.5)), last_row * (1 + scale * (far_bottom - 0.5))
        area = (a - c) * (b - d) - c * d
        g, h = a * (d - b) / area, b * (c - a) / area
        across, down = a * (1 + g), b * (1 + h)
        return (
            last_column / across if chosen else 1,
            0,
            0,
            0,
            last_row / down if chosen else 1,
            0,
            -g / across if chosen else 0,
            -h / down if chosen else 0,
        )
