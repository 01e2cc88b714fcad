"""A larger volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import Triple
from nnctl.layers.up_sampling import UpSampling


@register
class UpSampling3D(UpSampling, WithDataFormat):
    """Each place of a volume repeated along depth, height and width.

    Shapes: x (B, D, H, W, C), y (B, size_1 D, size_2 H, size_3 W, C).
    Source: keras.layers.UpSampling3D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    size: Triple = (2, 2, 2)
    """How often each place is repeated: one number, or one for each axis."""
