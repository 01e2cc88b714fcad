"""What layers share that drop whole channels."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.core.shapes import Shape
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout


class SpatialDropout(WithTraining):
    """While training, sets a part `rate` of each example's channels to zero and divides the rest by 1 - rate.

    Shapes: x (B, *spatial, C), y (B, *spatial, C).
    """

    in_keras: ClassVar[InKeras] = InKeras(lacks=("trainable",))
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    rate: Annotated[float, Field(ge=0, le=1)]
    """The part of the channels that is dropped."""
    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        return x

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training or self.rate == 0:
            return x
        shared = (x.shape[0], *(1,) * len(self.spatial), x.shape[-1])
        return dropout(x, self.rate, ctx.key("dropout", self.seed), ctx.graph.step(), shared)
