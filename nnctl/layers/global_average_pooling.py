"""The mean over all of a sequence, an image or a volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import GlobalPooling
from nnctl.ops.base import Value
from nnctl.ops.pooling import global_average_pool, masked_average


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel."""

    def pool(self, ctx: LayerContext, x: Value) -> Value:
        return global_average_pool(x)


@register
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean of each channel over time; masked steps do not count, and the mean of no steps is 0.

    Shapes: x (B, T, C), y (B, C) or, with keepdims, (B, 1, C).
    Source: keras.layers.GlobalAveragePooling1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool1D",)
    supports_masking: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]] = ("length",)

    def pool(self, ctx: LayerContext, x: Value) -> Value:
        return super().pool(ctx, x) if ctx.mask is None else masked_average(x, ctx.mask)

    def output_mask(self, ctx: LayerContext, x: Value) -> None:
        """What comes out has no steps."""


@register
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean of each channel over height and width.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    Source: keras.layers.GlobalAveragePooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool2D", "GlobalAveragePool2D")
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")


@register
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean of each channel over depth, height and width.

    Shapes: x (B, D, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, 1, C).
    Source: keras.layers.GlobalAveragePooling3D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("GlobalAvgPool3D",)
    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")
