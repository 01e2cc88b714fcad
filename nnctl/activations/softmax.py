"""Softmax as an activation, and its logarithm."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.along_axis import AlongAxis
from nnctl.activations.base import register
from nnctl.core.ranges import UNIT, Range
from nnctl.ops import softmax as ops
from nnctl.ops.base import Value


@register
class softmax(AlongAxis):
    """y = exp(x) / sum(exp(x)) along an axis. Source: keras.activations.softmax."""

    sums_to_one: ClassVar[bool] = True
    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Softmax")

    def value_range(self, x: Range | None) -> Range | None:
        return UNIT

    def apply(self, x: Value) -> Value:
        return self.by_rows(ops.softmax, x)


@register
class log_softmax(AlongAxis):
    """y = x - log(sum(exp(x))) along an axis. Source: keras.activations.log_softmax."""

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "LogSoftmax")

    def value_range(self, x: Range | None) -> Range | None:
        return -inf, 0.0

    def apply(self, x: Value) -> Value:
        return self.by_rows(ops.log_softmax, x)
