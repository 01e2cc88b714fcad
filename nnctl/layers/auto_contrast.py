"""Images stretched to their whole range."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import OfImages
from nnctl.layers.augmentation_fields import ValueRange
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import scale
from nnctl.ops.formula import formula
from nnctl.ops.pixels import numbers
from nnctl.ops.pooling import global_max_pool
from nnctl.ops.shape import concatenate, reshape
from nnctl.ops.transpose import move_axis


@register
class AutoContrast(OfImages):
    """Stretches each channel of an image to the whole range; one that is the same everywhere stays as it is.

    In inference too.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.AutoContrast.
    """

    passes_gradient: ClassVar[bool] = False

    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        batch, height, width, channels = x.shape
        rows = batch * channels
        least, most = scale(global_max_pool(scale(x, -1.0)), -1.0), global_max_pool(x)
        ends = concatenate([reshape(least, (rows, 1)), reshape(most, (rows, 1))], 1)
        planes = reshape(move_axis(x, 3, 1), (rows, height * width))
        low, high = self.value_range
        y = numbers(planes, ends, formula(self.stretched, 3, self, {"low": low, "high": high}))
        return move_axis(reshape(y, (batch, channels, height, width)), 1, 3)

    @staticmethod
    def stretched(x: float, least: float, most: float, low: float, high: float) -> float:
        """By way of numbers from 0 to 255; NaN where all are the same."""
        same = low == 0 and high == 255
        bottom = least if same else (least - low) / (high - low) * 255
        top = most if same else (most - low) / (high - low) * 255
        times = 255 / (top - bottom)
        y = (x if same else (x - low) / (high - low) * 255) * times + -bottom * times
        cut = min(max(y, 0), 255)
        return (cut if same else cut / 255 * (high - low) + low) if y == y else x
