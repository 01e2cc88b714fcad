"""The kernel of a short-time Fourier transform."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.keys import Key
from nnctl.core.shapes import show
from nnctl.core.turns import cos_turns, sin_turns
from nnctl.initializers.base import InitializerSpec, register

_COSINES: dict[str, tuple[float, ...]] = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.50, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
"""Windows that are sums of cosines, and their factors: of cos(0), -cos(t), cos(2t), ..."""

Window = Literal["bartlett", "blackman", "blackmanharris", "boxcar", "flattop", "hamming", "hann", "nuttall"]


def window(name: Window, length: int, periodic: bool) -> Array:
    """A window (T,) by SciPy's name for it, in float64."""
    last = length if periodic else length - 1
    if length == 1:
        return np.ones(1)
    places = np.arange(length) / last
    if name == "bartlett":
        return 1.0 - np.abs(2.0 * places - 1.0)
    made = np.zeros(length)
    for k, factor in enumerate(_COSINES[name]):
        made = made + (-1) ** k * factor * cos_turns(k * places)
    return made


@register
class STFT(InitializerSpec):
    """cos or sin of each frequency over the frame, times a window: a convolution with it is an STFT.

    Shapes: a weight (T, 1, F): T the frame's length, F of 2 (F - 1) frequencies.
    Source: keras.initializers.STFT.
    """

    aliases: ClassVar[tuple[str, ...]] = ("STFTInitializer",)
    side: Literal["real", "imag"] = "real"
    """Which part of the transform the convolution gives."""
    window: Window | None = "hann"
    """What the frame is multiplied by, by SciPy's name; `null`: nothing."""
    scaling: Literal["density", "spectrum"] | None = "density"
    """The window is divided by its root of squares (`density`) or its sum (`spectrum`); `null`: it is not."""
    periodic: bool = False
    """Whether the window is one period of a periodic one; else it is symmetric."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            raise ShapeError(
                f"STFT fills weights (frame length, 1, frequencies), not one of shape {show(shape)}",
                expected="a Conv1D over one channel with two filters or more",
            )

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        self.check_shape(shape)
        frame, _, frequencies = shape
        turns = -np.arange(frame)[:, None, None] * np.arange(frequencies) / (2.0 * (frequencies - 1))
        kernel = cos_turns(turns) if self.side == "real" else sin_turns(turns)
        if self.window is not None:
            made = window(self.window, frame, self.periodic)
            # One after another, so that the sum is the same on every machine.
            divisor = {"density": np.sqrt(sum(v * v for v in made)), "spectrum": sum(abs(v) for v in made)}
            kernel = kernel * made[:, None, None] / divisor.get(self.scaling or "", 1.0)
        return kernel.astype(dtype)
