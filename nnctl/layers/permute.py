"""Axes in another order."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.transpose import permute


@register
class Permute(Layer):
    """The axes of every example in another order: axis i of y is axis `dims[i - 1]` of x.

    Shapes: x (B, N_1, N_2, ...), y (B, N_dims[0], N_dims[1], ...).
    Source: keras.layers.Permute.
    """

    supports_masking: ClassVar[bool] = False
    any_dtype: ClassVar[bool] = True
    keeps_range: ClassVar[bool] = True

    dims: tuple[int, ...]
    """The axes of x in the order of y's, counted from 1 (0 is the batch)."""

    @field_validator("dims")
    @classmethod
    def _each_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if sorted(value) != list(range(1, len(value) + 1)) or not value:
            raise PydanticCustomError("permute", "expected each axis from 1 on once, such as [2, 1]")
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        if len(x) != len(self.dims):
            raise ShapeError(
                f"Permute puts {len(self.dims)} axes in another order, but {show(x)} comes in",
                field="dims",
                expected=f"each number from 1 to {len(x)} once" if x else "an input with axes",
            )
        return tuple(x[axis - 1] for axis in self.dims)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return permute(x, (0, *self.dims))
