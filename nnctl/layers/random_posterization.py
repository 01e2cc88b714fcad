"""Images with fewer shades at random."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.kernels.functions import floor
from nnctl.layers.augmentation import Augmentation
from nnctl.layers.augmentation_fields import ValueRange
from nnctl.layers.base import register
from nnctl.layers.colours import from_byte, to_byte
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.pixels import numbers

Bits = Annotated[int, Field(ge=1, le=8)]


@register
class RandomPosterization(Augmentation, WithDataFormat):
    """While training, keeps a random number of the 8 bits of each image's numbers; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomPosterization.
    """

    passes_gradient: ClassVar[bool] = False

    factor: Bits | tuple[Bits, Bits]
    """[a, b]: from a to b - 1 bits, or a where both are the same; one number f is [1, f]."""
    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have, which become 0 and 255."""

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        least, most = sorted(self.factor) if isinstance(self.factor, tuple) else (1, self.factor)
        low, high = self.value_range
        return numbers(x, draws, self.formula(self.coarse, 1, least=least, most=most, low=low, high=high))

    @staticmethod
    def coarse(x: float, u: float, least: float, most: float, low: float, high: float) -> float:
        bits = floor(least + u * (most - least))
        few = 128 if bits < 2 else (64 if bits < 3 else (32 if bits < 4 else 16))
        step = few if bits < 5 else (8 if bits < 6 else (4 if bits < 7 else (2 if bits < 8 else 1)))
        return from_byte(floor(floor(to_byte(x, low, high)) / step) * step, low, high)
