"""Random channels of zeros in sequences while training."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.spatial_dropout import SpatialDropout


@register
class SpatialDropout1D(SpatialDropout):
    """While training, sets a part `rate` of each example's channels to zero and divides the rest by 1 - rate.

    Shapes: x (B, T, C), y (B, T, C).
    Source: keras.layers.SpatialDropout1D (Tompson et al., 2014).
    """

    spatial: ClassVar[tuple[str, ...]] = ("steps",)
