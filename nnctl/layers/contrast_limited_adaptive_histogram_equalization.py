"""Images with more contrast in each of their parts."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import OfImages
from nnctl.layers.augmentation_fields import ValueRange
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import Pair
from nnctl.ops.base import Value
from nnctl.ops.histograms import equalize_tiles


@register
class ContrastLimitedAdaptiveHistogramEqualization(OfImages, WithDataFormat):
    """Makes the shades of each channel of an image equally frequent around each pixel. In inference too.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.ContrastLimitedAdaptiveHistogramEqualization; Zuiderveld (1994).
    """

    passes_gradient: ClassVar[bool] = False

    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have, which become 0 and 255."""
    clip_limit: float = 4.0
    """How much more often than a 256th of a tile a shade counts at most; 0: as often as it is there."""
    tile_grid_size: Pair = (8, 8)
    """Into how many tiles, down and across, an image is divided."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return equalize_tiles(x, *self.value_range, self.clip_limit, self.tile_grid_size)
