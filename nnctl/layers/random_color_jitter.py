"""Images with other brightness, contrast, saturation and hues at random."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.shapes import Shape
from nnctl.layers.augmentation import Augmentation, Cutting
from nnctl.layers.augmentation_fields import SignedFactor, UnitFactor
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat
from nnctl.layers.random_brightness import RandomBrightness
from nnctl.layers.random_contrast import RandomContrast
from nnctl.layers.random_hue import RandomHue
from nnctl.layers.random_saturation import RandomSaturation
from nnctl.ops.base import Value
from nnctl.ops.shape import slice_axis


@register
class RandomColorJitter(Cutting, WithDataFormat):
    """While training, does what RandomBrightness, RandomContrast, RandomSaturation, RandomHue do; else y = x.

    Shapes: x (B, H, W, C), C is 3 where saturations or hues change, y (B, H, W, C).
    Source: keras.layers.RandomColorJitter.
    """

    passes_gradient: ClassVar[bool] = False
    draws: ClassVar[int] = 5

    brightness_factor: SignedFactor | None = None
    """RandomBrightness's factor; null: not changed."""
    contrast_factor: UnitFactor | None = None
    """RandomContrast's."""
    saturation_factor: UnitFactor | None = None
    """RandomSaturation's."""
    hue_factor: UnitFactor | None = None
    """RandomHue's."""

    def steps(self) -> list[Augmentation]:
        """What is done, one after the other."""
        kinds = {
            RandomBrightness: self.brightness_factor,
            RandomContrast: self.contrast_factor,
            RandomSaturation: self.saturation_factor,
            RandomHue: self.hue_factor,
        }
        return [
            kind(factor=factor, value_range=self.value_range)
            for kind, factor in kinds.items()
            if factor is not None
        ]

    def compute_output_shape(self, x: Shape) -> Shape:
        for step in self.steps():
            step.compute_output_shape(x)
        return super().compute_output_shape(x)

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        start = 0
        for step in self.steps():
            x = step.transform(ctx, x, slice_axis(draws, 1, start, start + step.draws))
            start += step.draws
        return x
