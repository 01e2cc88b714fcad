"""The middle of images."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt

from nnctl.core.shapes import Shape
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.resizing import middle, resized
from nnctl.ops.base import Value
from nnctl.ops.shape import slice_axis


@register
class CenterCrop(WithDataFormat):
    """The middle of an image, `height` rows and `width` columns of it.

    Of an image that is smaller than that, the largest part of this shape is taken and stretched.

    Shapes: x (B, H, W, C), y (B, height, width, C) of floats.
    Source: keras.layers.CenterCrop.
    """

    supports_masking: ClassVar[bool] = False

    height: PositiveInt
    """How many rows there are after it."""
    width: PositiveInt
    """How many columns there are after it."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "height", "width", "channels")
        return (self.height, self.width, x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        sizes = (self.height, self.width)
        if all(n >= size for n, size in zip(x.shape[1:3], sizes, strict=True)):
            for axis, size in enumerate(sizes, start=1):
                start = (x.shape[axis] - size) // 2
                x = slice_axis(x, axis, start, start + size)
            return x
        return resized(middle(x, *sizes), *sizes)
