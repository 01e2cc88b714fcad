"""Depthwise convolutions: each channel by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import PositiveInt

from nnctl.constraints.base import Constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import OverImages, OverTime, Windowed
from nnctl.layers.fields import WithActivation
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.shape import reshape
from nnctl.regularizers.base import Regularizer


class EachChannel(WithActivation, Windowed):
    """Windows that see one channel each, M filters for every channel.

    Shapes: x (B, *spatial, C), depthwise kernel (*kernel_size, C, M).
    """

    shared_fields: ClassVar[bool] = True
    both_above_one: ClassVar[bool] = True

    depth_multiplier: PositiveInt = 1
    """How many channels come out for each that comes in: M."""
    depthwise_initializer: Initializer = "glorot_uniform"
    """First values of the depthwise kernel."""
    depthwise_regularizer: Regularizer | None = None
    """Penalty on the depthwise kernel."""
    depthwise_constraint: Constraint | None = None
    """What the depthwise kernel satisfies after each update."""

    def depthwise_weight(self, x: Shape) -> Weight:
        """The depthwise kernel of x (*spatial, C)."""
        shape = (*self.kernel_size, self.need_channels(x), self.depth_multiplier)
        return self.weight("depthwise_kernel", shape)

    def each_channel(self, x: Value, kernel: Value, bias: Value | None = None) -> Value:
        """x (B, *spatial, C) convolved with the depthwise kernel: (B, *spatial', C M)."""
        *taps, channels, multiplier = kernel.shape
        one_each = reshape(kernel, (*taps, 1, channels * multiplier))
        return convolve(x, one_each, bias, self.strides, self.zeros_around(x), self.dilation_rate, channels)


class DepthwiseConvolution(EachChannel):
    """A convolution of each channel by itself.

    Shapes: x (B, *spatial, C), kernel (*kernel_size, C, M), bias (C M,), y (B, *spatial', C M).
    """

    def compute_output_shape(self, x: Shape) -> Shape:
        channels = self.need_channels(x)
        return (*self.places(x), channels * self.depth_multiplier)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        width = self.need_channels(x) * self.depth_multiplier
        return self.with_bias({"kernel": self.depthwise_weight(x)}, width)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return self.activated(ctx, self.each_channel(x, ctx.weights["kernel"], ctx.weights.get("bias")))


@register
class DepthwiseConv1D(OverTime, DepthwiseConvolution):
    """y[t, k] = activation(sum over i of x[t s + i d, c] W[i, c, m] + b[k]), where k = c M + m.

    Shapes: x (B, T, C), kernel (K, C, M), bias (C M,), y (B, P, C M).
    Source: keras.layers.DepthwiseConv1D.
    """

    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the length."""


@register
class DepthwiseConv2D(OverImages, DepthwiseConvolution):
    """DepthwiseConv1D over height and width.

    Shapes: x (B, H, W, C), kernel (KH, KW, C, M), bias (C M,), y (B, P, Q, C M).
    Source: keras.layers.DepthwiseConv2D.
    """
