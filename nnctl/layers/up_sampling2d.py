"""A larger image."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.ranges import Range
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.sizes import Pair
from nnctl.layers.up_sampling import UpSampling
from nnctl.ops.base import Value
from nnctl.ops.resize import Interpolation, resize_axis


@register
class UpSampling2D(UpSampling, WithDataFormat):
    """Each pixel repeated along height and width, or pixels between them as `interpolation` says.

    Shapes: x (B, H, W, C), y (B, size_1 H, size_2 W, C).
    Source: keras.layers.UpSampling2D.
    """

    keeps_range: ClassVar[bool] = False
    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    size: Pair = (2, 2)
    """The factors of height and width: one number, or one for each."""
    interpolation: Interpolation = "nearest"
    """How the new pixels follow from the old ones."""

    def output_range(self, x: Range | None) -> Range | None:
        """Bilinear weights are not negative, those of the wider kernels are."""
        return x if self.interpolation in ("nearest", "bilinear") else None

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if self.interpolation == "nearest":
            return super().call(ctx, x)
        for axis, times in enumerate(self.size, start=1):
            x = resize_axis(x, axis, times * x.shape[axis], self.interpolation)
        return x
