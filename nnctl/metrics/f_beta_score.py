"""Means of precision and recall, class by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat

from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import Target
from nnctl.losses.crossentropy import class_axis
from nnctl.metrics.base import MetricSpec, register

if TYPE_CHECKING:
    import numpy as np

    from nnctl.ops.base import Value


class FScore(MetricSpec):
    """A weighted harmonic mean of precision and recall, of each class or their average."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    of_classes: ClassVar[bool] = True
    average: Literal["micro", "macro", "weighted"] | None = None
    """`micro`: of all counts; `macro`: the mean over classes; `weighted`: by how often they occur; null: one
    per class."""
    threshold: float | None = Field(default=None, gt=0.0, le=1.0)
    """Predictions above it are positive; default: the largest of an example's."""

    def target(self, output: Shape) -> Target:
        return Target("onehot", output, class_axis(self.log_name(), output))

    def reads(self) -> Range:
        return ANY if self.threshold is None else UNIT

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"counts": (3, output[-1] or 0)}

    def parts(self, output: Shape) -> tuple[str, ...]:
        return tuple(map(str, range(output[-1] or 0))) if self.average is None else ()

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_by_class

        accumulate_by_class(state["counts"], y_true, y_pred, self.threshold, weights)

    def results(self, state: Mapping[str, np.ndarray[Any, Any]]) -> Sequence[float]:
        counts = [tuple(map(float, column)) for column in state["counts"].T]
        if self.average == "micro":
            return [self._score(*map(sum, zip(*counts, strict=True)))]
        scores = [self._score(*column) for column in counts]
        if self.average == "macro":
            return [sum(scores) / len(scores)]
        if self.average == "weighted":
            often = [right + missed for right, _, missed in counts]
            return [sum(s * n for s, n in zip(scores, often, strict=True)) / (sum(often) + EPSILON)]
        return scores

    def _score(self, right: float, wrong: float, missed: float) -> float:
        precision = right / (right + wrong + EPSILON)
        recall = right / (right + missed + EPSILON)
        square = self.weight_of_recall() ** 2
        return (1.0 + square) * precision * recall / (square * precision + recall + EPSILON)

    def weight_of_recall(self) -> float:
        """How much more recall counts than precision."""
        return 1.0


@register
class F1Score(FScore):
    """2 precision recall / (precision + recall), of each class or their average.

    Source: keras.metrics.F1Score.
    """


@register
class FBetaScore(FScore):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), of each class or their average.

    Source: keras.metrics.FBetaScore.
    """

    aliases: ClassVar[tuple[str, ...]] = ("fbeta_score",)

    beta: PositiveFloat = 1.0
    """How much more recall counts than precision."""

    def log_name(self) -> str:
        return self.name or "fbeta_score"

    def weight_of_recall(self) -> float:
        return self.beta
