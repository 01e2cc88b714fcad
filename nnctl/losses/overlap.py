"""How little of two areas is common to both: losses of whole examples, or of the whole batch."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, NonNegativeFloat

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import UNIT, Range
from nnctl.core.shapes import Shape, show
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import LossSpec, Target, register

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class _Overlap(LossSpec):
    """What both share: sums over axes, into which masked positions do not go.

    Shapes: y_true, y_pred (B, ...), rows: the same without `axis`, (1,) where every axis is summed over.
    """

    axis: int | Annotated[list[int], Field(min_length=1)] | None = None
    """Which axes are summed over, counted from the batch's, which is 0; null: all, so that there is one loss
    for the whole batch. `[1, 2, 3]` gives one per image, `[1, 2]` one per image and class."""

    def target(self, output: Shape) -> Target:
        rank = len(output) + 1
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        if axes is None:
            return Target("numbers", output)
        for axis in axes:
            if not -rank < axis < rank or axis == 0:
                raise ShapeError(
                    f"an output of {show(output)} has no axis {axis} beside the batch's",
                    field="axis",
                    expected=f"axes from 1 to {len(output)}, or null for all and the batch"
                    if output
                    else "null",
                )
        if len({axis % rank for axis in axes}) < len(axes):
            raise ShapeError(f"axis {axes} has an axis twice", field="axis")
        return Target("numbers", output)

    def reads(self) -> Range:
        return UNIT

    def reads_targets(self) -> Range:
        return UNIT

    def row_axes(self, output: Shape) -> int:
        return max(0, min(self._summed(len(output) + 1)) - 1)

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        from nnctl.ops.masks import select

        if mask is None or min(self._summed(len(y_pred.shape))) >= len(mask.shape):
            return self.rows(y_true, y_pred), mask
        return self.rows(select(mask, y_true, 0.0), select(mask, y_pred, 0.0)), None

    def _summed(self, rank: int) -> set[int]:
        """The axes that are summed over, of so many, counted from the batch's."""
        if self.axis is None:
            return set(range(rank))
        return {axis % rank for axis in ([self.axis] if isinstance(self.axis, int) else self.axis)}

    def added(self, x: Value) -> Value:
        """The sum over the axes."""
        from nnctl.ops.reduce import sum_all
        from nnctl.ops.sums import sum_axes

        if self.axis is None:
            return sum_all(x)
        summed = self._summed(len(x.shape))
        runs = groupby(range(len(x.shape)), lambda axis: axis in summed)
        # From the last run to the first, so that those in front keep their places.
        for run in reversed([list(run) for inside, run in runs if inside]):
            x = sum_axes(x, run)
        return x


@register
class Dice(_Overlap):
    """1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred) + 1e-7).

    Source: keras.losses.Dice.
    """

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.elementwise import add, affine, divide, multiply, scale, shift

        common = scale(self.added(multiply(y_true, y_pred)), 2.0)
        both = shift(add(self.added(y_true), self.added(y_pred)), EPSILON)
        return affine(divide(common, both), -1.0, 1.0)


@register
class Tversky(_Overlap):
    """1 - common / (common + alpha sum(y_true (1 - y_pred)) + beta sum(y_pred (1 - y_true)) + 1e-7).

    common is sum(y_true y_pred). With both weights 1/2, this is Dice.
    Source: keras.losses.Tversky; Salehi et al., "Tversky loss function" (2017).
    """

    alpha: NonNegativeFloat = 0.5
    """What counts where the target is 1 and the prediction 0."""
    beta: NonNegativeFloat = 0.5
    """What counts where the prediction is 1 and the target 0."""

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.elementwise import add, affine, divide, multiply, scale, shift

        common = self.added(multiply(y_true, y_pred))
        missed = self.added(multiply(y_true, affine(y_pred, -1.0, 1.0)))
        wrong = self.added(multiply(y_pred, affine(y_true, -1.0, 1.0)))
        weighed = add(scale(missed, self.alpha), scale(wrong, self.beta))
        return affine(divide(common, shift(add(common, weighed), EPSILON)), -1.0, 1.0)
