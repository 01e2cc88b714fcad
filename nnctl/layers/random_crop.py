"""Parts of images cut out at random."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt

from nnctl.core.shapes import Shape
from nnctl.kernels.functions import floor
from nnctl.layers.augmentation import Augmentation
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.in_keras import InKeras
from nnctl.layers.resizing import largest, middle, resized
from nnctl.ops.base import Value
from nnctl.ops.noise import uniform
from nnctl.ops.sampling import Sample, projected_places, sample
from nnctl.ops.shape import broadcast_to, slice_axis


@register
class RandomCrop(Augmentation, WithDataFormat):
    """While training, cuts the same random part out of each image of a batch; else the middle, resized.

    In inference it is the largest part in the middle of the images with the proportions of (height, width).
    While training, images that are not larger in both directions are cut from where this part begins, then
    stretched.

    Shapes: x (B, H, W, C), y (B, height, width, C).
    Source: keras.layers.RandomCrop.
    """

    in_keras: ClassVar[InKeras] = InKeras(
        not_in_exports="in inference its own leaves images in another shape than it says",
        not_in_imports="in inference Keras 3 leaves images in another shape than the layer says",
    )
    draws: ClassVar[int] = 2

    height: PositiveInt
    """Rows of the part."""
    width: PositiveInt
    """Columns of the part."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "height", "width", "channels")
        return (self.height, self.width, x[2])

    def joins_examples(self) -> bool:
        """The batch is cropped at one place."""
        return True

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if ctx.training:
            return self.transform(ctx, x, self.draw(ctx, x))
        return resized(middle(x, self.height, self.width), self.height, self.width)

    def draw(self, ctx: LayerContext, x: Value) -> Value:
        one = uniform(ctx.graph, (1, self.draws), ctx.key("augmentation", self.seed))
        return broadcast_to(one, (x.shape[0], self.draws))

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        _, height, width, _ = x.shape
        if height <= self.height or width <= self.width:
            return self._stretched(x)
        matrix = self.formula(self.corner, 0, rows=height - self.height + 1, columns=width - self.width + 1)
        return sample(
            x, projected_places(draws, matrix, (self.height, self.width)), Sample("nearest", "nearest")
        )

    def _stretched(self, x: Value) -> Value:
        """The rows and columns of y, or what there is, from the corner of the largest part, resized."""
        sizes = (self.height, self.width)
        for axis, (kept, size) in enumerate(zip(largest(x, *sizes), sizes, strict=True), start=1):
            start = (x.shape[axis] - kept) // 2
            x = slice_axis(x, axis, start, min(start + size, x.shape[axis]))
        return resized(x, *sizes)

    @staticmethod
    def corner(u: float, v: float, rows: float, columns: float) -> tuple[float, ...]:
        """How many rows and columns there are for the part's first."""
        return 1, 0, floor(v * columns), 0, 1, floor(u * rows), 0, 0
