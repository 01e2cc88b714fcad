"""Poolings whose windows follow from how many numbers shall come out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.layers.sizes import Pair, Single, Triple
from nnctl.ops.base import Value
from nnctl.ops.pooling import adaptive_average_pool, adaptive_max_pool


class AdaptivePooling(Layer):
    """One number for each channel and window; of n windows over T places, number p (from 0) begins at
    floor(p T / n) and ends before ceil((p + 1) T / n).

    Shapes: x (B, *spatial, C), y (B, *output_size, C).
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    output_size: Any
    """How many windows there are along each spatial axis."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        return (*self.output_size, x[-1])


class AdaptiveAverage(AdaptivePooling):
    """The mean of each window."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return adaptive_average_pool(x, self.output_size)


class AdaptiveMax(AdaptivePooling):
    """The largest number of each window."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return adaptive_max_pool(x, self.output_size)


class OverTime(AdaptivePooling):
    """Windows of a sequence (B, T, C)."""

    spatial: ClassVar[tuple[str, ...]] = ("length",)

    output_size: Single
    """The length that comes out."""


class OverImages(AdaptivePooling):
    """Windows of an image (B, H, W, C)."""

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    output_size: Pair
    """The height and width that come out."""


class OverVolumes(AdaptivePooling):
    """Windows of a volume (B, D, H, W, C)."""

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    output_size: Triple
    """The depth, height and width that come out."""


@register
class AdaptiveAveragePooling1D(OverTime, AdaptiveAverage):
    """The mean of each window of time, as many windows as `output_size` says.

    Shapes: x (B, T, C), y (B, P, C).
    Source: keras.layers.AdaptiveAveragePooling1D.
    """


@register
class AdaptiveAveragePooling2D(OverImages, AdaptiveAverage):
    """The mean of each window, as many windows as `output_size` says.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    Source: keras.layers.AdaptiveAveragePooling2D.
    """


@register
class AdaptiveAveragePooling3D(OverVolumes, AdaptiveAverage):
    """The mean of each window of a volume, as many windows as `output_size` says.

    Shapes: x (B, D, H, W, C), y (B, P, Q, R, C).
    Source: keras.layers.AdaptiveAveragePooling3D.
    """


@register
class AdaptiveMaxPooling1D(OverTime, AdaptiveMax):
    """The largest number of each window of time, as many windows as `output_size` says.

    Shapes: x (B, T, C), y (B, P, C).
    Source: keras.layers.AdaptiveMaxPooling1D.
    """


@register
class AdaptiveMaxPooling2D(OverImages, AdaptiveMax):
    """The largest number of each window, as many windows as `output_size` says.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    Source: keras.layers.AdaptiveMaxPooling2D.
    """


@register
class AdaptiveMaxPooling3D(OverVolumes, AdaptiveMax):
    """The largest number of each window of a volume, as many windows as `output_size` says.

    Shapes: x (B, D, H, W, C), y (B, P, Q, R, C).
    Source: keras.layers.AdaptiveMaxPooling3D.
    """
