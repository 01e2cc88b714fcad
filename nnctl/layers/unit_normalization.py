"""Vectors of length 1."""

from __future__ import annotations

from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.over_axes import OverAxes
from nnctl.ops.base import Value
from nnctl.ops.unit_rows import unit_rows


@register
class UnitNormalization(OverAxes):
    """y = x / |x|, with the length |x| over `axis` of each example.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.UnitNormalization.
    """

    def compute_output_shape(self, x: Shape) -> Shape:
        self.axes(x)
        return x

    def output_range(self, *inputs: Range | None) -> Range | None:
        return (-1.0, 1.0)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        # Keras bounds 1 / length by 1e12.
        return self.by_rows(x, lambda rows: unit_rows(rows, 1e-12))
