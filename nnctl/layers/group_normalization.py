"""Normalization of each example's channels in groups."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

from pydantic import PositiveInt

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithScale
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add_row, multiply_row
from nnctl.ops.normalization import layer_norm
from nnctl.ops.shape import reshape, swap_axes
from nnctl.ops.transpose import move_axis


@register
class GroupNormalization(WithScale):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, over all places and the channels of a group.

    Mean and variance are each example's own. Masked places count too.

    Shapes: x (B, ..., C), gamma, beta (C,), y (B, ..., C); a group has C / groups channels side by side.
    Source: keras.layers.GroupNormalization (Wu and He, 2018).
    """

    groups: Literal[-1] | PositiveInt = 32
    """How many groups there are; -1 is one for each channel."""
    axis: int = -1
    """The channels' axis; 0 is the batch, -1 the last."""

    def compute_output_shape(self, x: Shape) -> Shape:
        channels = self._channels(x)
        if self.groups != -1 and channels % self.groups:
            raise ShapeError(
                f"GroupNormalization cannot part {channels} channels into {self.groups} groups of one size",
                field="groups",
                expected=f"a divisor of {channels}, or -1 for one group for each channel",
            )
        return x

    def _channels(self, x: Shape) -> int:
        return self.need_known(x, self.need_axis(x, self.axis), "the channels")

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return self.scale_weights((self._channels(x),))

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, x: Value) -> Value:
        at, last = self.need_axis(x.shape[1:], self.axis) + 1, len(x.shape) - 1
        x = move_axis(x, at, last)
        batch, *places, channels = x.shape
        groups = channels if self.groups == -1 else self.groups
        grouped = swap_axes(reshape(x, (batch, prod(places), groups, channels // groups)), 1)
        rows = reshape(grouped, (batch, groups, prod(places) * channels // groups))
        y = swap_axes(reshape(layer_norm(rows, None, None, self.epsilon), grouped.shape), 1)
        y = reshape(y, x.shape)
        gamma, beta = ctx.weights.get("gamma"), ctx.weights.get("beta")
        y = y if gamma is None else multiply_row(y, gamma)
        return move_axis(y if beta is None else add_row(y, beta), last, at)
