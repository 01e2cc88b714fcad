"""Normalization of each channel over the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, NonNegativeFloat

from nnctl.constraints.base import Constraint
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, need_axis, need_known, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.normalization import batch_norm_infer, batch_norm_train, update_moving
from nnctl.ops.transpose import move_axis
from nnctl.regularizers.base import Regularizer


@register
class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    While training, mean and variance are the batch's (masked positions left out) and moving averages follow
    them; else, and where the layer is not trainable, they are the moving averages.

    Shapes: x (B, ..., C), gamma, beta, moving_mean, moving_variance (C,), y (B, ..., C).
    Source: keras.layers.BatchNormalization (Ioffe and Szegedy, 2015).
    """

    axis: int = -1
    """The channels' axis; 0 is the batch, -1 the last."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.99
    """How much of a moving average stays at each step."""
    epsilon: NonNegativeFloat = 1e-3
    """What is added to the variance."""
    center: bool = True
    """Whether beta is added."""
    scale: bool = True
    """Whether gamma multiplies."""
    beta_initializer: Initializer = "zeros"
    """First values of beta."""
    gamma_initializer: Initializer = "ones"
    """First values of gamma."""
    moving_mean_initializer: Initializer = "zeros"
    """First values of the moving mean."""
    moving_variance_initializer: Initializer = "ones"
    """First values of the moving variance."""
    beta_regularizer: Regularizer | None = None
    """Penalty on beta."""
    gamma_regularizer: Regularizer | None = None
    """Penalty on gamma."""
    beta_constraint: Constraint | None = None
    """What beta satisfies after each update."""
    gamma_constraint: Constraint | None = None
    """What gamma satisfies after each update."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        need_known("BatchNormalization", x, need_axis("BatchNormalization", x, self.axis), "the channels")
        return x

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (x,) = inputs
        channels = x[need_axis("BatchNormalization", x, self.axis)]
        assert channels is not None
        shape = (channels,)
        weights = {}
        if self.scale:
            weights["gamma"] = Weight(
                shape, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            weights["beta"] = Weight(
                shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )
        weights["moving_mean"] = Weight(shape, self.moving_mean_initializer, trainable=False)
        weights["moving_variance"] = Weight(shape, self.moving_variance_initializer, trainable=False)
        return weights

    def value_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        (x,) = inputs
        at, last = need_axis("BatchNormalization", x.shape[1:], self.axis) + 1, len(x.shape) - 1
        x = move_axis(x, at, last)
        gamma, beta = ctx.weights.get("gamma"), ctx.weights.get("beta")
        mean, variance = ctx.weights["moving_mean"], ctx.weights["moving_variance"]
        if ctx.training and ctx.trainable:
            # A mask (B, T) says which rows of x (B, T, C) count.
            mask = ctx.mask if len(x.shape) == 3 and at == last else None
            y, batch_mean, batch_variance = batch_norm_train(x, gamma, beta, self.epsilon, mask)
            update_moving(mean, batch_mean, self.momentum)
            update_moving(variance, batch_variance, self.momentum)
        else:
            y = batch_norm_infer(x, gamma, beta, mean, variance, self.epsilon)
        return move_axis(y, last, at)
