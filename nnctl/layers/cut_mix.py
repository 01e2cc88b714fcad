"""Parts of images put into other images."""

from __future__ import annotations

from nnctl.kernels.functions import sqrt
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext, Mixing
from nnctl.layers.mixer import Mixer
from nnctl.ops.base import Value
from nnctl.ops.elementwise import affine
from nnctl.ops.formula import Formula
from nnctl.ops.mixing import in_order, mixed, shares
from nnctl.ops.noise import uniform
from nnctl.ops.pixels import numbers, paste
from nnctl.ops.shape import concatenate, reshape, slice_axis


@register
class CutMix(Mixer):
    """While training, puts into a box of each image what another one of the batch has there; else y = x.

    The part w that is kept of an image is drawn for each, from Beta(alpha, alpha), the box's place at random.
    Targets and sample weights are w of the one and 1 - w of the other image's, class numbers as rows of one
    number per class. Targets of pixels, of an output (H, W, ...), are put into the same box instead.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.CutMix; Yun et al., "CutMix" (2019).
    """

    factor: UnitFactor = 1.0
    """Between what alpha is drawn for a batch; f is [0, f]."""

    def draw(self, ctx: LayerContext, x: Value) -> Value:
        """Of each image (B, 3): the part that is kept, and the box's place across and down in [0, 1)."""
        least, most = from_zero(self.factor)
        batch, graph = x.shape[0], ctx.graph
        one = uniform(graph, (1,), ctx.key("alpha", self.seed))
        alpha = affine(one, most - least, least + 1e-6)
        both = shares(graph, (batch, 2), alpha, ctx.key("shares", self.seed))
        return concatenate(
            [slice_axis(both, 1, 0, 1), uniform(graph, (batch, 2), ctx.key("places", self.seed))], 1
        )

    def mixing(self, ctx: LayerContext, x: Value) -> Mixing:
        places, draws = self.order(ctx, x), self.draw(ctx, x)
        _, *size, _ = x.shape
        ends = tuple(map(float, size))
        kept = numbers(slice_axis(draws, 1, 0, 1), draws, Formula(outside, ends))

        def mixing(values: Value) -> Value:
            other = in_order(values, places)
            if len(values.shape) < len(x.shape) or list(values.shape[1:3]) != size:
                return mixed(values, other, kept)
            images = (x.shape[0], *size, -1)
            pasted = paste(reshape(values, images), reshape(other, images), draws, Formula(box, ends))
            return reshape(pasted, values.shape)

        return mixing


def box(
    kept: float, across: float, down: float, height: float, width: float
) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of what is put in."""
    part = sqrt(1 - kept)
    columns, rows = part * width, part * height
    x, y = across * (width - columns), down * (height - rows)
    return x, x + columns, y, y + rows


def outside(x: float, kept: float, across: float, down: float, height: float, width: float) -> float:
    """The part of an image that lies outside of its box."""
    left, right, top, bottom = box(kept, across, down, height, width)
    return 1 - (right - left) * (bottom - top) / (width * height)
