"""Chains of changes to images, mixed with the images."""

from __future__ import annotations

from functools import partial

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from nnctl.layers.augmentation import OfImages
from nnctl.layers.augmentation_fields import UnitFactor
from nnctl.layers.auto_contrast import AutoContrast
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.equalization import Equalization
from nnctl.layers.many_changes import OfMany
from nnctl.layers.random_brightness import RandomBrightness
from nnctl.layers.random_color_degeneration import RandomColorDegeneration
from nnctl.layers.random_contrast import RandomContrast
from nnctl.layers.random_posterization import RandomPosterization
from nnctl.layers.random_rotation import RandomRotation
from nnctl.layers.random_sharpness import RandomSharpness
from nnctl.layers.random_shear import RandomShear
from nnctl.layers.random_translation import RandomTranslation
from nnctl.layers.solarization import Solarization
from nnctl.ops.base import Value
from nnctl.ops.choice import one_of
from nnctl.ops.elementwise import add
from nnctl.ops.mixing import mixed, part, shares
from nnctl.ops.noise import uniform
from nnctl.ops.shape import broadcast_to, slice_axis

KINDS = (
    RandomShear,
    RandomTranslation,
    RandomRotation,
    RandomPosterization,
    Solarization,
    AutoContrast,
    Equalization,
)
MORE = (RandomBrightness, RandomColorDegeneration, RandomContrast, RandomSharpness)
MOST_DRAWS = 3
"""Of one change: what RandomShear draws."""


@register
class AugMix(OfMany):
    """While training, adds up images changed by several chains of layers, and the images; else y = x.

    y = s x + (1 - s) (w_1 c_1(x) + ... + w_n c_n(x)), cut to the range. The layers of each chain c and the
    weights w and s are drawn for the batch, how far the layers go for each image.

    Shapes: x (B, H, W, C), C is 3 or 1 with `all_ops`, y (B, H, W, C).
    Source: keras.layers.AugMix; Hendrycks et al., "AugMix" (2020).
    """

    num_chains: PositiveInt = 3
    """How many chains."""
    chain_depth: PositiveInt = 3
    """How many changes a chain makes at most: each place holds one of the layers, or none, all as likely."""
    factor: UnitFactor = 0.3
    """The least and the largest factor of each layer; f is [0, f]."""
    alpha: PositiveFloat = 1.0
    """Of the distributions of w (Dirichlet's) and s (Beta's): the larger, the more even the mixture."""
    all_ops: bool = True
    """Whether brightness, colours, contrast and sharpness change, too."""

    def steps(self) -> list[OfImages]:
        made: dict[type[OfImages], OfImages] = {type(step): step for step in super().steps()}
        return [made[kind] for kind in (*KINDS, *(MORE if self.all_ops else ()))]

    def places(self) -> int:
        """Of all chains."""
        return self.num_chains * self.chain_depth

    def draw(self, ctx: LayerContext, x: Value) -> Value:
        shape = (x.shape[0], self.places() * MOST_DRAWS)
        return uniform(ctx.graph, shape, ctx.key("augmentation", self.seed))

    def choices(self, ctx: LayerContext, x: Value) -> Value:
        """What stands at each place (1, places): drawn in [0, 1), which the layers and nothing share."""
        return uniform(ctx.graph, (1, self.places()), ctx.key("choices", self.seed))

    def shares(self, ctx: LayerContext, x: Value) -> tuple[Value, Value]:
        """The weights w (1, num_chains) and s (1, 1) of this step."""
        alpha = ctx.graph.constant(np.array([self.alpha], x.dtype))
        weights = shares(ctx.graph, (1, self.num_chains), alpha, ctx.key("weights", self.seed))
        both = shares(ctx.graph, (1, 2), alpha, ctx.key("share", self.seed))
        return weights, slice_axis(both, 1, 0, 1)

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        choices, (weights, share) = self.choices(ctx, x), self.shares(ctx, x)
        rows = (x.shape[0], 1)
        total: Value | None = None
        for chain in range(self.num_chains):
            y = x
            for place in range(chain * self.chain_depth, (chain + 1) * self.chain_depth):
                y = self._changed(ctx, y, draws, choices, place)
            y = part(y, broadcast_to(slice_axis(weights, 1, chain, chain + 1), rows))
            total = y if total is None else add(total, y)
        assert total is not None
        return self.cut(mixed(x, total, broadcast_to(share, rows)))

    def _changed(self, ctx: LayerContext, x: Value, draws: Value, choices: Value, place: int) -> Value:
        """x after what is drawn for one place, whose draws serve whichever layer that is."""
        steps = self.steps()
        changes = [partial(self.changed, ctx, step, x, draws, place * MOST_DRAWS) for step in steps]
        return one_of(x, changes, slice_axis(choices, 1, place, place + 1), len(steps) + 1)
