"""Several inputs laid end to end."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast, fill
from nnctl.ops.masks import either, stretched
from nnctl.ops.shape import concatenate


@register
class Concatenate(Layer):
    """Inputs of one shape but for one axis, laid end to end along it.

    Shapes: x_i (B, ..., N_i, ...), y (B, ..., N_1 + N_2 + ..., ...).
    Source: keras.layers.Concatenate.
    """

    fewest_inputs: ClassVar[int] = 2
    any_dtype: ClassVar[bool] = True

    axis: int = -1
    """The axis to lay them along; 0 is the batch, -1 the last."""

    def compute_output_shape(self, *inputs: Shape) -> Shape:
        first, *others = inputs
        at = self.need_axis(first, self.axis)
        out = list(first)
        for other in others:
            if len(other) != len(first):
                raise self._unequal(first, other)
            for i, (n, m) in enumerate(zip(out, other, strict=True)):
                if i == at:
                    out[i] = None if n is None or m is None else n + m
                elif n is None or m is None:
                    out[i] = n if m is None else m
                elif n != m:
                    raise self._unequal(first, other)
        return tuple(out)

    def _unequal(self, first: Shape, other: Shape) -> ShapeError:
        return ShapeError(
            f"Concatenate along axis {self.axis} cannot join {show(first)} and {show(other)}",
            field="axis" if len(first) == len(other) else None,
            expected=f"inputs that differ only along axis {self.axis}",
        )

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        alike = len({x.dtype for x in inputs}) == 1
        xs = inputs if alike else [cast(x, ctx.graph.dtype) for x in inputs]
        return concatenate(xs, self._axis(*inputs))

    def _axis(self, x: Value, *_: Value) -> int:
        return self.need_axis(x.shape[1:], self.axis) + 1

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        """Along a masked axis: the masks end to end. Else: set where any is; None where one has none."""
        masks = [mask for mask in ctx.masks if mask is not None]
        axis, rank = self._axis(*inputs), max((len(mask.shape) for mask in masks), default=0)
        if axis < rank:
            parts = zip(inputs, ctx.masks, strict=True)
            return concatenate([_whole(ctx, x.shape[:rank], mask) for x, mask in parts], axis)
        return reduce(either, masks) if masks and len(masks) == len(ctx.masks) else None


def _whole(ctx: LayerContext, shape: tuple[int, ...], mask: Value | None) -> Value:
    return fill(ctx.graph, shape, 1, "uint8") if mask is None else stretched(mask, shape)
