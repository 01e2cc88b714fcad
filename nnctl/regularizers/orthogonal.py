"""A penalty on rows or columns that are not at right angles."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import show
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import matmul
from nnctl.ops.reduce import sum_of_absolutes
from nnctl.ops.transpose import permute
from nnctl.ops.unit_rows import unit_rows
from nnctl.regularizers.base import RegularizerSpec, register


@register
class OrthogonalRegularizer(RegularizerSpec):
    """factor times the mean of |cos| of the angle between two rows (or columns), over all pairs.

    Shapes: a weight (M, N).
    Source: keras.regularizers.OrthogonalRegularizer.
    """

    factor: NonNegativeFloat = 0.01
    """What the mean is multiplied by."""
    mode: Literal["rows", "columns"] = "rows"
    """Which of the two are to be at right angles."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2 or shape[self.mode == "columns"] < 2:
            raise ShapeError(
                f"OrthogonalRegularizer takes matrices of two {self.mode} or more, not {show(shape)}",
                expected="L1, L2 or L1L2",
            )

    def penalty(self, x: Value) -> Value:
        self.check_shape(x.shape)
        units = unit_rows(permute(x, (1, 0)) if self.mode == "columns" else x, 1e-6)
        count = units.shape[0]
        others = x.graph.constant((1.0 - np.eye(count)).astype(x.dtype))
        cosines = multiply(matmul(units, units, transpose_b=True), others)
        return sum_of_absolutes(cosines, self.factor / (count * (count - 1)))
