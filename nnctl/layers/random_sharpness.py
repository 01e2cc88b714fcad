"""Images made sharper or softer at random."""

from __future__ import annotations

import numpy as np

from nnctl.layers.augmentation import Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.elementwise import add, subtract
from nnctl.ops.pixels import numbers
from nnctl.ops.shape import broadcast_to

SMOOTHING = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
"""What each pixel and its neighbours count in a softer image."""


@register
class RandomSharpness(Cutting, WithDataFormat):
    """While training, y = x + (1 - 2 f) (s - x) with a softer image s and a random f, cut; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C), s (B, H, W, C), f (B).
    Source: keras.layers.RandomSharpness.
    """

    factor: UnitFactor
    """Between what f is drawn: 0 is the softer image, 0.5 changes nothing; one number b is [0, b]."""

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        channels = x.shape[3]
        kernel = ctx.graph.constant(SMOOTHING.astype(x.dtype).reshape(3, 3, 1, 1))
        kernel = broadcast_to(kernel, (3, 3, 1, channels))
        softer = convolve(x, kernel, None, (1, 1), ((1, 1), (1, 1)), groups=channels)
        least, most = from_zero(self.factor)
        ends = {"least": least, "most": most}
        way = self.formula(self.scaled, 1, **ends), self.formula(self.scaling, 1, **ends)
        y = add(x, numbers(subtract(softer, x), draws, *way))
        return self.cut(y)

    @staticmethod
    def scaled(x: float, u: float, least: float, most: float) -> float:
        return (1 - (least + u * (most - least)) * 2) * x

    @staticmethod
    def scaling(x: float, u: float, least: float, most: float) -> float:
        return 1 - (least + u * (most - least)) * 2
