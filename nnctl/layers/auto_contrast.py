"""Images stretched to their whole range."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import OfImages
from nnctl.layers.augmentation_fields import ValueRange
from nnctl.layers.base import register
from nnctl.layers.colours import from_byte, to_byte
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
        """By way of numbers from 0 to 255; y is NaN where all are the same."""
        bottom, top = to_byte(least, low, high), to_byte(most, low, high)
        times = 255 / (top - bottom)
        y = to_byte(x, low, high) * times + -bottom * times
        return from_byte(min(max(y, 0), 255), low, high) if y == y else x
