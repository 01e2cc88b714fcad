"""How far the prediction points away from the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.kernels.functions import sqrt
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import LossSpec, Target, register

if TYPE_CHECKING:
    from nnctl.ops.base import Value


@register
class CosineSimilarity(LossSpec):
    """-sum(y_true y_pred) / (|y_true| |y_pred|) along an axis: -1 for one direction, 0 for right angles.

    A norm below 1e-7 counts as 1e-7, so that a vector of zeros gives 0.
    Shapes: y_true, y_pred (B, ...), rows: the same without the axis.
    Source: keras.losses.CosineSimilarity.
    """

    has_own_metric = True

    axis: int = -1
    """Along which the vectors lie; 0 would be the batch's own axis."""

    def target(self, output: Shape) -> Target:
        rank = len(output) + 1
        if output and (self.axis % rank == 0 or not -rank < self.axis < rank):
            raise ShapeError(
                f"an output of {show(output)} has no axis {self.axis} beside the batch's",
                field="axis",
                expected=f"an axis from 1 to {len(output)}, or -1 for the last",
            )
        return Target("numbers", output)

    def row_axes(self, output: Shape) -> int:
        return max(0, self.axis % (len(output) + 1) - 1)

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        from nnctl.ops.masks import select

        if mask is not None and self.axis % len(y_pred.shape) < len(mask.shape):
            # Masked positions lie along the vectors: they add nothing.
            return self.rows(select(mask, y_true, 0.0), select(mask, y_pred, 0.0)), None
        return self.rows(y_true, y_pred), mask

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.elementwise import multiply, scale
        from nnctl.ops.shape import reshape
        from nnctl.ops.sums import sum_axes

        if len(y_pred.shape) == 1:
            y_true, y_pred = (reshape(y, (*y.shape, 1)) for y in (y_true, y_pred))
        product = sum_axes(multiply(y_true, y_pred), [self.axis])
        lengths = multiply(_inverse_norm(y_true, self.axis), _inverse_norm(y_pred, self.axis))
        return scale(multiply(product, lengths), -1.0)


def _inverse_norm(x: Value, axis: int) -> Value:
    """1 / |x| along an axis, which goes away."""
    from nnctl.kernels import codes
    from nnctl.ops.activation import Activation
    from nnctl.ops.elementwise import unary
    from nnctl.ops.formula import Formula
    from nnctl.ops.sums import sum_axes

    squares = sum_axes(unary(x, codes.SQUARE), [axis])
    return x.graph.add1(Activation(Formula(inverse_root), Formula(inverse_root_slope)), squares)


def inverse_root(x: float) -> float:
    """1 / sqrt(x), at most 1 / epsilon."""
    return 1 / sqrt(x) if x > EPSILON * EPSILON else 1 / EPSILON


def inverse_root_slope(x: float) -> float:
    """The derivative of `inverse_root`; none where it was bounded."""
    return -0.5 / (x * sqrt(x)) if x > EPSILON * EPSILON else 0
