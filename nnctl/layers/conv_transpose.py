"""Transposed convolutions over time, over images and over volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.convolution import OverImages, OverTime, OverVolumes, Windowed, WithFilters
from nnctl.layers.fields import WithActivation, WithKernel
from nnctl.layers.sizes import PairFromZero, SingleFromZero, TripleFromZero
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve_transposed
from nnctl.ops.elementwise import add_row


class ConvolutionTranspose(WithKernel, WithActivation, Windowed, WithFilters):
    """What a convolution's gradient does to its input: each pixel is spread over a window.

    Shapes: x (B, *spatial, C), kernel (*kernel_size, F, C), bias (F,), y (B, *spatial', F).
    """

    output_padding: Any = None
    """How much longer than the least the output is, for each axis; default: as `padding` says."""

    @field_validator("output_padding")
    @classmethod
    def _less_than_strides(cls, value: Any, info: ValidationInfo) -> Any:
        strides = info.data.get("strides", ())
        if value is not None and any(more >= step for more, step in zip(value, strides, strict=False)):
            told = "output_padding must be below the strides (as in Keras)"
            raise PydanticCustomError("output_padding", told)
        return value

    def _spread(self, axis: int, length: int) -> tuple[int, int]:
        """How long the output is along an axis, and how much of the first window lies before it.

        Source: keras.src.backend.common.backend_utils, the arguments for JAX.
        """
        window, stride = self.window[axis], self.strides[axis]
        more = None if self.output_padding is None else self.output_padding[axis]
        if self.padding == "valid":
            before = window - 1
            around = 2 * before + (max(window, stride) - window if more is None else more)
        else:
            around = stride + window - 2 if more is None else window + window % 2 - 2 + more
            before = min(around // 2 + around % 2, window - 1)
        return (length - 1) * stride + around - window + 2, window - 1 - before

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_channels(x)
        sizes = [None if n is None else self._spread(axis, n)[0] for axis, n in enumerate(x[:-1])]
        return (*sizes, self.filters)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (*self.kernel_size, self.filters, self.need_channels(x))
        return self.with_bias({"kernel": self.weight("kernel", shape)}, self.filters)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        spread = [self._spread(axis, n) for axis, n in enumerate(x.shape[1:-1])]
        lengths = tuple(length for length, _ in spread)
        steps = zip(x.shape[1:-1], spread, self.window, self.strides, strict=True)
        padding = [(before, (n - 1) * s + w - before - length) for n, (length, before), w, s in steps]
        kernel = ctx.weights["kernel"]
        y = convolve_transposed(x, kernel, lengths, self.strides, padding, self.dilation_rate)
        bias = ctx.weights.get("bias")
        return self.activated(ctx, y if bias is None else add_row(y, bias))


@register
class Conv1DTranspose(OverTime, ConvolutionTranspose):
    """Each step is spread: y[t s + i d - before, f] adds up x[t, c] W[i, f, c].

    Shapes: x (B, T, C), kernel (K, F, C), bias (F,), y (B, P, F); with `same`, P is T times the stride.
    Source: keras.layers.Conv1DTranspose.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1DTranspose",)

    padding: Literal["valid", "same"] = "valid"
    """`valid` keeps all that is spread; `same` cuts it to the input's length times the stride."""
    output_padding: SingleFromZero | None = None
    """How much longer than the least the output is; default: as `padding` says."""


@register
class Conv2DTranspose(OverImages, ConvolutionTranspose):
    """Each pixel is spread: y[p sh + i dh - top, q sw + j dw - left, f] adds up x[p, q, c] W[i, j, f, c].

    Shapes: x (B, H, W, C), kernel (KH, KW, F, C), bias (F,), y (B, P, Q, F); with `same`, P is H times the
    stride.
    Source: keras.layers.Conv2DTranspose.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2DTranspose",)

    padding: Literal["valid", "same"] = "valid"
    """`valid` keeps all that is spread; `same` cuts it to the input's size times the strides."""
    output_padding: PairFromZero | None = None
    """How much higher and wider than the least the output is; default: as `padding` says."""


@register
class Conv3DTranspose(OverVolumes, ConvolutionTranspose):
    """Each pixel is spread: y[p s + i d - before, f] adds up x[p, c] W[i, f, c], p and i in 3 axes.

    Shapes: x (B, D, H, W, C), kernel (KD, KH, KW, F, C), bias (F,), y (B, P, Q, R, F); with `same`, P is D
    times the stride.
    Source: keras.layers.Conv3DTranspose.
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3DTranspose",)

    padding: Literal["valid", "same"] = "valid"
    """`valid` keeps all that is spread; `same` cuts it to the input's size times the strides."""
    output_padding: TripleFromZero | None = None
    """How much deeper, higher and wider than the least the output is; default: as `padding` says."""
