"""Separable convolutions: each channel by itself, then all channels pixel by pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from nnctl.constraints.base import Constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import OverImages, OverTime, WithFilters
from nnctl.layers.depthwise_conv import EachChannel
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.regularizers.base import Regularizer


class SeparableConvolution(EachChannel, WithFilters):
    """A convolution of each channel by itself, then one with windows of a single pixel over all of them.

    Shapes: x (B, *spatial, C), depthwise_kernel (*kernel_size, C, M), pointwise_kernel (1, ..., C M, F), bias
    (F,), y (B, *spatial', F).
    """

    shared_fields: ClassVar[bool] = True

    pointwise_initializer: Initializer = "glorot_uniform"
    """First values of the pointwise kernel."""
    pointwise_regularizer: Regularizer | None = None
    """Penalty on the pointwise kernel."""
    pointwise_constraint: Constraint | None = None
    """What the pointwise kernel satisfies after each update."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_channels(x)
        return (*self.places(x), self.filters)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        ones = (1,) * len(self.spatial)
        shape = (*ones, self.need_channels(x) * self.depth_multiplier, self.filters)
        weights = {
            "depthwise_kernel": self.depthwise_weight(x),
            "pointwise_kernel": self.weight("pointwise_kernel", shape),
        }
        return self.with_bias(weights, self.filters)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y = self.each_channel(x, ctx.weights["depthwise_kernel"])
        ones = (1,) * len(self.spatial)
        pointwise, bias = ctx.weights["pointwise_kernel"], ctx.weights.get("bias")
        return self.activated(ctx, convolve(y, pointwise, bias, ones, [(0, 0)] * len(ones)))


@register
class SeparableConv1D(OverTime, SeparableConvolution):
    """Conv1D of each channel by itself, then of all channels step by step.

    Shapes: x (B, T, C), depthwise_kernel (K, C, M), pointwise_kernel (1, C M, F), bias (F,), y (B, P, F).
    Source: keras.layers.SeparableConv1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution1D",)

    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the length."""


@register
class SeparableConv2D(OverImages, SeparableConvolution):
    """Conv2D of each channel by itself, then of all channels with windows of one pixel.

    Shapes: x (B, H, W, C), depthwise_kernel (KH, KW, C, M), pointwise_kernel (1, 1, C M, F), bias (F,), y
    (B, P, Q, F).
    Source: keras.layers.SeparableConv2D (Chollet, 2017).
    """

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution2D",)
