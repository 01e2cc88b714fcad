"""Metrics that are a weighted mean of one value per example."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nnctl.core.shapes import Shape
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, register

if TYPE_CHECKING:
    import numpy as np

    from nnctl.ops.base import Value


class MeanMetric(MetricSpec):
    """The mean over examples, weighted; the state `mean` is (sum of weight * value, sum of weights)."""

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"mean": (2,)}

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        total, count = map(float, state["mean"])
        return total / count if count else 0.0


@register
class RootMeanSquaredError(MeanMetric):
    """sqrt(mean((y_true - y_pred)^2)). Source: keras.metrics.RootMeanSquaredError."""

    aliases: ClassVar[tuple[str, ...]] = ("rmse", "RMSE")
    better: ClassVar[Literal["min", "max"] | None] = "min"

    def power_of_unit(self) -> int | None:
        return 1

    def target(self, output: Shape) -> Target:
        return Target("numbers", output)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.losses.regression import MeanSquaredError
        from nnctl.ops.metrics import accumulate_rows

        accumulate_rows(state["mean"], MeanSquaredError().rows(y_true, y_pred), weights)

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        return math.sqrt(super().result(state))
