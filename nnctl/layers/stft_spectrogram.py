"""The frequencies in a signal, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.shapes import Shape
from nnctl.initializers.stft import STFT, Window
from nnctl.kernels import codes
from nnctl.kernels.probability import EPSILON
from nnctl.layers.base import Layer, Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.windows import around_each, slide
from nnctl.ops.angle import angle
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.elementwise import add, at_least, multiply_row, unary
from nnctl.ops.shape import concatenate, reshape
from nnctl.ops.transpose import permute

_SIDES: tuple[Literal["real"], Literal["imag"]] = ("real", "imag")


@register
class STFTSpectrogram(Layer):
    """The short-time Fourier transform of each channel: a convolution with waves, which may be trained.

    Shapes: x (B, T, C), real_kernel and imag_kernel (N, 1, F) with N = frame_length and
    F = fft_length // 2 + 1, y (B, T', C F) or, with expand_dims, (B, T', F, C); 2 F in mode stft.
    Source: keras.layers.STFTSpectrogram.
    """

    supports_masking: ClassVar[bool] = False

    mode: Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"] = "log"
    """log: the logarithm of the magnitude. psd: the power, doubled except at both ends.
    real, imag: one part of the transform. angle: that of both, from -pi to pi. stft: both, side by side."""
    frame_length: Annotated[int, Field(ge=2)] = 256
    """How many numbers make a frame."""
    frame_step: PositiveInt | None = None
    """The steps between frames; default: half a frame."""
    fft_length: PositiveInt | None = None
    """The length of the transform: frequency f turns f times in it; default: the least power of two
    that is no less than a frame."""
    window: Window | None = "hann"
    """What a frame is multiplied by."""
    periodic: bool = False
    """Whether the window is one period of a periodic one; else it is symmetric."""
    scaling: Literal["density", "spectrum"] | None = "density"
    """What the window is divided by. density: the root of the sum of its squares. spectrum: its sum."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole frames only; `same` pads with zeros."""
    expand_dims: bool = False
    """Whether channels stay an axis of their own, as in an image."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    @model_validator(mode="after")
    def _agree(self) -> STFTSpectrogram:
        if self.step > self.frame_length:
            raise PydanticCustomError("spectrogram", "'frame_step' is above 'frame_length'")
        if self.length < self.frame_length:
            raise PydanticCustomError("spectrogram", "'fft_length' is below 'frame_length'")
        return self

    @property
    def step(self) -> int:
        """The steps between frames."""
        return self.frame_step or self.frame_length // 2

    @property
    def length(self) -> int:
        """The length of the transform."""
        return self.fft_length or 1 << (self.frame_length - 1).bit_length()

    @property
    def frequencies(self) -> int:
        """How many frequencies there are: F."""
        return self.length // 2 + 1

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "length", "channels")
        channels = self.need_known(x, -1, "the channels")
        (frames,) = slide(self.kind, "frame_length", x[:1], (self.frame_length,), (self.step,), self.padding)
        each = self.frequencies * (2 if self.mode == "stft" else 1)
        return (frames, each, channels) if self.expand_dims else (frames, channels * each)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (self.frame_length, 1, self.frequencies)
        return {
            f"{side}_kernel": Weight(
                shape, STFT(side=side, window=self.window, scaling=self.scaling, periodic=self.periodic)
            )
            for side in _SIDES
            if self.mode == side or self.mode not in _SIDES
        }

    def call(self, ctx: LayerContext, x: Value) -> Value:
        batch, time, channels = x.shape
        alone = reshape(permute(x, (0, 2, 1)), (batch * channels, time, 1))
        zeros = around_each((time,), (self.frame_length,), (self.step,), self.padding)
        parts = [convolve(alone, kernel, None, (self.step,), zeros) for kernel in ctx.weights.values()]
        y = self._seen(parts)
        y = reshape(y, (batch, channels, *y.shape[1:]))
        if self.expand_dims:
            return permute(y, (0, 2, 3, 1))
        y = permute(y, (0, 2, 1, 3))
        return reshape(y, (batch, y.shape[1], channels * y.shape[3]))

    def _seen(self, parts: list[Value]) -> Value:
        """What `mode` makes of the real and the imaginary part (B C, T', F)."""
        if len(parts) == 1:
            return parts[0]
        if self.mode == "stft":
            return concatenate(parts, 2)
        if self.mode == "angle":
            return angle(parts[1], parts[0])
        real, imag = (unary(part, codes.SQUARE) for part in parts)
        power = add(real, imag)
        if self.mode == "psd":
            twice = np.full(self.frequencies, 2.0, power.dtype)
            twice[[0, -1]] = 1.0
            return multiply_row(power, power.graph.constant(twice))
        magnitude = unary(at_least(power, EPSILON), codes.SQRT)
        return magnitude if self.mode == "magnitude" else unary(at_least(magnitude, EPSILON), codes.LOG)
