"""Images blurred at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator

from nnctl.kernels.functions import exp
from nnctl.layers.augmentation import Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.blurring import bell, blurred
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import Pair
from nnctl.ops.base import Value
from nnctl.ops.formula import formula
from nnctl.ops.noise import uniform


def _odd(sizes: tuple[int, int]) -> tuple[int, int]:
    for size in sizes:
        if size % 2 == 0:
            raise ValueError(f"{size} is even, and a blur has a middle: odd numbers")
    return sizes


@register
class RandomGaussianBlur(Cutting, WithDataFormat):
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

    def joins_examples(self) -> bool:
        """The batch has one pair of deviations."""
        return True

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        sigmas = self.sigmas(ctx, x)
        across, down = (self._weights(sigmas, at, size) for at, size in enumerate(self.kernel_size))
        return self.cut(self.where_chosen(x, blurred(x, across, down), draws, self.factor))

    def sigmas(self, ctx: LayerContext, x: Value) -> Value:
        """What the deviations (1, 2) of this step are drawn as, in [0, 1)."""
        return uniform(ctx.graph, (1, 2), ctx.key("sigma", self.seed))

    def _weights(self, sigmas: Value, at: int, size: int) -> Value:
        """What `size` pixels in a line count (1, size), by the deviation `at`."""
        small, large = from_zero(self.sigma)
        return bell(sigmas, size, formula(self.height, 3, self, {"at": at, "small": small, "large": large}))

    @staticmethod
    def height(x: float, u: float, v: float, at: float, small: float, large: float) -> float:
        z = x / (small + (v if at > 0 else u) * (large - small) + 1e-6)
        return exp(-0.5 * z * z)
