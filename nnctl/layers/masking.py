"""Steps that later layers skip."""

from __future__ import annotations

from nnctl.core.shapes import Shape
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast
from nnctl.ops.embedding import not_equal
from nnctl.ops.masks import select
from nnctl.ops.sums import sum_axes


@register
class Masking(SameShape):
    """Masks steps whose features all equal `mask_value`, and sets them to 0.

    Shapes: x (B, ..., C), y (B, ..., C), its mask (B, ...).
    Source: keras.layers.Masking.
    """

    mask_value: float = 0.0
    """What every feature of a masked step is."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_features(x)
        return x

    def skips(self) -> float | None:
        return self.mask_value

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return select(self.output_mask(ctx, x), x, 0.0)

    def output_mask(self, ctx: LayerContext, x: Value) -> Value:
        """Set where a feature is not `mask_value`; the input's mask is forgotten, as in Keras."""
        others = cast(not_equal(x, self.mask_value), x.dtype)
        return not_equal(sum_axes(others, (-1,)), 0)
