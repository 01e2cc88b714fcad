"""What layers share that normalize each example over one or more of its axes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape
from nnctl.ops.transpose import gather_axes, scatter_axes


class OverAxes(Layer):
    """A layer that sees the axes `axis` as one.

    Shapes: x (B, ...), y (B, ...).
    """

    axis: int | tuple[int, ...] = -1
    """The axis or axes to normalize over; 0 is the batch, -1 the last."""

    @field_validator("axis")
    @classmethod
    def _some_axis(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if value == ():
            raise PydanticCustomError("axis", "expected at least one axis")
        return value

    def axes(self, x: Shape) -> list[int]:
        """The axes as indices into x without its batch, from first to last."""
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = sorted(self.need_axis(x, axis) for axis in given)
        if len(set(axes)) < len(axes):
            raise ShapeError(
                f"{self.kind} is told an axis of {show(x)} twice: {list(given)}",
                field="axis",
                expected="each axis once",
            )
        return axes

    def lengths(self, x: Shape) -> tuple[int, ...]:
        """The lengths of the axes, for weights of one number for each place. Raises ShapeError."""
        return tuple(self.need_known(x, at, "the axes it normalizes over") for at in self.axes(x))

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def by_rows(self, x: Value, normalized: Callable[[Value], Value]) -> Value:
        """What `normalized` makes of x as (..., C), C the axes as one, in x's own shape."""
        places, last = [at + 1 for at in self.axes(x.shape[1:])], len(x.shape) - 1
        first = len(x.shape) - len(places)
        # The axes go to the end and are seen as one.
        x = gather_axes(x, places, last)
        y = normalized(reshape(x, (*x.shape[:first], prod(x.shape[first:]))))
        return scatter_axes(reshape(y, x.shape), places, last)
