"""Images of another size."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.shapes import Shape
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.elementwise import fill
from nnctl.ops.resize import Interpolation, resize_axis
from nnctl.ops.shape import concatenate, slice_axis


@register
class Resizing(WithDataFormat):
    """Images of `height` rows and `width` columns, whatever their size was.

    Shapes: x (B, H, W, C), y (B, height, width, C) of floats.
    Source: keras.layers.Resizing.
    """

    supports_masking: ClassVar[bool] = False

    height: PositiveInt
    """How many rows there are after it."""
    width: PositiveInt
    """How many columns there are after it."""
    interpolation: Interpolation = "bilinear"
    """How the new pixels follow from the old ones."""
    crop_to_aspect_ratio: bool = False
    """Whether the middle of the image, of the shape of y, is taken instead of stretching it."""
    pad_to_aspect_ratio: bool = False
    """Whether the image is first filled up on both sides to the shape of y."""
    fill_mode: Literal["constant"] = "constant"
    """How it is filled up: always with one number."""
    fill_value: float = 0.0
    """The number that it is filled up with."""
    antialias: bool = False
    """Whether a smaller image is made of means, so that nothing of the larger one is passed over."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise PydanticCustomError(
                "aspect_ratio", "only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be true"
            )
        return self

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "height", "width", "channels")
        return (self.height, self.width, x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if self.crop_to_aspect_ratio:
            x = middle(x, self.height, self.width)
        elif self.pad_to_aspect_ratio:
            x = self._filled_up(x)
        return resized(x, self.height, self.width, self.interpolation, self.antialias)

    def _filled_up(self, x: Value) -> Value:
        """x with as much at both ends of one axis as makes its shape that of y, as Keras rounds it."""
        for axis, length in enumerate(_fitting(x, self.height, self.width), start=1):
            more = (length - x.shape[axis]) // 2
            if more > 0:
                side = fill(x.graph, (*x.shape[:axis], more, *x.shape[axis + 1 :]), self.fill_value, x.dtype)
                return concatenate([side, x, side], axis)
        return x


def middle(x: Value, height: int, width: int) -> Value:
    """The largest part of images x (B, H, W, C), in the middle, that is as many times as high as wide."""
    for axis, kept in enumerate(largest(x, height, width), start=1):
        start = (x.shape[axis] - kept) // 2
        x = slice_axis(x, axis, start, start + kept) if kept < x.shape[axis] else x
    return x


def largest(x: Value, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of that part of images x (B, H, W, C)."""
    high, wide = _fitting(x, height, width)
    return max(min(x.shape[1], high), 1), max(min(x.shape[2], wide), 1)


def resized(
    x: Value, height: int, width: int, how: Interpolation = "bilinear", antialias: bool = False
) -> Value:
    """Images x (B, H, W, C) of `height` rows and `width` columns."""
    return resize_axis(resize_axis(x, 1, height, how, antialias), 2, width, how, antialias)


def _fitting(x: Value, height: int, width: int) -> tuple[int, int]:
    """How high an image of this shape is that is as wide as x, and how wide one that is as high."""
    _, rows, columns, _ = x.shape
    return int(float(columns * height) / width), int(float(rows * width) / height)
