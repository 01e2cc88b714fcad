"""Probabilities of which many are exactly 0."""

from __future__ import annotations

from typing import ClassVar

from nnctl.activations.along_axis import AlongAxis
from nnctl.activations.base import register
from nnctl.core.ranges import UNIT, Range
from nnctl.ops import sparsemax as ops
from nnctl.ops.base import Value


@register
class sparsemax(AlongAxis):
    """y = max(x - t, 0) along an axis, t such that y sums to 1.

    Source: keras.activations.sparsemax as documented (Martins and Astudillo, 2016).
    """

    sums_to_one: ClassVar[bool] = True
    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Sparsemax")
    not_in_exports: ClassVar[str | None] = "its sparsemax gives what does not sum to 1"

    def value_range(self, x: Range | None) -> Range | None:
        return UNIT

    def apply(self, x: Value) -> Value:
        return self.by_rows(ops.sparsemax, x)
