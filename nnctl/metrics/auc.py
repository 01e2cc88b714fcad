"""The area under a curve over all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.real import log
from nnctl.core.shapes import Shape, show
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import Target
from nnctl.metrics.base import register
from nnctl.metrics.thresholds import AtThresholds, Counts, Part, evenly_spaced, ratio

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.ops.base import Value

_HEIGHTS: Mapping[str, Callable[[float, float], float]] = {
    "interpolation": lambda a, b: (a + b) / 2.0,
    "minoring": min,
    "majoring": max,
}


@register
class AUC(AtThresholds):
    """The area under the ROC, precision-recall or precision-recall-gain curve, from counts at thresholds.

    Source: keras.metrics.AUC; Davis & Goadrich (2006), Flach & Kull (2015).
    """

    aliases: ClassVar[tuple[str, ...]] = ("auc",)
    better: ClassVar[Literal["min", "max"] | None] = "max"
    num_thresholds: int = Field(default=200, gt=1)
    """How many thresholds between 0 and 1."""
    curve: Literal["ROC", "PR", "PRGAIN"] = "ROC"
    """The curve: receiver operating characteristic, precision over recall, or the gains of these two."""
    summation_method: Literal["interpolation", "minoring", "majoring"] = "interpolation"
    """How the area between two thresholds is taken: between, below or above the two values."""
    thresholds: tuple[Part, ...] | None = None
    """The thresholds between 0 and 1, in place of `num_thresholds` even ones."""
    multi_label: bool = False
    """Whether each unit has a curve of its own, and the result is the mean of their areas."""
    num_labels: PositiveInt | None = None
    """With `multi_label`: how many units there are; default: as many as the output has."""
    label_weights: tuple[NonNegativeFloat, ...] | None = None
    """What each unit counts: in the mean of areas, or else in the one curve of all."""
    from_logits: bool = False
    """Whether y_pred are logits; false: probabilities."""

    @model_validator(mode="after")
    def _labels_of_several(self) -> Self:
        if self.num_labels is not None and not self.multi_label:
            raise PydanticCustomError("num_labels", "num_labels needs multi_label: true")
        return self

    def cuts(self) -> tuple[float, ...]:
        # The ends lie outside, so that everything is above the first and nothing above the last.
        if self.thresholds is None:
            inner = evenly_spaced(self.num_thresholds)[1:-1]
        else:
            inner = tuple(sorted(self.thresholds))
        return (-EPSILON, *inner, 1.0 + EPSILON)

    def labels(self, output: Shape) -> int:
        return (output[-1] or 1) if self.multi_label else 1

    def weights_of_labels(self) -> tuple[float, ...]:
        return () if self.multi_label or self.label_weights is None else self.label_weights

    def target(self, output: Shape) -> Target:
        if self.multi_label and (len(output) != 1 or output[0] is None):
            raise ShapeError(
                f"{self.log_name()} has a curve per unit of an output of one axis, not of {show(output)}",
                field="multi_label",
                expected="false",
            )
        for field, count in (("num_labels", self.num_labels), ("label_weights", self._weight_count())):
            units = output[-1] if output else 1
            if count is not None and count != units:
                raise ShapeError(
                    f"{self.log_name()} is told of {count} labels, but the output {show(output)} has {units}",
                    field=field,
                    expected=f"{units}" if field == "num_labels" else f"a list of {units}",
                )
        return super().target(output)

    def _weight_count(self) -> int | None:
        return None if self.label_weights is None else len(self.label_weights)

    def reads(self) -> Range:
        return ANY if self.from_logits else UNIT

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.activation import sigmoid

        super().update(state, y_true, sigmoid(y_pred) if self.from_logits else y_pred, weights)

    def result(self, state: Mapping[str, Array]) -> float:
        labels: int = state["positives"].shape[1]
        areas = [self._area(self.counts(state, label)) for label in range(labels)]
        if self.multi_label and self.label_weights is not None:
            weighted = [area * weight for area, weight in zip(areas, self.label_weights, strict=True)]
            return ratio(fsum(weighted), fsum(self.label_weights))
        return fsum(areas) / labels

    def _area(self, counts: list[Counts]) -> float:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return _precision_recall_area(counts)
        points = [_POINTS[self.curve](c) for c in counts]
        height = _HEIGHTS[self.summation_method]
        return fsum((x - next_x) * height(y, next_y) for (x, y), (next_x, next_y) in pairwise(points))


def _gains(c: Counts) -> tuple[float, float]:
    """Recall gain and precision gain, as Keras has them where they are not defined."""
    if c.right == 0.0:
        return 0.0, 1.0
    scale = ratio(c.positives, c.negatives)
    return max(1.0 - scale * (c.missed / c.right), 0.0), 1.0 - scale * (c.wrong / c.right)


_POINTS: Mapping[str, Callable[[Counts], tuple[float, float]]] = {
    "ROC": lambda c: (ratio(c.wrong, c.negatives), c.recall),
    "PR": lambda c: (c.recall, c.precision),
    "PRGAIN": _gains,
}
"""What lies to the right and what above at a threshold."""


def _precision_recall_area(counts: list[Counts]) -> float:
    """The area under precision over recall, the counts (not the precision) interpolated linearly."""
    terms = []
    for now, after in pairwise(counts):
        p, next_p = now.right + now.wrong, after.right + after.wrong
        slope = ratio(now.right - after.right, p - next_p)
        intercept = after.right - slope * next_p
        growth = log(p / next_p) if next_p else 0.0
        terms.append(ratio(slope * (now.right - after.right + intercept * growth), now.positives))
    return fsum(terms)
