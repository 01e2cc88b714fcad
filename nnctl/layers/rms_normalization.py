"""Normalization of each example by its root mean square."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import NonNegativeFloat

from nnctl.core.shapes import Shape
from nnctl.initializers.constant import Ones
from nnctl.kernels import codes
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.over_axes import OverAxes
from nnctl.ops.base import Value
from nnctl.ops.elementwise import affine, multiply_row, unary
from nnctl.ops.shape import reshape
from nnctl.ops.sums import sum_axes
from nnctl.ops.unit_rows import divide_rows


@register
class RMSNormalization(OverAxes):
    """y = scale x / sqrt(mean(x^2) + epsilon), the mean over `axis` of each example.

    Shapes: x (B, ...), scale of the lengths of `axis`, y (B, ...).
    Source: keras.layers.RMSNormalization (Zhang and Sennrich, 2019).
    """

    supports_masking: ClassVar[bool] = False

    epsilon: NonNegativeFloat = 1e-6
    """What is added to the mean of the squares."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.lengths(x)
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return {"scale": Weight(self.lengths(x), Ones())}

    def call(self, ctx: LayerContext, x: Value) -> Value:
        scale = reshape(ctx.weights["scale"], (-1,))
        return self.by_rows(x, lambda rows: multiply_row(self._scaled(rows), scale))

    def _scaled(self, rows: Value) -> Value:
        squares = sum_axes(unary(rows, codes.SQUARE), (-1,))
        return divide_rows(rows, unary(affine(squares, 1.0 / rows.shape[-1], self.epsilon), codes.SQRT))
