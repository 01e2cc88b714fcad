"""Images whose shades are made equally frequent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.layers.augmentation import OfImages
from nnctl.layers.augmentation_fields import ValueRange
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat, WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.histograms import equalize


@register
class Equalization(OfImages, WithTraining, WithDataFormat):
    """While training, makes the shades of each channel equally frequent over the batch; else y = x.

    Shapes: x (B, H, W, C), y (B, H, W, C).
    Source: keras.layers.Equalization.
    """

    in_keras: ClassVar[InKeras] = InKeras(not_in_exports="there it closes a circle in any functional model")
    passes_gradient: ClassVar[bool] = False

    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have."""
    bins: Annotated[int, Field(ge=2)] = 256
    """How many shades are told apart."""

    def joins_examples(self) -> bool:
        """Shades are counted over the whole batch."""
        return True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return equalize(x, *self.value_range, self.bins) if ctx.training else x
