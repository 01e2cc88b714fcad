"""The mean of each window of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import Pooling2D
from nnctl.layers.sizes import Pair
from nnctl.ops.base import Value
from nnctl.ops.pooling import average_pool2d


@register
class AveragePooling2D(Pooling2D):
    """The mean of each window, channel by channel.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    Source: keras.layers.AveragePooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("AvgPool2D",)

    pool_size: Pair
    """The window's height and width."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return average_pool2d(x, self.pool_size, self.steps, self.pads(x.shape))
