"""What layers share that change images as others of a few layers do, which ones being drawn for the batch."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.augmentation import Augmentation, Cutting, OfImages
from nnctl.layers.augmentation_fields import UnitFactor, from_zero
from nnctl.layers.auto_contrast import AutoContrast
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
from nnctl.ops.sampling import Interpolation
from nnctl.ops.shape import slice_axis


class OfMany(Cutting, WithDataFormat):
    """Images changed as some of eleven layers do; only those that are drawn are computed."""

    shared_fields: ClassVar[bool] = True
    passes_gradient: ClassVar[bool] = False

    factor: UnitFactor
    """The least and the largest factor of each layer; f is [0, f]."""
    interpolation: Interpolation = "bilinear"
    """Of what moves and turns images."""

    def steps(self) -> list[OfImages]:
        """The layers that are taken from, in the order in which they are numbered; default: all eleven."""
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
        coloured = shape[2] != 1 and any(isinstance(s, RandomColorDegeneration) for s in self.steps())
        return RandomColorDegeneration(factor=1.0).compute_output_shape(shape) if coloured else shape

    def joins_examples(self) -> bool:
        """The changes are chosen for the batch."""
        return True

    def changed(self, ctx: LayerContext, step: OfImages, x: Value, draws: Value, first: int) -> Value:
        """x after one of the changes, by draws (B, ...) from number `first` on."""
        if isinstance(step, Augmentation):
            grey = isinstance(step, RandomColorDegeneration) and x.shape[3] == 1
            return x if grey else step.transform(ctx, x, slice_axis(draws, 1, first, first + step.draws))
        made = step.call(ctx, x)
        assert isinstance(made, Value)
        return made
