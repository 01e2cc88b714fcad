"""How much predicted and true classes overlap: intersection over union."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import Target
from nnctl.losses.crossentropy import class_axis
from nnctl.metrics.base import MetricSpec, register

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.ops.base import Value

NOTHING = 1e-9
"""Keras: a class that true and predicted ones weigh no more than this is not there."""


class Overlap(MetricSpec):
    """The mean over classes of right / (right + wrong + missed); the state is the confusion matrix (C, C).

    A class that neither occurs nor is predicted does not count.
    """

    better: ClassVar[Literal["min", "max"] | None] = "max"
    of_classes: ClassVar[bool] = True

    def count(self) -> int:
        """How many classes there are: C."""
        raise NotImplementedError

    def measured(self) -> Sequence[int]:
        """The classes that the mean is taken over."""
        return range(self.count())

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        return {"matrix": (self.count(), self.count())}

    def result(self, state: Mapping[str, Array]) -> float:
        matrix = [[float(weight) for weight in row] for row in state["matrix"]]
        shares = []
        for c in self.measured():
            right = matrix[c][c]
            union = sum(matrix[c]) + sum(row[c] for row in matrix) - right
            if union > NOTHING:
                shares.append(right / (union + EPSILON))
        return sum(shares) / (len(shares) + EPSILON)


class OfClasses(Overlap):
    """The overlap where classes are numbers, or the largest along the last axis."""

    keras_only: ClassVar[tuple[str, ...]] = ("axis",)

    num_classes: PositiveInt
    """How many classes there are."""
    ignore_class: int | None = None
    """Positions of this true class do not count."""

    def count(self) -> int:
        return self.num_classes

    def sparse(self) -> tuple[bool, bool]:
        """Whether y_true and y_pred are class numbers; else the largest along the last axis is the class."""
        return bool(getattr(self, "sparse_y_true", False)), bool(getattr(self, "sparse_y_pred", False))

    def target(self, output: Shape) -> Target:
        true, pred = self.sparse()
        if pred:
            return Target("numbers", output, self.num_classes)
        units = class_axis(self.log_name(), output)
        if units is not None and units != self.num_classes:
            raise ShapeError(
                f"{self.log_name()} is told of {self.num_classes} classes, but the output has {units} units",
                field="num_classes",
                expected=f"{units}",
            )
        return Target("classes", output[:-1], units) if true else Target("onehot", output, units)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.confusion import accumulate_confusion_matrix
        from nnctl.ops.metrics import arg_max

        true, pred = self.sparse()
        y_true = y_true if true else arg_max(y_true)
        y_pred = y_pred if pred else arg_max(y_pred)
        accumulate_confusion_matrix(state["matrix"], y_true, y_pred, weights, ignore_class=self.ignore_class)


class OfTargetClasses(OfClasses):
    """The overlap of some of the classes."""

    target_class_ids: tuple[NonNegativeInt, ...] = Field(min_length=1)
    """The classes that the mean is taken over."""

    @model_validator(mode="after")
    def _among_the_classes(self) -> Self:
        if max(self.target_class_ids) >= self.num_classes:
            raise PydanticCustomError(
                "target_class_ids",
                "target_class_ids has {given}, but num_classes is {count}",
                {"given": max(self.target_class_ids), "count": self.num_classes},
            )
        return self

    def measured(self) -> Sequence[int]:
        return self.target_class_ids


class MaybeSparse(OfClasses):
    """The overlap where y_true and y_pred may be class numbers."""

    sparse_y_true: bool = True
    """Whether targets are class numbers; false: one-hot rows."""
    sparse_y_pred: bool = True
    """Whether predictions are class numbers; false: the largest along the last axis is the class."""

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if self.sparse_y_pred and not self.sparse_y_true:
            raise PydanticCustomError(
                "sparse", "one-hot targets have rows to compare with: sparse_y_pred: false goes with them"
            )
        return self

    def resolve(self, target: Target, output: Shape) -> MetricSpec:
        if self.sparse_y_pred and target.kind == "classes":
            raise ShapeError(
                f"{self.log_name()} takes predictions for class numbers, but the output has a unit per class",
                field="sparse_y_pred",
                expected="sparse_y_pred: false",
            )
        return super().resolve(target, output)


@register
class IoU(MaybeSparse, OfTargetClasses):
    """The mean of intersection over union of some classes. Source: keras.metrics.IoU."""


@register
class MeanIoU(MaybeSparse):
    """The mean of intersection over union of all classes. Source: keras.metrics.MeanIoU."""


@register
class OneHotIoU(OfTargetClasses):
    """`IoU` of one-hot targets, for outputs with a unit for each class. Source: keras.metrics.OneHotIoU."""

    keras_only: ClassVar[tuple[str, ...]] = ("axis", "sparse_y_pred")


@register
class OneHotMeanIoU(OfClasses):
    """`MeanIoU` of one-hot targets, for outputs with a unit for each class.

    Source: keras.metrics.OneHotMeanIoU.
    """

    keras_only: ClassVar[tuple[str, ...]] = ("axis", "sparse_y_pred")


@register
class BinaryIoU(Overlap):
    """The mean of intersection over union of the classes 0 and 1. Source: keras.metrics.BinaryIoU."""

    target_class_ids: tuple[Literal[0, 1], ...] = Field(default=(0, 1), min_length=1)
    """The classes that the mean is taken over."""
    threshold: float = 0.5
    """Predictions from it on are class 1."""

    def count(self) -> int:
        return 2

    def measured(self) -> Sequence[int]:
        return self.target_class_ids

    def reads(self) -> Range:
        return UNIT if self.threshold == 0.5 else ANY

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.confusion import accumulate_confusion_matrix

        accumulate_confusion_matrix(state["matrix"], y_true, y_pred, weights, self.threshold)
