"""What layers share that make each example of two of the batch, images and targets alike."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.augmentation import OfImages
from nnctl.layers.context import LayerContext, Mixing
from nnctl.layers.fields import WithDataFormat, WithTraining
from nnctl.ops.base import Value
from nnctl.ops.mixing import order


class Mixer(OfImages, WithTraining, WithDataFormat):
    """While training, mixes each example of a batch with another; else y = x. A subclass gives `mixing`."""

    shared_fields: ClassVar[bool] = True
    mixes_examples: ClassVar[bool] = True

    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def joins_examples(self) -> bool:
        """That is what it is for."""
        return True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not ctx.training:
            return x
        mixing = self.mixing(ctx, x)
        ctx.mixings.append(mixing)
        return mixing(x)

    def order(self, ctx: LayerContext, x: Value) -> Value:
        """Which example (B,) each one of the batch is mixed with in this step; some with themselves."""
        return order(ctx.graph, x.shape[0], ctx.key("order", self.seed))

    def mixing(self, ctx: LayerContext, x: Value) -> Mixing:
        """What mixes images x (B, H, W, C), and all that belongs to them, in this step."""
        raise NotImplementedError
