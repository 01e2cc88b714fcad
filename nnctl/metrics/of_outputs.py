"""Metrics of an output by itself, whatever the target is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from nnctl.core.shapes import Shape
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, register
from nnctl.metrics.mean import MeanMetric

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.ops.base import Value


@register
class Mean(MeanMetric):
    """The mean of y_pred over all its numbers, examples weighted. Source: keras.metrics.Mean."""

    reads_target: ClassVar[bool] = False

    def target(self, output: Shape) -> Target:
        return Target("numbers", output)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_rows

        accumulate_rows(state["mean"], y_pred, weights)


@register
class Sum(MetricSpec):
    """The sum of all numbers of y_pred, examples weighted. Source: keras.metrics.Sum."""

    reads_target: ClassVar[bool] = False

    def target(self, output: Shape) -> Target:
        return Target("numbers", output)

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"sum": (1,)}

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_total

        accumulate_total(state["sum"], y_pred, weights)

    def result(self, state: Mapping[str, Array]) -> float:
        return float(state["sum"][0])
