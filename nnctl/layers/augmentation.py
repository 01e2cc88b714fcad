"""What layers share that change images at random while training, each image by numbers drawn for it.

The draws of row i of a batch are a function of the seed, the layer, the step and i: the same on any number of
threads and after a resume, and those of a short last batch are the first of a full one's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.augmentation_fields import Factor, UnitFactor, ValueRange, from_zero
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithDataFormat, WithTraining
from nnctl.ops.activation import clip
from nnctl.ops.base import Value
from nnctl.ops.formula import Formula, formula
from nnctl.ops.noise import uniform
from nnctl.ops.pixels import colours, numbers, paste
from nnctl.ops.sampling import FillMode, Interpolation, Sample, projected_places, sample


class OfImages(Layer):
    """A layer that makes images (B, H, W, C) of images."""

    keras_only: ClassVar[tuple[str, ...]] = ("bounding_box_format",)
    supports_masking: ClassVar[bool] = False

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, "height", "width", "channels")
        return x


class Augmentation(OfImages, WithTraining):
    """Images changed at random while training; else y = x. A subclass gives `transform`."""

    shared_fields: ClassVar[bool] = True
    draws: ClassVar[int] = 1
    """How many numbers are drawn for an image."""

    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return self.transform(ctx, x, self.draw(ctx, x)) if ctx.training else x

    def draw(self, ctx: LayerContext, x: Value) -> Value:
        """The numbers (B, draws), in [0, 1), that the images x (B, H, W, C) are changed by in this step."""
        return uniform(ctx.graph, (x.shape[0], self.draws), ctx.key("augmentation", self.seed))

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        """The changed images, from the numbers (B, draws) drawn for them."""
        raise NotImplementedError

    def where_chosen(self, x: Value, other: Value, draws: Value, factor: Factor) -> Value:
        """`other` in place of images whose second draw lies below a chance, which the first one gives."""
        _, height, width, _ = x.shape
        least, most = from_zero(factor)
        ends = {"least": least, "most": most, "height": height, "width": width}
        return paste(x, other, draws, self.formula(chosen, 0, **ends))

    def formula(self, function: Callable[..., Any], variables: int, **derived: float) -> Formula:
        """`function` of so many numbers of an image, then of its draws, then of fields and `derived`."""
        return formula(function, variables + self.draws, self, derived)


def chosen(
    chance: float, bar: float, least: float, most: float, height: float, width: float
) -> tuple[float, float, float, float]:
    """The box of all of an image that is chosen, of nothing of another."""
    return 0, width if bar < least + chance * (most - least) else 0, 0, height


class Projected(Augmentation, WithDataFormat):
    """Images moved, turned, zoomed or bent as a plane, each by a projection drawn for it.

    A subclass gives `projection`.
    """

    shared_fields: ClassVar[bool] = True

    interpolation: Interpolation = "bilinear"
    """Whether a pixel is read off the nearest of the image, or off the four around its place."""
    fill_value: float = 0.0
    """What lies beyond the edges of an image, with `fill_mode: constant` where there are others."""

    def projection(self, height: int, width: int) -> Formula:
        """Where pixels come from (`kernels.sampling.projected_places`), by the draws."""
        raise NotImplementedError

    def edges(self) -> FillMode:
        """How an image goes on beyond its edges."""
        return "constant"

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        _, height, width, _ = x.shape
        places = projected_places(draws, self.projection(height, width), (height, width))
        return sample(x, places, Sample(self.interpolation, self.edges(), self.fill_value))


class Projection(Projected):
    """A plane that can go on beyond its edges."""

    shared_fields: ClassVar[bool] = True

    fill_mode: Literal["reflect", "wrap", "constant", "nearest"] = "reflect"
    """How an image goes on beyond its edges: dcba|abcd|dcba, abcd|abcd|abcd, a constant, aaaa|abcd|dddd."""

    def edges(self) -> FillMode:
        return self.fill_mode


class Cutting(Augmentation):
    """Images whose numbers lie in a range."""

    shared_fields: ClassVar[bool] = True

    value_range: ValueRange = (0.0, 255.0)
    """The least and the largest number that images have."""

    def cut(self, x: Value) -> Value:
        """x with what lies outside of the range brought to its ends."""
        return clip(x, *self.value_range)


class Pointwise(Cutting):
    """Images whose numbers are changed one by one. A subclass gives the formulas `value` and `slope`."""

    shared_fields: ClassVar[bool] = True

    value: ClassVar[Callable[..., Any]]
    """(x, draws of the image, fields and `derived`): a number after the change."""
    slope: ClassVar[Callable[..., Any]]
    """Its slope in x, of the same arguments."""

    def derived(self) -> dict[str, float]:
        """Arguments of the formulas that are no fields: the ends of `value_range` as low and high."""
        low, high = self.value_range
        return {"low": low, "high": high}

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        value, slope = (self.formula(f, 1, **self.derived()) for f in (self.value, self.slope))
        return numbers(x, draws, value, slope)


class Coloured(Augmentation, WithDataFormat):
    """Images whose colours are changed one by one. A subclass gives the formula `colour`."""

    shared_fields: ClassVar[bool] = True
    passes_gradient: ClassVar[bool] = False

    colour: ClassVar[Callable[..., Any]]
    """(red, green, blue, draws of the image, fields and `derived`): red, green and blue after the change."""

    def compute_output_shape(self, x: Shape) -> Shape:
        shape = super().compute_output_shape(x)
        if shape[2] not in (None, 3):
            raise ShapeError(
                f"{self.kind} changes colours of 3 channels (red, green, blue), but {show(shape)} comes in",
                expected="an input of shape (height, width, 3)",
            )
        return shape

    def derived(self) -> dict[str, float]:
        """Arguments of the formula that are no fields."""
        return {}

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        return colours(x, draws, self.formula(self.colour, 3, **self.derived()))


class Recoloured(Coloured, Cutting):
    """Images whose colours are changed by a factor drawn for each."""

    shared_fields: ClassVar[bool] = True

    factor: UnitFactor
    """The least and the largest; f is [0, f]."""

    def derived(self) -> dict[str, float]:
        """The ends of `factor` as least and most, of `value_range` as low and high."""
        least, most = from_zero(self.factor)
        low, high = self.value_range
        return {"least": least, "most": most, "low": low, "high": high}
