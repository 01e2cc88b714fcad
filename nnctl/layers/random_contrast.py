"""Images with more or less contrast at random."""

from __future__ import annotations

from nnctl.layers.augmentation import Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, scale, subtract
from nnctl.ops.pixels import numbers
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.sums import sum_axes


@register
class RandomContrast(Cutting):
    """While training, y = (x - m) f + m with a channel's mean m and a random f, cut to the range; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C), m (B, C), f (B).
    Source: keras.layers.RandomContrast.
    """

    factor: UnitFactor
    """[a, b]: f is drawn from 1 - a to 1 + b; one number b is [0, b]."""

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        batch, height, width, channels = x.shape
        total = reshape(sum_axes(x, (1, 2)), (batch, 1, 1, channels))
        mean = broadcast_to(scale(total, 1.0 / (height * width)), x.shape)
        down, up = from_zero(self.factor)
        factor = {"least": 1.0 - down, "most": 1.0 + up}
        stretched = self.formula(self.stretched, 1, **factor), self.formula(self.stretch, 1, **factor)
        y = add(numbers(subtract(x, mean), draws, *stretched), mean)
        return self.cut(y)

    @staticmethod
    def stretched(x: float, u: float, least: float, most: float) -> float:
        return x * (least + u * (most - least))

    @staticmethod
    def stretch(x: float, u: float, least: float, most: float) -> float:
        return least + u * (most - least)
