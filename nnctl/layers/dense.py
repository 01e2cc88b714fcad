"""The affine map of the last axis."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import PositiveInt

from nnctl.activations.base import Activation
from nnctl.constraints.base import Constraint
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, need_known, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.linear import linear
from nnctl.regularizers.base import Regularizer


@register
class Dense(Layer):
    """Affine map of the last axis, y = activation(x W + b).

    Shapes: x (B, ..., I), kernel W (I, O), bias b (O,), y (B, ..., O).
    Source: keras.layers.Dense.
    """

    units: PositiveInt
    """How many numbers come out at each position: O."""
    activation: Activation = "linear"
    """What is applied to the result."""
    use_bias: bool = True
    """Whether b is added."""
    kernel_initializer: Initializer = "glorot_uniform"
    """First values of W."""
    bias_initializer: Initializer = "zeros"
    """First values of b."""
    kernel_regularizer: Regularizer | None = None
    """Penalty on W."""
    bias_regularizer: Regularizer | None = None
    """Penalty on b."""
    activity_regularizer: Regularizer | None = None
    """Penalty on y, divided by the batch size."""
    kernel_constraint: Constraint | None = None
    """What W satisfies after each update."""
    bias_constraint: Constraint | None = None
    """What b satisfies after each update."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_known("Dense", x, -1, "the last axis")
        return (*x[:-1], self.units)

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (x,) = inputs
        features = need_known("Dense", x, -1, "the last axis")
        weights = {
            "kernel": Weight(
                (features, self.units),
                self.kernel_initializer,
                self.kernel_regularizer,
                self.kernel_constraint,
            )
        }
        if self.use_bias:
            weights["bias"] = Weight(
                (self.units,), self.bias_initializer, self.bias_regularizer, self.bias_constraint
            )
        return weights

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        (x,) = inputs
        y = linear(x, ctx.weights["kernel"], ctx.weights.get("bias"))
        return ctx.regularize(self.activity_regularizer, self.activation.apply(y))
