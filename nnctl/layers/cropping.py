"""What layers share that cut numbers off the ends of one to three axes: all but the forms of their field."""

from __future__ import annotations

from typing import Any, ClassVar

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.shape import slice_axis


class Cropping(Layer):
    """Less of the spatial axes named by `spatial`.

    Shapes: x (B, *spatial, C), y (B, *spatial', C), each axis length - before - after.
    """

    supports_masking: ClassVar[bool] = False
    any_dtype: ClassVar[bool] = True
    keeps_range: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    cropping: Any
    """How much is cut off, by axis."""

    def off(self) -> tuple[tuple[int, int], ...]:
        """(before, after) for each spatial axis."""
        given: tuple[tuple[int, int], ...] = self.cropping
        return given

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        pairs = zip(x[:-1], self.off(), strict=True)
        left = tuple(None if n is None else n - before - after for n, (before, after) in pairs)
        if any(n is not None and n <= 0 for n in left):
            raise ShapeError(
                f"{self.kind} leaves nothing of {show(x)}",
                field="cropping",
                expected="less to cut off than there is along each axis",
            )
        return (*left, x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        for axis, (before, after) in enumerate(self.off(), start=1):
            if before or after:
                x = slice_axis(x, axis, before, x.shape[axis] - after)
        return x
