"""The affine map of the last axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveInt

from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithActivation, WithBias, WithKernel
from nnctl.ops.base import Value
from nnctl.ops.linear import linear


@register
class Dense(WithActivation, WithKernel, WithBias):
    """Affine map of the last axis, y = activation(x W + b).

    Shapes: x (B, ..., I), kernel W (I, O), bias b (O,), y (B, ..., O).
    Source: keras.layers.Dense.
    """

    keras_only: ClassVar[tuple[str, ...]] = ("lora_rank", "lora_alpha", "quantization_config")

    units: PositiveInt
    """How many numbers come out at each position: O."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_known(x, -1, "the last axis")
        return (*x[:-1], self.units)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        features = self.need_known(x, -1, "the last axis")
        return self.with_bias({"kernel": self.weight("kernel", (features, self.units))}, self.units)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return self.activated(ctx, linear(x, ctx.weights["kernel"], ctx.weights.get("bias")))
