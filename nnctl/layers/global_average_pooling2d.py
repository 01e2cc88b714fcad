"""The mean over all of an image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.pooling import GlobalPooling
from nnctl.ops.base import Value
from nnctl.ops.pooling import global_average_pool


@register
class GlobalAveragePooling2D(GlobalPooling):
    """The mean of each channel over height and width.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    Source: keras.layers.GlobalAveragePooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAveragePool2D",)
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    def pool(self, x: Value) -> Value:
        return global_average_pool(x)
