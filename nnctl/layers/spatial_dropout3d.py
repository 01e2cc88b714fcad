"""Random channels of zeros in volumes while training."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.spatial_dropout import SpatialDropout


@register
class SpatialDropout3D(SpatialDropout, WithDataFormat):
    """While training, sets a part `rate` of each example's channels to zero and divides the rest by 1 - rate.

    Shapes: x (B, D, H, W, C), y (B, D, H, W, C).
    Source: keras.layers.SpatialDropout3D (Tompson et al., 2014).
    """

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")
