"""What paddings with zeros over one to three axes share: all but the forms of their field."""

from __future__ import annotations

from typing import Any, ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.pooling import zero_pad


class ZeroPadding(WithDataFormat):
    """Zeros around the spatial axes named by `spatial`.

    Shapes: x (B, *spatial, C), y (B, *spatial', C), each axis before + length + after.
    """

    supports_masking: ClassVar[bool] = False
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    padding: Any
    """How many zeros, by axis."""

    def around(self) -> tuple[tuple[int, int], ...]:
        """(before, after) for each spatial axis."""
        given: tuple[tuple[int, int], ...] = self.padding
        return given

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        padded = zip(x[:-1], self.around(), strict=True)
        return (*(None if n is None else before + n + after for n, (before, after) in padded), x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return zero_pad(x, self.around())
