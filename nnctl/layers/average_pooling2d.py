"""The mean of each window of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.pooling import Pooling
from nnctl.layers.sizes import Pair
from nnctl.ops.base import Value
from nnctl.ops.pooling import average_pool


@register
class AveragePooling2D(Pooling):
    """The mean of each window, channel by channel.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    Source: keras.layers.AveragePooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("AvgPool2D",)
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    pool_size: Pair
    """The window's height and width."""
    strides: Pair | None = None
    """The steps between windows, down and across; null for the pool size."""

    def pool(self, x: Value, over: list[tuple[int, int]]) -> Value:
        return average_pool(x, self.pool_size, self.steps, over)
