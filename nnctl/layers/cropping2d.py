"""Less of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.cropping import Cropping
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import AroundTwo


@register
class Cropping2D(Cropping, WithDataFormat):
    """Cuts rows off the top and the bottom, columns off the left and the right.

    Shapes: x (B, H, W, C), y (B, H - top - bottom, W - left - right, C).
    Source: keras.layers.Cropping2D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    cropping: AroundTwo = ((0, 0), (0, 0))
    """One number, or one for rows and one for columns, or [[top, bottom], [left, right]]."""
