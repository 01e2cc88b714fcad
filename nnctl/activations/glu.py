"""The gated linear unit: one half of the numbers lets the other half through."""

from __future__ import annotations

from typing import ClassVar

from nnctl.activations.along_axis import AlongAxis
from nnctl.activations.base import register
from nnctl.core.errors import ShapeError
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape, show
from nnctl.ops.activation import sigmoid
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.shape import slice_axis


@register
class glu(AlongAxis):
    """y = a sigmoid(b), a and b the first and the second half of x along an axis, which is halved.

    Source: keras.activations.glu (Dauphin et al., 2017).
    """

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Glu")
    not_in_exports: ClassVar[str | None] = "it takes what glu gives to be as long as what it reads"

    def output_shape(self, x: Shape) -> Shape:
        at = self.at(x)
        length = x[at]
        if length is not None and length % 2:
            raise ShapeError(
                f"glu halves axis {self.axis}, which has an odd length in {show(x)}",
                expected="an even length, or another activation",
            )
        return (*x[:at], None if length is None else length // 2, *x[at + 1 :])

    def output_mask(self, mask: Value, x: Value) -> Value | None:
        return mask if self.at(x.shape[1:]) + 1 >= len(mask.shape) else None

    def value_range(self, x: Range | None) -> Range | None:
        return None if x is None else (min(x[0], 0.0), max(x[1], 0.0))

    def apply(self, x: Value) -> Value:
        at = self.at(x.shape[1:]) + 1
        length = x.shape[at]
        half = length // 2
        return multiply(slice_axis(x, at, 0, half), sigmoid(slice_axis(x, at, half, length)))
