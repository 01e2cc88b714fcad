"""The largest number over all of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import GlobalPooling2D
from nnctl.ops.base import Value
from nnctl.ops.pooling import global_max_pool
from nnctl.ops.shape import reshape


@register
class GlobalMaxPooling2D(GlobalPooling2D):
    """The largest number of each channel over height and width.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    Source: keras.layers.GlobalMaxPooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool2D",)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y = global_max_pool(x)
        return reshape(y, (x.shape[0], 1, 1, x.shape[3])) if self.keepdims else y
