"""Zeros around an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.sizes import AroundTwo
from nnctl.layers.zero_padding import ZeroPadding


@register
class ZeroPadding2D(ZeroPadding):
    """Puts rows of zeros above and below, columns of zeros left and right.

    Shapes: x (B, H, W, C), y (B, top + H + bottom, left + W + right, C).
    Source: keras.layers.ZeroPadding2D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    padding: AroundTwo = ((1, 1), (1, 1))
    """One number, or one for rows and one for columns, or [[top, bottom], [left, right]]."""
