"""The largest number over all of a sequence, an image or a volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import GlobalPooling
from nnctl.ops.base import Value
from nnctl.ops.pooling import global_max_pool


class GlobalMaxPooling(GlobalPooling):
    """The largest number of each channel."""

    def pool(self, ctx: LayerContext, x: Value) -> Value:
        return global_max_pool(x)


@register
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest number of each channel over time.

    Shapes: x (B, T, C), y (B, C) or, with keepdims, (B, 1, C).
    Source: keras.layers.GlobalMaxPooling1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool1D",)
    spatial: ClassVar[tuple[str, ...]] = ("length",)


@register
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest number of each channel over height and width.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    Source: keras.layers.GlobalMaxPooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool2D",)
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")


@register
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest number of each channel over depth, height and width.

    Shapes: x (B, D, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, 1, C).
    Source: keras.layers.GlobalMaxPooling3D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalMaxPool3D",)
    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")
