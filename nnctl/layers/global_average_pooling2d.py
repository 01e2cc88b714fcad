"""The mean over all of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import GlobalPooling2D
from nnctl.ops.base import Value
from nnctl.ops.pooling import global_average_pool
from nnctl.ops.shape import reshape


@register
class GlobalAveragePooling2D(GlobalPooling2D):
    """The mean of each channel over height and width.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    Source: keras.layers.GlobalAveragePooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAveragePool2D",)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y = global_average_pool(x)
        return reshape(y, (x.shape[0], 1, 1, x.shape[3])) if self.keepdims else y
