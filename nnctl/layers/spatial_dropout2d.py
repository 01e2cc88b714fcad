"""Random channels of zeros in images while training."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.spatial_dropout import SpatialDropout


@register
class SpatialDropout2D(SpatialDropout, WithDataFormat):
    """While training, sets a part `rate` of each example's channels to zero and divides the rest by 1 - rate.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.SpatialDropout2D (Tompson et al., 2014).
    """

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")
