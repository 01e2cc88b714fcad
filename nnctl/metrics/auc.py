"""The area under a curve over all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from math import fsum
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.real import log
from nnctl.core.shapes import Shape
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, register
from nnctl.metrics.confusion import ratio
from nnctl.metrics.mean import agree

if TYPE_CHECKING:
    import numpy as np

    from nnctl.ops.base import Value

_HEIGHTS: Mapping[str, Callable[[float, float], float]] = {
    "interpolation": lambda a, b: (a + b) / 2.0,
    "minoring": min,
    "majoring": max,
}


@register
class AUC(MetricSpec):
    """The area under the ROC or precision-recall curve, from counts at evenly spaced thresholds.

    The state holds how much weight of positive and of negative examples falls between two thresholds; the
    counts of each threshold follow from these. Source: keras.metrics.AUC; Davis & Goadrich (2006).
    """

    aliases: ClassVar[tuple[str, ...]] = ("auc",)
    of_classes: ClassVar[bool] = True
    better: ClassVar[Literal["min", "max"] | None] = "max"
    keras_only: ClassVar[tuple[str, ...]] = ("thresholds", "multi_label", "num_labels", "label_weights")
    num_thresholds: int = Field(default=200, gt=1)
    """How many thresholds between 0 and 1."""
    curve: Literal["ROC", "PR"] = "ROC"
    """The curve: receiver operating characteristic, or precision over recall."""
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    """How the area between two thresholds is taken: between, below or above the two values."""
    from_logits: bool = False
    """Whether y_pred are logits; false: probabilities."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def resolve(self, target: Target, output: Shape) -> MetricSpec:
        agree(self.log_name(), self.target(output), target)
        return self

    def reads(self) -> Range:
        return ANY if self.from_logits else UNIT

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"positives": (self.num_thresholds,), "negatives": (self.num_thresholds,)}

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.activation import sigmoid
        from nnctl.ops.metrics import accumulate_histogram

        if self.from_logits:
            y_pred = sigmoid(y_pred)
        accumulate_histogram(state["positives"], state["negatives"], y_true, y_pred, weights)

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        right, wrong = _above(state["positives"]), _above(state["negatives"])
        positives, negatives = right[0], wrong[0]
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _precision_recall_area(right, wrong, positives)
        recall = [ratio(tp, positives) for tp in right]
        if self.curve == "ROC":
            x, y = [ratio(fp, negatives) for fp in wrong], recall
        else:
            x, y = recall, [ratio(tp, tp + fp) for tp, fp in zip(right, wrong, strict=True)]
        height = _HEIGHTS[self.summation_method]
        return fsum((a - b) * height(c, d) for (a, b), (c, d) in zip(pairwise(x), pairwise(y), strict=True))


def _above(histogram: np.ndarray[Any, Any]) -> list[float]:
    """For each threshold, the weight of all predictions above it."""
    return list(accumulate(map(float, histogram[::-1])))[::-1]


def _precision_recall_area(right: list[float], wrong: list[float], positives: float) -> float:
    """The area under precision over recall, the counts (not the precision) interpolated linearly."""
    flagged = [tp + fp for tp, fp in zip(right, wrong, strict=True)]
    terms = []
    for (tp, next_tp), (p, next_p) in zip(pairwise(right), pairwise(flagged), strict=True):
        slope = ratio(tp - next_tp, p - next_p)
        intercept = next_tp - slope * next_p
        growth = log(p / next_p) if next_p else 0.0
        terms.append(ratio(slope * (tp - next_tp + intercept * growth), positives))
    return fsum(terms)
