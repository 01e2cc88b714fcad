"""A few of many changes to images, taken at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import PositiveInt

from nnctl.core.shapes import Shape
from nnctl.kernels.functions import floor
from nnctl.layers.augmentation import Augmentation, Cutting
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.auto_contrast import AutoContrast
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.equalization import Equalization
from nnctl.layers.fields import WithDataFormat
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
from nnctl.ops.formula import formula
from nnctl.ops.noise import uniform
from nnctl.ops.pixels import paste
from nnctl.ops.sampling import Interpolation
from nnctl.ops.shape import broadcast_to, slice_axis


@register
class RandAugment(Cutting, WithDataFormat):
    """While training, changes images as `num_ops` of eleven layers do, drawn for the batch; else y = x.

    How far they go is drawn for each image. All are computed, and most are not used.

    Shapes: x (B, H, W, C), C is 3 or 1, y (B, H, W, C).
    Source: keras.layers.RandAugment; Cubuk, Zoph, Shlens, Le (2020).
    """

    passes_gradient: ClassVar[bool] = False
    draws: ClassVar[int] = 13

    num_ops: PositiveInt = 2
    """How many changes, one after the other; the same one may come again."""
    factor: UnitFactor = 0.5
    """The least and the largest factor of each layer; f is [0, f]."""
    interpolation: Interpolation = "bilinear"
    """Of what moves and turns images."""

    def steps(self) -> list[Augmentation | AutoContrast | Equalization]:
        """The layers, in Keras's order."""
        factor = from_zero(self.factor)
        ranged = {"value_range": self.value_range}
        plane = {"interpolation": self.interpolation}
        bits = max(1, int(8 * factor[1]))
        return [
            RandomShear(x_factor=factor, y_factor=factor, **plane),
            RandomTranslation(height_factor=factor, width_factor=factor, **plane),
            RandomRotation(factor=factor, **plane),
            RandomBrightness(factor=factor, **ranged),
            RandomColorDegeneration(factor=factor, **ranged),
            RandomContrast(factor=factor, **ranged),
            RandomSharpness(factor=factor, **ranged),
            RandomPosterization(factor=bits, **ranged),
            Solarization(addition_factor=factor, threshold_factor=factor, **ranged),
            AutoContrast(**ranged),
            Equalization(**ranged),
        ]

    def compute_output_shape(self, x: Shape) -> Shape:
        shape = super().compute_output_shape(x)
        return shape if shape[2] == 1 else RandomColorDegeneration(factor=1.0).compute_output_shape(shape)

    def joins_examples(self) -> bool:
        """The changes are chosen for the batch."""
        return True

    def choices(self, ctx: LayerContext, x: Value) -> Value:
        """Which changes this step makes, drawn as (1, num_ops) in [0, 1), a place on a list of eleven."""
        return uniform(ctx.graph, (1, self.num_ops), ctx.key("choices", self.seed))

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        batch, height, width, _ = x.shape
        choices = self.choices(ctx, x)
        for number in range(self.num_ops):
            choice = broadcast_to(slice_axis(choices, 1, number, number + 1), (batch, 1))
            y = x
            for at, changed in enumerate(self._changed(ctx, x, draws)):
                ends = {"at": at, "height": height, "width": width}
                y = paste(y, changed, choice, formula(self.taken, 1, self, ends))
            x = y
        return x

    def _changed(self, ctx: LayerContext, x: Value, draws: Value) -> Iterator[Value]:
        """x after each of the changes."""
        start = 0
        for step in self.steps():
            if isinstance(step, Augmentation):
                own = slice_axis(draws, 1, start, start + step.draws)
                start += step.draws
                grey = isinstance(step, RandomColorDegeneration) and x.shape[3] == 1
                yield x if grey else step.transform(ctx, x, own)
            else:
                yield step.call(ctx, x)

    @staticmethod
    def taken(u: float, at: float, height: float, width: float) -> tuple[float, float, float, float]:
        """The box of all of an image where the change `at` is drawn, of nothing elsewhere."""
        return 0, width if floor(u * 11) == at else 0, 0, height
