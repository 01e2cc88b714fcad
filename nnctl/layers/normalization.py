"""Numbers with a known mean and variance, brought to 0 and 1."""

from __future__ import annotations

import numpy as np
from pydantic import FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.kernels.probability import EPSILON
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, divide, multiply, subtract
from nnctl.ops.shape import broadcast_to

Statistics = FiniteFloat | tuple[FiniteFloat, ...] | tuple[tuple[FiniteFloat, ...], ...]


@register
class Normalization(SameShape):
    """y = (x - mean) / sqrt(variance), with numbers that the config gives.

    Shapes: x (B, ...), mean and variance the lengths of `axis`, or of its last ones; y (B, ...).
    Source: keras.layers.Normalization.
    """

    axis: int | tuple[int, ...] | None = -1
    """The axes along which each place has a mean of its own; `null`: one for all."""
    mean: Statistics | None = None
    """What is subtracted."""
    variance: Statistics | None = None
    """Its root is what is divided by."""
    invert: bool = False
    """Whether it is undone: y = mean + x sqrt(variance)."""

    @model_validator(mode="after")
    def _agree(self) -> Normalization:
        if self.mean is None or self.variance is None:
            raise _error(
                "'Normalization' needs 'mean' and 'variance'; those of the training split are subtracted and "
                "divided by with `scale: standard` of a column (data.columns)"
            )
        try:
            mean, variance = np.array(self.mean, float), np.array(self.variance, float)
        except ValueError:
            raise _error("'mean' and 'variance' need lists of equal lengths") from None
        if mean.shape != variance.shape:
            raise _error("'mean' and 'variance' have different shapes")
        if (variance < 0).any():
            raise _error("'variance' has a number below 0")
        if mean.ndim > len(self.axes):
            raise _error("'mean' has more axes than 'axis' names")
        return self

    @property
    def axes(self) -> tuple[int, ...]:
        """`axis` as a list."""
        return () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis

    def compute_output_shape(self, x: Shape) -> Shape:
        self._shape(x)
        return x

    def _shape(self, x: Shape) -> tuple[int, ...]:
        """The mean's shape with an axis for each of the input's. Raises ShapeError where it does not fit."""
        kept = sorted({self.need_axis(x, axis) for axis in self.axes})
        held: tuple[int, ...] = np.shape(self.mean)  # type: ignore[arg-type]
        if len(held) > len(kept):
            raise ShapeError(f"{self.kind} names an axis of {show(x)} twice", field="axis")
        shape = [1] * len(x)
        for axis, length in zip(reversed(kept), reversed(held), strict=False):
            if length not in (1, x[axis]):
                raise ShapeError(
                    f"{self.kind} has {length} means along an axis of {show(x)} that is "
                    f"{'of unknown length' if x[axis] is None else f'{x[axis]} long'}",
                    field="mean",
                    expected="one number, or one for each place along `axis`",
                )
            shape[axis] = length
        return tuple(shape)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        # In the model's floats from the start, as Keras takes the root of them.
        mean, variance = (np.array(held, ctx.graph.dtype) for held in (self.mean, self.variance))
        shape = (1, *self._shape(x.shape[1:]))
        center, by = (
            broadcast_to(ctx.graph.constant(held.reshape(shape)), x.shape)
            for held in (mean, np.maximum(np.sqrt(variance), EPSILON))
        )
        return add(center, multiply(x, by)) if self.invert else divide(subtract(x, center), by)


def _error(message: str) -> PydanticCustomError:
    return PydanticCustomError("normalization", message)
