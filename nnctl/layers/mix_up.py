"""Examples added to one another."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveFloat

from nnctl.layers.base import register
from nnctl.layers.context import LayerContext, Mixing
from nnctl.layers.mixer import Mixer
from nnctl.ops.base import Value
from nnctl.ops.mixing import in_order, mixed, shares
from nnctl.ops.shape import slice_axis


@register
class MixUp(Mixer):
    """While training, y = w x + (1 - w) x', x' another image of the batch; else y = x.

    w is drawn for each image, from Beta(alpha, alpha). Targets and sample weights are mixed alike, class
    numbers as rows of one number per class.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.MixUp; Zhang, Cisse, Dauphin, Lopez-Paz, "mixup" (2018).
    """

    alpha: PositiveFloat = 0.2
    """The larger, the more even the mixture; near 0, w is near 0 or 1."""

    def shares(self, ctx: LayerContext, x: Value) -> Value:
        """The weights w (B, 1) of this step."""
        alpha = ctx.graph.constant(np.array([self.alpha], x.dtype))
        both = shares(ctx.graph, (x.shape[0], 2), alpha, ctx.key("shares", self.seed))
        return slice_axis(both, 1, 0, 1)

    def mixing(self, ctx: LayerContext, x: Value) -> Mixing:
        places, kept = self.order(ctx, x), self.shares(ctx, x)
        return lambda values: mixed(values, in_order(values, places), kept)
