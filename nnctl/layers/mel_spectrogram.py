"""How strong a signal is at frequencies as an ear tells them apart."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.arrays import Array
from nnctl.core.real import log
from nnctl.core.shapes import Shape
from nnctl.core.turns import cos_turns, sin_turns
from nnctl.initializers.stft import window
from nnctl.kernels import codes
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.elementwise import add, affine, at_least, maximum, scale, shift, unary
from nnctl.ops.embedding import embedding
from nnctl.ops.linear import linear
from nnctl.ops.pooling import max_pool
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.transpose import permute

_DECIBELS = 10.0 / log(10.0)


@register
class MelSpectrogram(Layer):
    """The short-time Fourier transform's magnitude in triangular bands of the mel scale, in decibels.

    The signal is mirrored at both ends. Decibels more than `top_db` below an example's highest are raised.

    Shapes: x (B, T), y (B, M, T') with M = num_mel_bins and T' = T // sequence_stride + 1.
    Source: keras.layers.MelSpectrogram.
    """

    supports_masking: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(
        not_in_exports="there its decibels depend on the batch, and it may tell another length than it makes",
        told_in_imports="decibels are bounded by the highest of their own example, not of the batch",
    )

    fft_length: Annotated[int, Field(ge=2)] = 2048
    """The length of the transform."""
    sequence_stride: PositiveInt = 512
    """The steps between frames."""
    sequence_length: PositiveInt | None = None
    """How many numbers of a frame the window covers, its middle ones; default: all."""
    window: Literal["hann", "hamming"] | None = "hann"
    """What a frame is multiplied by."""
    sampling_rate: PositiveInt = 16000
    """How many numbers of the signal make a second."""
    num_mel_bins: PositiveInt = 128
    """How many bands there are."""
    min_freq: NonNegativeFloat = 20.0
    """Where the lowest band begins, in Hertz."""
    max_freq: PositiveFloat | None = None
    """Where the highest band ends; default: half the sampling rate."""
    power_to_db: bool = True
    """Whether the result is in decibels."""
    top_db: float = 80.0
    """How many decibels below an example's highest the lowest may lie."""
    mag_exp: PositiveFloat = 2.0
    """The exponent of the magnitude: 1 for the magnitude, 2 for the power."""
    min_power: PositiveFloat = 1e-10
    """What a power is at least, before its logarithm is taken."""
    ref_power: float = 1.0
    """What counts as 0 decibels."""

    @model_validator(mode="after")
    def _agree(self) -> MelSpectrogram:
        if self.covered > self.fft_length:
            raise PydanticCustomError("spectrogram", "'sequence_length' is above 'fft_length'")
        if self.highest <= self.min_freq:
            raise PydanticCustomError("spectrogram", "'max_freq' is not above 'min_freq'")
        return self

    @property
    def covered(self) -> int:
        """How many numbers of a frame the window covers."""
        return self.sequence_length or self.fft_length

    @property
    def highest(self) -> float:
        """Where the highest band ends."""
        return self.max_freq or float(self.sampling_rate // 2)

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "length")
        (time,) = x
        return self.num_mel_bins, None if time is None else self._frames(time)

    def _frames(self, time: int) -> int:
        """How many frames there are in a signal with half a frame before and behind it."""
        return (time + 2 * (self.fft_length // 2) - self.fft_length) // self.sequence_stride + 1

    def call(self, ctx: LayerContext, x: Value) -> Value:
        constant, half = ctx.graph.constant, self.fft_length // 2
        places = constant(np.pad(np.arange(x.shape[1]), half, mode="reflect"))
        mirrored = permute(embedding(places, permute(x, (1, 0))), (1, 0))
        signal = reshape(mirrored, (*mirrored.shape, 1))
        parts = [
            convolve(signal, constant(wave.astype(x.dtype)), None, (self.sequence_stride,), [(0, 0)])
            for wave in self.waves()
        ]
        real, imag = (unary(part, codes.SQUARE) for part in parts)
        y = linear(self._raised(add(real, imag)), constant(self.bands().astype(x.dtype)))
        return permute(self._decibels(y) if self.power_to_db else y, (0, 2, 1))

    def waves(self) -> tuple[Array, Array]:
        """cos and sin of each frequency over a frame, times the window: (N, 1, F) each."""
        length = self.fft_length
        left = (length - self.covered) // 2
        around = (left, length - self.covered - left)
        curve = np.ones(length)
        if self.window is not None:
            curve = np.pad(window(self.window, self.covered, True), around)
        # All of them go through the same places of a circle: as many as the frame is long.
        places = np.arange(length)[:, None] * np.arange(length // 2 + 1) % length
        circle = np.arange(length) / length
        cos, sin = (wave(circle)[places] * curve[:, None] for wave in (cos_turns, sin_turns))
        return cos[:, None], sin[:, None]

    def bands(self) -> Array:
        """What each frequency gives to each band (F, M): triangles on the mel scale, nothing for 0 Hertz."""
        least, most = _mel(self.min_freq), _mel(self.highest)
        edges = np.linspace(least, most, self.num_mel_bins + 2)
        hertz = np.linspace(0.0, self.sampling_rate / 2, self.fft_length // 2 + 1)
        mel = np.array([_mel(f) for f in hertz.tolist()])[:, None]
        lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
        made: Array = np.maximum(
            0.0, np.minimum((mel - lower) / (center - lower), (upper - mel) / (upper - center))
        )
        return made

    def _raised(self, power: Value) -> Value:
        """The magnitude to the power `mag_exp`, from its square."""
        if self.mag_exp == 2.0:
            return power
        if self.mag_exp == 1.0:
            return unary(power, codes.SQRT)
        return unary(scale(unary(power, codes.LOG), self.mag_exp / 2), codes.EXP)

    def _decibels(self, y: Value) -> Value:
        """y (B, T', M) in decibels."""
        zero = _DECIBELS * log(max(abs(self.ref_power), self.min_power))
        y = affine(unary(at_least(y, self.min_power), codes.LOG), _DECIBELS, -zero)
        batch, frames, bands = y.shape
        highest = max_pool(reshape(y, (batch, frames * bands, 1)), (frames * bands,), (1,), [(0, 0)])
        return maximum(y, broadcast_to(shift(highest, -self.top_db), y.shape))


def _mel(hertz: float) -> float:
    return 1127.0 * log(1.0 + hertz / 700.0)
