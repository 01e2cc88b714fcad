"""What activations share that look at all numbers along an axis."""

from __future__ import annotations

from collections.abc import Callable

from nnctl.activations.base import ActivationFunction
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.ops.base import Value
from nnctl.ops.transpose import move_axis


class AlongAxis(ActivationFunction):
    """y along an axis of x from all of x along that axis."""

    axis: int = -1
    """The axis it works along; 0 is the batch, -1 the last."""

    def output_shape(self, x: Shape) -> Shape:
        self.at(x)
        return x

    def at(self, x: Shape) -> int:
        """The axis as an index into x without its batch, from 0.

        Raises:
            ShapeError: x has no such axis, or it is the batch axis.
        """
        rank = len(x) + 1
        at = self.axis + rank if self.axis < 0 else self.axis
        if not 1 <= at < rank:
            name = type(self).__name__
            raise ShapeError(
                f"{name} is told to work along axis {self.axis}, which {show(x)} does not have",
                field="axis",
                expected=f"an axis from 1 to {rank - 1} (0 is the batch), or from -{rank - 1} to -1"
                if x
                else f"an input with an axis besides the batch, or another activation than {name}",
            )
        return at - 1

    def by_rows(self, function: Callable[[Value], Value], x: Value) -> Value:
        """`function`, which works along the last axis, along this one."""
        at, last = self.at(x.shape[1:]) + 1, len(x.shape) - 1
        return move_axis(function(move_axis(x, at, last)), last, at)
