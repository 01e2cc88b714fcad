"""Images without their colours at random."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nnctl.core.shapes import Shape
from nnctl.layers.augmentation import Coloured
from nnctl.layers.base import register
from nnctl.layers.colours import grey
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class RandomGrayscale(Coloured):
    """While training, makes random ones of the images grey, red, green and blue the same; else y = x.

    Shapes: x (B, H, W, 3) or (B, H, W, 1), which is grey already, y as x.
    Source: keras.layers.RandomGrayscale.
    """

    factor: Annotated[float, Field(ge=0, le=1)] = 0.5
    """The part of the images that is made grey."""

    def compute_output_shape(self, x: Shape) -> Shape:
        if len(x) == 3 and x[2] == 1:
            return x
        return super().compute_output_shape(x)

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        return x if x.shape[3] == 1 else super().transform(ctx, x, draws)

    @staticmethod
    def colour(r: float, g: float, b: float, u: float, factor: float) -> tuple[float, float, float]:
        y = grey(r, g, b)
        return y if u < factor else r, y if u < factor else g, y if u < factor else b
