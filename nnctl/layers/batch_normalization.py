"""Normalization of each channel over the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithScale, WithTraining
from nnctl.ops.base import Value
from nnctl.ops.normalization import batch_norm_infer, batch_norm_train, update_moving
from nnctl.ops.transpose import move_axis


@register
class BatchNormalization(WithScale, WithTraining):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, channel by channel.

    While training, mean and variance are the batch's (masked positions left out) and moving averages follow
    them; else, and where the layer is not trainable, they are the moving averages.

    Shapes: x (B, ..., C), gamma, beta, moving_mean, moving_variance (C,), y (B, ..., C).
    Source: keras.layers.BatchNormalization (Ioffe and Szegedy, 2015).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("synchronized", "renorm", "renorm_clipping", "renorm_momentum")

    axis: int = -1
    """The channels' axis; 0 is the batch, -1 the last."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.99
    """How much of a moving average stays at each step."""
    moving_mean_initializer: Initializer = "zeros"
    """First values of the moving mean."""
    moving_variance_initializer: Initializer = "ones"
    """First values of the moving variance."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_known(x, self.need_axis(x, self.axis), "the channels")
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (self.need_known(x, self.need_axis(x, self.axis), "the channels"),)
        weights = self.scale_weights(shape)
        for name in ("moving_mean", "moving_variance"):
            weights[name] = self.weight(name, shape, trainable=False)
        return weights

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, x: Value) -> Value:
        at, last = self.need_axis(x.shape[1:], self.axis) + 1, len(x.shape) - 1
        x = move_axis(x, at, last)
        gamma, beta = ctx.weights.get("gamma"), ctx.weights.get("beta")
        mean, variance = ctx.weights["moving_mean"], ctx.weights["moving_variance"]
        if ctx.training and ctx.trainable:
            # A mask (B, T) says which rows of x (B, T, C) count, and so for more axes.
            whole = ctx.mask is not None and ctx.mask.shape == x.shape[:-1] and at == last
            mask = ctx.mask if whole else None
            y, batch_mean, batch_variance = batch_norm_train(x, gamma, beta, self.epsilon, mask)
            update_moving(mean, batch_mean, self.momentum)
            update_moving(variance, batch_variance, self.momentum)
        else:
            y = batch_norm_infer(x, gamma, beta, mean, variance, self.epsilon)
        return move_axis(y, last, at)
