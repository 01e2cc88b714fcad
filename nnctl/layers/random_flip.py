"""Images turned over at random."""

from __future__ import annotations

from typing import Literal

from nnctl.layers.augmentation import Augmentation
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.ops.base import Value
from nnctl.ops.sampling import Sample, projected_places, sample


@register
class RandomFlip(Augmentation, WithDataFormat):
    """While training, turns half of the images over; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.RandomFlip.
    """

    mode: Literal["horizontal", "vertical", "horizontal_and_vertical"] = "horizontal_and_vertical"
    """Whether left and right change places, top and bottom, or both together."""

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        _, height, width, _ = x.shape
        matrix = self.formula(
            self.projection,
            0,
            right=width - 1.0 if "horizontal" in self.mode else -1.0,
            bottom=height - 1.0 if "vertical" in self.mode else -1.0,
        )
        # Every place is a pixel's own, so that the nearest is exact.
        return sample(x, projected_places(draws, matrix, (height, width)), Sample("nearest", "nearest"))

    @staticmethod
    def projection(u: float, right: float, bottom: float) -> tuple[float, ...]:
        """The last column and row, where they become the first; -1 where they stay."""
        across, down = u <= 0.5 and right >= 0, u <= 0.5 and bottom >= 0
        x = -1 if across else 1
        y = -1 if down else 1
        return x, 0, right if across else 0, 0, y, bottom if down else 0, 0, 0
