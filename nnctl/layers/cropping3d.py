"""Less of a volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.cropping import Cropping
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import AroundThree


@register
class Cropping3D(Cropping, WithDataFormat):
    """Cuts numbers off each of the six sides of a volume.

    Shapes: x (B, D, H, W, C), y (B, D', H', W', C), each axis length - before - after.
    Source: keras.layers.Cropping3D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    cropping: AroundThree = ((1, 1), (1, 1), (1, 1))
    """One number, or one for each axis, or [before, after] for each axis."""
