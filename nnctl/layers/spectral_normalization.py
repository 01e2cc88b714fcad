"""A layer whose kernel is kept at a largest singular value of 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import PositiveInt, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.initializers.random import TruncatedNormal
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.layers.wrapper import Wrapper
from nnctl.ops.base import Value
from nnctl.ops.spectral import divide_by_norm


@register
class SpectralNormalization(Wrapper, WithTraining):
    """Divides the kernel of a layer by its largest singular value before each call of training.

    The kernel (..., C) is seen as a matrix (R, C). Power iterations find the value, from where the last step
    left vector_u. The divided kernel takes the place of the kernel: gradients are for it, the optimizer's
    step starts from it, and inference uses the kernel as it then is. Where the layer is not trainable, it
    stays.

    Shapes: x and y as the layer says, vector_u (1, C).
    Source: keras.layers.SpectralNormalization (Miyato et al., 2018).
    """

    # Of itself: as in Keras, the mask is the layer's.
    supports_masking: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(keeps=("layer/kernel",))

    power_iterations: PositiveInt = 1
    """How many steps towards the largest singular value each call makes."""

    @field_validator("layer")
    @classmethod
    def _of_one_input(cls, value: Any) -> Any:
        _, most = value.takes()
        told = None
        if value.nests is not None:
            told = "is a model without a kernel of its own"
        elif most != 1:
            told = "may take several inputs"
        elif value.looks_up() is not None:
            told = "looks whole numbers up"
        if told is not None:
            context = {"kind": value.kind, "told": told}
            message = "{kind} {told}, so SpectralNormalization cannot call it"
            raise PydanticCustomError("not_held", message, context)
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        (made, *_) = self.shapes_of("layer", x)
        if "kernel" not in self.layer.weights(x):
            raise ShapeError(
                f"SpectralNormalization divides the kernel of a layer, and {self.layer.kind} has none",
                field="layer",
                expected="Dense, EinsumDense, or a convolution but a separable one",
            )
        shape: Shape = made
        return shape

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        kernel = "layer/kernel"
        weights = self.weights_of("layer", x)
        shape = (1, weights[kernel].shape[-1])
        vector = Weight(shape, TruncatedNormal(stddev=0.02), trainable=False)
        return {kernel: weights.pop(kernel), "vector_u": vector, **weights}

    def output_range(self, x: Range | None) -> Range | None:
        found: Range | None = self.layer.output_range(x)
        return found

    def softmax_axis(self) -> int | None:
        axis: int | None = self.layer.softmax_axis()
        return axis

    def joins_examples(self) -> bool:
        return True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        inside = ctx.inside("layer", self.layer)
        if ctx.training and inside.trainable:
            divided = divide_by_norm(inside.weights["kernel"], ctx.weights["vector_u"], self.power_iterations)
            inside = replace(inside, weights={**inside.weights, "kernel": divided})
        y: Value = self.layer.call(inside, x)
        return y

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | None:
        mask: Value | None = self.layer.output_mask(ctx.inside("layer", self.layer), x)
        return mask
