"""The same numbers under another shape."""

from __future__ import annotations

from math import prod
from typing import Annotated, ClassVar

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape


@register
class Reshape(Layer):
    """Sees every example under `target_shape`, the last axis running fastest.

    Shapes: x (B, ...), y (B, *target_shape); one -1 is filled in.
    Source: keras.layers.Reshape.
    """

    supports_masking: ClassVar[bool] = False
    any_dtype: ClassVar[bool] = True
    keeps_range: ClassVar[bool] = True

    target_shape: tuple[Annotated[int, Field(ge=-1)], ...]
    """The shape without the batch axis; one entry may be -1, which is filled in."""

    @field_validator("target_shape")
    @classmethod
    def _entries(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if value.count(-1) > 1:
            raise PydanticCustomError("reshape", "at most one entry of target_shape can be -1")
        if 0 in value:
            raise PydanticCustomError("reshape", "an axis of length 0 holds nothing")
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        known = prod(n for n in self.target_shape if n != -1)
        if None in x:
            return tuple(None if n == -1 else n for n in self.target_shape)
        size = prod(n for n in x if n is not None)
        if size % known or (-1 not in self.target_shape and size != known):
            raise ShapeError(
                f"Reshape cannot see the {size} numbers of {show(x)} as {show(self.target_shape)}",
                field="target_shape",
                expected=f"lengths whose product is {size}; one may be -1",
            )
        return tuple(size // known if n == -1 else n for n in self.target_shape)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        shape = self.compute_output_shape(x.shape[1:])
        return reshape(x, (x.shape[0], *(n for n in shape if n is not None)))
