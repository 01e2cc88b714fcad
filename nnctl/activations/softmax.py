"""Softmax as an activation."""

from __future__ import annotations

from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import UNIT, Range
from nnctl.ops import softmax as ops
from nnctl.ops.base import Value


@register
class softmax(ActivationFunction):
    """y = exp(x) / sum(exp(x)) over the last axis. Source: keras.activations.softmax."""

    sums_to_one: ClassVar[bool] = True

    def value_range(self, x: Range | None) -> Range | None:
        return UNIT

    def apply(self, x: Value) -> Value:
        return ops.softmax(x)
