"""Images blurred at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import AfterValidator

from nnctl.kernels.functions import exp
from nnctl.layers.augmentation import ChannelsLast, Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.sizes import Pair
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.elementwise import divide
from nnctl.ops.formula import formula
from nnctl.ops.noise import uniform
from nnctl.ops.pixels import numbers, paste
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.sums import sum_axes


def _odd(sizes: tuple[int, int]) -> tuple[int, int]:
    for size in sizes:
        if size % 2 == 0:
            raise ValueError(f"{size} is even, and a blur has a middle: odd numbers")
    return sizes


@register
class RandomGaussianBlur(Cutting, ChannelsLast):
    """While training, blurs random ones of the images, all by the same two deviations; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomGaussianBlur.
    """

    draws: ClassVar[int] = 2

    factor: UnitFactor = 1.0
    """Between what the probability of an image is drawn; f is [0, f]."""
    kernel_size: Annotated[Pair, AfterValidator(_odd)] = (3, 3)
    """Columns and rows of pixels that count in each."""
    sigma: UnitFactor = 1.0
    """Between what the deviations along rows and columns are drawn, in pixels; s is [0, s]."""

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        channels = x.shape[3]
        sigmas = self.sigmas(ctx, x)
        y = x
        for at, size in enumerate(self.kernel_size):
            taps = (1, size) if at == 0 else (size, 1)
            kernel = reshape(self._bell(sigmas, at, size), (*taps, 1, 1))
            padding = tuple((n // 2, n // 2) for n in taps)
            y = convolve(
                y, broadcast_to(kernel, (*taps, 1, channels)), None, (1, 1), padding, groups=channels
            )
        least, most = from_zero(self.factor)
        _, height, width, _ = x.shape
        chosen = self.formula(self.whole, 0, least=least, most=most, height=height, width=width)
        return self.cut(paste(x, y, draws, chosen))

    def sigmas(self, ctx: LayerContext, x: Value) -> Value:
        """What the deviations (1, 2) of this step are drawn as, in [0, 1)."""
        return uniform(ctx.graph, (1, 2), ctx.key("sigma", self.seed))

    def _bell(self, sigmas: Value, at: int, size: int) -> Value:
        """A bell curve (1, size) with the sum 1."""
        places = np.arange(size, dtype=sigmas.dtype).reshape(1, size) - (size - 1) / 2
        small, large = from_zero(self.sigma)
        bell = formula(self.bell, 3, self, {"second": at, "small": small, "large": large})
        weights = numbers(sigmas.graph.constant(places.astype(sigmas.dtype)), sigmas, bell)
        total = reshape(sum_axes(weights, (1,)), (1, 1))
        return divide(weights, broadcast_to(total, (1, size)))

    @staticmethod
    def bell(x: float, u: float, v: float, second: float, small: float, large: float) -> float:
        z = x / (small + (v if second > 0 else u) * (large - small) + 1e-6)
        return exp(-0.5 * z * z)

    @staticmethod
    def whole(
        chance: float, bar: float, least: float, most: float, height: float, width: float
    ) -> tuple[float, float, float, float]:
        """All of an image that is chosen, nothing of another."""
        return 0, width if bar < least + chance * (most - least) else 0, 0, height
