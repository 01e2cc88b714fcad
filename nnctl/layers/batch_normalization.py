"""Normalization of each channel over the batch."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Weight, register
from nnctl.layers.batch_renorm import batch_renorm, renorm_weights
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

    With `renorm`, the normalized x becomes r x + d before gamma and beta, where r and d, taken as given, lead
    from the batch's statistics to averages of former batches'.

    Shapes: x (B, ..., C), gamma, beta, moving_mean, moving_variance (C,), with `renorm` moving_stddev,
    renorm_mean, renorm_stddev (C,), y (B, ..., C).
    Source: keras.layers.BatchNormalization (Ioffe and Szegedy, 2015).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("synchronized",)

    axis: int = -1
    """The channels' axis; 0 is the batch, -1 the last."""
    momentum: Annotated[float, Field(ge=0, le=1)] = 0.99
    """How much of a moving average stays at each step."""
    moving_mean_initializer: Initializer = "zeros"
    """First values of the moving mean."""
    moving_variance_initializer: Initializer = "ones"
    """First values of the moving variance."""
    renorm: bool = False
    """Whether batches are normalized nearly as in inference: y is corrected by r and d (Ioffe, 2017)."""
    renorm_clipping: dict[Literal["rmin", "rmax", "dmax"], float] | None = None
    """Bounds of the corrections: r from rmin to rmax, d from -dmax to dmax; default: none."""
    renorm_momentum: Annotated[float, Field(ge=0, le=1)] = 0.99
    """How much stays at each step of the averages that r and d compare with."""

    @field_validator("renorm_clipping")
    @classmethod
    def _bounds(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        bounds = value or {}
        if bounds.get("rmin", 0.0) > bounds.get("rmax", inf):
            raise PydanticCustomError("renorm", "rmax is less than rmin")
        if bounds.get("dmax", 0.0) < 0:
            raise PydanticCustomError("renorm", "dmax is negative")
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_known(x, self.need_axis(x, self.axis), "the channels")
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (self.need_known(x, self.need_axis(x, self.axis), "the channels"),)
        weights = self.scale_weights(shape)
        for name in ("moving_mean", "moving_variance"):
            weights[name] = self.weight(name, shape, trainable=False)
        return weights | (renorm_weights(weights) if self.renorm else {})

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def joins_examples(self) -> bool:
        return True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        at, last = self.need_axis(x.shape[1:], self.axis) + 1, len(x.shape) - 1
        x = move_axis(x, at, last)
        gamma, beta = ctx.weights.get("gamma"), ctx.weights.get("beta")
        mean, variance = ctx.weights["moving_mean"], ctx.weights["moving_variance"]
        if ctx.training and ctx.trainable:
            # A mask (B, T) says which rows of x (B, T, C) count, and so for more axes.
            whole = ctx.mask is not None and ctx.mask.shape == x.shape[:-1] and at == last
            mask = ctx.mask if whole else None
            if self.renorm:
                bounds = self.renorm_clipping or {}
                momenta = (self.momentum, self.renorm_momentum)
                y = batch_renorm(x, ctx.weights, self.epsilon, mask, bounds, momenta)
            else:
                y, batch_mean, batch_variance = batch_norm_train(x, gamma, beta, self.epsilon, mask)
                update_moving(mean, batch_mean, self.momentum)
                update_moving(variance, batch_variance, self.momentum)
        else:
            y = batch_norm_infer(x, gamma, beta, mean, variance, self.epsilon)
        return move_axis(y, last, at)
