"""What convolutions over one to three axes share: all but the sizes of their fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import PositiveInt, field_validator
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, Weight
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithActivation, WithBias, WithKernel
from nnctl.layers.sizes import Pair, Single, Triple
from nnctl.layers.windows import around_each, slide
from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve


class WithFilters(Layer):
    """A layer that says how many channels come out."""

    filters: PositiveInt
    """How many channels come out: F."""


class Windowed(WithBias):
    """Windows that move over the spatial axes named by `spatial`; subclasses say how many there are."""

    supports_masking: ClassVar[bool] = False
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""
    both_above_one: ClassVar[bool] = False
    """Whether strides and dilation_rate can both be above 1."""

    kernel_size: Any
    """The window's extent along each spatial axis."""
    strides: Any
    """The steps between windows."""
    padding: str = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""
    dilation_rate: Any
    """The steps between a window's taps."""

    @field_validator("dilation_rate")
    @classmethod
    def _strides_or_dilation(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        strides = info.data.get("strides", ())
        if not cls.both_above_one and max(value) > 1 and any(stride > 1 for stride in strides):
            raise PydanticCustomError(
                "dilation", "strides and dilation_rate cannot both be above 1 (as in Keras)"
            )
        return value

    @property
    def window(self) -> tuple[int, ...]:
        """The extent of the dilated kernel along each spatial axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel_size, self.dilation_rate, strict=True))

    def need_channels(self, x: Shape) -> int:
        """How many channels x (*spatial, C) has. Raises ShapeError where it is no such input."""
        self.need_rank(x, *self.spatial, "channels")
        return self.need_known(x, -1, "the channels")

    def places(self, x: Shape) -> Shape:
        """How many windows there are along each spatial axis of x (*spatial, C)."""
        return slide(self.kind, "kernel_size", x[:-1], self.window, self.strides, self.padding)

    def zeros_around(self, x: Value) -> list[tuple[int, int]]:
        """What `padding` puts before and after each spatial axis of x (B, *spatial, C)."""
        return around_each(x.shape[1:-1], self.window, self.strides, self.padding)


class OverTime(Windowed):
    """Windows that move over a sequence; subclasses say which paddings there are."""

    spatial: ClassVar[tuple[str, ...]] = ("length",)

    kernel_size: Single
    """The window's length."""
    strides: Single = (1,)
    """The steps between windows."""
    dilation_rate: Single = (1,)
    """The steps between a window's taps."""


class OverImages(Windowed):
    """Windows that move over height and width."""

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    kernel_size: Pair
    """The window's height and width."""
    strides: Pair = (1, 1)
    """The steps between windows, down and across."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    dilation_rate: Pair = (1, 1)
    """The steps between a window's taps, down and across."""


class OverVolumes(Windowed):
    """Windows that move over depth, height and width."""

    spatial: ClassVar[tuple[str, ...]] = ("depth", "height", "width")

    kernel_size: Triple
    """The window's depth, height and width."""
    strides: Triple = (1, 1, 1)
    """The steps between windows along depth, height and width."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` pads with zeros so that a stride of 1 keeps the size."""
    dilation_rate: Triple = (1, 1, 1)
    """The steps between a window's taps along depth, height and width."""


class Convolution(WithKernel, WithActivation, Windowed, WithFilters):
    """A convolution.

    Shapes: x (B, *spatial, C), kernel (*kernel_size, C / groups, F), bias (F,), y (B, *spatial', F).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("lora_rank", "lora_alpha")

    groups: PositiveInt = 1
    """How many groups the channels are split into; each is convolved by itself."""

    @field_validator("groups")
    @classmethod
    def _groups_divide_filters(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("filters", value) % value:
            raise PydanticCustomError(
                "groups",
                "{filters} filters cannot be split into {groups} groups",
                {"filters": info.data["filters"], "groups": value},
            )
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        self._channels(x)
        return (*self.places(x), self.filters)

    def _channels(self, x: Shape) -> int:
        channels = self.need_channels(x)
        if channels % self.groups:
            raise ShapeError(
                f"{self.kind} cannot split the {channels} channels of {show(x)} into {self.groups} groups",
                field="groups",
                expected=f"a divisor of {channels}",
            )
        return channels

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (*self.kernel_size, self._channels(x) // self.groups, self.filters)
        return self.with_bias({"kernel": self.weight("kernel", shape)}, self.filters)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        kernel, bias, zeros = ctx.weights["kernel"], ctx.weights.get("bias"), self.zeros_around(x)
        y = convolve(x, kernel, bias, self.strides, zeros, self.dilation_rate, self.groups)
        return self.activated(ctx, y)
