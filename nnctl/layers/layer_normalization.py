"""Normalization of each example by itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithScale
from nnctl.ops.base import Value
from nnctl.ops.normalization import layer_norm
from nnctl.ops.shape import reshape
from nnctl.ops.transpose import gather_axes, scatter_axes


@register
class LayerNormalization(WithScale):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over `axis` of each example.

    Shapes: x (B, ...), gamma and beta of the lengths of `axis`, y (B, ...).
    Source: keras.layers.LayerNormalization (Ba et al., 2016).
    """

    axis: int | tuple[int, ...] = -1
    """The axis or axes to normalize over; 0 is the batch, -1 the last."""

    @field_validator("axis")
    @classmethod
    def _some_axis(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if value == ():
            raise PydanticCustomError("axis", "expected at least one axis")
        return value

    def _axes(self, x: Shape) -> list[int]:
        """The axes as indices into x without its batch, from first to last."""
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = sorted(self.need_axis(x, axis) for axis in given)
        if len(set(axes)) < len(axes):
            raise ShapeError(
                f"LayerNormalization is told an axis of {show(x)} twice: {list(given)}",
                field="axis",
                expected="each axis once",
            )
        return axes

    def compute_output_shape(self, x: Shape) -> Shape:
        self._lengths(x)
        return x

    def _lengths(self, x: Shape) -> tuple[int, ...]:
        return tuple(self.need_known(x, at, "the axes it normalizes over") for at in self._axes(x))

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return self.scale_weights(self._lengths(x))

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, x: Value) -> Value:
        axes = self._axes(x.shape[1:])
        first, last = len(x.shape) - len(axes), len(x.shape) - 1
        # The axes go to the end and are seen as one.
        places = [at + 1 for at in axes]
        x = gather_axes(x, places, last)
        kept, size = x.shape[:first], prod(x.shape[first:])
        gamma, beta = (
            None if w is None else reshape(w, (size,)) for w in map(ctx.weights.get, ("gamma", "beta"))
        )
        y = reshape(layer_norm(reshape(x, (*kept, size)), gamma, beta, self.epsilon), x.shape)
        return scatter_axes(y, places, last)
