"""What layers share that repeat each place of one to three axes."""

from __future__ import annotations

from typing import Any, ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.shape import repeat


class UpSampling(Layer):
    """Each place `size` times over, along the spatial axes named by `spatial`.

    Shapes: x (B, *spatial, C), y (B, *spatial', C), each axis size length.
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    size: Any
    """How often each place is repeated, by axis."""

    def times(self) -> tuple[int, ...]:
        """The factor of each spatial axis."""
        given: tuple[int, ...] = self.size
        return given

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        pairs = zip(x[:-1], self.times(), strict=True)
        return (*(None if n is None else n * times for n, times in pairs), x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        for axis, times in enumerate(self.times(), start=1):
            x = repeat(x, axis, times)
        return x
