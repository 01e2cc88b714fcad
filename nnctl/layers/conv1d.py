"""Convolution over time."""

from __future__ import annotations

from typing import ClassVar, Literal

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import Convolution
from nnctl.layers.sizes import Single
from nnctl.layers.windows import around
from nnctl.ops.base import Value
from nnctl.ops.convolution import conv2d
from nnctl.ops.shape import reshape


@register
class Conv1D(Convolution):
    """y[t, f] = activation(sum over i, c of x[t s + i d, c] W[i, c, f] + b[f]).

    Shapes: x (B, T, C), kernel (K, C / groups, F), bias (F,), y (B, T', F).
    Source: keras.layers.Conv1D.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1D",)
    spatial: ClassVar[tuple[str, ...]] = ("length",)

    kernel_size: Single
    """The window's length."""
    strides: Single = (1,)
    """The steps between windows."""
    padding: Literal["valid", "same", "causal"] = "valid"
    """As for Conv2D; `causal` pads before the start alone, so that y[t] sees nothing after x[t]."""
    dilation_rate: Single = (1,)
    """The steps between a window's taps."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        batch, length, channels = x.shape
        (window,), (stride,), (dilation,) = self.window, self.strides, self.dilation_rate
        kernel = ctx.weights["kernel"]
        before_after = around(length, window, stride, self.padding)
        # A sequence is an image of height 1: the same kernels, no copies.
        image = conv2d(
            reshape(x, (batch, 1, length, channels)),
            reshape(kernel, (1, *kernel.shape)),
            ctx.weights.get("bias"),
            (1, stride),
            ((0, 0), before_after),
            (1, dilation),
            self.groups,
        )
        y = self.activation.apply(image)
        return ctx.regularize(self.activity_regularizer, reshape(y, (batch, *y.shape[2:])))
