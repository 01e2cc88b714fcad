"""Separable convolution over height and width."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveInt

from nnctl.constraints.base import Constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import OverImages, Windowed
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.shape import reshape
from nnctl.regularizers.base import Regularizer


class SeparableConvolution(Windowed):
    """A convolution of each channel by itself, then one with windows of a single pixel over all of them.

    Shapes: x (B, *spatial, C), depthwise_kernel (*kernel_size, C, M), pointwise_kernel (1, ..., C M, F), bias
    (F,), y (B, *spatial', F).
    """

    depth_multiplier: PositiveInt = 1
    """How many channels the first convolution makes of each: M."""
    depthwise_initializer: Initializer = "glorot_uniform"
    """First values of the depthwise kernel."""
    pointwise_initializer: Initializer = "glorot_uniform"
    """First values of the pointwise kernel."""
    depthwise_regularizer: Regularizer | None = None
    """Penalty on the depthwise kernel."""
    pointwise_regularizer: Regularizer | None = None
    """Penalty on the pointwise kernel."""
    depthwise_constraint: Constraint | None = None
    """What the depthwise kernel satisfies after each update."""
    pointwise_constraint: Constraint | None = None
    """What the pointwise kernel satisfies after each update."""

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        channels, ones = self.need_channels(x), (1,) * len(self.spatial)
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = (*ones, channels * self.depth_multiplier, self.filters)
        weights = {
            "depthwise_kernel": self.weight("depthwise_kernel", depthwise),
            "pointwise_kernel": self.weight("pointwise_kernel", pointwise),
        }
        return self.with_bias(weights, self.filters)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        *taps, channels, multiplier = ctx.weights["depthwise_kernel"].shape
        depthwise = reshape(ctx.weights["depthwise_kernel"], (*taps, 1, channels * multiplier))
        y = convolve(x, depthwise, None, self.strides, self.zeros_around(x), self.dilation_rate, channels)
        ones = (1,) * len(self.spatial)
        pointwise, bias = ctx.weights["pointwise_kernel"], ctx.weights.get("bias")
        return self.activated(ctx, convolve(y, pointwise, bias, ones, [(0, 0)] * len(ones)))


@register
class SeparableConv2D(OverImages, SeparableConvolution):
    """Conv2D of each channel by itself, then of all channels with windows of one pixel.

    Shapes: x (B, H, W, C), depthwise_kernel (KH, KW, C, M), pointwise_kernel (1, 1, C M, F), bias (F,), y
    (B, P, Q, F).
    Source: keras.layers.SeparableConv2D (Chollet, 2017).
    """

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution2D",)
