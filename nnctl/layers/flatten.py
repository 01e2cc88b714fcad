"""All axes but the batch as one."""

from __future__ import annotations

from math import prod
from typing import ClassVar, Literal

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape


@register
class Flatten(Layer):
    """Sees every example as one row, the last axis running fastest.

    Shapes: x (B, ...), y (B, N) with N the product of x's other axes.
    Source: keras.layers.Flatten.
    """

    supports_masking: ClassVar[bool] = False
    any_dtype: ClassVar[bool] = True
    keeps_range: ClassVar[bool] = True

    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    def compute_output_shape(self, x: Shape) -> Shape:
        return (None,) if None in x else (prod(n for n in x if n is not None),)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return reshape(x, (x.shape[0], prod(x.shape[1:])))
