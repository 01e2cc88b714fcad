"""How often the prediction is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import PositiveInt

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.losses.base import Target
from nnctl.losses.crossentropy import class_axis
from nnctl.metrics.base import MetricSpec, register
from nnctl.metrics.mean import MeanMetric

if TYPE_CHECKING:
    from nnctl.ops.base import Value


HALF = 0.5
"""Where probabilities are cut by default; whoever says another threshold knows what comes in."""


class _Classes(MeanMetric):
    """What the metrics of a class out of several share."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    of_classes: ClassVar[bool] = True
    sparse: ClassVar[bool]
    """Whether targets are class numbers; else one-hot."""

    def target(self, output: Shape) -> Target:
        classes = class_axis(self.log_name(), output)
        return Target("classes", output[:-1], classes) if self.sparse else Target("onehot", output, classes)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_top_k, arg_max

        labels = y_true if self.sparse else arg_max(y_true)
        k, ties = self.top()
        accumulate_top_k(state["mean"], labels, y_pred, k, ties, weights)

    def top(self) -> tuple[int, bool]:
        """How many of the largest predictions count, and whether all that equal the last of them do."""
        return 1, False


@register
class Accuracy(MeanMetric):
    """Binary, categorical or sparse categorical accuracy, whichever fits the output and the target.

    Source: keras.Model.compile, `metrics=["accuracy"]`.
    """

    aliases: ClassVar[tuple[str, ...]] = ("acc",)
    better: ClassVar[Literal["min", "max"] | None] = "max"

    def resolve(self, target: Target, output: Shape) -> MetricSpec:
        name = self.log_name()
        if not output or output[-1] == 1:
            return BinaryAccuracy(name=name).resolve(target, output)
        if target.kind == "classes":
            return SparseCategoricalAccuracy(name=name).resolve(target, output)
        return CategoricalAccuracy(name=name).resolve(target, output)

    def target(self, output: Shape) -> Target:
        return BinaryAccuracy().target(output) if not output or output[-1] == 1 else Target("onehot", output)


@register
class BinaryAccuracy(MeanMetric):
    """How often y_pred > threshold is y_true, over all units. Source: keras.metrics.BinaryAccuracy."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    of_classes: ClassVar[bool] = True
    threshold: float = HALF
    """Predictions above it stand for 1."""

    def reads(self) -> Range:
        return UNIT if self.threshold == HALF else ANY

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.metrics import accumulate_binary_accuracy

        accumulate_binary_accuracy(state["mean"], y_true, y_pred, self.threshold, weights)


@register
class CategoricalAccuracy(_Classes):
    """How often the largest prediction is the one-hot target's class.

    Source: keras.metrics.CategoricalAccuracy.
    """

    sparse: ClassVar[bool] = False


@register
class SparseCategoricalAccuracy(_Classes):
    """How often the largest prediction is class y_true. Source: keras.metrics.SparseCategoricalAccuracy."""

    sparse: ClassVar[bool] = True


class _TopK(_Classes):
    k: PositiveInt = 5
    """How many of the largest predictions count; ties with the last of them count too."""

    def top(self) -> tuple[int, bool]:
        return self.k, True

    def target(self, output: Shape) -> Target:
        target = super().target(output)
        if target.classes is not None and self.k > target.classes:
            raise ShapeError(
                f"{self.log_name()} looks at the {self.k} largest of {target.classes} classes",
                field="k",
                expected=f"k: at most {target.classes}",
            )
        return target


@register
class TopKCategoricalAccuracy(_TopK):
    """How often the one-hot target's class is among the k largest.

    Source: keras.metrics.TopKCategoricalAccuracy.
    """

    sparse: ClassVar[bool] = False


@register
class SparseTopKCategoricalAccuracy(_TopK):
    """How often class y_true is among the k largest. Source: keras.metrics.SparseTopKCategoricalAccuracy."""

    sparse: ClassVar[bool] = True
    keras_only: ClassVar[tuple[str, ...]] = ("from_sorted_ids",)
