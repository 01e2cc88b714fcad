"""Products of two inputs, summed along an axis of each."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.linear import matmul
from nnctl.ops.shape import reshape
from nnctl.ops.transpose import move_axis
from nnctl.ops.unit_rows import unit_rows


@register
class Dot(Layer):
    """y[b, i, j] = sum over k of x_1[b, i, k] x_2[b, k, j], where k is the axis given of each input.

    Shapes: x_1 (B, ..., K, ...), x_2 (B, ..., K, ...), y (B, axes left of x_1, axes left of x_2), or (B, 1)
    where none is left.
    Source: keras.layers.Dot.
    """

    axes: int | Annotated[tuple[int, ...], Field(min_length=2, max_length=2)]
    """The axis of both inputs, or one for each; 0 is the batch, -1 the last."""
    normalize: bool = False
    """Whether vectors along these axes get length 1 before: y is the cosine of the angle between them."""

    def _axes(self, first: Shape, second: Shape) -> tuple[int, int]:
        """The axes as indices into shapes without the batch."""
        one, other = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return self.need_axis(first, one, "axes"), self.need_axis(second, other, "axes")

    def compute_output_shape(self, first: Shape, second: Shape) -> Shape:
        at, to = self._axes(first, second)
        if first[at] != second[to] and None not in (first[at], second[to]):
            raise ShapeError(
                f"Dot cannot sum along {first[at]} of {show(first)} and {second[to]} of {show(second)}",
                field="axes",
                expected="axes of one length",
            )
        return (*_without(first, at), *_without(second, to)) or (1,)

    def call(self, ctx: LayerContext, first: Value, second: Value, /) -> Value:
        axes = self._axes(first.shape[1:], second.shape[1:])
        left: list[tuple[int, ...]] = []
        rows = []
        for x, at in zip((first, second), axes, strict=True):
            left.append(_without(x.shape[1:], at))
            x = move_axis(x, at + 1, len(x.shape) - 1)
            # Keras bounds 1 / length by 1e7.
            x = unit_rows(x, 1e-7) if self.normalize else x
            rows.append(reshape(x, (x.shape[0], prod(left[-1]), x.shape[-1])))
        y = matmul(rows[0], rows[1], transpose_b=True)
        return reshape(y, (first.shape[0], *(sum(left, ()) or (1,))))

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> None:
        """None: the axes of y are no longer those of a mask."""


def _without(shape: Any, at: int) -> Any:
    return (*shape[:at], *shape[at + 1 :])
