"""How much of the targets' variance is explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum, nan
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeInt

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, register

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.ops.base import Value


@register
class R2Score(MetricSpec):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean(y_true))^2), unit by unit.

    Where all targets are equal it is 0, and NaN if the predictions equal them too, as in Keras.
    Source: keras.metrics.R2Score.
    """

    better: ClassVar[Literal["min", "max"] | None] = "max"
    class_aggregation: Literal["uniform_average", "variance_weighted_average"] | None = "uniform_average"
    """How units' scores become one: their mean, or weighted by the targets' variance; null: one per unit."""
    num_regressors: NonNegativeInt = 0
    """For the adjusted score: how many regressors there are. Too many for the numbers seen count as 0."""

    def target(self, output: Shape) -> Target:
        if len(output) != 1 or output[0] is None:
            raise ShapeError(
                f"{self.log_name()} is of outputs of one axis, not of {show(output)}",
                expected="an output of shape (units)",
            )
        return Target("numbers", output)

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"counts": (2,), "sums": (3, output[0] or 0)}

    def parts(self, output: Shape) -> tuple[str, ...]:
        return tuple(map(str, range(output[0] or 0))) if self.class_aggregation is None else ()

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_squares

        accumulate_squares(state["counts"], state["sums"], y_true, y_pred, weights)

    def results(self, state: Mapping[str, Array]) -> Sequence[float]:
        weight, numbers = map(float, state["counts"])
        units = [tuple(map(float, column)) for column in state["sums"].T]
        if weight == 0.0:
            return [0.0] * (len(units) if self.class_aggregation is None else 1)
        totals = [squares - total * (total / weight) for total, squares, _ in units]
        scores = [_score(off, total) for (_, _, off), total in zip(units, totals, strict=True)]
        if self.class_aggregation == "uniform_average":
            scores = [fsum(scores) / len(scores)]
        elif self.class_aggregation == "variance_weighted_average":
            everything = fsum(totals)
            weighted = fsum(t * s for t, s in zip(totals, scores, strict=True))
            scores = [weighted / everything if everything else nan]
        free = numbers - self.num_regressors - 1.0
        if self.num_regressors == 0 or free <= 0:
            return scores
        return [1.0 - (1.0 - score) * (numbers - 1.0) / free for score in scores]


def _score(off: float, total: float) -> float:
    """1 - off / total; what would be infinite is 0."""
    if total == 0.0:
        return nan if off == 0.0 else 0.0
    return 1.0 - off / total
