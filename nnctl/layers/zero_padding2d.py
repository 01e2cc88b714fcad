"""Zeros around an image."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.layers.pooling import IMAGE
from nnctl.layers.sizes import PairFromZero
from nnctl.ops.base import Value
from nnctl.ops.pooling import zero_pad2d


def _by_axis(value: Any) -> Any:
    """Keras's short forms: 1 is [1, 1], and [1, 2] is [[1, 1], [2, 2]]."""
    return (value, value) if isinstance(value, int) else value


@register
class ZeroPadding2D(Layer):
    """Puts rows of zeros above and below, columns of zeros left and right.

    Shapes: x (B, H, W, C), y (B, top + H + bottom, left + W + right, C).
    Source: keras.layers.ZeroPadding2D.
    """

    supports_masking: ClassVar[bool] = False

    padding: Annotated[
        tuple[PairFromZero, PairFromZero],
        BeforeValidator(_by_axis, json_schema_input_type=int | tuple[PairFromZero, PairFromZero]),
    ] = ((1, 1), (1, 1))
    """One number, or one for rows and one for columns, or [[top, bottom], [left, right]]."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    def output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *IMAGE)
        height, width, channels = x
        (top, bottom), (left, right) = self.padding
        return (
            None if height is None else top + height + bottom,
            None if width is None else left + width + right,
            channels,
        )

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return zero_pad2d(x, self.padding)
