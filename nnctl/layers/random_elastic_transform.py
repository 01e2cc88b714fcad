"""Images bent like rubber at random."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnctl.kernels.functions import exp, floor
from nnctl.layers.augmentation import Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.blurring import bell, blurred
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, fill
from nnctl.ops.formula import formula
from nnctl.ops.noise import normal, uniform
from nnctl.ops.pixels import numbers
from nnctl.ops.sampling import FillMode, Interpolation, Sample, sample
from nnctl.ops.shape import broadcast_to


@register
class RandomElasticTransform(Cutting, WithDataFormat):
    """While training, reads pixels of random ones of the images beside their places; else y = x.

    Noise has a deviation s = 0.05 f min(H, W), is blurred by a bell of that deviation, and multiplied by
    0.1 f max(H, W), with one f for a batch.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomElasticTransform.
    """

    draws: ClassVar[int] = 2

    factor: UnitFactor = 1.0
    """Between what the probability of an image is drawn; f is [0, f]."""
    scale: UnitFactor = 1.0
    """Between what f is drawn, how far images are bent; one number b is [0, b]."""
    interpolation: Interpolation = "bilinear"
    """Whether a pixel is read off the nearest of the image, or off the four around its place."""
    fill_mode: FillMode = "reflect"
    """How an image goes on beyond its edges: dcba|abcd|dcba, and with `mirror` dcb|abcd|cba."""
    fill_value: float = 0.0
    """The constant of `fill_mode: constant`."""

    def joins_examples(self) -> bool:
        """The batch has one f."""
        return True

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        if from_zero(self.scale)[1] == 0 or from_zero(self.factor)[1] == 0:
            return x
        read = sample(x, self.places(ctx, x), Sample(self.interpolation, self.fill_mode, self.fill_value))
        return self.cut(self.where_chosen(x, read, draws, self.factor))

    def bend(self, ctx: LayerContext, x: Value) -> Value:
        """What f of this step is drawn as (1, 1), in [0, 1)."""
        return uniform(ctx.graph, (1, 1), ctx.key("bend", self.seed))

    def noise(self, ctx: LayerContext, x: Value) -> Value:
        """Normal numbers of this step for rows and columns (B, H, W, 2)."""
        like = fill(ctx.graph, (*x.shape[:3], 2), 0.0)
        return normal(like, 0.0, 1.0, ctx.key("noise", self.seed), ctx.graph.step())

    def places(self, ctx: LayerContext, x: Value) -> Value:
        """Where each pixel is read, row and column (B, H, W, 2)."""
        batch, height, width, _ = x.shape
        small, large = from_zero(self.scale)
        side = 0.05 * min(height, width)
        ends = {"small": small, "large": large, "side": side, "area": side * 0.1 * max(height, width)}
        one = self.bend(ctx, x)
        weights = bell(one, int(6 * large * side) | 1, formula(self.height, 2, self, ends))
        moves = numbers(
            blurred(self.noise(ctx, x), weights, weights),
            broadcast_to(one, (batch, 1)),
            formula(self.bent, 2, self, ends),
        )
        grid = np.moveaxis(np.indices((height, width)), 0, -1).astype(x.dtype)[None]
        return add(broadcast_to(ctx.graph.constant(grid), moves.shape), moves)

    @staticmethod
    def bent(x: float, u: float, small: float, large: float, area: float) -> float:
        f = small + u * (large - small)
        return x * f * f * area

    @staticmethod
    def height(x: float, u: float, small: float, large: float, side: float) -> float:
        """Of the bell, which ends at three deviations; where that is none, only the middle counts."""
        sigma = (small + u * (large - small)) * side
        z = x / sigma if sigma > 0 else 0
        return exp(-0.5 * z * z) if abs(x) <= floor(3 * sigma) else 0
