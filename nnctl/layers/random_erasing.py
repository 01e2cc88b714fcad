"""A part of each image erased at random."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.kernels.functions import sqrt
from nnctl.layers.augmentation import Augmentation
from nnctl.layers.augmentation_fields import UnitFactor, ValueRange, from_zero
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.activation import clip
from nnctl.ops.base import Value
from nnctl.ops.elementwise import fill
from nnctl.ops.noise import normal
from nnctl.ops.pixels import paste
from nnctl.ops.shape import broadcast_to


@register
class RandomErasing(Augmentation, WithDataFormat):
    """While training, puts noise or a colour into a random box of random ones of the images; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomErasing.
    """

    draws: ClassVar[int] = 6

    factor: UnitFactor = 1.0
    """Between what the probability of an image is drawn; f is [0, f]."""
    scale: UnitFactor = (0.02, 0.33)
    """Between what the square of each side is drawn, as a part of the image's; s is [0, s]."""
    fill_value: float | tuple[float, float, float] | None = None
    """A number, or red, green and blue; null: normal numbers times the largest of `value_range`."""
    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have; what is put in is cut to it."""

    def compute_output_shape(self, x: Shape) -> Shape:
        shape = super().compute_output_shape(x)
        if isinstance(self.fill_value, tuple) and shape[2] not in (None, 3):
            message = f"a fill_value of red, green and blue does not fit {show(shape)}"
            raise ShapeError(message, field="fill_value", expected="one number for all channels")
        return shape

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        _, height, width, _ = x.shape
        least, most = from_zero(self.factor)
        small, large = from_zero(self.scale)
        ends = {"least": least, "most": most, "small": small, "large": large}
        return paste(
            x, self.filling(ctx, x), draws, self.formula(self.box, 0, height=height, width=width, **ends)
        )

    def filling(self, ctx: LayerContext, x: Value) -> Value:
        """What is put into the rectangles, as large as the images x."""
        low, high = self.value_range
        if isinstance(self.fill_value, tuple):
            colour = np.clip(np.array(self.fill_value, x.dtype), low, high).reshape(1, 1, 1, 3)
            return broadcast_to(ctx.graph.constant(colour), x.shape)
        if self.fill_value is not None:
            return fill(ctx.graph, x.shape, min(max(self.fill_value, low), high))
        noise = normal(x, 0.0, high, ctx.key("noise", self.seed), ctx.graph.step())
        return clip(noise, low, high)

    @staticmethod
    def box(
        wide: float,
        high: float,
        left: float,
        top: float,
        chance: float,
        bar: float,
        least: float,
        most: float,
        small: float,
        large: float,
        height: float,
        width: float,
    ) -> tuple[float, float, float, float]:
        columns = sqrt(small + wide * (large - small)) * width
        rows = sqrt(small + high * (large - small)) * height
        x, y = left * (width - columns), top * (height - rows)
        chosen = bar < least + chance * (most - least)
        return x, x + columns if chosen else x, y, y + rows
