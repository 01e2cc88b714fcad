"""Zeros around a volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.sizes import AroundThree
from nnctl.layers.zero_padding import ZeroPadding


@register
class ZeroPadding3D(ZeroPadding):
    """Puts zeros on each of the six sides of a volume.

    Shapes: x (B, D, H, W, C), y (B, D', H', W', C), each axis before + length + after.
    Source: keras.layers.ZeroPadding3D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    padding: AroundThree = ((1, 1), (1, 1), (1, 1))
    """One number, or one for each axis, or [before, after] for each axis."""
