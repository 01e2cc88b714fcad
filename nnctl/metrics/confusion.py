"""Metrics from counts of right and wrong positives and negatives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, register
from nnctl.metrics.mean import agree

if TYPE_CHECKING:
    import numpy as np

    from nnctl.ops.base import Value

EVERYTHING = -1e10
"""The threshold where only `top_k` decides; what is not among the k largest counts as this.

Source: keras.src.metrics.metrics_utils.NEG_INF.
"""


class _Counts(MetricSpec):
    """True positives, false positives, false negatives, true negatives: the state `counts` (4,)."""

    of_classes: ClassVar[bool] = True
    better: ClassVar[Literal["min", "max"] | None] = "max"
    thresholds: float | None = Field(default=None, ge=0.0, le=1.0)
    """Predictions above it are positive; default 0.5, with `top_k` none."""
    top_k: PositiveInt | None = None
    """Only an example's k largest predictions can be positive."""
    class_id: NonNegativeInt | None = None
    """Count only this class."""

    def target(self, output: Shape) -> Target:
        if not output:
            raise ShapeError(f"{self.log_name()} needs an output with units")
        units = output[-1]
        if self.class_id is not None and units is not None and self.class_id >= units:
            raise ShapeError(
                f"{self.log_name()} counts class {self.class_id}, but the output has {units} units",
                field="class_id",
                expected=f"0 to {units - 1}",
            )
        if self.top_k is not None and units is not None and self.top_k > units:
            raise ShapeError(
                f"{self.log_name()} looks at the {self.top_k} largest of {units} units",
                field="top_k",
                expected=f"at most {units}",
            )
        return Target("numbers", output, 2)

    def resolve(self, target: Target, output: Shape) -> MetricSpec:
        agree(self.log_name(), self.target(output), target)
        return self

    def reads(self) -> Range:
        return UNIT if self.thresholds is None and self.top_k is None else ANY

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"counts": (4,)}

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_confusion

        threshold = self.thresholds
        if threshold is None:
            threshold = 0.5 if self.top_k is None else EVERYTHING
        accumulate_confusion(state["counts"], y_true, y_pred, threshold, self.top_k, self.class_id, weights)


def ratio(part: float, whole: float) -> float:
    """part / whole; 0 for a whole of 0."""
    return part / whole if whole else 0.0


@register
class Precision(_Counts):
    """True positives among those predicted positive. Source: keras.metrics.Precision."""

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        right, wrong, _, _ = map(float, state["counts"])
        return ratio(right, right + wrong)


@register
class Recall(_Counts):
    """True positives among those that are positive. Source: keras.metrics.Recall."""

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        right, _, missed, _ = map(float, state["counts"])
        return ratio(right, right + missed)
