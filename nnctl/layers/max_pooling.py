"""The largest number of each window of a sequence, an image or a volume."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.pooling import Pooling
from nnctl.layers.sizes import Pair, Single, Triple
from nnctl.ops.base import Value
from nnctl.ops.pooling import max_pool


class MaxPooling(Pooling):
    """The largest number of each window, channel by channel."""

    def pool(self, x: Value, over: list[tuple[int, int]]) -> Value:
        return max_pool(x, self.pool_size, self.steps, over)


@register
class MaxPooling1D(MaxPooling):
    """The largest number of each window of time, channel by channel.

    Shapes: x (B, T, C), y (B, P, C).
    Source: keras.layers.MaxPooling1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool1D",)
    spatial: ClassVar[tuple[str, ...]] = ("length",)

    pool_size: Single = (2,)
    """The window's length."""
    strides: Single | None = None
    """The steps between windows; null for the pool size."""


@register
class MaxPooling2D(MaxPooling):
    """The largest number of each window, channel by channel.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    Source: keras.layers.MaxPooling2D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool2D",)
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    pool_size: Pair = (2, 2)
    """The window's height and width."""
    strides: Pair | None = None
    """The steps between windows, down and across; null for the pool size."""


@register
class MaxPooling3D(MaxPooling):
    """The largest number of each window of a volume, channel by channel.

    Shapes: x (B, D, H, W, C), y (B, P, Q, R, C).
    Source: keras.layers.MaxPooling3D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("MaxPool3D",)
    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    pool_size: Triple = (2, 2, 2)
    """The window's depth, height and width."""
    strides: Triple | None = None
    """The steps between windows along depth, height and width; null for the pool size."""
